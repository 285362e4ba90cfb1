"""Further conditions on the siting page: what is asked, shared, read from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from browser_cases import PHONE, keep_picture, serve, watched_page
from map_cases import HOSTILE_NAMES
from map_page_cases import overflows, view_of
from siting_page_cases import (
    CANDIDATES,
    FakeSitings,
    compute,
    open_siting,
    siting_app,
)

pytestmark = pytest.mark.browser

FAKE = FakeSitings()
PLAIN = {
    "service": "elderly_circle",
    "minutes": 15,
    "goal": "max_people",
    "n": 10,
    "candidates": "community_centres",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = siting_app(tmp_path_factory.mktemp("result"), FAKE)
    with serve(app) as address:
        yield address


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    FAKE.reset()
    with watched_page(browser, base) as opened:
        yield opened


def open_conditions(page: Any, query: str = "") -> None:
    open_siting(page, query)
    if not page.evaluate("document.querySelector('#conditions').open"):
        page.click("#conditions summary")


def mark_candidate(page: Any, at: int, words: str) -> None:
    """Open the card of a candidate on the map and press one of its buttons."""
    # the map's own event: dots are drawn in the order of the answer
    page.locator(".leaflet-gaps-pane path").nth(at).dispatch_event("click")
    page.click(f".leaflet-popup .card-act button:text-is('{words}')")
    page.wait_for_selector(".leaflet-popup", state="detached")


def test_simple_things_first(page: Any) -> None:
    open_siting(page)
    assert page.locator("#choose-years").is_hidden()
    assert page.locator("#conditions-count").is_hidden()
    compute(page)
    assert FAKE.requests == [PLAIN]


def test_every_condition_is_asked(page: Any) -> None:
    open_conditions(page)
    page.check("input[name=more][value=generated]")
    page.click("label:has(input[name=fair][value=least])")
    page.fill("#choose-least_share", "45")
    page.check("[data-zone=river] input[type=checkbox]")
    page.check("[data-zone=railway] input[type=checkbox]")
    page.fill("#choose-zone-railway", "250")
    page.fill("#choose-years", "3")
    page.check("#choose-planned")
    keep_picture(page, "siting-conditions")
    assert page.inner_text("#conditions-count") == "6"
    compute(page)
    assert FAKE.requests == [
        {
            **PLAIN,
            "candidates": "community_centres+generated",
            "least_share": 0.45,
            "exclude": [
                {"zone": "river", "distance_m": 100},
                {"zone": "railway", "distance_m": 250},
            ],
            "sites_per_year": [3, 3, 3, 3],
            "count_planned": True,
        }
    ]
    assert page.locator("#stale").is_hidden()


@pytest.mark.parametrize(
    ("years", "asked"),
    [("4", [4, 4, 4]), ("5，3, 2", [5, 3, 2]), ("1 0 9", [1, 0, 9])],
)
def test_years_are_one_number_or_many(page: Any, years: str, asked: list[int]) -> None:
    open_conditions(page)
    page.fill("#choose-years", years)
    compute(page)
    assert FAKE.requests[0]["sites_per_year"] == asked


def test_worst_first_leaves_one_service(page: Any) -> None:
    open_conditions(page)
    page.check("input[name=also][value=meal]")
    # fairness is for one service
    assert page.locator("input[name=fair][value=worst]").is_disabled()
    page.uncheck("input[name=also][value=meal]")
    page.click("label:has(input[name=fair][value=worst])")
    assert page.locator("input[name=also][value=meal]").is_disabled()
    compute(page)
    assert FAKE.requests == [{**PLAIN, "worst_first": True}]
    page.click("label:has(input[name=goal][value=p_median])")
    page.click("#compute")
    page.wait_for_selector("#compute:not([hidden])")
    assert "worst_first" not in FAKE.requests[-1]


def test_several_services_at_one_site(page: Any) -> None:
    open_conditions(page)
    page.check("input[name=also][value=meal]")
    compute(page)
    assert FAKE.requests == [{**PLAIN, "also": [{"service": "meal"}]}]


def test_an_indicator_can_be_the_goal(page: Any) -> None:
    open_siting(page)
    page.click("label:has(input[name=goal][value=target])")
    assert page.locator("#field-n").is_hidden()
    compute(page)
    asked = {k: v for k, v in PLAIN.items() if k != "n"}
    assert FAKE.requests == [{**asked, "goal": "target", "indicator": "T-1"}]


@pytest.mark.parametrize(
    ("selector", "value", "words"),
    [
        ("#choose-years", "三", "整数"),
        ("#choose-zone-river", "-5", "10000"),
        ("#choose-zone-river", "", "10000"),
        ("#choose-least_share", "120", "百分数"),
    ],
)
def test_senseless_conditions_are_told_and_not_sent(
    page: Any, selector: str, value: str, words: str
) -> None:
    open_conditions(page)
    page.check("[data-zone=river] input[type=checkbox]")
    page.click("label:has(input[name=fair][value=least])")
    page.fill(selector, value)
    page.click("#conditions summary")
    page.click("#compute")
    assert words in page.inner_text("#number-problem")
    # the place is shown, even where the conditions were closed
    assert page.locator(selector).is_visible()
    assert page.get_attribute(selector, "aria-invalid") == "true"
    assert FAKE.requests == []


# --- candidates ---------------------------------------------------------------------


def test_candidates_are_chosen_on_the_map(page: Any) -> None:
    open_conditions(page)
    page.click("#show-candidates")
    page.wait_for_selector("#candidates-note >> text=候选点 3 个，可用 2 个")
    assert "河道 1 个" in page.inner_text("#candidates-note")
    assert FAKE.listings == [PLAIN]
    mark_candidate(page, 0, "必选")
    mark_candidate(page, 1, "不选")
    keep_picture(page, "siting-candidates")
    names = page.locator("#marks .name").all_inner_texts()
    assert names == [HOSTILE_NAMES[2], "可选一处"]
    page.locator(".leaflet-gaps-pane path").nth(2).dispatch_event("click")
    assert "不可用：河道" in page.inner_text(".leaflet-popup")
    assert page.locator(".leaflet-popup button:text-is('必选')").count() == 0
    compute(page)
    assert FAKE.requests == [{**PLAIN, "forced": ["C000"], "forbidden": ["C001"]}]
    page.click("#marks .unmark >> nth=1")
    assert page.locator("#stale").is_visible()
    compute(page)
    assert FAKE.requests[-1] == {**PLAIN, "forced": ["C000"]}
    for selector in ("#marks", ".folium-map"):
        assert page.locator(f"{selector} img, {selector} script").count() == 0


def test_sites_of_a_plan_can_be_decided(page: Any) -> None:
    open_siting(page)
    compute(page)
    page.click("[data-site-row='2']")
    page.click(".site.selected + .site-act button:has-text('不选')")
    compute(page)
    assert FAKE.requests[-1] == {**PLAIN, "forbidden": ["C001"]}


def test_candidates_go_when_the_question_changes(page: Any) -> None:
    open_conditions(page)
    page.click("#show-candidates")
    page.wait_for_selector("#candidates-note >> text=候选点 3 个")
    assert page.locator(".leaflet-gaps-pane path").count() == len(CANDIDATES["items"])
    page.check("[data-zone=river] input[type=checkbox]")
    assert page.locator(".leaflet-gaps-pane path").count() == 0
    assert page.inner_text("#candidates-note") == ""


# --- files --------------------------------------------------------------------------


def give(page: Any, name: str, content: bytes) -> str:
    """Choose the planner's own file and return what is said of it."""
    page.click("label.option:has(input[value=layer])")
    page.set_input_files(
        "#choose-file",
        {"name": name, "mimeType": "application/octet-stream", "buffer": content},
    )
    page.wait_for_selector(f"#file-note >> text=“{name}”")
    return str(page.inner_text("#file-note"))


