from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point

from snapshot_cases import write_small_snapshot
from yikezhong_app.snapshots.snapshot import (
    SnapshotBusyError,
    SnapshotCorruptError,
    SnapshotMissingError,
    list_versions,
    open_current,
    publishing,
    write_snapshot,
)


def _tables(value: float = 1.0) -> dict[str, pd.DataFrame]:
    places = gpd.GeoDataFrame(
        {"id": ["a", "b"], "functions": [("meal",), None], "note": ["甲", None]},
        geometry=[Point(113, 31), None],
        crs="EPSG:4326",
    )
    return {"facilities": places, "coverage": pd.DataFrame({"rate": [value]})}


def _write(out: Path, value: float = 1.0, as_of: str = "2025-12-31"):
    return write_snapshot(out, _tables(value), manifest={"as_of": as_of})


def test_a_written_snapshot_is_read_back_whole(tmp_path: Path) -> None:
    written = _write(tmp_path)
    read = open_current(tmp_path)
    assert read.version == written.version
    assert read.version.startswith("2025-12-31-")
    assert read.table("coverage")["rate"].tolist() == [1.0]
    places = read.geo_table("facilities")
    assert list(places["functions"].iloc[0]) == ["meal"]
    assert places.geometry.iloc[1] is None
    layers = gpd.list_layers(read.folder / "snapshot.gpkg")
    assert layers["name"].tolist() == ["facilities"]


def test_the_same_result_has_the_same_name_and_is_written_once(tmp_path: Path) -> None:
    first, again = _write(tmp_path), _write(tmp_path)
    assert first.version == again.version
    assert list_versions(tmp_path) == [first.version]


def test_a_reader_keeps_the_version_it_began_with(tmp_path: Path) -> None:
    _write(tmp_path, 1.0)
    reader = open_current(tmp_path)
    _write(tmp_path, 2.0)
    assert reader.table("coverage")["rate"].tolist() == [1.0]
    assert open_current(tmp_path).table("coverage")["rate"].tolist() == [2.0]


def test_a_failed_run_leaves_the_old_version_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _write(tmp_path, 1.0)

    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("yikezhong_app.snapshots.snapshot.write_layers", full_disk)
    with pytest.raises(OSError, match="No space"):
        _write(tmp_path, 2.0)
    assert open_current(tmp_path).version == old.version
    assert [p.name for p in (tmp_path / "versions").iterdir()] == [old.version]


def test_a_flipped_byte_is_noticed_and_mended_by_the_next_run(tmp_path: Path) -> None:
    snapshot = _write(tmp_path)
    path = snapshot.folder / "coverage.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SnapshotCorruptError, match="校验"):
        open_current(tmp_path).table("coverage")
    assert _write(tmp_path).version == snapshot.version
    assert len(open_current(tmp_path).table("coverage")) == 1


def test_two_publishers_cannot_mix(tmp_path: Path) -> None:
    with publishing(tmp_path), pytest.raises(SnapshotBusyError):
        _write(tmp_path)


def test_missing_and_broken_pointers_are_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissingError, match="yikezhong run"):
        open_current(tmp_path)
    snapshot = _write(tmp_path)
    manifest = snapshot.folder / "manifest.json"
    content = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**content, "schema": 0}), "utf-8")
    with pytest.raises(SnapshotCorruptError, match="格式版本"):
        open_current(tmp_path)
    (tmp_path / "current.json").write_text("{", "utf-8")
    with pytest.raises(SnapshotCorruptError, match="指针"):
        open_current(tmp_path)


def test_a_version_may_be_read_by_whom_the_folder_may(tmp_path: Path) -> None:
    """The service often runs as another user than the one who computes."""
    written = write_small_snapshot(tmp_path)
    modes = {path.stat().st_mode for path in (written.folder, tmp_path / "versions")}
    assert len(modes) == 1
