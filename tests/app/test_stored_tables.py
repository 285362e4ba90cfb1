"""Tables in parts: only what is asked is read, and it is what one file would give."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from parted_cases import part_snapshot
from snapshot_cases import write_small_snapshot
from yikezhong_app.snapshots.opening import Snapshot, find_damage, is_whole
from yikezhong_app.snapshots.snapshot import SnapshotCorruptError, SnapshotMissingError


@pytest.fixture
def single(tmp_path: Path) -> Snapshot:
    return write_small_snapshot(tmp_path / "single")


@pytest.fixture
def parted(tmp_path: Path) -> Snapshot:
    out = tmp_path / "parted"
    return part_snapshot(write_small_snapshot(out), out)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that can be compared: texts as texts, shapes as WKB."""
    plain = pd.DataFrame(table)
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.CategoricalDtype):
            plain[name] = plain[name].astype("str")
    if "geometry" in plain:
        shapes = gpd.GeoSeries(table["geometry"])
        plain["geometry"] = [None if s is None else s.wkb for s in shapes]
    return plain.reset_index(drop=True)


def _sorted(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    plain = _plain(table)
    return plain.sort_values([*by, *plain.columns.difference([*by, "geometry"])],
                             ignore_index=True)  # fmt: skip


@pytest.mark.parametrize("name", ["coverage", "gaps", "circles"])
def test_the_whole_table_is_the_same_from_parts(
    single: Snapshot, parted: Snapshot, name: str
) -> None:
    assert "parts" in parted.manifest["tables"][name]
    assert "parts" not in single.manifest["tables"][name]
    ours, theirs = parted.table(name), single.table(name)
    assert type(ours) is type(theirs)
    assert parted.n_rows(name) == single.n_rows(name) == len(ours) == len(theirs)
    assert_frame_equal(_sorted(ours, ["service"]), _sorted(theirs, ["service"]))


@pytest.mark.parametrize("kind", ["single", "parted"])
@pytest.mark.parametrize("name", ["coverage", "gaps"])
def test_a_selection_is_the_rows_of_the_whole(
    kind: str, name: str, request: pytest.FixtureRequest
) -> None:
    snapshot: Snapshot = request.getfixturevalue(kind)
    whole = snapshot.table(name)
    found = 0
    for service in whole["service"].unique():
        for level in whole["level"].unique():
            part = snapshot.select(name, service=service, level=level)
            mask = (whole["service"] == service) & (whole["level"] == level)
            assert_frame_equal(_plain(part), _plain(whole[mask]))
            assert part.index.tolist() == whole.index[mask].tolist()
            found += len(part)
    assert found == len(whole) > 0


def test_columns_may_be_chosen(parted: Snapshot) -> None:
    part = parted.select("gaps", level="township", columns=["code", "without"])
    whole = parted.table("gaps")
    wanted = whole.loc[whole["level"] == "township", ["code", "without"]]
    assert [*part.columns] == ["code", "without"]
    assert_frame_equal(_plain(part), _plain(wanted))


@pytest.mark.parametrize("kind", ["single", "parted"])
def test_nothing_found_has_the_columns_of_the_table(
    kind: str, request: pytest.FixtureRequest
) -> None:
    snapshot: Snapshot = request.getfixturevalue(kind)
    for name in ("coverage", "gaps"):
        none = snapshot.select(name, service="no_such_service")
        assert [*none.columns] == [*snapshot.table(name).columns]
        assert len(none) == 0
        assert len(snapshot.select(name, level="province")) == 0


def test_only_the_file_of_the_service_is_touched(parted: Snapshot) -> None:
    """A damaged part hurts its own service and no other."""
    hurt = parted.folder / "coverage.parquet" / "meal_circle.parquet"
    hurt.write_bytes(b"PAR1 no longer")
    assert len(parted.select("coverage", service="elderly_circle"))
    with pytest.raises(SnapshotCorruptError, match="校验"):
        parted.select("coverage", service="meal_circle")
    with pytest.raises(SnapshotCorruptError, match="校验"):
        parted.table("coverage")


def test_a_file_is_checked_once(
    parted: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    parted.select("coverage", service="meal_circle")

    def never(*args: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr("yikezhong_app.snapshots.opening.check_file", never)
    assert len(parted.select("coverage", service="meal_circle", level="county"))


def test_row_groups_of_other_levels_are_not_read(
    parted: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = pq.ParquetFile.read_row_group

    def counted(self: pq.ParquetFile, i: int, **options: object) -> object:
        read.append(i)
        return real(self, i, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    part = parted.select("coverage", service="meal_circle", level="township")
    assert len(part) and len(set(read)) == 1
    groups = pq.ParquetFile(
        parted.folder / "coverage.parquet" / "meal_circle.parquet"
    ).num_row_groups
    assert groups == 3


def test_distinct_values_are_those_of_the_whole(parted: Snapshot) -> None:
    whole = parted.table("coverage")
    columns = ["service", "level", "limit_s"]
    found = parted.distinct("coverage", columns)
    expected = whole[columns].astype({"service": "str", "level": "str"})
    assert len(found) == len(set(found))
    assert set(found) == set(expected.itertuples(index=False, name=None))
    only = parted.distinct("coverage", ["service"], service="meal_circle")
    assert only == [("meal_circle",)]


def test_damage_in_a_part_is_found(parted: Snapshot) -> None:
    assert is_whole(parted)
    path = parted.folder / "gaps.parquet" / "elderly_circle.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert find_damage(parted) == "gaps.parquet/elderly_circle.parquet"
    path.unlink()
    assert find_damage(parted) == "gaps.parquet/elderly_circle.parquet"


def test_a_column_that_is_not_there_is_said(single: Snapshot) -> None:
    with pytest.raises(SnapshotMissingError, match="level"):
        single.select("facilities", level="county")
    with pytest.raises(SnapshotMissingError, match="没有这张表"):
        single.select("nothing")


@pytest.mark.parametrize("kind", ["single", "parted"])
def test_shapes_are_found_by_the_position_of_their_row(
    kind: str, request: pytest.FixtureRequest
) -> None:
    snapshot: Snapshot = request.getfixturevalue(kind)
    for name in ("gaps", "circles"):
        whole = snapshot.geo_table(name).geometry
        at = [len(whole) - 1, 0, len(whole) // 2, 0]
        found = snapshot.shapes(name, at)
        assert [s if s is None else s.wkb for s in found] == [
            s if s is None else s.wkb for s in whole.iloc[at]
        ]
    part = snapshot.select("gaps", service="elderly_circle")
    found = snapshot.shapes("gaps", part.index.tolist())
    assert len(found) and [s.wkb for s in found] == [s.wkb for s in part.geometry]


def test_any_column_may_be_asked(parted: Snapshot) -> None:
    whole = parted.table("coverage")
    mask = (whole["code"] == "421303001000") & (whole["limit_s"] == 900.0)
    where = {"code": "421303001000", "limit_s": 900.0}
    part = parted.select("coverage", where=where)
    assert part.index.tolist() == whole.index[mask].tolist() != []
    assert_frame_equal(_plain(part), _plain(whole[mask]))
