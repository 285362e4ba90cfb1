"""The child that opens foreign files: what it may, how it dies, what it hands over."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from pandas.testing import assert_frame_equal

from study_cases import write_study
from study_equality import assert_equal_studies
from yikezhong_coverage.errors import SourceError
from yikezhong_geodata import file_errors as errors
from yikezhong_geodata.opening import GIB, MIB
from yikezhong_geodata.sandbox import child, loading
from yikezhong_geodata.sandbox.call import Answer, SandboxLimits, run_apart
from yikezhong_geodata.sandbox.frames import (
    ExchangeError,
    read_arrays,
    read_frame,
    write_arrays,
    write_frame,
)
from yikezhong_geodata.sandbox.loading import load_study_apart
from yikezhong_geodata.sandbox.reader import READERS
from yikezhong_geodata.study import load_study

DAY = dt.date(2025, 12, 31)
SMALL = SandboxLimits(memory_bytes=4 * GIB, cpu_s=60, wall_s=60.0, file_bytes=16 * MIB)


def call(
    task: str, folder: Path, limits: SandboxLimits = SMALL, **payload: Any
) -> Answer:
    return run_apart(f"sandbox_tasks:{task}", payload, folder=folder, limits=limits)


def test_a_task_is_done_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    READERS.close()  # one that is started now
    monkeypatch.setenv("YIKEZHONG_TOKENS", "li:editor:0123456789abcdef")
    told: list[tuple[str, float]] = []
    answer = run_apart(
        "sandbox_tasks:answer",
        {"甲": [1, None, 0.1]},
        folder=tmp_path,
        limits=SMALL,
        progress=lambda step, share: told.append((step, share)),
    )
    assert answer.value["payload"] == {"甲": [1, None, 0.1]}
    assert answer.value["pid"] != os.getpid()
    assert answer.value["folder"] == str(tmp_path)
    assert answer.value["environment"]["TMPDIR"] == str(tmp_path)
    assert "YIKEZHONG_TOKENS" not in answer.value["environment"]
    assert told == [("一半", 0.5)]


def test_there_is_no_network_where_the_system_allows(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = call("connect", tmp_path, port=port)
    assert answer.value["reached"] is not answer.isolated


def test_a_deliberate_error_comes_back_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(errors.DuplicateKeyError) as caught:
        call("refuse", tmp_path)
    assert str(caught.value) == (
        "a.csv，图层“表”，第 3 行，列“代码”：代码重复。请删去一行"
    )


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("segfault", errors.ReaderCrashedError, "意外中止"),
        ("abort", errors.ReaderCrashedError, "意外中止"),
        ("exit", errors.ReaderCrashedError, "意外中止"),
        ("raise", errors.ReaderCrashedError, "意外中止"),
        ("memory", errors.ReaderMemoryError, "内存"),
        ("killed", errors.ReaderMemoryError, "内存"),
        ("write", errors.ReaderOutputError, "上限"),
        ("hang", errors.ReaderTimeoutError, "超过 3 秒"),
        ("spin", errors.ReaderTimeoutError, "超过 2 秒"),
    ],
)
def test_a_death_is_an_error_in_words(
    tmp_path: Path, how: str, error: type[errors.InputError], words: str
) -> None:
    limits = SandboxLimits(
        memory_bytes=4 * GIB,
        cpu_s=2 if how == "spin" else 60,
        wall_s=3.0 if how == "hang" else 60.0,
        file_bytes=16 * MIB,
    )
    started = time.monotonic()
    with pytest.raises(error, match=words) as caught:
        call("die", tmp_path, limits, how=how)
    assert time.monotonic() - started < 30
    assert type(caught.value) is error
    assert caught.value.file == "甲.shp"
    assert caught.value.http_status == 422 and caught.value.hint


def test_a_full_disk_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="磁盘空间不足"):
        call("die", tmp_path, how="full")


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(errors.ReaderCrashedError):
        call("die", folder, how="grandchild")
    grandchild = int((tmp_path / "grandchild").read_text())
    wait_for(lambda: not is_running(grandchild))


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """A killed service leaves no reader behind."""
    code = (
        "import sys; sys.path[:] = sys.argv[2:]\n"
        "from pathlib import Path\n"
        "from yikezhong_geodata.sandbox.call import SandboxLimits, run_apart\n"
        "run_apart('sandbox_tasks:die', {'how': 'hang'}, folder=Path(sys.argv[1]),"
        " limits=SandboxLimits(), progress=None)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), *sys.path],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: bool(children_of(parent.pid)))
        (server,) = children_of(parent.pid)
        wait_for(lambda: bool(children_of(server)))
        (reader,) = children_of(server)
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not is_running(reader) and not is_running(server))


def test_an_interrupted_call_leaves_no_reader(tmp_path: Path) -> None:
    def interrupt(step: str, share: float) -> None:
        raise KeyboardInterrupt

    before = set(children_of(os.getpid()))
    with pytest.raises(KeyboardInterrupt):
        run_apart(
            "sandbox_tasks:answer",
            {},
            folder=tmp_path,
            limits=SMALL,
            progress=interrupt,
        )
    assert set(children_of(os.getpid())) <= before


def test_a_reading_process_that_was_prepared_is_taken(tmp_path: Path) -> None:
    READERS.close()
    before = set(children_of(os.getpid()))
    READERS.prepare()
    (prepared,) = set(children_of(os.getpid())) - before
    READERS.prepare()
    call("answer", tmp_path)
    assert set(children_of(os.getpid())) - before == {prepared}


def test_a_dead_reading_process_is_replaced(tmp_path: Path) -> None:
    call("answer", tmp_path)
    reader = READERS.take()
    reader._process.kill()
    READERS.give_back(reader)
    with pytest.raises(SourceError, match="读取进程"):
        call("answer", tmp_path)
    assert call("answer", tmp_path).value["pid"]


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(number) for number in text.split()]


def wait_for(happened: Any, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- what is handed over ----------------------------------------------------------


def test_a_table_comes_back_equal(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {
            "text": ["甲", None, ""],
            "mixed": [("a", "b"), None, ()],
            "number": [0.1 + 0.2, np.nan, -np.inf],
            "object": [True, None, 1e-300],
            "whole": np.array([1, 2, 3], dtype=np.int32),
            "nullable": pd.array([1, None, 2**53 + 1], dtype="Int64"),
            "str": pd.Series(["x", None, "y"], dtype="str"),
        },
        geometry=[shapely.Point(0.1, 1 / 3), None, shapely.Polygon()],
        crs="EPSG:4326",
    )
    for name in ("text", "mixed", "object"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    write_frame(frame, tmp_path / "a.arrow")
    back = read_frame(tmp_path / "a.arrow")
    assert_frame_equal(back, frame, check_exact=True)
    for name in ("text", "mixed", "object"):
        assert [type(v) for v in back[name]] == [type(v) for v in frame[name]]
    empty = frame.iloc[:0]
    write_frame(empty, tmp_path / "b.arrow")
    assert_frame_equal(read_frame(tmp_path / "b.arrow"), empty)


@pytest.mark.parametrize(
    ("points", "is_plain"),
    [
        ([(0.1, 1 / 3), (-0.0, 5e-324), (180.0, -90.0)], True),
        ([(0.1, 1 / 3), (np.nan, 1.0)], False),
        ([(0.1, 1 / 3), (1.0, 2.0, 3.0)], False),
        ([(0.1, 1 / 3), None], False),
        ([(0.1, 1 / 3), ()], False),
    ],
)
def test_points_come_back_equal(
    tmp_path: Path, points: list[Any], is_plain: bool
) -> None:
    shapes = [None if at is None else shapely.Point(*at) for at in points]
    frame = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326")
    write_frame(frame, tmp_path / "a.arrow")
    with pa.memory_map(str(tmp_path / "a.arrow")) as file:
        assert pa.types.is_struct(pa.ipc.open_file(file).schema[0].type) == is_plain
    back = read_frame(tmp_path / "a.arrow")
    assert_frame_equal(back, frame, check_exact=True)
    assert [*shapely.to_wkb(back.geometry)] == [*shapely.to_wkb(frame.geometry)]


def test_repeated_texts_are_handed_over_once(tmp_path: Path) -> None:
    texts = ["甲", None, "乙\0", ""] * 500
    frame = pd.DataFrame({"a": pd.Series(texts, dtype=object)})
    write_frame(frame, tmp_path / "a.arrow")
    back = read_frame(tmp_path / "a.arrow")
    assert back["a"].tolist() == texts
    assert {type(text) for text in back["a"]} == {str, type(None)}
    assert len({id(text) for text in back["a"]}) == 4


def test_objects_come_back_equal(tmp_path: Path) -> None:
    columns = {
        "pairs": [("a", "b"), ("c", "d"), ("a", "b"), ("e", "f")],
        "kinds": [1, True, "1", None],
        "zeros": [0.0, -0.0, 0, False],
        "nested": [("a", 1), ("a", True), ("a", 1.0), ()],
        "repeated": ["x", None, "x", 2],
    }
    frame = pd.DataFrame(
        {
            name: pd.Series(np.fromiter(values, dtype=object, count=4), dtype=object)
            for name, values in columns.items()
        }
    )
    write_frame(frame, tmp_path / "a.arrow")
    back = read_frame(tmp_path / "a.arrow")
    for name, values in columns.items():
        assert repr(back[name].tolist()) == repr(values)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2]}, index=[1, 2]),
        pd.DataFrame({"a": [{"b": 1}]}),
        pd.DataFrame({"a": [np.float64(1), "x"]}, dtype=object),
    ],
)
def test_what_would_change_is_refused(tmp_path: Path, frame: pd.DataFrame) -> None:
    with pytest.raises(ExchangeError):
        write_frame(frame, tmp_path / "a.arrow")


def test_arrays_come_back_equal(tmp_path: Path) -> None:
    arrays = {
        "profile": "walking",
        "ids": np.array(["a", "路", ""], dtype="<U7"),
        "ascii": np.array(["a", "bcd", ""], dtype="<U5"),
        "far": np.array(["\U0010ffff", "x"]),
        "none": np.array([], dtype="<U3"),
        "times": np.array([0.1, np.inf, np.nan]),
        "start": np.array([], dtype=np.int64),
        "edge": np.array([1, 2], dtype=np.int32),
    }
    write_arrays(arrays, tmp_path / "a.arrow")
    back = read_arrays(tmp_path / "a.arrow")
    assert list(back) == list(arrays)
    for name, values in arrays.items():
        found = back[name]
        if isinstance(values, str) or isinstance(found, str):
            assert found == values
            continue
        assert found.dtype == values.dtype and found.tobytes() == values.tobytes()
        assert found.flags.writeable == values.flags.writeable
    with pytest.raises(ExchangeError):
        write_arrays({"a": np.zeros((2, 2))}, tmp_path / "b.arrow")


def test_what_is_no_character_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write_arrays({"ids": np.array(["路", "桥"])}, path)
    raw = path.read_bytes()
    assert raw.count("路".encode("utf-32-le")) == 1
    path.write_bytes(raw.replace("路".encode("utf-32-le"), b"\xff\xff\xff\x7f"))
    with pytest.raises(ExchangeError):
        read_arrays(path)


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    write_frame(pd.DataFrame({"a": ["甲", "乙"]}), path)
    good = path.read_bytes()
    random = np.random.default_rng(5)
    for turn in range(60):
        raw = bytearray(good)
        if turn % 2:
            del raw[random.integers(0, len(raw)) :]
        else:
            raw[random.integers(0, len(raw))] ^= 1 << random.integers(0, 8)
        path.write_bytes(raw)
        try:
            read_frame(path)
        except ExchangeError as error:
            assert error.file == "a.arrow"


def test_the_county_is_the_same_apart(county_run: Any) -> None:
    """Plans, figures, zones, 25,000 demand points, two road networks."""
    assert_equal_studies(
        load_study(county_run.study, as_of=DAY),
        load_study_apart(county_run.study, as_of=DAY),
    )


@pytest.mark.real_data
def test_liechtenstein_is_the_same_apart(real_data: Path, tmp_path: Path) -> None:
    from yikezhong_geodata.osm_study import import_osm

    folder = tmp_path / "li"
    import_osm(real_data / "liechtenstein" / "liechtenstein-latest.osm.pbf", folder)
    assert_equal_studies(
        load_study(folder, as_of=DAY), load_study_apart(folder, as_of=DAY)
    )


def test_a_bad_study_is_refused_apart_as_here(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    (folder / "communities.geojson").write_bytes(b'{"type": NaN}')
    before = sorted(Path(tmp_path).rglob("*"))
    with pytest.raises(errors.BadJsonError) as here:
        load_study(folder, as_of=DAY)
    with pytest.raises(errors.BadJsonError) as apart:
        load_study_apart(folder, as_of=DAY, workspace=tmp_path)
    assert str(apart.value) == str(here.value)
    assert sorted(Path(tmp_path).rglob("*")) == before


def test_a_network_that_stays_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loading.run_apart
    monkeypatch.setattr(
        loading,
        "run_apart",
        lambda *a, **k: Answer(real(*a, **k).value, isolated=False),
    )
    study = load_study_apart(write_study(tmp_path / "s"), as_of=DAY)
    (finding,) = [f for f in study.report.findings if f.problem == "network_not_cut"]
    assert finding.action == "noted" and "网络" in finding.message


def test_the_reading_process_restricts_gdal_before_it_is_imported() -> None:
    """Nothing but the standard library at the top of its script."""
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('c', {child.__file__!r})\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "print([m for m in ('numpy', 'pyogrio', 'yikezhong_geodata') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
