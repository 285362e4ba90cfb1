"""The map page in a browser that cannot reach anything but the service."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from browser_cases import PHONE, chromium, keep_picture, serve, watched_page
from map_cases import (
    HOSTILE_NAMES,
    MINUTES,
    NOTICE,
    township_code,
    township_names,
    write_map_result,
)
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

pytestmark = pytest.mark.browser

#: Lower limits of the classes and their colours, as the legend states them.
CLASSES = (
    (0.0, "#fdf0b5"),
    (0.2, "#cbe5b0"),
    (0.4, "#86cbb4"),
    (0.6, "#47a6b5"),
    (0.8, "#2b75a3"),
    (0.95, "#27407c"),
)
STRIPES = "url(#no-data)"
TOWNSHIP = township_code(2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    out = tmp_path_factory.mktemp("result")
    write_map_result(out)
    with serve(create_app(Settings(out=out))) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        yield opened


def open_map(page: Any, query: str = "") -> None:
    page.goto(f"/maps/{query}")
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    settle(page)


def settle(page: Any) -> None:
    """Wait until nothing is being loaded."""
    page.wait_for_selector("body[aria-busy=false]")
    page.wait_for_timeout(60)


def api(base: str, path: str) -> Any:
    with urllib.request.urlopen(f"{base}/api/v1/{path}") as answer:
        return json.load(answer)


def expected_fill(rate: float | None) -> str:
    if rate is None:
        return STRIPES
    return max((lower, colour) for lower, colour in CLASSES if rate >= lower)[1]


def fills(page: Any) -> dict[str, str]:
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('path[data-code]')]"
        ".map(path => [path.dataset.code, path.getAttribute('fill')]))"
    )


def view_of(page: Any) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(urlsplit(page.url).query).items()}


def overflows(page: Any) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > window.innerWidth"
        " || document.body.scrollWidth > window.innerWidth"
    )


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
    assert len(links) == 3
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


# --- the address -----------------------------------------------------------------


def test_address_carries_the_whole_view(page: Any, browser: Any, base: str) -> None:
    open_map(page)
    page.select_option("#choose-service", "meal")
    page.click("#choose-minutes label:has(input[value='10'])")
    page.select_option("#choose-denominator", "people")
    page.click("#choose-variant label:has(input[value=own])")
    page.click("label.layer:has(input[value=communities])")
    page.click("label.layer:has(input[value=roads])")
    settle(page)
    page.locator(f'[data-rank="{TOWNSHIP}"]').click()
    page.evaluate("map_planner.setView([31.61, 113.27], 11.25, {animate: false})")
    settle(page)
    view = view_of(page)
    assert view == {
        "service": "meal",
        "minutes": "10",
        "level": "township",
        "denominator": "people",
        "variant": "own",
        "layers": "areas,townships,communities,circles,facilities,gaps,labels",
        "code": TOWNSHIP,
        "lat": "31.61000",
        "lng": "113.27000",
        "zoom": "11.25",
    }
    with watched_page(browser, base) as other:
        open_map(other, f"?{urlsplit(page.url).query}")
        assert view_of(other) == view
        assert fills(other) == fills(page)
        assert other.input_value("#choose-service") == "meal"
        assert other.is_checked("input[name=minutes][value='10']")
        assert other.is_checked("input[name=variant][value=own]")
        assert other.is_checked("input[name=layer][value=communities]")
        assert not other.is_checked("input[name=layer][value=roads]")
        assert other.inner_text("#area-name") == page.inner_text("#area-name")
        center = other.evaluate("[map_planner.getCenter().lat, map_planner.getZoom()]")
        assert center == pytest.approx([31.61, 11.25], abs=1e-9)
        # nor does the place move when the map's box changes its size
        other.set_viewport_size({"width": 1200, "height": 700})
        other.wait_for_timeout(200)
        assert view_of(other) == view


@pytest.mark.parametrize(
    "query",
    [
        "?service=nothing&minutes=17&level=moon&denominator=x&variant=y&layers=z",
        "?lat=abc&lng=1e999&zoom=-3&code=%3Cscript%3Ealert(1)%3C/script%3E",
        "?minutes=%7B%7B7*7%7D%7D&code=constructor&layers=__proto__,areas",
    ],
)
def test_senseless_address_falls_back(page: Any, query: str) -> None:
    open_map(page, query)
    view = view_of(page)
    assert (view["service"], view["minutes"]) == ("elderly_circle", "15")
    assert (view["level"], view["variant"]) == ("township", "with_neighbours")
    assert len(fills(page)) in (0, 12)


def test_only_denominators_that_there_are_can_be_chosen(page: Any, base: str) -> None:
    open_map(page, "?denominator=road_length")

    def offered() -> list[str]:
        return page.eval_on_selector_all(
            "#choose-denominator option", "all => all.map(one => one.value)"
        )

    assert offered() == ["people_60", "people", "communities", "road_length"]
    assert view_of(page)["denominator"] == "road_length"
    assert "公里" in page.inner_text('[data-figure="total"]')
    # road lengths were measured for 15 minutes only
    page.click("#choose-minutes label:has(input[value='5'])")
    settle(page)
    assert offered() == ["people_60", "people", "communities"]
    assert view_of(page)["denominator"] == "people_60"
    # a community does not consist of communities
    page.click("#choose-level label:has(input[value=community])")
    settle(page)
    assert offered() == ["people_60", "people"]


def test_limit_without_circles_is_told(page: Any) -> None:
    open_map(page, "?minutes=30")
    assert "只绘有 15 分钟" in page.inner_text("#legend-others")
    assert not any("/circles" in u and "geojson" in u for u in page.watch.requests)


# --- reaching it -----------------------------------------------------------------


def test_search_by_name_and_code_with_the_keyboard(page: Any) -> None:
    open_map(page)
    page.keyboard.press("/")
    page.keyboard.type("石桥")
    page.wait_for_selector("#search-list [role=option]")
    assert page.get_attribute("#search-input", "aria-expanded") == "true"
    options = page.locator("#search-list [role=option]")
    texts = options.all_inner_texts()
    assert any(text.startswith("石桥镇") for text in texts)
    for _ in range(next(i for i, t in enumerate(texts) if t.startswith("石桥镇"))):
        page.keyboard.press("ArrowDown")
    keep_picture(page, "search")
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-name")
    assert page.inner_text("#area-name") == "石桥镇"
    code = township_code(township_names().index("石桥镇"))
    assert view_of(page)["code"] == code
    page.fill("#search-input", township_code(4)[:9])
    page.wait_for_selector("#search-list [role=option]")
    page.keyboard.press("Escape")
    assert page.locator("#search-list").is_hidden()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#search-list [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "name => document.getElementById('area-name').textContent === name",
        arg=township_names()[4],
    )


def test_search_goes_to_the_level_of_what_is_found(page: Any) -> None:
    open_map(page)
    page.fill("#search-input", "柳林一社区")
    page.wait_for_selector("#search-list [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-name")
    settle(page)
    assert page.inner_text("#area-name") == "柳林一社区"
    assert view_of(page)["level"] == "community"


def test_search_without_result_says_so(page: Any) -> None:
    open_map(page)
    page.fill("#search-input", "没有这个地方")
    page.wait_for_selector(".search-note")
    assert "没有找到" in page.inner_text(".search-note")


def test_map_can_be_walked_with_the_keyboard(page: Any) -> None:
    open_map(page, "?layers=areas")
    assert page.locator('path[data-code][tabindex="0"]').count() == 1
    page.locator('path[data-code][tabindex="0"]').focus()
    center = page.evaluate("map_planner.getCenter().lat")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.dataset.code")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == township_code(2)
    assert label == f"{township_names()[2]}，覆盖率 39.9%"
    # the arrow keys did not move the map as well
    assert page.evaluate("map_planner.getCenter().lat") == center
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-name")
    assert view_of(page)["code"] == focused
    assert page.locator(".leaflet-selection-pane path").count() >= 2


def test_everything_has_a_name_for_screen_readers(page: Any) -> None:
    open_map(page, f"?code={TOWNSHIP}")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, a[href], input, select, [role=button]')]
        .filter(one => !(one.getAttribute('aria-label') || one.title
            || one.textContent.trim() || one.labels?.length))
        .map(one => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_focus_is_visible(page: Any) -> None:
    open_map(page)
    page.locator("#print").focus()
    page.keyboard.press("Tab")
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"


# --- narrow screens and paper ------------------------------------------------------


def test_phone_has_sheets_and_no_sideways_scroll(browser: Any, base: str) -> None:
    with watched_page(
        browser, base, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        open_map(page)
        keep_picture(page, "phone")
        assert not overflows(page)
        for name in ("panel", "legend", "results"):
            assert page.locator(f"#{name}").is_hidden()
            page.locator(f"[data-sheet={name}]").tap()
            assert page.locator(f"#{name}").is_visible()
            assert not overflows(page)
            box = page.locator(f"#{name}").bounding_box()
            assert box["y"] > 200
        page.locator("[data-rank]").first.tap()
        page.wait_for_selector("#area-name")
        keep_picture(page, "phone-township")
        assert not overflows(page)
        page.locator("[data-sheet=results]").tap()
        assert page.locator("#results").is_hidden()


def test_paper_shows_map_legend_and_figures_only(page: Any) -> None:
    open_map(page, f"?code={TOWNSHIP}")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    for hidden in (".search", ".panel", ".tools", ".tabs", ".leaflet-control-zoom"):
        assert page.locator(hidden).is_hidden()
    for shown in ("#study-name", "#notice", ".folium-map", "#legend", "#colophon"):
        assert page.locator(shown).is_visible()
    assert page.inner_text("#area-name") == township_names()[2]
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert pdf.count(b"/Type /Page\n") in (1, 2)
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not page.evaluate("document.documentElement.classList.contains('printing')")


# --- hostile text --------------------------------------------------------------------


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


def test_page_without_layers_is_calm(page: Any) -> None:
    open_map(page, "?layers=")
    assert page.locator("path[data-code]").count() == 0
    assert not any("/roads" in url for url in page.watch.requests)
    assert not any("/circles" in url for url in page.watch.requests)
