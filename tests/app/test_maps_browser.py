"""What the map page shows, in a browser that cannot reach anything but the service."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_cases import keep_picture, serve, watched_page
from map_cases import (
    HOSTILE_NAMES,
    MINUTES,
    NOTICE,
    township_code,
    township_names,
    write_map_result,
)
from map_page_cases import STRIPES, api, expected_fill, fills, open_map, settle, view_of
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

pytestmark = pytest.mark.browser

TOWNSHIP = township_code(2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    out = tmp_path_factory.mktemp("result")
    write_map_result(out)
    with serve(create_app(Settings(out=out))) as address:
        yield address


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        yield opened


# --- what is shown ---------------------------------------------------------------


def test_page_shows_study_notice_and_legend(page: Any) -> None:
    open_map(page)
    keep_picture(page, "desktop")
    assert page.inner_text("#study-name") == "测试市养老服务设施"
    assert "2023-12-31" in page.inner_text("#study-meta")
    assert page.inner_text("#notice") == NOTICE
    assert page.inner_text("#colophon") == "制图单位：测试市民政局　审图号：未填写"
    assert page.locator(".north").is_visible()
    assert page.locator(".leaflet-control-scale-line").is_visible()
    assert page.locator(".leaflet-control-attribution").count() == 0
    counts = page.eval_on_selector_all(
        ".ramp [data-legend] .legend-count", "all => all.map(one => one.textContent)"
    )
    # 12 townships over 6 classes and "no data"; see RATES_15
    assert counts == ["1 个", "2 个", "2 个", "2 个", "2 个", "2 个", "1 个"]


def test_nothing_leaves_the_service(page: Any, base: str) -> None:
    open_map(page, "?layers=areas,townships,communities,circles,facilities,gaps,roads")
    assert len(page.watch.requests) > 20
    assert all(url.startswith(base) for url in page.watch.requests)
    # the guard itself works
    page.evaluate("fetch('https://example.org/').catch(() => {})")
    page.wait_for_timeout(100)
    assert page.watch.errors, "the policy of the page lets a request out"
    page.watch.errors.clear()
    page.watch.foreign.clear()


@pytest.mark.parametrize(
    "query",
    [
        "level=township&service=elderly_circle&minutes=15&denominator=people_60&variant=with_neighbours",
        "level=township&service=elderly_circle&minutes=5&denominator=people&variant=own",
        "level=township&service=meal&minutes=30&denominator=people_60&variant=own",
        "level=county&service=elderly_circle&minutes=10&denominator=people_60&variant=with_neighbours",
        "level=community&service=elderly_circle&minutes=20&denominator=people_60&variant=own",
    ],
)
def test_fills_are_the_classes_of_the_rates(page: Any, base: str, query: str) -> None:
    open_map(page, f"?{query}&layers=areas")
    items = api(base, f"coverage?{query}")["items"]
    assert len(items) in (2, 12, 48)
    assert fills(page) == {one["code"]: expected_fill(one["rate"]) for one in items}


def test_stripes_are_drawn_where_nothing_is_known(page: Any) -> None:
    open_map(page)
    assert fills(page)[township_code(11)] == STRIPES
    assert page.locator(".leaflet-areas-pane pattern#no-data").count() == 1
    page.click("label.layer:has(input[value=areas])")
    assert page.locator("path[data-code]").count() == 0
    page.click("label.layer:has(input[value=areas])")
    assert fills(page)[township_code(11)] == STRIPES
    assert page.locator(".leaflet-areas-pane pattern#no-data").count() == 1


def test_choosing_repaints_without_a_new_page(page: Any, base: str) -> None:
    open_map(page)
    before = fills(page)
    page.click("#choose-minutes label:has(input[value='5'])")
    settle(page)
    after = fills(page)
    items = api(base, "coverage?level=township&service=elderly_circle&minutes=5")
    assert after == {i["code"]: expected_fill(i["rate"]) for i in items["items"]}
    assert after != before
    assert view_of(page)["minutes"] == "5"


def test_figures_of_a_township_equal_the_api(page: Any, base: str) -> None:
    open_map(page, "?layers=areas")
    page.locator(f'path[data-code="{TOWNSHIP}"]').click()
    page.wait_for_selector("#area-name")
    keep_picture(page, "township")
    query = "service=elderly_circle&minutes=15&denominator=people_60"
    record = api(base, f"townships/{TOWNSHIP}/coverage?{query}")["items"][0]
    shown = {
        key: page.inner_text(f'[data-figure="{key}"]')
        for key in ("total", "covered", "full", "out")
    }
    assert shown == {
        "total": f"{record['total']:,.0f} 人",
        "covered": f"{record['covered']:,.0f} 人",
        "full": f"{record['full']:,.0f} 人",
        "out": f"{record['out_of_reach']:,.0f} 人",
    }
    # 0.3999 is not shown as the 40 % that it does not reach
    assert page.inner_text(".headline-rate") == "39.9%"
    assert page.inner_text(".headline-words") == "60岁及以上人口覆盖率"
    assert view_of(page)["code"] == TOWNSHIP


def test_uncovered_places_of_a_township_equal_the_api(page: Any, base: str) -> None:
    open_map(page, f"?code={TOWNSHIP}")
    gaps = api(
        base,
        "gaps?service=elderly_circle&minutes=15&level=community&limit=1000"
        f"&parent={TOWNSHIP}",
    )["items"]
    assert len(gaps) == 4
    shown = page.eval_on_selector_all(
        "[data-gap-row]", "rows => rows.map(row => row.dataset.gapRow)"
    )
    order = sorted(gaps, key=lambda gap: -gap["people_without"])
    assert shown[0] == order[0]["code"]
    assert sorted(shown) == sorted(gap["code"] for gap in gaps)
    for gap in gaps:
        row = page.inner_text(f'[data-gap-row="{gap["code"]}"]')
        assert f"{gap['people_without']:,.0f} 人" in row
        assert gap["reason_name"] in row
        if gap["nearest_time_s"] is not None:
            assert f"{gap['nearest_time_s'] / 60:.1f}".removesuffix(".0") in row
    page.locator("[data-gap-row]").first.click()
    assert page.inner_text(".leaflet-popup h3") == order[0]["name"]


def test_links_to_the_api_answer(page: Any, base: str) -> None:
    open_map(page, f"?code={TOWNSHIP}")
    links = page.eval_on_selector_all(
        ".links a", "all => all.map(one => one.getAttribute('href'))"
    )
    assert len(links) == 4
    for link in links:
        with urllib.request.urlopen(base + link) as answer:
            assert answer.status == 200


def test_ranking_goes_from_the_least_covered(page: Any, base: str) -> None:
    open_map(page)
    shown = page.eval_on_selector_all(
        "[data-rank]", "rows => rows.map(row => row.dataset.rank)"
    )
    items = api(base, "coverage?level=township&service=elderly_circle&minutes=15")
    known = [i for i in items["items"] if i["rate"] is not None]
    order = [i["code"] for i in sorted(known, key=lambda i: (i["rate"], i["code"]))]
    assert shown == [*order, township_code(11)]


def test_facilities_and_gaps_are_drawn(page: Any, base: str) -> None:
    open_map(page, "?layers=facilities,gaps&lat=31.64&lng=113.32&zoom=10.5")
    facilities = api(base, "facilities?service=elderly_circle&limit=1000")["items"]
    placed = [f for f in facilities if f["lon"] is not None]
    clustered = page.eval_on_selector_all(
        ".ring text", "all => all.map(one => Number(one.textContent))"
    )
    single = page.locator(".leaflet-marker-pane .sign").count()
    assert sum(clustered) + single == len(placed) - 1  # one has no point
    gaps = api(base, "gaps?service=elderly_circle&minutes=15&level=community&limit=999")
    assert page.locator("path[data-gap]").count() == gaps["total"]


# --- hostile text --------------------------------------------------------------------


@pytest.mark.case(69, 70)
def test_hostile_names_are_shown_and_not_run(page: Any) -> None:
    open_map(
        page, "?layers=areas,labels,facilities,gaps&zoom=10.5&lat=31.64&lng=113.32"
    )
    texts = page.inner_text("#results")
    for name in HOSTILE_NAMES:
        assert name in texts
    assert page.locator("#results img, #results script, .folium-map img").count() == 0
    # every way in which a name is written: list, label, tooltip, heading, popup, search
    for name in HOSTILE_NAMES:
        i = township_names().index(name)
        page.locator(f'[data-rank="{township_code(i)}"]').click()
        assert page.inner_text("#area-name") == name
        page.locator(f'path[data-code="{township_code(i)}"]').hover(force=True)
        page.click(".back")
    page.evaluate("map_planner.setView([31.64, 113.32], 14, {animate: false})")
    page.wait_for_timeout(200)
    for name in HOSTILE_NAMES:
        page.fill("#search-input", name)
        page.wait_for_selector("#search-list li")
        page.wait_for_timeout(200)
        assert name in page.inner_text("#search-list") or "没有" in page.inner_text(
            "#search-list"
        )
    page.watch.failed.clear()
    page.watch.errors[:] = [e for e in page.watch.errors if "422" not in e]
    assert "49" not in page.inner_text("#study-name")


@pytest.mark.case(69, 70)
def test_hostile_facility_names_in_popups(page: Any, base: str) -> None:
    facilities = api(base, "facilities?service=elderly_circle&limit=1000")["items"]
    hostile = [f for f in facilities if f["name"] in HOSTILE_NAMES and f["lon"]]
    assert len(hostile) >= 6
    for one in hostile[:6]:
        place = f"lat={one['lat']}&lng={one['lon']}&zoom=17"
        open_map(page, f"?layers=facilities&{place}")
        sign = page.locator(".sign[role=button]").first
        sign.hover()
        assert page.inner_text(".leaflet-tooltip .name") == one["name"]
        sign.click()
        assert page.inner_text(".leaflet-popup h3") == one["name"]
        assert page.locator(".leaflet-popup-content img").count() == 0


def test_service_name_is_text(page: Any) -> None:
    open_map(page, "?service=meal")
    assert page.inner_text("#title-main").startswith("助餐服务 <b>")
    assert page.locator("#title-main b").count() == 0


# --- when something is missing ----------------------------------------------------


def test_failed_answer_is_told_and_can_be_asked_again(page: Any) -> None:
    pattern = "**/api/v1/coverage?level=township*"
    page.route(pattern, lambda route: route.fulfill(status=503, body="{}"))
    open_map(page)
    assert page.locator("#message").is_visible()
    assert "服务暂时无法答复" in page.inner_text("#message")
    assert set(fills(page).values()) == {STRIPES}
    page.unroute(pattern)
    page.click("#message-retry")
    settle(page)
    assert page.locator("#message").is_hidden()
    assert len(set(fills(page).values())) > 3
    assert len(page.watch.failed) >= 1
    page.watch.failed.clear()
    page.watch.errors.clear()


def test_no_result_yet_is_told(browser: Any, tmp_path: Path) -> None:
    with (
        serve(create_app(Settings(out=tmp_path))) as address,
        watched_page(browser, address) as page,
    ):
        page.goto("/maps/")
        page.wait_for_selector("#message:not([hidden])")
        assert "还没有可用的成果：请先运行 yikezhong run" in page.inner_text("#message")
        page.watch.failed.clear()
        page.watch.errors.clear()


def test_newer_result_is_told(page: Any) -> None:
    open_map(page)

    def newer(route: Any) -> None:
        answer = route.fetch()
        body = answer.json() | {"version": "2099-12-31-newer"}
        route.fulfill(response=answer, json=body)

    page.route("**/api/v1/coverage?*", newer)
    page.click(f"#choose-minutes label:has(input[value='{MINUTES[0]}'])")
    page.wait_for_selector("#message:not([hidden])")
    assert "成果已更新" in page.inner_text("#message")
    settle(page)  # no answer is under way when the page closes
    page.unroute_all(behavior="wait")


def test_page_without_layers_is_calm(page: Any) -> None:
    open_map(page, "?layers=")
    assert page.locator("path[data-code]").count() == 0
    assert not any("/roads" in url for url in page.watch.requests)
    assert not any("/circles" in url for url in page.watch.requests)
