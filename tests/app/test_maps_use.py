"""Using the map page: its address, the keyboard, a phone, paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser_cases import PHONE, keep_picture, serve, watched_page
from map_cases import township_code, township_names, write_map_result
from map_page_cases import fills, open_map, overflows, settle, view_of
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


def test_result_without_plans_says_so(page: Any) -> None:
    open_map(page)
    page.click("#choose-subject label:has(input[value=indicator])")
    settle(page)
    assert page.inner_text("#subject-hint") == "这份成果没有对照的规划指标"
    assert page.is_checked("input[name=subject][value=rate]")
    assert "indicator" not in view_of(page)


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


@pytest.mark.parametrize("typed", ["shiqiao", "sqz", "石 qiao"])
def test_search_by_pinyin_and_initials(page: Any, typed: str) -> None:
    open_map(page)
    page.fill("#search-input", typed)
    page.wait_for_selector("#search-list [role=option]")
    first = page.locator("#search-list [role=option]").first
    assert first.inner_text().startswith("石桥镇")
    assert page.get_attribute("#search-input", "aria-activedescendant") == "search-0"
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-name")
    assert page.inner_text("#area-name") == "石桥镇"


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
