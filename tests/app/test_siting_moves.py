"""Waiting for a plan and moving its sites, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from browser_cases import keep_picture, serve, watched_page
from map_cases import HOSTILE_NAMES, township_code
from map_page_cases import expected_fill, fills, view_of
from siting_page_cases import (
    FakeSitings,
    compute,
    drag,
    figure,
    forgive,
    open_siting,
    plan_of,
    siting_app,
)

pytestmark = pytest.mark.browser

FAKE = FakeSitings()
FIRST_JOB, SECOND_JOB = (f"{n:016x}" for n in (1, 2))


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


# --- the job -----------------------------------------------------------------------


def test_progress_is_shown_and_can_be_cancelled(page: Any) -> None:
    open_siting(page)
    FAKE.holding = True
    page.click("#compute")
    page.wait_for_selector("#job-step >> text=45%")
    keep_picture(page, "siting-progress")
    assert page.inner_text("#job-step") == "求解 45%"
    assert page.locator("#compute").is_hidden()
    page.click("#job-cancel")
    page.wait_for_selector("#job", state="hidden")
    page.wait_for_timeout(600)
    assert FAKE.deleted == [FIRST_JOB]
    assert "job" not in view_of(page)
    assert "已取消" in page.inner_text("#status")
    assert page.locator("#message").is_hidden()
    assert page.evaluate("document.activeElement.id") == "compute"
    FAKE.holding = False
    compute(page)
    assert view_of(page)["job"] == SECOND_JOB


def test_failed_job_is_told(page: Any) -> None:
    open_siting(page)
    FAKE.failure = {
        "status": 422,
        "code": "UnservedDemandError",
        "message": "没有候选点能到达<b>乙镇</b>",
        "hint": "请换一种候选点来源",
    }
    page.click("#compute")
    page.wait_for_selector("#message:not([hidden])")
    told = "没有候选点能到达<b>乙镇</b>。请换一种候选点来源"
    assert page.inner_text("#message-text") == told
    assert page.locator("#job").is_hidden()
    assert "job" not in view_of(page)
    page.click("#message button")
    assert page.locator("#message").is_hidden()


def test_without_token_the_page_says_how(page: Any) -> None:
    open_siting(page, token=False)
    page.click("#compute")
    page.wait_for_selector("#message:not([hidden])")
    keep_picture(page, "siting-no-token")
    assert "?token=" in page.inner_text("#message-text")
    assert FAKE.requests == []
    forgive(page)
    open_siting(page)
    assert "token" not in page.url
    compute(page)
    assert page.locator("#message").is_hidden()


def test_busy_service_can_be_asked_again(page: Any) -> None:
    open_siting(page)
    FAKE.refusal = 503
    page.click("#compute")
    page.wait_for_selector("#message:not([hidden])")
    assert "服务正忙" in page.inner_text("#message-text")
    assert page.locator("#compute").is_enabled()
    FAKE.refusal = None
    page.click("#message-retry")
    page.wait_for_selector("#proof")
    forgive(page)


def test_short_trouble_while_waiting_is_passed_over(page: Any) -> None:
    open_siting(page)
    FAKE.holding = True
    page.click("#compute")
    page.wait_for_selector("#job-step >> text=45%")
    FAKE.refusal = 503
    page.wait_for_timeout(700)
    FAKE.refusal, FAKE.holding = None, False
    page.wait_for_selector("#proof", timeout=10_000)
    assert page.locator("#message").is_hidden()
    forgive(page)


# --- moving sites ------------------------------------------------------------------


def test_dragging_updates_the_figures_at_once(page: Any) -> None:
    open_siting(page)
    compute(page)
    before = figure(page, "rate-after")
    drag(page, 3, (40, 30))
    page.wait_for_selector("#trial [data-figure=difference]")
    page.wait_for_timeout(400)
    keep_picture(page, "siting-dragged")
    last = FAKE.evaluations[-1]
    assert (last["service"], last["minutes"]) == ("elderly_circle", 15)
    plan = plan_of({}, proven=True)
    stay = [[site["lon"], site["lat"]] for site in plan["sites"]]
    assert last["sites"][:2] == stay[:2]
    assert last["sites"][3:] == stay[3:]
    assert last["sites"][2] != stay[2]
    # few questions for many movements of the pointer
    assert 1 <= len(FAKE.evaluations) <= 4
    assert figure(page, "difference") == "−900 人"
    assert figure(page, "rate-after") != before
    assert page.locator(".pin.moved").count() == 1
    # the map follows as well
    assert fills(page)[township_code(2)] == expected_fill(0.3999)
    page.click("#restore")
    assert page.locator("#trial").is_hidden()
    assert figure(page, "rate-after") == before
    assert page.locator(".pin.moved").count() == 0


def test_site_is_moved_with_the_keyboard(page: Any) -> None:
    open_siting(page)
    compute(page)
    page.locator(".pin[data-site='1']").focus()
    center = page.evaluate("map_planner.getCenter().lat")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#trial [data-figure=difference]")
    assert figure(page, "difference").startswith("−")
    assert page.evaluate("map_planner.getCenter().lat") == center
    label = page.get_attribute(".pin[data-site='1']", "aria-label")
    assert label.startswith(f"第 1 处，{HOSTILE_NAMES[2]}，新增 +1,400 人")


def test_site_away_from_roads_is_told(page: Any) -> None:
    open_siting(page)
    compute(page)
    drag(page, 4, (70, 0))
    page.wait_for_selector("#trial .problem-line")
    assert "第 4 处附近没有可用的道路" in page.inner_text("#trial")


def test_failed_evaluation_is_told_beside_the_figures(page: Any) -> None:
    open_siting(page)
    compute(page)
    FAKE.refusal = 503
    drag(page, 2, (30, 10))
    page.wait_for_selector("#trial >> text=服务正忙")
    FAKE.refusal = None
    page.click("#trial button:has-text('重试')")
    page.wait_for_selector("#trial [data-figure=difference]")
    assert page.locator("#trial button:has-text('重试')").count() == 0
    forgive(page)


def test_page_itself_never_scrolls(page: Any) -> None:
    open_siting(page)
    compute(page)
    page.evaluate("document.querySelector('.downloads').scrollIntoView()")
    assert page.evaluate("[document.scrollingElement.scrollTop, scrollY]") == [0, 0]
    assert page.evaluate("document.body.scrollTop") == 0
    assert page.evaluate("document.getElementById('results').scrollTop") > 0


def test_list_and_map_point_to_each_other(page: Any) -> None:
    open_siting(page)
    compute(page)
    page.locator("[data-site-row='4']").click()
    assert page.locator(".pin.selected").get_attribute("data-site") == "4"
    assert page.evaluate("map_planner.getZoom()") >= 13
    center = page.evaluate("[map_planner.getCenter().lng, map_planner.getCenter().lat]")
    site = plan_of({}, proven=True)["sites"][3]
    assert center == pytest.approx([site["lon"], site["lat"]], abs=1e-3)
    page.locator(".pin[data-site='4']").click()
    row = page.locator("[data-site-row='4']")
    assert row.get_attribute("aria-pressed") == "true"
