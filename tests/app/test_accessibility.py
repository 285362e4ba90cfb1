"""Every page under axe-core, at both sizes, with the network cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_cases import DESKTOP, PHONE, serve, watched_page
from map_cases import township_code
from map_page_cases import overflows, settle
from plan_map_cases import INDICATOR, write_plan_map_result
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
PAGES = {
    "front": "/maps/",
    "area": f"/maps/?code={township_code(2)}",
    "indicator": f"/maps/?indicator={INDICATOR}&layers=areas,gapareas",
    "township": f"/maps/township/{township_code(3)}",
    "siting": "/maps/siting",
    "compare": "/maps/compare",
    "upload": "/maps/upload",
}
SIZES = {"desktop": DESKTOP, "phone": PHONE}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    out = tmp_path_factory.mktemp("result")
    write_plan_map_result(out)
    with serve(create_app(Settings(out=out))) as address:
        yield address


def open_page(page: Any, name: str) -> None:
    page.goto(PAGES[name])
    if name == "upload":
        # no map that becomes ready
        page.wait_for_load_state("networkidle")
        return
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    settle(page)


def findings(page: Any) -> list[str]:
    """Return the serious and critical findings of axe-core."""
    assert AXE.is_file(), "axe-core is not installed: run `npm ci --ignore-scripts`"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_serious_finding(
    browser: Any, base: str, name: str, size: str
) -> None:
    phone = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
    with watched_page(browser, base, viewport=SIZES[size], **phone) as page:
        open_page(page, name)
        assert findings(page) == []
        assert not overflows(page)
        if size == "phone" and page.locator(".tabs").is_visible():
            for sheet in ("panel", "legend", "results"):
                page.locator(f"[data-sheet={sheet}]").tap()
                assert findings(page) == []
                assert not overflows(page)


@pytest.mark.parametrize("typed", ["镇", "没有这个地方"])
def test_open_list_of_the_search_has_no_serious_finding(
    browser: Any, base: str, typed: str
) -> None:
    with watched_page(browser, base) as page:
        open_page(page, "front")
        page.fill("#search-input", typed)
        page.wait_for_selector("#search-list [role=option]")
        assert findings(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_api_description_has_no_serious_finding(
    browser: Any, base: str, size: str
) -> None:
    with watched_page(browser, base, viewport=SIZES[size]) as page:
        page.goto("/docs")
        page.wait_for_selector(".swagger-ui .opblock", timeout=30_000)
        assert findings(page) == []
        assert not overflows(page)


@pytest.mark.parametrize("name", ["front", "township"])
def test_every_control_can_be_reached_by_keyboard(
    browser: Any, base: str, name: str
) -> None:
    with watched_page(browser, base) as page:
        open_page(page, name)
        page.evaluate(
            """() => {
              const seen = new Set();
              document.addEventListener('focusin', ({target}) => seen.add(target));
              window.unreached = () => [...document.querySelectorAll(
                'button, a[href], select, summary, input:not([type=radio])')]
                .filter(one => one.checkVisibility() && !one.disabled && !seen.has(one))
                .map(one => one.outerHTML.slice(0, 120));
            }"""
        )
        for _ in range(400):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
        assert page.evaluate("window.unreached()") == []
