"""The page of one township: figures as the API has them, on the screen and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from browser_cases import PHONE, keep_picture, serve, watched_page
from map_cases import HOSTILE_NAMES, NOTICE, township_code, township_names
from map_page_cases import STRIPES, api, expected_fill, fills, overflows, settle
from plan_map_cases import AREA_NAMES, INDICATOR, write_plan_map_result
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

pytestmark = pytest.mark.browser

#: Hostile name; a community with a hostile name as well.
TOWNSHIP = township_code(3)


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


def open_township(page: Any, code: str = TOWNSHIP, query: str = "") -> None:
    page.goto(f"/maps/township/{code}{query}")
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    settle(page)


def rows_of(page: Any, table: str) -> list[dict[str, str]]:
    """Return the rows of a table as texts by column."""
    return page.eval_on_selector_all(
        f"#{table} tbody tr",
        "rows => rows.map(row => Object.fromEntries([...row.cells]"
        ".map(cell => [cell.dataset.column, cell.textContent])))",
    )


@pytest.mark.parametrize("code", [TOWNSHIP, TOWNSHIP[:9]])
def test_short_and_long_codes_show_the_same(page: Any, code: str) -> None:
    open_township(page, code)
    assert page.inner_text("#place-name") == township_names()[3]
    assert TOWNSHIP in page.inner_text("#place-above")
    assert "测试市" in page.inner_text("#place-above")
    assert page.inner_text("#notice") == NOTICE
    assert page.inner_text("#colophon").startswith("制图单位：测试市民政局")


def test_unknown_township_is_told(page: Any) -> None:
    page.goto("/maps/township/429999999")
    page.wait_for_selector("#message:not([hidden])")
    assert "429999999" in page.inner_text("#message")
    page.watch.failed.clear()
    page.watch.errors.clear()


@pytest.mark.parametrize("query", ["", "?service=meal&minutes=5"])
def test_figures_and_colours_equal_the_api(page: Any, base: str, query: str) -> None:
    open_township(page, query=query)
    keep_picture(page, "township-page")
    asked = query.lstrip("?") or "service=elderly_circle&minutes=15"
    (own,) = api(base, f"townships/{TOWNSHIP}/coverage?{asked}")["items"]
    assert page.inner_text('[data-figure="total"]') == f"{own['total']:,.0f} 人"
    assert page.inner_text('[data-figure="covered"]') == f"{own['covered']:,.0f} 人"
    below = api(base, f"coverage?level=community&parent={TOWNSHIP}&{asked}")["items"]
    assert len(below) == 4
    assert fills(page) == {one["code"]: expected_fill(one["rate"]) for one in below}
    shown = rows_of(page, "communities-table")
    expected = {
        one["name"]: (f"{one['total']:,.0f}", f"{one['out_of_reach']:,.0f}")
        for one in below
    }
    found = {row["name"]: (row["total"], row["out_of_reach"]) for row in shown}
    assert found == expected
    gaps = api(base, f"gaps?level=community&parent={TOWNSHIP}&{asked}")["items"]
    table = {row["name"]: row for row in rows_of(page, "gaps-table")}
    assert table.keys() == {one["name"] for one in gaps}
    for one in gaps:
        row = table[one["name"]]
        assert row["people"] == f"{one['people_without']:,.0f} 人"
        assert row["reason"] == one["reason_name"]
        assert row["facility"] == (one["nearest_facility_name"] or "—")


def test_unknown_figures_are_not_zero(page: Any) -> None:
    open_township(page, township_code(11))
    assert set(fills(page).values()) == {STRIPES}
    assert {row["rate"] for row in rows_of(page, "communities-table")} == {"无数据"}
    assert {row["people"] for row in rows_of(page, "gaps-table")} == {"未知"}
    assert "没有可用的数据" in page.inner_text("#figures")


def test_scorecard_and_plan_gaps_equal_the_api(page: Any, base: str) -> None:
    open_township(page)
    card = api(base, f"townships/{TOWNSHIP}/scorecard")
    (row,) = rows_of(page, "scorecard-table")
    (item,) = card["items"]
    assert row["indicator"] == item["indicator_id"] == INDICATOR
    assert row["value"] == f"{item['value']:.1%}"
    assert row["status"].endswith(item["status_name"])
    for status, n in card["summary"].items():
        chip = f'#scorecard-summary [data-verdict="{status}"]'
        assert page.inner_text(chip).endswith(f"{n} 项")
    (gap,) = rows_of(page, "plan-gaps-table")
    assert (gap["reason"], gap["remedy"]) == ("距离过远", "新建设施")


def test_facilities_and_gap_areas_equal_the_api(page: Any, base: str) -> None:
    open_township(page)
    items = api(base, f"facilities?township={TOWNSHIP}&limit=999")["items"]
    rows = rows_of(page, "facilities-table")
    assert {row["id"] for row in rows} == {one["id"] for one in items}
    assert f"{len(items)} 处" in page.inner_text("#facilities-title")
    (area,) = rows_of(page, "gap-areas-table")
    assert area["name"] == AREA_NAMES[3]
    assert area["remedy"].startswith("启用规划设施（")


def test_tables_are_sorted_by_their_heads(page: Any) -> None:
    open_township(page, township_code(0))
    head = page.locator("#facilities-table [data-sort=beds]")
    head.focus()
    page.keyboard.press("Enter")
    beds = [int(row["beds"]) for row in rows_of(page, "facilities-table")]
    assert beds == sorted(beds, reverse=True)
    assert len(set(beds)) > 1
    # the focus stays where it was
    page.keyboard.press("Enter")
    beds = [int(row["beds"]) for row in rows_of(page, "facilities-table")]
    assert beds == sorted(beds)
    sort = page.get_attribute("#facilities-table th:has([data-sort=beds])", "aria-sort")
    assert sort == "ascending"


def test_choices_are_kept_in_the_address_and_its_history(page: Any) -> None:
    open_township(page)
    page.select_option("#choose-service", "meal")
    settle(page)
    assert page.url.endswith(f"/maps/township/{TOWNSHIP}?service=meal&minutes=15")
    assert page.inner_text("#title-main").startswith("助餐服务 <b>")
    page.go_back()
    settle(page)
    assert page.input_value("#choose-service") == "elderly_circle"
    assert page.inner_text("#title-main").startswith("养老服务圈")


def test_links_lead_to_reports_that_there_are(page: Any) -> None:
    open_township(page)
    links = page.eval_on_selector_all(
        "#place-links a", "all => all.map(one => one.getAttribute('href'))"
    )
    kinds = {re.sub(r".*\.(\w+)(\?.*)?$", r"\1", one) for one in links if "api" in one}
    assert {"docx", "xlsx", "png", "svg"} <= kinds
    for link in links:
        if "/api/v1/coverage" in link or "/scorecard" in link or "/maps/?" in link:
            assert page.request.get(link).ok, link


@pytest.mark.parametrize("i", range(1, 12, 2))
def test_hostile_names_are_text(page: Any, i: int) -> None:
    open_township(page, township_code(i))
    name = township_names()[i]
    assert name in HOSTILE_NAMES
    assert page.inner_text("#place-name") == name
    assert name in page.title()
    text = page.inner_text("main")
    assert AREA_NAMES[i] in text
    assert page.locator("main :is(script, iframe, img)").count() == 0
    assert page.locator("[onerror], [onmouseover]").count() == 0


def test_phone_has_no_sideways_scroll(browser: Any, base: str) -> None:
    with watched_page(
        browser, base, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        open_township(page)
        keep_picture(page, "township-page-phone")
        assert not overflows(page)


def test_paper_is_a4_with_map_and_tables(page: Any) -> None:
    open_township(page)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = set(re.findall(rb"/MediaBox ?\[([^\]]+)\]", pdf))
    (width, height) = (float(x) for x in boxes.pop().split()[2:])
    assert (width, height) == pytest.approx((595, 842), abs=1.5)
    assert not boxes
    assert pdf.count(b"/Type /Page\n") in range(1, 5)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    for hidden in (".place-choices", ".tools", ".leaflet-control-zoom"):
        assert page.locator(hidden).first.is_hidden()
    # canvases are printed as copies that were never cleared: a cleared one prints white
    drawn = page.eval_on_selector_all(
        ".folium-map canvas",
        "all => all.filter(one => one.style.display !== 'none').length",
    )
    assert drawn > 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    hidden_left = page.eval_on_selector_all(
        ".folium-map canvas",
        "all => all.filter(one => one.style.display === 'none').length",
    )
    assert hidden_left == 0
