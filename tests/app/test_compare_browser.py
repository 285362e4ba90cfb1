"""The comparing page, and the whole way from siting over a scenario to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_cases import PHONE, keep_picture, serve, watched_page
from map_page_cases import api, expected_fill, overflows, view_of
from siting_page_cases import SECRET, figure, forgive
from study_cases import write_study
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.scenarios.reading import parse_scenario
from yikezhong_app.scenarios.running import run_kept_scenario
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_geodata.study import load_study

pytestmark = pytest.mark.browser

CIRCLE = "elderly_circle"
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}"
SCENARIO = {
    "name": HOSTILE,
    "author": f"作者{HOSTILE}",
    "note": f"说明{HOSTILE}",
    "changes": [
        {"action": "add", "id": "S1", "name": f"新点{HOSTILE}", "category": "day_care",
         "functions": ["meal"], "lon": 113.3901, "lat": 31.7101},
        {"action": "close", "id": "F2"},
        {"action": "move", "id": "F3", "lon": 113.3955, "lat": 31.7355},
        {"action": "add_road", "id": "B1", "from": [113.365, 31.705], "to": [113.375, 31.715]},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    write_study(folder / "study")
    for year in (2020, 2023):
        study = load_study(folder / "study", as_of=dt.date(year, 12, 31))
        run_study(study, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def kept(out: Path) -> str:
    version = open_current(out).version
    return str(run_kept_scenario(out, version, parse_scenario(SCENARIO))["id"])


@pytest.fixture(scope="module")
def base(out: Path) -> Iterator[str]:
    app = create_app(Settings(out=out, tokens=f"test:planner:{SECRET}"))
    with serve(app) as address:
        yield address
    app.state.jobs.close()


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        yield opened


def open_compare(page: Any, query: str = "", *, token: bool = True) -> None:
    if token:
        query = f"{query}{'&' if query else '?'}token={SECRET}"
    page.goto(f"/maps/compare{query}")
    page.wait_for_selector("body[data-ready]", timeout=30_000)
    page.wait_for_selector("body[aria-busy=false]")
    page.wait_for_timeout(60)


def fills_of(page: Any, map_id: str) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(
        "id => Object.fromEntries([...document.querySelectorAll(`#${id} path[data-code]`)]"
        ".map(path => [path.dataset.code, path.getAttribute('fill')]))",
        map_id,
    )
    return found


def check_against(page: Any, items: list[dict[str, Any]]) -> None:
    """Check that maps and table show the rows of the API."""
    for map_id, side in (("map_planner", "before"), ("map_after", "after")):
        assert fills_of(page, map_id) == {
            row["code"]: expected_fill(row[f"rate_{side}"]) for row in items
        }
    for row in items:
        cells = page.locator(f"[data-township='{row['code']}'] td").all_inner_texts()
        shown = [f"{row[f'rate_{side}'] * 100:.1f}%" for side in ("before", "after")]
        assert cells[:2] == shown


def test_scenario_and_baseline(page: Any, base: str, kept: str) -> None:
    open_compare(page)
    keep_picture(page, "compare-scenario")
    assert page.title() == "小样 · 比较"
    assert view_of(page)["scenario"] == kept
    answer = api(base, f"scenarios/{kept}?service={CIRCLE}&level=township")
    check_against(page, answer["items"])
    (whole,) = (
        row for row in answer["scenario"]["summary"] if row["service"] == CIRCLE
    )
    assert figure(page, "gained") == f"+{whole['gained']:,.0f} 人"
    assert figure(page, "lost") == f"−{whole['lost']:,.0f} 人"
    assert figure(page, "total") == f"{whole['total']:,.0f} 人"
    # what the scenario changes stands on the right only
    assert page.locator("#map_planner [data-change]").count() == 0
    kinds = page.eval_on_selector_all(
        "#map_after [data-change]", "all => all.map(one => one.dataset.change).sort()"
    )
    assert kinds == ["add", "add", "close", "close"]
    assert page.locator("#changes li").count() == 4


def test_hostile_words_are_shown_and_not_run(page: Any, kept: str) -> None:
    open_compare(page, f"?scenario={kept}")
    text = page.inner_text("#results")
    for words in (SCENARIO["author"], SCENARIO["note"], f"新点{HOSTILE}"):
        assert words in text
    assert page.inner_text("#after-main") == HOSTILE
    assert HOSTILE in page.inner_text("#choose-scenario option:checked")
    for selector in ("#results", "#map_after", "#after-title", "#panel"):
        assert page.locator(f"{selector} img, {selector} script").count() == 0


def test_both_maps_move_as_one(page: Any) -> None:
    open_compare(page)

    def spread(map_id: str) -> list[float]:
        return page.evaluate(
            "id => [...document.querySelectorAll(`#${id} path[data-code]`)].map(path => "
            "{ const box = path.getBoundingClientRect(), own = "
            "document.getElementById(id).getBoundingClientRect();"
            " return [box.x - own.x, box.y - own.y, box.width, box.height]; }).flat()",
            map_id,
        )

    def assert_together() -> list[float]:
        one, other = spread("map_planner"), spread("map_after")
        assert len(one) == len(other) == 12
        # the boxes differ by the line between them, and centres are whole pixels
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 6
        return one

    start = assert_together()
    page.locator("#map_after").hover()
    page.mouse.down()
    page.mouse.move(900, 500, steps=4)
    page.mouse.move(820, 440, steps=4)
    page.mouse.up()
    page.wait_for_timeout(400)
    dragged = assert_together()
    assert dragged != start
    page.locator("#map_planner .leaflet-control-zoom-in").click()
    page.wait_for_timeout(400)
    assert assert_together()[2] > dragged[2]
    page.set_viewport_size({"width": 1200, "height": 700})
    page.wait_for_timeout(400)
    assert_together()


def test_two_dates(page: Any, base: str) -> None:
    open_compare(page, "?mode=versions")
    keep_picture(page, "compare-versions")
    after, before = (row["version"] for row in api(base, "versions")["items"])
    view = view_of(page)
    assert (view["before"], view["after"]) == (before, after)
    path = f"versions/{before}/{after}?service={CIRCLE}&minutes=15&level="
    check_against(page, api(base, f"{path}township")["items"])
    (whole,) = api(base, f"{path}county")["items"]
    assert figure(page, "rate-before") == f"{whole['rate_before'] * 100:.1f}%"
    assert figure(page, "rate-after") == f"{whole['rate_after'] * 100:.1f}%"
    assert page.inner_text("#title-main") == "2020-12-31"
    page.select_option("#choose-minutes", "30")
    page.wait_for_selector("#results .asked >> text=30 分钟")
    found = api(base, f"versions/{before}/{after}?service={CIRCLE}&minutes=30")
    check_against(page, found["items"])


def test_two_speeds(page: Any, base: str) -> None:
    open_compare(page, "?mode=speeds&before=0.8&after=1.2")
    keep_picture(page, "compare-speeds")
    assert page.locator("#job").is_hidden()
    assert page.inner_text("#after-main") == "步行 1.2 米/秒"
    cells = page.locator("#townships tbody tr td:nth-child(4)").all_inner_texts()
    assert cells and all(text.startswith(("+", "±")) for text in cells)
    page.select_option("#choose-after", "1")
    page.wait_for_selector("#after-main >> text=步行 1.0 米/秒", timeout=30_000)
    rates = api(base, f"coverage?service={CIRCLE}&minutes=15&level=township")["items"]
    assert fills_of(page, "map_after") == {
        row["code"]: expected_fill(row["rate"]) for row in rates
    }


def test_without_a_token_speeds_say_what_to_do(page: Any) -> None:
    open_compare(page, "?mode=speeds", token=False)
    assert "令牌" in page.inner_text("#message-text")
    forgive(page)


def test_the_address_opens_the_same_view(page: Any, browser: Any, base: str) -> None:
    open_compare(page)
    page.click("[data-township='421303100000'] button")
    page.uncheck("input[name=layer][value=facilities]")
    page.wait_for_timeout(300)
    query = page.url.partition("?")[2]
    assert "code=421303100000" in query
    with watched_page(browser, base) as other:
        open_compare(other, f"?{query}", token=False)
        assert other.url.partition("?")[2] == query
        assert not other.is_checked("input[name=layer][value=facilities]")
        assert other.locator("[data-township='421303100000'].selected").count() == 1
        assert fills_of(other, "map_after") == fills_of(page, "map_after")


@pytest.mark.parametrize(
    "query", ["?mode=moon&scenario=..%2Fx", "?mode=versions&before=x&after=%3Cb%3E"]
)
def test_senseless_addresses_are_settled(page: Any, query: str) -> None:
    open_compare(page, f"{query}&service=constructor&minutes=abc&code=1&zoom=99")
    assert page.locator("#townships tbody tr").count() == 3
    assert view_of(page)["service"] == CIRCLE


def test_phone_stacks_the_maps(browser: Any, base: str, kept: str) -> None:
    with watched_page(
        browser, base, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        open_compare(page)
        keep_picture(page, "compare-phone")
        assert not overflows(page)
        upper, lower = (
            page.locator(f"#{name}").bounding_box()
            for name in ("map_planner", "map_after")
        )
        assert upper["y"] + upper["height"] <= lower["y"] + 1
        assert min(upper["height"], lower["height"]) > 200
        for name in ("panel", "legend", "results"):
            page.locator(f"[data-sheet={name}]").tap()
            assert page.locator(f"#{name}").is_visible()
            assert not overflows(page)
        keep_picture(page, "compare-phone-results")


def test_everything_has_a_name_for_screen_readers(page: Any) -> None:
    open_compare(page)
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, a[href], input, select, [role=button]')]
        .filter(one => !(one.getAttribute('aria-label') || one.title
            || one.textContent.trim() || one.labels?.length))
        .map(one => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_from_siting_over_a_scenario_to_its_comparison(page: Any, base: str) -> None:
    """The plan's gain is the scenario's gain, and the page shows both."""
    page.goto(f"/maps/siting?token={SECRET}")
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    page.fill("#choose-n", "2")
    page.click("#compute")
    page.wait_for_selector("#proof", timeout=60_000)
    gain = figure(page, "gain")
    after = figure(page, "rate-after")
    page.click("#adopt summary")
    page.fill("#adopt-name", HOSTILE)
    page.fill("#adopt-note", "由选址而来")
    page.click("#adopt-act")
    page.wait_for_selector("#adopt-link", timeout=60_000)
    page.click("#adopt-link")
    page.wait_for_selector("body[data-ready]", timeout=30_000)
    page.wait_for_timeout(200)
    keep_picture(page, "compare-adopted")
    assert figure(page, "gained") == gain
    assert figure(page, "rate-after") == after
    scenario = view_of(page)["scenario"]
    answer = api(base, f"scenarios/{scenario}?service={CIRCLE}&level=township")
    check_against(page, answer["items"])
    assert answer["scenario"]["note"] == "由选址而来"
    assert [c["action"] for c in answer["scenario"]["changes"]] == ["add", "add"]
