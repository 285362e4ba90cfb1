"""The map page as text: what it links, what it lets through, what it must not hold."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import folium
import pytest
from branca.element import CssLink, Element, JavascriptLink
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from yikezhong_app.maps.page import coverage_page
from yikezhong_app.maps.scaffold import (
    LIBRARY_URLS,
    NONCE_PLACEHOLDER,
    OfflineFigure,
    ScaffoldMap,
    UnknownAssetError,
    with_nonce,
)
from yikezhong_app.routes.maps import router
from yikezhong_app.web import assets

ROOT = Path(__file__).resolve().parents[2]
OWN_SCRIPTS = sorted((assets.STATIC_FOLDER / "js").glob("*.js"))


def test_page_has_no_foreign_address() -> None:
    assert re.search(r"(https?:)?//[\w-]+\.", coverage_page()) is None


def test_page_is_the_same_every_time() -> None:
    first = coverage_page()
    coverage_page.cache_clear()
    assert coverage_page() == first


def test_every_linked_file_is_there() -> None:
    links = re.findall(r'(?:src|href)="/static/([^"]+)"', coverage_page())
    assert len(links) > 8
    missing = [link for link in links if not (assets.STATIC_FOLDER / link).is_file()]
    assert missing == [], "run `make setup`"


def test_every_imported_module_is_there() -> None:
    for script in OWN_SCRIPTS:
        for name in re.findall(r'from "\./([\w.]+)"', script.read_text("utf-8")):
            assert (script.parent / name).is_file(), f"{script.name} imports {name}"


def test_every_library_copy_is_shipped() -> None:
    shipped = {
        f"/static/lib/{target}"
        for files in assets.LIBRARY_FILES.values()
        for target in files.values()
    }
    assert set(LIBRARY_URLS.values()) <= shipped


def test_map_has_zoom_limits_and_no_base_map() -> None:
    page = coverage_page()
    assert '"maxZoom": 18' in page
    assert "tileLayer" not in page


def test_phones_may_zoom_the_page() -> None:
    assert "user-scalable" not in coverage_page()


@pytest.mark.parametrize(
    "element",
    [
        JavascriptLink("https://cdn.jsdelivr.net/npm/d3@7/dist/d3.min.js"),
        CssLink("https://fonts.example.org/a.css"),
        JavascriptLink("//example.org/a.js"),
        JavascriptLink("elsewhere/a.js"),
        Element('<img src="https://example.org/a.png">'),
        Element("<style>@import 'https://example.org/a.css';</style>"),
    ],
)
def test_unknown_asset_raises(element: Element) -> None:
    figure = OfflineFigure(title="地图")
    figure.header.add_child(element)
    with pytest.raises(UnknownAssetError):
        figure.render()


def test_folium_plugin_that_links_elsewhere_raises() -> None:
    figure = OfflineFigure(title="地图")
    scaffold = ScaffoldMap()
    figure.add_child(scaffold)
    # branca's colour map links d3 from a foreign address, whatever the map's lists say
    folium.LinearColormap(["white", "black"]).add_to(scaffold)
    with pytest.raises(UnknownAssetError, match="d3"):
        figure.render()


def test_scaffold_leaves_folium_itself_alone() -> None:
    before = list(folium.Map.default_js)
    figure = OfflineFigure(title="地图")
    figure.add_child(ScaffoldMap())
    figure.render()
    assert folium.Map.default_js == before


def test_every_inline_script_carries_the_nonce() -> None:
    scripts = re.findall(r"<script\b[^>]*>", with_nonce(coverage_page(), "n0nce"))
    inline = [tag for tag in scripts if "src=" not in tag]
    assert inline == ['<script nonce="n0nce">']
    assert NONCE_PLACEHOLDER not in with_nonce(coverage_page(), "n0nce")


def test_page_has_no_inline_handlers() -> None:
    assert re.search(r"<[^>]+\son\w+\s*=", coverage_page()) is None


def test_route_gives_the_nonce_of_the_request() -> None:
    app = FastAPI()

    @app.middleware("http")
    async def add_nonce(request: Request, call_next):
        request.state.csp_nonce = request.headers["x-nonce"]
        return await call_next(request)

    app.include_router(router)
    with TestClient(app) as client:
        for nonce in ("first", "second"):
            answer = client.get("/maps/", headers={"x-nonce": nonce})
            assert f'<script nonce="{nonce}">' in answer.text
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("script", OWN_SCRIPTS, ids=lambda path: path.name)
def test_own_scripts_never_parse_text_as_html(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser"
        r"|createContextualFragment|srcdoc|\beval\b|new Function|setTimeout\(\s*[\"'`]"
    )
    assert re.search(forbidden, text) is None
    assert re.search(r"https?://(?!www\.w3\.org/2000/svg)", text) is None


# --- the libraries ---------------------------------------------------------------


def test_installed_libraries_are_whole() -> None:
    assert assets.find_damage() == (), "run `make setup`"


def test_lock_pins_by_hash_and_names_no_address() -> None:
    pinned = assets.read_lock(ROOT / "package-lock.json")
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"]
    assert {name: entry["version"] for name, entry in pinned.items()} == wanted
    assert "http" not in (ROOT / "package-lock.json").read_text("utf-8")


def test_changed_library_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    shutil.copytree(assets.LIBRARY_FOLDER, folder)
    assert assets.find_damage(folder) == ()
    with (folder / "leaflet/leaflet.js").open("a", encoding="utf-8") as file:
        file.write("// changed")
    (folder / "swagger-ui/LICENSE").unlink()
    assert assets.find_damage(folder) == ("leaflet/leaflet.js", "swagger-ui/LICENSE")


def test_missing_libraries_are_noticed(tmp_path: Path) -> None:
    assert assets.find_damage(tmp_path / "nowhere") == (assets.MANIFEST,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"integrity": ""}, "校验值"),
        ({"integrity": "sha1-abc"}, "校验值"),
        ({"resolved": "somewhere"}, "下载地址"),
    ],
)
def test_lock_that_does_not_pin_is_refused(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    lock["packages"]["node_modules/leaflet"].update(change)
    path = tmp_path / "package-lock.json"
    path.write_text(json.dumps(lock), encoding="utf-8")
    with pytest.raises(assets.LibraryError, match=message):
        assets.read_lock(path)


def test_lock_without_a_package_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "package-lock.json"
    path.write_text('{"packages": {}}', encoding="utf-8")
    with pytest.raises(assets.LibraryError, match="leaflet"):
        assets.read_lock(path)


def test_set_up_without_npm_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(assets.LibraryError, match="apt-get install nodejs npm"):
        assets.run_npm(tmp_path)


def test_second_set_up_finds_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "run_npm", lambda _root: pytest.fail("ran npm again"))
    assert assets.install_libraries(ROOT) is False
