"""Base maps from elsewhere: none by default, only what is set, only when chosen."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydantic
import pytest

from browser_cases import serve, watched_page
from map_cases import write_map_result
from map_page_cases import open_map, settle, view_of
from service_cases import make_client
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.web.base_maps import image_origins, offered_base_maps

TOKEN = "0123456789abcdef0123456789abcdef"
#: A transparent picture of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d"
    "49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("result")
    write_map_result(out)
    return out


def image_policy(answer: Any) -> str:
    policy = answer.headers["content-security-policy"]
    (images,) = [part for part in policy.split("; ") if part.startswith("img-src")]
    return images


def offered_by(text: str) -> list[dict[str, Any]]:
    (content,) = re.findall(r'<meta name="base-maps" content="([^"]*)"', text)
    return json.loads(html.unescape(content))


def test_nothing_is_offered_by_default(result: Path) -> None:
    with make_client(result) as client:
        for page in ("/maps/", "/maps/siting", "/maps/township/421303001", "/docs"):
            answer = client.get(page)
            assert image_policy(answer) == "img-src 'self' data: blob:"
        assert offered_by(client.get("/maps/").text) == []


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({"tianditu_token": TOKEN}, ["tianditu"]),
        ({"osm_tiles": True}, ["osm"]),
        ({"tianditu_token": TOKEN, "osm_tiles": True}, ["tianditu", "osm"]),
        ({"tianditu_token": ""}, []),
    ],
)
def test_policy_is_widened_for_what_is_set_only(
    result: Path, values: dict[str, Any], ids: list[str]
) -> None:
    offered = offered_base_maps(
        tianditu_token=values.get("tianditu_token"), osm=values.get("osm_tiles", False)
    )
    with make_client(result, **values) as client:
        answer = client.get("/maps/")
        assert [one["id"] for one in offered_by(answer.text)] == ids
        wanted = " ".join(["img-src 'self' data: blob:", *image_origins(offered)])
        assert image_policy(answer) == wanted
        # only images, and only of pages
        policy = answer.headers["content-security-policy"]
        assert "connect-src 'self';" in policy
        assert "https" not in policy.replace(wanted, "")
        data = client.get("/api/v1/study").headers["content-security-policy"]
        assert "https" not in data


def test_every_tile_address_is_of_its_origins() -> None:
    for one in offered_base_maps(tianditu_token=TOKEN, osm=True):
        for address in one.tiles:
            for host in one.hosts or ["a"]:
                parts = urlsplit(address.replace("{s}", host))
                assert f"{parts.scheme}://{parts.netloc}" in one.origins


@pytest.mark.parametrize("token", ["short", "a b" * 8, '"><script>' * 3, "x" * 65])
def test_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        Settings(tianditu_token=token)


# --- in a browser: hosts are answered by a stub, nothing leaves the machine ---------------


@pytest.fixture(scope="module")
def base(result: Path) -> Iterator[str]:
    settings = Settings(out=result, tianditu_token=TOKEN, osm_tiles=True)
    with serve(create_app(settings)) as address:
        yield address


@pytest.fixture
def page(browser: Any, base: str) -> Iterator[Any]:
    with watched_page(browser, base) as opened:
        opened.tiles = []

        def stub(route: Any) -> None:
            opened.tiles.append(route.request.url)
            route.fulfill(body=PIXEL, content_type="image/png")

        for host in ("*.tianditu.gov.cn", "tile.openstreetmap.org"):
            opened.route(f"https://{host}/**", stub)
        yield opened


@pytest.mark.browser
def test_no_tile_is_asked_for_until_one_is_chosen(page: Any) -> None:
    open_map(page)
    assert page.input_value("#choose-base") == ""
    assert page.tiles == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("id_", "hosts", "words"),
    [
        ("tianditu", r"t[0-7]\.tianditu\.gov\.cn", "天地图"),
        ("osm", r"tile\.openstreetmap\.org", "OpenStreetMap"),
    ],
)
def test_chosen_base_map_lies_beneath_and_is_credited(
    page: Any, id_: str, hosts: str, words: str
) -> None:
    open_map(page)
    page.select_option("#choose-base", id_)
    page.wait_for_selector(".leaflet-tile-loaded", state="attached")
    settle(page)
    assert view_of(page)["base"] == id_
    assert page.tiles
    for url in page.tiles:
        assert re.fullmatch(hosts, urlsplit(url).netloc)
    assert words in page.inner_text("#ground-words")
    if id_ == "tianditu":
        asked = [parse_qs(urlsplit(url).query) for url in page.tiles]
        assert {one["LAYER"][0] for one in asked} == {"vec", "cva"}
        assert {one["tk"][0] for one in asked} == {TOKEN}
        assert {one["TILEMATRIXSET"][0] for one in asked} == {"w"}
    page.select_option("#choose-base", "")
    settle(page)
    assert page.locator(".leaflet-tile").count() == 0
    assert "base" not in view_of(page)
    assert page.inner_text("#ground-words") == ""


@pytest.mark.browser
def test_base_map_that_is_not_offered_is_dropped_from_addresses(
    browser: Any, result: Path
) -> None:
    with (
        serve(create_app(Settings(out=result))) as address,
        watched_page(browser, address) as page,
    ):
        open_map(page, "?base=osm")
        assert "base" not in view_of(page)
        assert page.locator("#field-base").is_hidden()
