"""Choices of the map page: county, indicator, speed, categories, history, circles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from browser_cases import keep_picture, serve, watched_page
from map_cases import HOSTILE_NAMES, RATES_15, township_code
from map_page_cases import api, fills, open_map, settle, view_of
from plan_map_cases import (
    AREA_NAMES,
    INDICATOR,
    SPEEDS,
    WHOLE_INDICATOR,
    township_status,
    write_plan_map_result,
)
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

pytestmark = pytest.mark.browser

COUNTY = "421304000000"
#: Verdict -> fill, as the legend states them.
VERDICT_FILLS = {
    "met": "#2b75a3",
    "not_met": "#f2a154",
    "unknown": "url(#no-data)",
    "not_applicable": "#dcdedb",
    "no_target": "url(#no-target)",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    out = tmp_path_factory.mktemp("result")
    write_plan_map_result(out)
    with serve(create_app(Settings(out=out))) as address:
        yield address


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        yield opened


def radio(page: Any, name: str, value: str) -> None:
    page.click(f"#choose-{name} label:has(input[value='{value}'])")
    settle(page)


# --- county ----------------------------------------------------------------------


def test_county_narrows_areas_figures_gaps_and_facilities(page: Any, base: str) -> None:
    open_map(page)
    everywhere = page.locator("path[data-gap]").count()
    page.select_option("#choose-county", COUNTY)
    settle(page)
    inside = [township_code(i) for i in range(len(RATES_15))]
    assert sorted(fills(page)) == [c for c in inside if c.startswith("421304")]
    whole = api(base, "coverage?level=county&service=elderly_circle&minutes=15")
    (record,) = [one for one in whole["items"] if one["code"] == COUNTY]
    assert page.inner_text('[data-figure="total"]') == f"{record['total']:,.0f} 人"
    assert page.inner_text("#results h2") == "乙区"
    gaps = api(base, "gaps?service=elderly_circle&minutes=15&parent=421304&limit=999")
    assert 0 < page.locator("path[data-gap]").count() == gaps["total"] < everywhere
    assert page.locator(".leaflet-veil-pane path").count() == 1
    # nothing above the county is offered as a level
    levels = "#choose-level input"
    values = page.eval_on_selector_all(levels, "all => all.map(one => one.value)")
    assert values == ["county", "township", "community"]
    assert view_of(page)["county"] == COUNTY


# --- indicators and speeds ---------------------------------------------------------


@pytest.mark.parametrize("speed", SPEEDS)
def test_verdicts_colour_the_areas_at_each_speed(page: Any, speed: float) -> None:
    at = "" if speed == 1.0 else f"&speed={speed}"
    open_map(page, f"?indicator={INDICATOR}{at}")
    statuses = [township_status(i, speed=speed) for i in range(len(RATES_15))]
    assert fills(page) == {
        township_code(i): VERDICT_FILLS[status] for i, status in enumerate(statuses)
    }
    counts = {
        name: page.inner_text(f'[data-legend="verdict-{name}"] .legend-count')
        for name in VERDICT_FILLS
    }
    assert counts == {name: f"{statuses.count(name)} 个" for name in VERDICT_FILLS}
    assert page.is_checked(f"input[name=speed][value='{speed:g}']")
    assert view_of(page).get("speed") == (None if speed == 1.0 else f"{speed:g}")


def test_indicator_is_chosen_by_the_form_and_left_again(page: Any) -> None:
    open_map(page)
    assert page.is_disabled("input[name=speed][value='0.8']")
    radio(page, "subject", "indicator")
    assert view_of(page)["indicator"] == INDICATOR
    assert page.is_enabled("input[name=speed][value='0.8']")
    radio(page, "speed", "0.8")
    keep_picture(page, "indicator")
    page.select_option("#choose-indicator", WHOLE_INDICATOR)
    settle(page)
    # tried at no other speed: the choice is dropped
    assert "speed" not in view_of(page)
    assert set(fills(page).values()) == {VERDICT_FILLS["not_applicable"]}
    radio(page, "subject", "rate")
    assert "indicator" not in view_of(page)
    assert len(set(fills(page).values())) > 3


def test_verdict_of_a_township_equals_the_api(page: Any, base: str) -> None:
    i = 4
    code = township_code(i)
    open_map(page, f"?indicator={INDICATOR}&code={code}")
    (record,) = api(base, f"indicators/{INDICATOR}?level=township&parent={code}")[
        "items"
    ]
    assert page.inner_text('[data-figure="value"]') == f"{record['value']:.1%}"
    assert page.inner_text(".headline .chip").endswith(record["status_name"])
    facts = page.inner_text("#results .facts")
    assert "≥ 60.0%" in facts
    assert record["missing_text"] in facts


# --- categories and gap areas --------------------------------------------------------


def test_categories_can_be_switched_and_are_counted(page: Any, base: str) -> None:
    open_map(page, "?layers=facilities&zoom=17&lat=31.5&lng=113.1")
    rows = page.locator("#choose-categories label")
    shown = {
        label.query_selector("input").get_attribute("value"): int(
            label.query_selector(".legend-count").inner_text()
        )
        for label in rows.element_handles()
    }
    items = api(base, "facilities?service=elderly_circle&limit=999")["items"]
    counted = [one["category"] for one in items]
    assert shown == {name: counted.count(name) for name in set(counted)}
    page.uncheck("#choose-categories input[value=day_care]")
    settle(page)
    assert view_of(page)["off"] == "day_care"
    assert "日间照料" not in page.inner_text("#legend-facilities")
    count = page.evaluate(
        "() => { let n = 0; map_planner.eachLayer(layer => {"
        " if (layer.refreshClusters) n += layer.getLayers().length; }); return n; }"
    )
    placed = [one for one in items if one["lon"] and one["category"] != "day_care"]
    assert count == len(placed) - 1  # one has no point


def test_gap_areas_are_shown_with_their_remedy(page: Any) -> None:
    open_map(page, "?layers=gapareas&zoom=10.5&lat=31.64&lng=113.32")
    assert page.locator("path[data-gap-area]").count() == len(AREA_NAMES)
    assert "缺口片区（15 分钟）" in page.inner_text("#legend-others")
    for i, name in enumerate(AREA_NAMES):
        page.locator(f'path[data-gap-area="elderly_circle:{township_code(i)}"]').click()
        # the one before may still be fading
        card = page.locator(".leaflet-popup-content").last.inner_text()
        assert card.splitlines()[0] == name
        assert "对策：启用规划设施" in card
        assert f"{500 - i} 人未覆盖" in card
        assert page.locator(".leaflet-popup-content :is(img, script)").count() == 0
        page.keyboard.press("Escape")


# --- the browser's history -----------------------------------------------------------


def test_back_and_forward_go_through_the_choices(page: Any) -> None:
    open_map(page)
    first = view_of(page)
    radio(page, "minutes", "5")
    page.evaluate("map_planner.setView([31.6, 113.3], 11, {animate: false})")
    settle(page)
    second = view_of(page)
    page.select_option("#choose-county", COUNTY)
    settle(page)
    third = view_of(page)
    assert (first["minutes"], second["minutes"]) == ("15", "5")
    page.go_back()
    settle(page)
    assert view_of(page) == second
    assert len(fills(page)) == len(RATES_15)
    assert page.evaluate("map_planner.getZoom()") == 11
    page.go_back()
    settle(page)
    assert view_of(page) == first
    assert page.is_checked("input[name=minutes][value='15']")
    page.go_forward()
    page.wait_for_timeout(100)
    page.go_forward()
    settle(page)
    assert view_of(page) == third
    assert len(fills(page)) == 6


# --- hostile text ----------------------------------------------------------------------


def test_hostile_plans_are_shown_and_not_run(page: Any) -> None:
    open_map(page, f"?indicator={INDICATOR}&layers=areas")
    assert page.inner_text("#title-main") == HOSTILE_NAMES[0]
    words = page.inner_text("#results")
    for name in (
        HOSTILE_NAMES[0],
        HOSTILE_NAMES[1],
        HOSTILE_NAMES[2],
        HOSTILE_NAMES[3],
    ):
        assert name in words
    assert HOSTILE_NAMES[0] in page.inner_text("#legend-rates h2")
    options = page.eval_on_selector_all(
        "#choose-indicator option", "all => all.map(one => one.textContent)"
    )
    assert options[0].startswith(f"{INDICATOR} {HOSTILE_NAMES[0]}")
    group = page.get_attribute("#choose-indicator optgroup", "label")
    assert group == HOSTILE_NAMES[5]
    assert (
        page.locator("#results :is(img, script), #choices :is(img, script)").count()
        == 0
    )


# --- circles at any point ----------------------------------------------------------------

CIRCLE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[113.3, 31.6], [113.32, 31.6], [113.32, 31.62], [113.3, 31.6]]
                ],
            },
            "properties": {
                "profile": "walking", "minutes": 15, "speed_mps": 1.0, "area_m2": 2e6,
                "people": 1200.0, "people_60": 300.4, "children": None, "snap_m": 12.3,
                "note": HOSTILE_NAMES[2],
            },
        }
    ],
}  # fmt: skip


def test_click_with_the_tool_asks_for_a_circle(page: Any) -> None:
    """The answer is given here: a small result has no network to compute one with."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(json=CIRCLE, content_type="application/geo+json")

    page.route("**/api/v1/circles?lon=*", answer)
    open_map(page, "?zoom=11&lat=31.64&lng=113.32&layers=areas&minutes=20")
    page.click("#probe")
    assert page.get_attribute("#probe", "aria-pressed") == "true"
    page.locator(".folium-map").click(position={"x": 300, "y": 400})
    settle(page)
    lng, lat = view_of(page)["at"].split(",")
    assert f"lon={lng}&lat={lat}&service=elderly_circle&minutes=20" in asked[0]
    # the click was not one on the township
    assert "code" not in view_of(page)
    card = page.inner_text(".probe-card")
    assert "300 人" in card
    assert "2 平方公里" in card
    assert HOSTILE_NAMES[2] in card
    radio(page, "minutes", "5")
    assert "minutes=5" in asked[-1]
    page.click("#probe")
    settle(page)
    assert "at" not in view_of(page)


def test_circle_by_keyboard_and_a_refusal_is_told(page: Any) -> None:
    problem = {"title": "离路太远", "detail": "最近的路在 900 米外"}
    page.route(
        "**/api/v1/circles?lon=*", lambda route: route.fulfill(status=422, json=problem)
    )
    open_map(page, "?zoom=11&lat=31.64&lng=113.32&layers=areas")
    page.focus("#probe")
    page.keyboard.press("Space")
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    settle(page)
    assert view_of(page)["at"] == "113.32000,31.64000"
    assert page.inner_text(".probe-card p") == "离路太远：最近的路在 900 米外"
    assert page.watch.failed
    page.watch.failed.clear()
    page.watch.errors.clear()
