"""What runs keep: damage is seen, an edit costs what it touches, no rubbish is left."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from fault_cases import remount, small_disk
from indicator_cases import END, DemoRun
from parted_run_cases import Counting, assert_same_tables, tables_of
from random_study_cases import random_study
from yikezhong_app.engines.pool import ProcessPool
from yikezhong_app.engines.tasks import TasksFailedError
from yikezhong_app.runs import pipeline
from yikezhong_app.runs.array_files import is_whole, read_result, write_result
from yikezhong_app.runs.kept_tables import KeptTables
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.runs.workspace import WORK, open_workspace
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_geodata.study import Study, load_study

CUT = "community"
SOAK = os.environ.get("YIKEZHONG_SOAK") == "1"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of two counties by foot and by car, with its folder."""
    folder = tmp_path_factory.mktemp("study")
    return random_study(folder, np.random.default_rng(102), stated="no", by_car=True)


@pytest.fixture(scope="module")
def expected(study: Study) -> dict[str, pd.DataFrame]:
    return tables_of(study, CUT)


@pytest.fixture(scope="module")
def done(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    run(study, out)
    return out


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """The folder of a result, which may be changed."""
    return shutil.copytree(done, tmp_path / "out")


def run(study: Study, out: Path) -> tuple[Snapshot, Counting]:
    """Run a study in parts and count what its tasks make."""
    engine = Counting()
    return run_study(study, out, engine=engine, cut=CUT), engine


def tables(snapshot: Snapshot) -> dict[str, pd.DataFrame]:
    return {name: snapshot.table(name) for name in snapshot.table_names}


def kept(out: Path, what: str) -> list[Path]:
    return sorted(p for p in (out / WORK / what).rglob("*") if p.is_file())


def flip(path: Path, at: int, mask: int = 0x11) -> None:
    """Change bits of one byte; the file is not shared with a version afterwards."""
    found = bytearray(path.read_bytes())
    found[at] ^= mask
    path.unlink()
    path.write_bytes(found)


def cut_short(path: Path) -> None:
    found = path.read_bytes()[: path.stat().st_size // 2]
    path.unlink()
    path.write_bytes(found)


def test_the_same_again_makes_nothing(
    study: Study, out: Path, expected: dict[str, pd.DataFrame]
) -> None:
    files = {path: path.stat().st_mtime_ns for path in kept(out, "parts")}
    snapshot, engine = run(study, out)
    assert {made for *_, made in engine.made} == {0}
    assert {path: path.stat().st_mtime_ns for path in kept(out, "parts")} == files
    assert_same_tables(
        {n: t for n, t in tables(snapshot).items() if n in expected},
        {n: snapshot.table(n) for n in expected},
    )


DAMAGE: list[Callable[[Path], object]] = [
    lambda path: flip(path, path.stat().st_size // 2),
    lambda path: flip(path, path.stat().st_size - 70),
    cut_short,
    lambda path: path.write_bytes(b""),
    Path.unlink,
]


def test_damaged_parts_are_made_again(study: Study, out: Path) -> None:
    victims = kept(out, "parts")[::7]
    assert len(victims) >= len(DAMAGE)
    whole = {path: path.read_bytes() for path in victims}
    for path, damage in zip(victims, cycle(DAMAGE)):
        damage(path)
        assert not is_whole(path)
    before = open_current(out).version
    snapshot, engine = run(study, out)
    assert sum(made for *_, made in engine.made) == len(victims)
    assert {path: path.read_bytes() for path in victims} == whole
    assert snapshot.version == before


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("coverage.parquet", DAMAGE[0]),
        ("plans.npz", DAMAGE[1]),
        ("done.json", DAMAGE[2]),
        ("times.parquet", DAMAGE[4]),
    ],
)
def test_damaged_tables_are_made_again(
    study: Study, out: Path, name: str, damage: Callable[[Path], object]
) -> None:
    folders = [path.parent for path in kept(out, "tables") if path.name == "plans.npz"]
    damage(folders[1] / name)
    assert not KeptTables(folders[1]).is_whole()
    snapshot, engine = run(study, out)
    assert sum(engine.of("count_service").values()) == 1
    assert sum(engine.of("measure_part").values()) == 0
    assert KeptTables(folders[1]).is_whole()
    for table in snapshot.table_names:
        assert len(snapshot.table(table)) == snapshot.manifest["tables"][table]["rows"]


def test_no_changed_byte_of_a_result_goes_unseen(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {"time_s": np.array([1.5, 2.5]), "at": np.arange(3, dtype=np.int32)}
    write_result(path, arrays)
    assert is_whole(path)
    found = read_result(path)
    assert sorted(found) == sorted(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
    good = path.read_bytes()
    for at in range(0, len(good), 2):
        for mask in (0x01, 0xFF):
            bad = bytearray(good)
            bad[at] ^= mask
            path.write_bytes(bad)
            assert not is_whole(path)
    for length in range(0, len(good), 5):
        path.write_bytes(good[:length])
        assert not is_whole(path)


def test_no_changed_byte_of_a_list_of_tables_goes_unseen(out: Path) -> None:
    path = next(p for p in kept(out, "tables") if p.name == "done.json")
    tables_, good = KeptTables(path.parent), path.read_bytes()
    assert tables_.is_whole()
    for at in range(0, len(good), 3):
        bad = bytearray(good)
        bad[at] ^= 0x01
        path.write_bytes(bad)
        assert not tables_.is_whole(), bytes(bad[max(at - 20, 0) : at + 20])
    path.write_text("[]", encoding="utf-8")
    assert not tables_.is_whole()


def add_facility(study: Study, *, lon: float, lat: float, category: str) -> Study:
    row = study.facilities.iloc[[0]].assign(
        id="zz", name="新增", category=category, status="open", beds=5.0,
        lon=lon, lat=lat, community_code=None,
    )  # fmt: skip
    row["functions"] = pd.Series([("day",)], index=row.index, dtype=object)
    row = row.set_geometry(gpd.points_from_xy([lon], [lat], crs="EPSG:4326"))
    facilities = pd.concat([study.facilities, row], ignore_index=True)
    return replace(study, facilities=facilities)


def test_a_new_facility_costs_what_is_near_it(
    study: Study, out: Path, tmp_path: Path
) -> None:
    """Services without its category, and parts far from it, are not computed again."""
    edited = add_facility(study, lon=113.006, lat=31.012, category="a")
    snapshot, engine = run(edited, out)
    services = engine.of("count_service")
    assert services == {"近": 1, "席位": 1, "用房": 0, "驾车": 0}
    parts = engine.of("measure_part")
    near = {name for name, made in parts.items() if made}
    assert near
    assert near < set(parts)
    assert max(parts.values()) <= 4  # two services, the circles of two limits
    assert not any(engine.of("measure_driving_roads").values())
    # what was kept before is in no figure, and not even in the version's name
    fresh, engine = run(edited, tmp_path / "fresh")
    assert all(engine.of("measure_part").values())
    assert snapshot.version == fresh.version
    assert_same_tables(tables(snapshot), tables(fresh))


def test_what_is_not_used_any_more_goes(study: Study, out: Path) -> None:
    before = {*kept(out, "parts"), *kept(out, "tables")}
    edited = add_facility(study, lon=113.006, lat=31.012, category="a")
    run(edited, out)
    middle = {*kept(out, "parts"), *kept(out, "tables")}
    assert before - middle
    run(study, out)
    assert {*kept(out, "parts"), *kept(out, "tables")} == before
    assert list((out / WORK).glob("run-*")) == []


def test_another_program_computes_everything_again(
    study: Study, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "source_hash", lambda: "another")
    _, engine = run(study, out)
    # what stands in several parts' answers is made by the first of them
    assert all(engine.of("measure_part").values())
    assert all(engine.of("count_service").values())
    assert all(engine.of("measure_driving_roads").values())


def test_two_runs_at_once(study: Study, out: Path) -> None:
    """The second works elsewhere, keeps nothing, and says the same."""
    before = {path: path.read_bytes() for path in kept(out, "parts")}
    with open_workspace(out) as first:
        snapshot, engine = run(study, out)
        assert {made for *_, made in engine.made} != {0}
        with open_workspace(out) as third:
            assert third.folder != first.folder
            assert third.folder.parent == out
        assert not third.folder.exists()
    assert {path: path.read_bytes() for path in kept(out, "parts")} == before
    again, engine = run(study, out)
    assert again.version == snapshot.version
    assert {made for *_, made in engine.made} == {0}


def test_what_a_killed_run_left_is_removed(out: Path) -> None:
    work = out / WORK
    for folder in ("run-0123", "tables/.new-1"):
        (work / folder).mkdir()
        (work / folder / "file").write_text("half")
    (kept(out, "parts")[0].parent / ".new-2").write_text("half")
    own = out / ".work-abandoned"
    (own / "parts").mkdir(parents=True)
    with open_workspace(out):
        assert [p for p in work.rglob("*") if p.name.startswith((".new", "run-"))] == []
        assert not own.exists()


def test_the_folder_of_a_run_under_way_is_left_alone(out: Path) -> None:
    with open_workspace(out), open_workspace(out) as second:
        with (
            (second.folder / ".lock").open("w") as lock,
            pytest.raises(BlockingIOError),
        ):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open_workspace(out):
            assert second.folder.exists()


def _fill(disk: Path) -> None:
    free = shutil.disk_usage(disk).free
    (disk / "filler").write_bytes(bytes(max(0, free - 200_000)))


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_takes_nothing(
    study: Study, done: Path, tmp_path: Path, fault: str
) -> None:
    """The tasks say so, from this process and from others, and the old result stays."""
    with small_disk(tmp_path / "disk", size=32 << 20) as disk:
        out = shutil.copytree(done, disk / "out")
        shutil.rmtree(out / WORK)
        (out / WORK / "parts").mkdir(parents=True)
        before = sorted(p.name for p in (out / "versions").iterdir())
        error: Any
        if fault == "full":
            _fill(disk)
        else:
            remount(disk, "ro")
        try:
            with pytest.raises((TasksFailedError, OSError)) as error:
                run(study, out)
            assert "space" in str(error.value) or "Read-only" in str(error.value)
        finally:
            if fault == "read-only":
                remount(disk, "rw")
        assert sorted(p.name for p in (out / "versions").iterdir()) == before


def test_a_disk_that_is_full_for_other_processes(study: Study, tmp_path: Path) -> None:
    """A worker says what its disk says; it does not only end."""
    out = tmp_path / "out"
    (out / WORK).mkdir(parents=True)
    (out / WORK / "parts").write_text("a file where a folder should be")
    pool = ProcessPool(1, memory_bytes=2**32)
    try:
        with pytest.raises(TasksFailedError, match="无法读写"):
            run_study(study, out, engine=pool, cut=CUT)
    finally:
        pool.close()


@pytest.mark.skipif(not SOAK, reason="YIKEZHONG_SOAK=1")
def test_a_new_facility_of_the_demonstration(
    county_run: DemoRun, tmp_path: Path
) -> None:
    """The same in the demonstration study, with its plans, cut by township."""
    study = load_study(county_run.study, as_of=END)
    out, engine = tmp_path / "out", Counting()
    run_study(study, out, engine=engine, cut="township")
    open_ = study.facilities[study.facilities["status"] == "open"]
    row = open_[open_["category"] == "day_care"].iloc[0]
    edited = add_facility(
        study, lon=row["lon"] + 0.001, lat=row["lat"], category="day_care"
    )
    again = Counting()
    found = run_study(edited, out, engine=again, cut="township")
    touched = {s.name for s in study.services if "day_care" in s.categories}
    services = again.of("count_service")
    assert {name for name, made in services.items() if made} <= touched
    assert 0 < sum(services.values()) < len(services)
    parts = again.of("measure_part")
    assert 0 < sum(made > 0 for made in parts.values()) < len(parts)
    fresh = run_study(edited, tmp_path / "fresh", engine=Counting(), cut="township")
    assert found.version == fresh.version
    assert_same_tables(tables(found), tables(fresh))
