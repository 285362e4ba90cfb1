"""The map page of a result with very many communities, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from browser_cases import PHONE, chromium, serve, watched_page
from lattice_cases import HOSTILE
from province_cases import write_province
from service_cases import API, make_client
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.tiles.building import build_division_tiles

COMMUNITY = "?level=community&lat={lat}&lng={lon}&zoom={zoom}&layers=areas"
#: Colours of an image's middle.
_COLOURS = """() => {
  const seen = new Set();
  for (const canvas of document.querySelectorAll('.leaflet-areas-pane canvas')) {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
    }
  }
  return [...seen];
}"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    snapshot = write_province(
        folder, county_rows=3, county_columns=4, n_service=2, n_facility=3000
    )
    build_division_tiles(snapshot.geo_table("divisions"), folder)
    return folder


@pytest.fixture(scope="module")
def api(out: Path) -> TestClient:
    return make_client(out)


@pytest.fixture(scope="module")
def base(out: Path) -> Iterator[str]:
    with serve(create_app(Settings(out=out))) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as one:
        yield one


def _open(page: Any, address: str = "") -> None:
    page.goto(f"/maps/{address}")
    page.wait_for_selector("body[data-ready]")


def _until(page: Any, condition: str) -> Any:
    """Wait until an expression is true; the page's policy forbids another way."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = page.evaluate(condition)
        if found:
            return found
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def _rows(api: TestClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(f"{API}/{path}", params={"limit": 100_000, **query})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["items"]
    return rows


def _community(out: Path, number: int) -> dict[str, Any]:
    divisions = open_current(out).table("divisions")
    own = divisions[divisions["level"] == "community"].iloc[number]
    row: dict[str, Any] = own.drop("geometry").to_dict()
    return row


def _near(one: dict[str, Any], zoom: float) -> str:
    return COMMUNITY.format(lat=one["lat"], lon=one["lon"], zoom=zoom)


def test_a_large_study_opens_at_its_townships(page: Any, api: TestClient) -> None:
    _open(page)
    rows = _rows(api, "coverage", level="township", service="elderly_circle")
    assert page.locator("path[data-code]").count() == len(rows) == 192
    assert page.locator("#title-sub").inner_text().endswith("%")
    # the facilities in view stand in rings whose numbers sum up
    total = (
        sum(int(text) for text in page.locator(".ring text").all_text_contents())
        + page.locator(".sign").count()
    )
    box = "100,20,130,40"
    answer = api.get(
        f"{API}/facilities/clusters",
        params={"bbox": box, "zoom": 8, "service": "elderly_circle"},
    )
    assert total == answer.json()["total"] > 1000


def test_communities_are_painted_close_up(page: Any, out: Path) -> None:
    """From afar the townships stand for them, and the page says so."""
    one = _community(out, 2000)
    _open(page, "?level=community&layers=areas")
    assert page.locator("path[data-code]").count() == 192
    assert "放大后按社区/村" in page.locator("#title-sub").inner_text()
    assert page.locator(".leaflet-areas-pane canvas").count() == 0
    page.evaluate(f"map_planner.setView([{one['lat']}, {one['lon']}], 10)")
    _until(page, f"({_COLOURS})().length > 4")
    colours = page.evaluate(_COLOURS)
    for wanted in ("253,240,181", "203,229,176", "134,203,180", "71,166,181"):
        assert wanted in colours
    assert page.locator("path[data-code]").count() == 0
    assert "放大后" not in page.locator("#title-sub").inner_text()


def test_a_click_opens_the_community(page: Any, out: Path, api: TestClient) -> None:
    one = _community(out, 1777)
    _open(page, _near(one, 13))
    _until(page, f"({_COLOURS})().length > 1")
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator(".tip .name").inner_text() == one["name"]
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#area-name")
    assert page.locator("#area-name").inner_text() == one["name"]
    rows = _rows(
        api, "coverage", level="community", service="elderly_circle",
        parent=one["parent"],
    )  # fmt: skip
    (row,) = [row for row in rows if row["code"] == one["code"]]
    shown = page.locator('[data-figure="covered"]').inner_text()
    assert re.sub(r"\D", "", shown) == str(round(row["covered"]))
    assert f"{row['rate'] * 100:.1f}%" in page.locator(".headline-rate").inner_text()
    gaps = _rows(
        api, "gaps", service="elderly_circle", level="community", parent=one["code"]
    )
    assert page.locator("[data-gap-row]").count() == len(gaps) == 1
    assert f"code={one['code']}" in page.url
    assert page.locator(".leaflet-selection-pane path").count() >= 2


def test_a_search_leads_to_the_community(page: Any, out: Path) -> None:
    one = _community(out, 3210)
    _open(page)
    page.fill("#search-input", one["code"])
    page.wait_for_selector("#search-0")
    page.press("#search-input", "Enter")
    page.wait_for_selector("#area-name")
    assert page.locator("#area-name").inner_text() == one["name"]
    _until(page, "map_planner.getZoom() >= 11")
    place = f"[{one['lat']}, {one['lon']}]"
    assert page.evaluate(f"map_planner.getBounds().contains({place})")
    _until(page, f"({_COLOURS})().length > 1")


def test_communities_can_be_walked_by_keyboard(page: Any, out: Path) -> None:
    one = _community(out, 1777)
    _open(page, _near(one, 13))
    page.locator(".tile-keys").focus()
    first = page.locator("#tile-area").inner_text()
    page.keyboard.press("ArrowRight")
    second = page.locator("#tile-area").inner_text()
    assert first != second and "覆盖率" in second
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-name")
    assert second.startswith(page.locator("#area-name").inner_text())
    page.locator(".tile-keys").focus()
    page.keyboard.press("Home")
    told = page.locator("#tile-area").inner_text()
    assert told.startswith(_community(out, 0)["name"])


def test_the_page_has_no_serious_finding(page: Any, out: Path) -> None:
    axe = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    assert axe.is_file(), "axe-core is not installed: run `npm ci --ignore-scripts`"
    one = _community(out, 1777)
    _open(page, _near(one, 13) + f"&code={one['code']}")
    page.wait_for_selector("#area-name")
    page.locator(".tile-keys").focus()
    page.evaluate(axe.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        v for v in result["violations"] if v["impact"] in ("serious", "critical")
    ]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in serious] == []


def test_an_indicator_paints_the_communities(page: Any, out: Path) -> None:
    one = _community(out, 1777)
    _open(page, _near(one, 10) + "&indicator=X-2")
    _until(page, f"({_COLOURS})().length > 1")
    colours = page.evaluate(_COLOURS)
    assert "43,117,163" in colours and "242,161,84" in colours
    legend = page.locator('[data-legend="verdict-met"] .legend-count').inner_text()
    assert int(re.sub(r"\D", "", legend)) > 100


def test_unknown_rates_are_striped(page: Any, out: Path) -> None:
    one = _community(out, 96)
    _open(page, _near(one, 13))
    _until(page, f"({_COLOURS})().includes('242,241,237')")
    page.evaluate(f"map_planner.setView([{one['lat']}, {one['lon']}], 13)")
    box = page.locator(".folium-map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.locator(".tip-value").inner_text() == "无数据"


def test_a_county_narrows_what_is_read_and_drawn(page: Any, out: Path) -> None:
    one = _community(out, 1777)
    county = one["code"][:6] + "000000"
    _open(page, f"?level=community&county={county}")
    counts = page.locator("[data-legend] .legend-count").all_inner_texts()
    assert sum(int(re.sub(r"\D", "", text)) for text in counts) == 336
    asked = [url for url in page.watch.requests if "/gaps?" in url]
    assert asked and all(f"parent={county}" in url for url in asked)
    assert page.locator("path[data-gap]").count() > 100


def test_a_hostile_name_is_text(page: Any, out: Path) -> None:
    one = _community(out, 5)
    assert one["name"] == HOSTILE
    _open(page, _near(one, 14))
    _until(page, f"({_COLOURS})().length > 1")
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#area-name")
    assert page.locator("#area-name").inner_text() == HOSTILE


def test_a_phone_shows_it_too(browser: Any, base: str, out: Path) -> None:
    one = _community(out, 1777)
    with watched_page(browser, base, viewport=PHONE) as page:
        _open(page, _near(one, 12))
        _until(page, f"({_COLOURS})().length > 1")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]
