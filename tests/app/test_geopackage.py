"""GeoPackages of the API: the same rows as the JSON, codes as text, unknown as NULL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from starlette.testclient import TestClient

from service_cases import API, make_client
from snapshot_cases import HOSTILE, NOTICE, write_small_snapshot
from yikezhong_app.web.formats import MEDIA_TYPES, Format
from yikezhong_app.web.geopackage import ABOUT_LAYER, DATA_LAYER, to_geopackage


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    out = tmp_path_factory.mktemp("gpkg")
    write_small_snapshot(out)
    with make_client(out) as opened:
        yield opened


def layer(content: bytes, folder: Path, name: str = DATA_LAYER) -> Any:
    path = folder / "answer.gpkg"
    path.write_bytes(content)
    return pyogrio.read_dataframe(path, layer=name)


@pytest.mark.parametrize(
    "path",
    ["divisions", "coverage?minutes=all", "facilities", "circles", "roads", "gaps"],
)
def test_the_rows_are_those_of_the_json(
    client: TestClient, tmp_path: Path, path: str
) -> None:
    mark = "&" if "?" in path else "?"
    answer = client.get(f"{API}/{path}{mark}format=gpkg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[Format.GPKG]
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    frame = layer(answer.content, tmp_path)
    features = client.get(f"{API}/{path}{mark}format=geojson").json()["features"]
    assert isinstance(frame, gpd.GeoDataFrame) and frame.crs.to_epsg() == 4326
    assert len(frame) == len(features) > 0
    for i, feature in enumerate(features):
        assert frame.geometry[i] is None or not frame.geometry[i].is_empty
        assert (frame.geometry[i] is None) == (feature["geometry"] is None)
        for name, value in feature["properties"].items():
            got = frame[name][i]
            if value is None:
                assert pd.isna(got), name
            elif isinstance(value, (str, int, float)):
                assert got == value, name
    accepted = client.get(f"{API}/{path}", headers={"Accept": MEDIA_TYPES[Format.GPKG]})
    assert accepted.content[:6] == b"SQLite"


def test_codes_are_text_and_hostile_names_are_only_names(
    client: TestClient, tmp_path: Path
) -> None:
    content = client.get(f"{API}/facilities?format=gpkg").content
    frame = layer(content, tmp_path)
    assert set(HOSTILE) <= {str(name) for name in frame["name"]}
    with sqlite3.connect(tmp_path / "answer.gpkg") as base:
        (kind,) = base.execute(
            f"SELECT typeof(township_code) FROM {DATA_LAYER}"
        ).fetchone()
    assert kind == "text"
    about = layer(content, tmp_path, ABOUT_LAYER)
    assert NOTICE in set(about["value"])


def test_nothing_is_a_geopackage_too(tmp_path: Path) -> None:
    about = [("a", "b")]
    none = to_geopackage(["code", "n"], [], geometries=[], about=about)
    assert list(layer(none, tmp_path).columns) == ["code", "n", "geometry"]
    row = {"fid": 7, "geom": "x", "n": None, "t": "a\0b", "l": ["p", "q"]}
    plain = to_geopackage(list(row), [row], geometries=None, about=about)
    frame = layer(plain, tmp_path)
    assert frame["fid"][0] == 7 and frame["geom"][0] == "x"
    assert frame["t"][0] == "a�b" and frame["l"][0] == "p;q"
    assert frame["n"][0] is None


def test_links_of_pages_are_headers_too(client: TestClient) -> None:
    first = client.get(f"{API}/divisions?limit=3")
    assert first.links["next"]["url"] == first.json()["links"]["next"]
    second = client.get(first.links["next"]["url"])
    assert second.links["prev"]["url"] == second.json()["links"]["prev"]
    table = client.get(f"{API}/divisions?limit=3&format=csv")
    assert table.links["next"]["url"].endswith("format=csv&limit=3&offset=3")
