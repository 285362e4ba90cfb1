"""Using the siting page in a browser: compute, follow, cancel, move, share, phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from browser_cases import PHONE, keep_picture, serve, watched_page
from map_cases import HOSTILE_NAMES, township_code, township_names
from map_page_cases import expected_fill, fills, overflows, view_of
from siting_page_cases import (
    SITES,
    FakeSitings,
    compute,
    figure,
    forgive,
    open_siting,
    plan_of,
    siting_app,
)

pytestmark = pytest.mark.browser

FAKE = FakeSitings()
FIRST_JOB = f"{1:016x}"


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


# --- the whole way -----------------------------------------------------------------


def test_start_shows_how_things_stand(page: Any) -> None:
    open_siting(page)
    keep_picture(page, "siting-start")
    assert page.inner_text("#study-name") == "测试市养老服务设施"
    assert page.title() == "测试市养老服务设施 · 选址"
    assert "现状" in page.inner_text("#results")
    assert page.locator("#choose-side").is_hidden()
    assert page.locator("#job").is_hidden()
    rates = [0.0, 0.2, 0.3999, 0.4, 0.5, 0.6, 0.7999, 0.8, 0.95, 0.9499, 1.0, None]
    assert fills(page) == {
        township_code(i): expected_fill(rate) for i, rate in enumerate(rates)
    }
    # a category that the study does not have cannot be chosen
    for source in ("category:community_centre", "upgrade"):
        assert page.locator(f"input[name=source][value='{source}']").is_disabled()
    assert page.locator("input[name=source][value=generated]").is_enabled()


def test_from_request_to_plan(page: Any, base: str) -> None:
    open_siting(page)
    page.fill("#choose-n", "5")
    page.click("label.option:has(input[value=generated])")
    compute(page)
    page.wait_for_timeout(200)
    keep_picture(page, "siting-plan")
    assert FAKE.requests == [
        {
            "service": "elderly_circle",
            "minutes": 15,
            "goal": "max_people",
            "n": 5,
            "candidates": "generated",
        }
    ]
    plan = plan_of({"n": 5}, proven=True)
    # 0.59998 is not shown as the 60 % that it does not reach
    assert figure(page, "rate-before") == "59.9%"
    assert figure(page, "rate-after") == f"{plan['after']['rate'] * 100:.1f}%"
    assert figure(page, "gain") == "+4,450 人"
    assert page.inner_text("#proof") == "已证明最优"
    rows = page.locator("[data-site-row]")
    assert rows.count() == 5
    for i, site in enumerate(plan["sites"]):
        text = rows.nth(i).inner_text()
        assert f"+{site['gain']:,.0f} 人" in text
        assert f"累计 {site['cumulative_rate'] * 100:.1f}%" in text
    reasons = page.locator("#without dt").all_inner_texts()
    assert reasons == ["没有可选的候选点能服务到", "附近没有可用的道路"]
    assert figure(page, "time") == "17.3 → 14.5 分钟"
    # without a name of its own a site is told by its township
    assert f"{township_names()[5]}新址" in rows.nth(4).inner_text()
    pins = page.eval_on_selector_all(
        ".pin", "all => all.map(one => one.textContent).sort()"
    )
    assert pins == ["1", "2", "3", "4", "5"]
    assert view_of(page)["job"] == FIRST_JOB
    assert all(url.startswith(base) for url in page.watch.requests)


def test_limit_of_the_proof_is_rounded_up(page: Any) -> None:
    open_siting(page)
    FAKE.proven = False
    compute(page)
    assert page.inner_text("#proof") == "与最优相差不超过 0.8%"
    assert "最多也只能覆盖" in page.inner_text(".proof")


def test_plan_of_an_older_result_says_so(page: Any) -> None:
    open_siting(page)
    compute(page)
    assert page.locator("#results .flag").count() == 0
    kept, FAKE.version = FAKE.version, "older"
    try:
        page.click("#compute")
        page.wait_for_selector("#results .flag")
    finally:
        FAKE.version = kept
    assert "较早的成果" in page.inner_text("#results .flag")


def test_map_shows_before_and_after(page: Any) -> None:
    open_siting(page)
    compute(page)
    rows = plan_of({}, proven=True)["townships"]
    after = {row["code"]: expected_fill(row["rate_after"]) for row in rows}
    before = {row["code"]: expected_fill(row["rate_before"]) for row in rows}
    assert fills(page) == after != before
    page.click("#choose-side label:has(input[value=before])")
    assert fills(page) == before
    assert "建设前" in page.inner_text("#legend-rates h2")
    assert view_of(page)["side"] == "before"
    page.locator("#choose-side input[value=before]").focus()
    page.keyboard.press("ArrowRight")
    assert fills(page) == after


def test_townships_can_be_sorted(page: Any) -> None:
    open_siting(page)
    compute(page)

    def order() -> list[str]:
        return page.eval_on_selector_all(
            "[data-township]", "rows => rows.map(row => row.dataset.township)"
        )

    rows = plan_of({}, proven=True)["townships"]
    known = [row for row in rows if row["rate_after"] is not None]
    assert order()[0] == township_code(0)
    assert order()[-1] == township_code(11), "unknown rates come last"
    page.click("[data-sort=after]")
    want = sorted(known, key=lambda row: (row["rate_after"], row["code"]))
    assert order() == [*(row["code"] for row in want), township_code(11)]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("建设后")
    page.keyboard.press("Enter")
    want = sorted(known, key=lambda row: (-row["rate_after"], row["code"]))
    assert order() == [*(row["code"] for row in want), township_code(11)]


@pytest.mark.parametrize(
    ("goal", "numbers", "asked"),
    [
        ("min_sites", {"share": "62.5"}, {"goal": "min_sites", "share": 0.625}),
        ("p_center", {"n": "3"}, {"goal": "p_center", "n": 3}),
        (
            "budget",
            {"budget": "900", "site_cost": "180"},
            {"goal": "max_people", "budget": 900, "site_cost": 180},
        ),
    ],
)
def test_every_goal_asks_for_its_numbers(
    page: Any, goal: str, numbers: dict[str, str], asked: dict[str, Any]
) -> None:
    open_siting(page)
    page.click(f"label.option:has(input[value={goal}])")
    for name, value in numbers.items():
        page.fill(f"#choose-{name}", value)
    shown = page.locator(".measure:visible input")
    assert shown.evaluate_all("all => all.map(one => one.name)") == list(numbers)
    compute(page)
    (request,) = FAKE.requests
    assert {key: request[key] for key in asked} == asked
    others = {"n", "share", "budget", "site_cost"} - set(asked)
    assert others.isdisjoint(request)


@pytest.mark.parametrize("number", ["0", "2.5", "-3", ""])
def test_senseless_number_is_told_and_not_sent(page: Any, number: str) -> None:
    open_siting(page)
    page.fill("#choose-n", number)
    page.click("#compute")
    assert page.locator("#number-problem").is_visible()
    assert page.get_attribute("#choose-n", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "choose-n"
    assert FAKE.requests == []


# --- sharing -----------------------------------------------------------------------


def test_address_opens_the_plan_with_its_choices(
    page: Any, browser: Any, base: str
) -> None:
    open_siting(page)
    page.select_option("#choose-service", "meal")
    page.click("#choose-minutes label:has(input[value='10'])")
    page.fill("#choose-n", "3")
    compute(page)
    page.click("#choose-side label:has(input[value=before])")
    query = page.url.partition("?")[2]
    with watched_page(browser, base) as other:
        open_siting(other, f"?{query}")
        assert other.locator("[data-site-row]").count() == 3
        assert other.input_value("#choose-service") == "meal"
        assert other.is_checked("input[name=minutes][value='10']")
        assert other.input_value("#choose-n") == "3"
        assert other.is_checked("input[name=side][value=before]")
        assert other.locator("#stale").is_hidden()
        assert fills(other) == fills(page)
        # the service's name is data as well
        assert other.inner_text("#title-main").startswith("助餐服务 <b>")
        other.fill("#choose-n", "4")
        assert other.locator("#stale").is_visible()


@pytest.mark.parametrize("job", ["gone", "..%2Fstudy", "%3Cscript%3E", "f" * 16])
def test_senseless_job_is_told_or_dropped(page: Any, job: str) -> None:
    open_siting(page, f"?job={job}&n=abc&goal=moon&source=x&service=constructor")
    assert "job" not in view_of(page)
    assert view_of(page).get("goal", "max_people") == "max_people"
    assert "现状" in page.inner_text("#results")
    forgive(page)


def test_downloads_answer(page: Any) -> None:
    open_siting(page)
    compute(page)
    links = page.eval_on_selector_all(
        ".downloads a", "all => all.map(one => one.getAttribute('href'))"
    )
    assert links == [
        f"/api/v1/sitings/{FIRST_JOB}/{file}"
        for file in (
            "report.xlsx", "report.docx", "map.png",
            "sites?format=geojson", "sites?format=csv",
        )
    ]  # fmt: skip
    with page.expect_download() as download:
        page.locator(".downloads a").last.click()
    assert download.value.failure() is None


# --- hostile text ------------------------------------------------------------------


def test_hostile_names_are_shown_and_not_run(page: Any) -> None:
    open_siting(page)
    compute(page)
    text = page.inner_text("#results")
    for _, _, name in SITES:
        assert name is None or name in text
    for name in HOSTILE_NAMES:
        assert name in text
    for rank in (1, 2, 4):
        page.locator(f".pin[data-site='{rank}']").hover()
        page.wait_for_selector(f".leaflet-tooltip .name >> text=/^{rank} /")
        shown = page.locator(".leaflet-tooltip .name").last.inner_text()
        assert shown.endswith(SITES[rank - 1][2])
    for selector in ("#results", ".folium-map"):
        assert page.locator(f"{selector} img, {selector} script").count() == 0


# --- narrow screens ----------------------------------------------------------------


def test_phone_has_sheets_and_no_sideways_scroll(browser: Any, base: str) -> None:
    FAKE.reset()
    with watched_page(
        browser, base, viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        open_siting(page)
        keep_picture(page, "siting-phone")
        assert not overflows(page)
        assert page.locator(".pages a").first.is_visible()
        page.locator("[data-sheet=panel]").tap()
        page.fill("#choose-n", "5")
        keep_picture(page, "siting-phone-form")
        assert page.locator("#compute").is_visible()
        assert not overflows(page)
        page.locator("#compute").tap()
        page.wait_for_selector("#proof")
        page.wait_for_timeout(100)
        assert page.locator("#results").is_visible()
        assert not overflows(page)
        keep_picture(page, "siting-phone-plan")
        page.locator("[data-site-row='2']").tap()
        assert page.locator("#results").is_hidden()
        page.wait_for_timeout(100)
        keep_picture(page, "siting-phone-site")
        page.locator("[data-sheet=legend]").tap()
        assert not overflows(page)


def test_everything_has_a_name_for_screen_readers(page: Any) -> None:
    open_siting(page)
    compute(page)
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, a[href], input, select, [role=button]')]
        .filter(one => !(one.getAttribute('aria-label') || one.title
            || one.textContent.trim() || one.labels?.length))
        .map(one => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_pages_lead_to_each_other(page: Any) -> None:
    open_siting(page)
    page.click(".pages a:has-text('覆盖地图')")
    page.wait_for_selector("body[data-ready]")
    page.click(".pages a:has-text('选址')")
    page.wait_for_selector("#compute")
    page.wait_for_selector("body[data-ready]")