CSV = '名称,经度,纬度,费用,容量\n"<b>甲</b>,一",113.1,31.5,80,\n乙,113.2,31.6,,20\n'
POINTS = [
    {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [113.1, 31.5]},
        "properties": {"name": "<b>甲</b>,一", "cost": 80},
    },
    {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [113.2, 31.6]},
        "properties": {"name": "乙", "capacity": 20},
    },
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("点.csv", CSV.encode("utf-8-sig")),
        ("点.csv", CSV.encode("gb18030")),
        ("点.csv", CSV.replace("\n", "\r\n").encode()),
        (
            "点.geojson",
            json.dumps({"type": "FeatureCollection", "features": POINTS}).encode(),
        ),
    ],
    ids=["utf-8", "gbk", "crlf", "geojson"],
)
def test_own_candidates_are_read_in_the_browser(
    page: Any, name: str, content: bytes
) -> None:
    open_siting(page)
    assert "2 个点" in give(page, name, content)
    assert FAKE.requests == FAKE.listings == []
    compute(page)
    assert FAKE.requests == [
        {
            **PLAIN,
            "candidates": "layer",
            "layer": {"type": "FeatureCollection", "features": POINTS},
        }
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"a,b\n1,2\n", "经度"),
        ("a.csv", "经度,纬度\n4213,31\n".encode(), "第 2 行"),
        ("a.csv", "经度,纬度\n,31\n".encode(), "第 2 行"),
        ("a.csv", "经度,纬度,费用\n113,31,贵\n".encode(), "费用"),
        ("a.csv", "经度,纬度\n".encode(), "没有点"),
        ("a.json", b"{", "GeoJSON"),
        ("a.json", b'{"type": "Point"}', "FeatureCollection"),
        (
            "a.json",
            b'{"type":"FeatureCollection","features":[{"geometry":{"type":"Polygon"}}]}',
            "不是点",
        ),
        ("大.csv", b"x" * (4 * 2**20 + 1), "4 MB"),
    ],
)
def test_files_that_cannot_be_used_are_explained(
    page: Any, name: str, content: bytes, words: str
) -> None:
    open_siting(page)
    assert words in give(page, name, content)
    page.click("#compute")
    assert "候选点文件" in page.inner_text("#number-problem")
    assert FAKE.requests == []


