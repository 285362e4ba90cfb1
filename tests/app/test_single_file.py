"""A view as one HTML file: opened from disk, with nothing to connect to."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from browser_cases import Watch, _listen, keep_picture
from indicator_cases import DemoRun
from map_cases import (
    HOSTILE_NAMES,
    NOTICE,
    RATES_15,
    township_code,
    township_names,
    township_rate,
)
from map_page_cases import expected_fill, fills, settle
from plan_map_cases import (
    AREA_NAMES,
    INDICATOR,
    township_status,
    write_plan_map_result,
)
from service_cases import API, assert_problem, make_client
from yikezhong_app.exports.inlining import inline_page
from yikezhong_app.exports.single_file import view_of_code
from yikezhong_app.maps.modules import read_modules
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.snapshots.snapshot import open_current

ALL_LAYERS = "areas,townships,communities,circles,facilities,gaps,gapareas,roads,labels"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("result")
    write_plan_map_result(out)
    return out


@pytest.fixture(scope="module")
def client(result: Path) -> Iterator[TestClient]:
    with make_client(result) as opened:
        yield opened


def save(client: TestClient, folder: Path, query: str) -> Path:
    answer = client.get(f"{API}/maps.html?{query}")
    assert answer.status_code == 200, answer.text
    path = folder / "图面.html"
    path.write_bytes(answer.content)
    return path


@contextmanager
def opened_file(browser: Any, path: Path) -> Iterator[Any]:
    """Open a file in a browser that is offline; fail on anything it asks for."""
    context = browser.new_context(
        offline=True, locale="zh-CN", viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.watch = Watch(origin=path.as_uri())
    _listen(page, page.watch)
    try:
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]", timeout=20_000)
        settle(page)
        yield page
        page.watch.check()
        asked = [url for url in page.watch.requests if not url.startswith("data:")]
        assert asked == [path.as_uri()]
    finally:
        context.close()


# --- the answer ----------------------------------------------------------------------


def test_answer_is_a_file_to_save(client: TestClient) -> None:
    answer = client.get(f"{API}/maps.html?layers=areas")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert not answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-snapshot-as-of"] == "2023-12-31"


def test_same_view_is_the_same_file(client: TestClient) -> None:
    first = client.get(f"{API}/maps.html?layers=areas").content
    assert client.get(f"{API}/maps.html?layers=areas").content == first
    assert client.get(f"{API}/maps.html?layers=areas&minutes=5").content != first


def test_file_holds_no_address_and_no_data_in_scripts(client: TestClient) -> None:
    text = client.get(f"{API}/maps.html?layers={ALL_LAYERS}").text
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL)
    kinds = [re.search(r'type="([^"]+)"', head) for head, _ in scripts]
    data = [b for k, (_, b) in zip(kinds, scripts, strict=True) if k and "json" in k[1]]
    (embedded,) = data
    assert "<" not in embedded
    assert set(json.loads(embedded)) == {"view", "layers", "answers"}
    code = [body for _, body in scripts if body is not embedded]
    for name in (*HOSTILE_NAMES, *township_names(), *AREA_NAMES[6:7]):
        assert not any(name in body for body in code), name
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    links = re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', markup)
    # the header's own links, which the file hides
    assert all(link.startswith(("/maps/", "/docs")) for link in links)
    assert "script-src 'nonce-" in text
    assert "connect-src" not in text
    assert "default-src 'none'" in text


def test_every_module_of_the_page_is_in_the_file() -> None:
    page = inline_page("{}", nonce="n")
    (text,) = re.findall(r'<script type="importmap"[^>]*>(.*?)</script>', page)
    imports = json.loads(text)["imports"]
    names = read_modules("main.js")
    assert {"main.js", "planner.js", "embedded.js", "dom.js"} <= names.keys()
    assert imports.keys() == {f"yikezhong/{name}" for name in names}
    for address in imports.values():
        body = base64.b64decode(address.removeprefix("data:text/javascript;base64,"))
        assert not re.search(rb'(from|import)\s+"\./', body)
    assert page.count("<script") == page.count("</script>")


@pytest.mark.parametrize(
    "query",
    [
        "service=nothing",
        "minutes=17",
        "layers=moon",
        "level=province",
        "denominator=x",
        "county=421304&level=prefecture",
    ],
)
def test_view_that_there_is_not_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"{API}/maps.html?{query}")
    assert answer.status_code in (404, 422)
    assert_problem(answer, answer.status_code, answer.json()["type"].split(":")[-1])


@pytest.mark.parametrize(
    ("query", "status"),
    [("indicator=nothing", 404), (f"indicator={INDICATOR}&speed=0.9", 422)],
)
def test_indicator_or_speed_that_there_is_not_is_refused(
    client: TestClient, query: str, status: int
) -> None:
    assert client.get(f"{API}/maps.html?{query}").status_code == status


def test_only_county_is_the_whole(county_run: DemoRun) -> None:
    catalog = load_catalog(open_current(county_run.out))
    (code,) = [one["code"] for one in catalog.divisions if one["level"] == "county"]
    assert view_of_code(catalog, code).county is None


# --- the file in a browser ---------------------------------------------------------------


@pytest.mark.browser
def test_file_shows_the_view_without_any_network(
    browser: Any, client: TestClient, tmp_path: Path
) -> None:
    place = "lat=31.64&lng=113.32&zoom=10.5"
    query = f"minutes=5&variant=own&denominator=people&layers={ALL_LAYERS}&{place}"
    path = save(client, tmp_path, query)
    asked = "level=township&service=elderly_circle&minutes=5&denominator=people"
    rates = client.get(f"{API}/coverage?{asked}&variant=own").json()["items"]
    with opened_file(browser, path) as page:
        keep_picture(page, "single-file")
        assert fills(page) == {one["code"]: expected_fill(one["rate"]) for one in rates}
        assert page.inner_text("#notice") == NOTICE
        assert "步行 5 分钟" in page.inner_text("#title-main")
        assert page.inner_text("#colophon").startswith("制图单位：测试市民政局")
        assert page.locator("#legend .ramp li").count() == 7
        assert page.evaluate("map_planner.getZoom()") == 10.5
        # what would ask a service is not there
        for hidden in (".pages", ".search", "#api-link", "#downloads", "#probe"):
            assert not page.locator(hidden).is_visible()
        page.locator(f'[data-rank="{township_code(2)}"]').click()
        assert page.inner_text("#area-name") == township_names()[2]
        page.uncheck("input[name=layer][value=gaps]")
        settle(page)
        assert page.locator("path[data-gap]").count() == 0


@pytest.mark.browser
def test_hostile_names_in_the_file_are_text(
    browser: Any, client: TestClient, tmp_path: Path
) -> None:
    place = "lat=31.64&lng=113.32&zoom=10.5"
    path = save(client, tmp_path, f"layers=areas,gapareas,labels&{place}")
    with opened_file(browser, path) as page:
        words = page.inner_text("#results")
        for i, name in enumerate(AREA_NAMES):
            code = township_code(i)
            page.locator(f'path[data-gap-area="elderly_circle:{code}"]').click()
            card = page.locator(".leaflet-popup-content").last
            assert card.inner_text().splitlines()[0] == name
        for name in HOSTILE_NAMES:
            assert name in words
        assert page.locator("#results :is(img, script)").count() == 0


@pytest.mark.browser
def test_verdicts_and_a_county_in_the_file(
    browser: Any, client: TestClient, tmp_path: Path
) -> None:
    query = f"indicator={INDICATOR}&speed=0.8&county=421304&layers=areas"
    with opened_file(browser, save(client, tmp_path, query)) as page:
        assert len(fills(page)) == 6
        statuses = [township_status(i, speed=0.8) for i in range(6, len(RATES_15))]
        for status in set(statuses):
            count = page.inner_text(f'[data-legend="verdict-{status}"] .legend-count')
            assert count == f"{statuses.count(status)} 个"
        assert page.inner_text("#title-main") == HOSTILE_NAMES[0]


@pytest.mark.browser
def test_command_writes_the_file_of_a_township(
    browser: Any, result: Path, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from yikezhong_app.cli import app

    code = township_code(2)
    words = ["report", str(result), "--code", code, "--format", "html"]
    # in a thread of its own: the browser keeps an event loop in this one
    with ThreadPoolExecutor(1) as thread:
        invoke = CliRunner().invoke
        done = thread.submit(
            invoke, app, [*words, "--out", str(tmp_path), "--json"]
        ).result()
    assert done.exit_code == 0, done.output
    (name,) = json.loads(done.stdout)["files"]
    with opened_file(browser, Path(name)) as page:
        assert page.inner_text("#area-name") == township_names()[2]
        rate = township_rate(2)
        assert fills(page)[code] == expected_fill(rate)
