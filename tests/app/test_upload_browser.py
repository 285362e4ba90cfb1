"""The uploading page in a real browser: keyboard, phone, hostile names, each ending."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from browser_cases import DESKTOP, PHONE, keep_picture, serve, watched_page
from study_cases import FACILITIES, FACILITY_HEADER, write_csv
from upload_cases import EDITOR, PLANNER, TOKENS, Ground, make_ground
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.web.access import parse_tokens

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}`${1}</script>"
LONG_MS = 90_000


@dataclass(frozen=True)
class Served:
    """A service with a study, its folders and its address."""

    ground: Ground
    app: Any
    base: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ground = make_ground(tmp_path_factory.mktemp("uploads"))
    app = create_app(
        Settings(
            out=ground.out,
            study=ground.study,
            tokens=parse_tokens(TOKENS),
            reload_seconds=0.0,
            upload_bytes=100_000,
        )
    )
    with serve(app) as base:
        yield Served(ground, app, base)
    app.state.upload_jobs.close()


def write_list(path: Path, *, name: str = HOSTILE, header: str = HOSTILE) -> Path:
    """Write the facility list with one more column and one more row."""
    rows = [(*row, "") for row in FACILITIES]
    rows.append(("F9", name, "日间照料", "助餐", "9", "运营", "2020", "421303001",
                 "113.3655", "31.7302", name))  # fmt: skip
    return write_csv(path, [*FACILITY_HEADER, header], rows)


def open_page(page: Any) -> None:
    page.goto(f"/maps/upload?token={EDITOR}")
    page.wait_for_selector("#choose:not([hidden])")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_list_is_brought_looked_at_and_confirmed(
    served: Served, browser: Any, tmp_path: Path, viewport: dict[str, int]
) -> None:
    before = open_current(served.ground.out).version
    name = f"设施{viewport['width']}"
    path = write_list(tmp_path / "设施 <b>台账.csv", name=HOSTILE + name)
    with watched_page(browser, served.base, viewport=viewport) as page:
        open_page(page)
        page.set_input_files("#choose-file", str(path))
        assert "设施 <b>台账.csv" in page.inner_text("#file-name")
        keep_picture(page, f"upload-choose-{viewport['width']}")
        assert_accessible(page)
        page.click("#send")
        page.wait_for_selector("#confirm:not([hidden])", timeout=LONG_MS)
        keep_picture(page, f"upload-report-{viewport['width']}")
        words = page.inner_text("#report")
        assert "读入 7 行 = 使用 7 + 修复 0 + 剔除 0" in words
        assert HOSTILE in words and "49" not in page.inner_text(".preview")
        assert page.locator("#report img, #report script").count() == 0
        assert_fits(page)
        assert_accessible(page)
        # the address leads back here
        page.reload()
        page.wait_for_selector("#confirm:not([hidden])", timeout=LONG_MS)
        page.click("#confirm-button")
        page.wait_for_selector("#done:not([hidden])", timeout=LONG_MS)
        keep_picture(page, f"upload-done-{viewport['width']}")
        after = open_current(served.ground.out).version
        assert after != before and after in page.inner_text("#done-words")
        page.click("#done-map")
        page.wait_for_selector("#title-main:not(:empty)")


def assert_accessible(page: Any) -> None:
    """axe-core finds nothing serious in what is shown."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [
        (one["id"], node["target"], node["failureSummary"])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert found == []


def assert_fits(page: Any) -> None:
    """Nothing makes the page wider than the screen; wide tables scroll by themselves."""
    wider = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(wider)


def test_a_bad_file_is_refused_in_words_and_another_follows(
    served: Served, browser: Any, tmp_path: Path
) -> None:
    bad = tmp_path / "坏.csv"
    bad.write_text("名称,床位\n甲,1\n乙,2,3\n", encoding="utf-8")
    with watched_page(browser, served.base) as page:
        open_page(page)
        page.set_input_files("#choose-file", str(bad))
        page.click("#send")
        page.wait_for_selector("#report:not([hidden])", timeout=LONG_MS)
        assert "坏.csv，第 3 行：有 3 个字段，表头只有 2 个" in page.inner_text(
            "#verdict"
        )
        assert page.is_hidden("#confirm")
        page.click("#again")
        page.wait_for_selector("#choose:not([hidden])")
        # what was refused can still be looked at
        assert "坏.csv（不能使用）" in page.inner_text("#earlier")
        page.set_input_files("#choose-file", str(write_list(tmp_path / "好.csv")))
        page.click("#send")
        page.wait_for_selector("#confirm:not([hidden])", timeout=LONG_MS)
        page.click("#discard")
        page.wait_for_selector("#choose:not([hidden])")
        assert page.is_hidden("#earlier li")


def test_what_the_page_can_see_is_said_before_sending(
    served: Served, browser: Any, tmp_path: Path
) -> None:
    large, empty = tmp_path / "大.csv", tmp_path / "空.csv"
    large.write_bytes(b"a,b\n" * 30_000)
    empty.write_bytes(b"")
    with watched_page(browser, served.base) as page:
        open_page(page)
        page.click("#send")
        assert page.inner_text("#file-problem") == "请先选择文件"
        for path, words in ((large, "超过上限"), (empty, "0 字节")):
            page.set_input_files("#choose-file", str(path))
            page.click("#send")
            assert words in page.inner_text("#file-problem")
        assert not [u for u in page.watch.requests if u.endswith("/report")]


def test_the_form_follows_the_layer_by_keyboard(served: Served, browser: Any) -> None:
    with watched_page(browser, served.base, viewport=PHONE) as page:
        open_page(page)
        page.focus("[name=layer][value=facilities]")
        page.keyboard.press("ArrowRight")
        options = page.locator("#choose-source option").all_inner_texts()
        assert options == [
            "替换现有的 communities.geojson",
            "替换现有的 townships.geojson",
            "增加一个文件",
        ]
        page.click("#more summary")
        assert_accessible(page)
        assert page.is_visible("#set-level") and page.is_hidden("#set-kind")
        page.keyboard.press("ArrowRight")
        page.focus("[name=layer][value=roads]")
        page.keyboard.press("Space")
        options = page.locator("#choose-source option").all_inner_texts()
        assert options == ["替换现有的 roads.geojson"]
        assert_fits(page)


def test_others_are_told_what_they_need(served: Served, browser: Any) -> None:
    with watched_page(browser, served.base) as page:
        page.goto("/maps/")
        page.wait_for_selector("#title-main:not(:empty)")
        assert page.is_hidden('a[href="/maps/upload"]')
        page.goto(f"/maps/upload?token={PLANNER}")
        page.wait_for_selector("#refusal:not([hidden])")
        assert "editor" in page.inner_text("#refusal")
        assert page.is_hidden("#choose")
        page.goto(f"/maps/?token={EDITOR}")
        page.wait_for_selector('a[href="/maps/upload"]:not([hidden])')


def test_an_upload_that_is_gone_is_said(served: Served, browser: Any) -> None:
    with watched_page(browser, served.base) as page:
        page.goto(f"/maps/upload?id={'0' * 16}&token={EDITOR}")
        page.wait_for_selector("#message:not([hidden])")
        assert "已过期" in page.inner_text("#message-text")
        assert page.is_visible("#choose")
        page.watch.failed.clear()
        page.watch.errors.clear()