# --- sharing and narrow screens ----------------------------------------------------------


def test_the_address_holds_the_form_the_layers_and_the_place(
    page: Any, browser: Any, base: str
) -> None:
    open_conditions(page)
    page.click("label:has(input[name=fair][value=worst])")
    page.check("[data-zone=railway] input[type=checkbox]")
    page.fill("#choose-zone-railway", "300")
    page.fill("#choose-years", "2,3")
    page.check("#choose-planned")
    page.uncheck("input[name=layer][value=roads]")
    page.click(".leaflet-control-zoom-in")
    page.wait_for_timeout(300)
    view = view_of(page)
    assert view["exclude"] == "railway:300"
    query = page.url.partition("?")[2]
    with watched_page(browser, base) as other:
        open_conditions(other, f"?{query}")
        assert view_of(other) == view
        assert other.is_checked("input[name=fair][value=worst]")
        assert other.input_value("#choose-zone-railway") == "300"
        assert other.input_value("#choose-years") == "2,3"
        assert other.is_checked("#choose-planned")
        assert not other.is_checked("input[name=layer][value=roads]")
        compute(other)
    assert FAKE.requests == [
        {
            **PLAIN,
            "worst_first": True,
            "sites_per_year": [2, 3],
            "count_planned": True,
            "exclude": [{"zone": "railway", "distance_m": 300}],
        }
    ]


def test_a_shared_plan_brings_its_conditions(
    page: Any, browser: Any, base: str
) -> None:
    open_conditions(page)
    page.fill("#choose-years", "3,7")
    compute(page)
    job = view_of(page)["job"]
    with watched_page(browser, base) as other:
        open_siting(other, f"?job={job}")
        assert other.input_value("#choose-years") == "3,7"
        assert other.locator("#stale").is_hidden()


@pytest.mark.parametrize(
    "query",
    [
        "?exclude=river:x,moon:5,:,&years=%3Cb%3E&fair=king&more=__proto__&also=none",
        "?forced=%3Cimg%3E&layers=moon&lat=99&lng=x&zoom=-1&capacity=NaN",
    ],
)
def test_senseless_addresses_are_settled(page: Any, query: str) -> None:
    open_conditions(page, query)
    assert page.is_checked("input[name=fair][value=none]")
    assert page.locator("#marks img").count() == 0
    assert not page.is_checked("[data-zone=river] input[type=checkbox]")


def test_phone_has_room_for_the_conditions(browser: Any, base: str) -> None:
    FAKE.reset()
    with watched_page(
        browser, base, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        open_siting(page)
        page.locator("[data-sheet=panel]").tap()
        page.locator("#conditions summary").tap()
        assert not overflows(page)
        page.locator("[data-zone=river] input[type=checkbox]").check()
        keep_picture(page, "siting-phone-conditions")
        assert not overflows(page)
        wide = page.evaluate(
            "document.querySelector('#panel').scrollWidth"
            " - document.querySelector('#panel').clientWidth"
        )
        assert wide <= 0


def test_conditions_can_be_reached_by_keyboard(page: Any) -> None:
    open_siting(page)
    page.focus("#conditions summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "fair"
    page.keyboard.press("ArrowDown")
    assert page.is_checked("input[name=fair][value=least]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "choose-least_share"
