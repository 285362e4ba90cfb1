"""Layers of a snapshot's GeoPackage: whole where they are small, told where not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from yikezhong_app.snapshots import layers, table_files
from yikezhong_app.snapshots.layers import write_layers
from yikezhong_app.snapshots.snapshot import GEOPACKAGE, write_snapshot
from yikezhong_app.snapshots.table_files import TableFile, TableFiles
from yikezhong_geodata.columns import CRS

LIMITS_S = {"meal": 900.0, "bath": 1800.0}
LEVELS_OF = ["county", "township", "community", "community"]


def gaps_of(service: str) -> gpd.GeoDataFrame:
    """Return eight gaps: four divisions at two limits."""
    frame = pd.DataFrame(
        {
            "id": [f"{service}:{i}" for i in range(8)],
            "service": pd.Categorical([service] * 8),
            "limit_s": np.repeat([900.0, 1800.0], 4),
            "level": pd.Categorical(LEVELS_OF * 2),
            "without": np.arange(8.0),
        }
    )
    places = gpd.points_from_xy(np.arange(8.0), np.arange(8.0))
    return gpd.GeoDataFrame(frame, geometry=places, crs=CRS)


def in_files(folder: Path) -> TableFiles:
    files = []
    for service in LIMITS_S:
        path = folder / f"{service}.parquet"
        gaps_of(service).to_parquet(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(TableFile(path, service, service, 8, True, digest))
    return TableFiles(tuple(files))


def joined() -> gpd.GeoDataFrame:
    both = [gaps_of(s).astype({"service": "str", "level": "str"}) for s in LIMITS_S]
    return gpd.GeoDataFrame(pd.concat(both, ignore_index=True), crs=CRS)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(
    ("most", "kept", "ids"),
    [
        (16, None, [*range(8), *range(8)]),
        (8, "own_limit", [0, 1, 2, 3, 4, 5, 6, 7]),
        (7, "own_limit_above_communities", [0, 1, 4, 5]),
    ],
)
def test_gaps_keep_what_is_looked_at(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stored: bool,
    most: int,
    kept: str | None,
    ids: list[int],
) -> None:
    monkeypatch.setattr(layers, "MOST_ROWS", most)
    monkeypatch.setattr(table_files, "_PIECE_BYTES", 1)  # file by file
    gaps = in_files(tmp_path) if stored else joined()
    path = tmp_path / "a.gpkg"
    left_out = write_layers(path, {"gaps": gaps}, limits_s=LIMITS_S)
    read = gpd.read_file(path, layer="gaps")
    # at its own limit meal has the first four rows, bath the last four
    assert [int(text.split(":")[1]) for text in read["id"]] == ids
    assert read.geometry.x.tolist() == [float(i) for i in ids]
    if kept is None:
        assert left_out == []
        assert caplog.records == []
        return
    wanted = {"layer": "gaps", "rows": len(ids), "of": 16, "kept": kept}
    assert left_out == [wanted]
    assert (read["limit_s"] == read["service"].map(LIMITS_S)).all()
    assert "gaps" in caplog.text
    assert "16" in caplog.text


def test_what_has_no_smaller_part_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "MOST_ROWS", 3)
    places = gpd.GeoDataFrame({"id": ["a"]}, geometry=gpd.points_from_xy([1], [2]))
    tables = {
        "demand": joined(),
        "gaps": joined(),
        "facilities": places.set_crs(CRS),
        "coverage": pd.DataFrame({"rate": [1.0] * 9}),
    }
    manifest = {
        "as_of": "2025-12-31",
        "services": [{"id": id_, "limit_s": s} for id_, s in LIMITS_S.items()],
    }
    snapshot = write_snapshot(tmp_path, tables, manifest=manifest)
    assert snapshot.manifest["geopackage_left_out"] == [
        {"layer": "demand", "rows": 0, "of": 16, "kept": None},
        {"layer": "gaps", "rows": 0, "of": 16, "kept": None},
    ]
    found = gpd.list_layers(snapshot.folder / GEOPACKAGE)["name"].tolist()
    assert found == ["facilities"]
    assert len(snapshot.table("demand")) == 16
    again = write_snapshot(tmp_path, tables, manifest=manifest)
    assert again.version == snapshot.version
    json.dumps(dict(snapshot.manifest))


def test_a_small_snapshot_tells_nothing(tmp_path: Path) -> None:
    snapshot = write_snapshot(
        tmp_path, {"gaps": joined()}, manifest={"as_of": "2025-12-31"}
    )
    assert "geopackage_left_out" not in snapshot.manifest
