"""Rates at another walking speed: from the API, on the map, in a picture and a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser_cases import serve, watched_page
from map_cases import RATES_15, coverage_speeds, township_code, write_map_result
from map_page_cases import api, fills, open_map, settle, view_of
from yikezhong_app.exports.view import MapView, prepare_map
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import open_current

pytestmark = pytest.mark.browser
SLOW = "coverage?level=township&service=elderly_circle&minutes=15&speed=0.8"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    speeds = coverage_speeds(0.8, share=0.5)
    write_map_result(folder, tables={"coverage_speeds": speeds})
    return folder


@pytest.fixture(scope="module")
def base(out: Path) -> Iterator[str]:
    with serve(create_app(Settings(out=out))) as address:
        yield address


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        yield opened


def test_the_api_answers_at_the_speeds_there_are(base: str) -> None:
    assert api(base, "study")["walk_speeds_mps"] == [0.8, 1.0]
    usual = {
        r["code"]: r["rate"] for r in api(base, SLOW[: -len("&speed=0.8")])["items"]
    }
    assert usual == {township_code(i): rate for i, rate in enumerate(RATES_15)}
    same = api(base, SLOW.replace("0.8", "1"))["items"]
    assert {r["code"]: r["rate"] for r in same} == usual
    slow = api(base, SLOW)["items"]
    assert {r["speed_mps"] for r in slow} == {0.8}
    for row in slow:
        expected = usual[row["code"]]
        assert row["rate"] == (None if expected is None else expected * 0.5)


def test_speeds_that_were_not_computed_are_named(page: Any, base: str) -> None:
    answer = page.request.get(f"{base}/api/v1/{SLOW.replace('0.8', '0.9')}")
    assert answer.status == 422
    assert answer.json()["available"] == [0.8, 1.0]
    assert page.request.get(f"{base}/api/v1/{SLOW.replace('0.8', 'inf')}").status == 422


def test_the_map_follows_the_speed(page: Any, base: str) -> None:
    open_map(page)
    before = fills(page)
    assert page.locator("path[data-gap]").count() > 0
    assert page.is_disabled("input[name=speed][value='1.2']")
    page.click("#choose-speed label:has(input[value='0.8'])")
    settle(page)
    assert view_of(page)["speed"] == "0.8"
    # half of the rate: another class, but where there is none or nothing
    changed = {code for code, fill in fills(page).items() if fill != before[code]}
    assert township_code(10) in changed
    assert township_code(0) not in changed and township_code(11) not in changed
    # what is known at the usual speed only is not shown beside other rates
    assert page.locator("path[data-gap]").count() == 0
    assert "1.0 米/秒" in page.inner_text("#speed-hint")
    assert "0.8 米/秒" in page.inner_text("#title-sub")
    whole = api(base, f"{SLOW}&limit=99".replace("township", "prefecture"))["items"][0]
    assert f"{100 * whole['rate']:.1f}%" in page.inner_text("#title-sub")
    page.click("#choose-speed label:has(input[value='1'])")
    settle(page)
    assert fills(page) == before
    assert page.locator("path[data-gap]").count() > 0


def test_a_picture_at_another_speed_leaves_gaps_out(out: Path) -> None:
    catalog = load_catalog(open_current(out))
    usual = prepare_map(catalog, MapView(layers=("gaps",)))
    slow = prepare_map(catalog, MapView(layers=("gaps",), speed=0.8))
    assert usual.gaps and not slow.gaps
    assert slow.whole["rate"] == pytest.approx(usual.whole["rate"] / 2, abs=1e-12)


def test_a_file_at_another_speed_holds_its_rates(page: Any, base: str) -> None:
    query = "service=elderly_circle&minutes=15&speed=0.8&layers=areas"
    answer = page.request.get(f"{base}/api/v1/maps.html?{query}")
    assert answer.status == 200
    page.set_content(answer.text())
    page.wait_for_selector("body[data-ready]")
    assert "0.8 米/秒" in page.inner_text("#title-sub")
