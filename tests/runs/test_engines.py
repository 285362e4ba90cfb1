"""The same figures from every engine: this process, a pool, a cluster."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster_cases import alive_in_session, listening, scheduler, workers
from indicator_cases import END, DemoRun
from parted_run_cases import Counting, assert_same_tables, tables_of, whole
from random_study_cases import random_study
from real_cases import AS_OF, make_liechtenstein
from yikezhong_app.engines.cluster import ClusterError, DaskCluster, perform_alike
from yikezhong_app.engines.in_process import InProcess
from yikezhong_app.engines.pool import ProcessPool
from yikezhong_app.engines.tasks import Engine, Task, TasksFailedError, perform
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.snapshots.manifest import source_hash
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_geodata.demo import build_demo
from yikezhong_geodata.study import Study, load_study

SOAK = os.environ.get("YIKEZHONG_SOAK") == "1"
soak = pytest.mark.skipif(not SOAK, reason="YIKEZHONG_SOAK=1")
GIB = 2**30


@pytest.fixture(autouse=True)
def _no_half_made_clients() -> Iterator[None]:
    """Let go of clients that never connected: ended late, they block the next one."""
    yield
    gc.collect()


def tables(snapshot: Snapshot) -> dict[str, pd.DataFrame]:
    return {name: snapshot.table(name) for name in snapshot.table_names}


def assert_same_snapshot(found: Snapshot, expected: Snapshot) -> None:
    """Demand the same rows everywhere, and the same bytes by the version's name."""
    assert_same_tables(tables(found), tables(expected))
    assert found.version == expected.version


@pytest.fixture(scope="module")
def county(county_run: DemoRun) -> Study:
    return load_study(county_run.study, as_of=END)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("small")
    return random_study(folder, np.random.default_rng(102), stated="no", by_car=True)


@pytest.fixture(scope="module")
def expected(small: Study) -> dict[str, pd.DataFrame]:
    return tables_of(small, whole(small))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    pool = ProcessPool(2, memory_bytes=4 * GIB)
    yield pool
    pool.close()
    assert pool.pids == []


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, all processes of their own."""
    folder = tmp_path_factory.mktemp("cluster")
    with scheduler(folder) as address, workers(address, folder):
        yield address


def run_cut(study: Study, out: Path, engine: Engine, cut: str) -> Snapshot:
    counting = Counting(engine)
    snapshot = run_study(study, out, engine=counting, cut=cut)
    n_part = (study.divisions["level"] == cut).sum()
    done = [function for function, *_ in counting.made]
    assert done.count("measure_part") == n_part > 1
    return snapshot


def test_a_county_by_township_in_a_pool(
    county: Study, county_run: DemoRun, pool: ProcessPool, tmp_path: Path
) -> None:
    found = run_cut(county, tmp_path / "out", pool, "township")
    assert_same_snapshot(found, open_current(county_run.out))


@soak
def test_a_county_by_township_in_this_process(
    county: Study, county_run: DemoRun, tmp_path: Path
) -> None:
    found = run_cut(county, tmp_path / "out", InProcess(), "township")
    assert_same_snapshot(found, open_current(county_run.out))


@soak
def test_a_county_by_community_on_a_cluster(
    county: Study, county_run: DemoRun, cluster: str, tmp_path: Path
) -> None:
    engine = DaskCluster(cluster)
    try:
        found = run_cut(county, tmp_path / "out", engine, "community")
    finally:
        engine.close()
    assert_same_snapshot(found, open_current(county_run.out))


@soak
@pytest.mark.parametrize("cut", ["county", "township"])
def test_a_prefecture(
    pool: ProcessPool, cluster: str, tmp_path: Path, cut: str
) -> None:
    build_demo(tmp_path / "study", scale="prefecture")
    study = load_study(tmp_path / "study", as_of=END)
    expected = run_study(
        study, tmp_path / "whole", engine=InProcess(), cut=whole(study)
    )
    assert_same_snapshot(run_cut(study, tmp_path / "out", pool, cut), expected)
    engine = DaskCluster(cluster)
    try:
        found = run_cut(study, tmp_path / "cluster", engine, cut)
    finally:
        engine.close()
    assert_same_snapshot(found, expected)


@pytest.mark.real_data
def test_liechtenstein_by_municipality(
    real_data: Path, pool: ProcessPool, cluster: str, tmp_path: Path
) -> None:
    folder = make_liechtenstein(real_data, tmp_path / "study")
    study = load_study(folder, as_of=AS_OF)
    out = tmp_path / "out"
    expected = run_study(study, out, engine=InProcess(), cut=whole(study))
    found = run_cut(study, tmp_path / "pool", pool, "township")
    assert_same_snapshot(found, expected)
    engine = DaskCluster(cluster)
    try:
        found = run_cut(study, tmp_path / "cluster", engine, "township")
    finally:
        engine.close()
    assert_same_snapshot(found, expected)


def test_a_pool(
    small: Study, expected: dict[str, pd.DataFrame], pool: ProcessPool
) -> None:
    assert_same_tables(tables_of(small, "community", engine=pool), expected)


def test_a_scheduler_and_workers(
    small: Study,
    expected: dict[str, pd.DataFrame],
    cluster: str,
    tmp_path: Path,
) -> None:
    engine = DaskCluster(cluster)
    assert engine.workers == 2
    try:
        assert_same_tables(tables_of(small, "community", engine=engine), expected)
    finally:
        engine.close()
    again = DaskCluster(cluster)  # which goes on without us
    again.close()


def test_a_cluster_within_dask(
    small: Study, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address="127.0.0.1:0", local_directory=str(tmp_path),
    ) as local:  # fmt: skip
        engine = DaskCluster(local.scheduler_address)
        try:
            assert_same_tables(tables_of(small, "township", engine=engine), expected)
        finally:
            engine.close()


def test_workers_listen_to_this_machine_only(tmp_path: Path) -> None:
    with scheduler(tmp_path) as address, workers(address, tmp_path, 1) as sessions:
        pids = [pid for session in sessions for pid in alive_in_session(session)]
        assert len(pids) >= 2
        assert listening(pids) == {"0100007F"}


def test_an_address_where_nobody_listens() -> None:
    with pytest.raises(ClusterError, match="无法连接调度器 tcp:"):
        DaskCluster("tcp://127.0.0.1:9", wait_s=0.5)


@pytest.mark.parametrize("address", ["here", "http://127.0.0.1:1", ""])
def test_no_address(address: str) -> None:
    with pytest.raises(ClusterError, match="无法连接调度器"):
        DaskCluster(address, wait_s=0.5)


def test_a_scheduler_without_workers(tmp_path: Path) -> None:
    with scheduler(tmp_path) as address:
        with pytest.raises(ClusterError, match="没有计算节点") as error:
            DaskCluster(address, wait_s=0.5)
        assert f"yikezhong worker {address}" in str(error.value)


def test_a_worker_with_another_program() -> None:
    function = "yikezhong_app.runs.part_task:measure_part"
    assert "版本" in perform_alike("another", function, {})["error"]
    # with the same program the task is begun: nothing says which run it is of
    with pytest.raises(KeyError, match="run"):
        perform_alike(source_hash(), function, {})


@pytest.mark.parametrize("remote", [False, True])
def test_a_folder_that_a_worker_does_not_see(
    tmp_path: Path, cluster: str, remote: bool
) -> None:
    payload = {"run": str(tmp_path / "elsewhere"), "part": 0, "kept": str(tmp_path)}
    task = Task("甲县", "yikezhong_app.runs.part_task:measure_part", payload)
    if not remote:
        said = perform(task.function, payload)["error"]
        assert "看不到成果目录" in said
        assert "共享盘" in said
        return
    engine = DaskCluster(cluster)
    try:
        with pytest.raises(TasksFailedError, match=r"甲县（.*看不到成果目录"):
            engine.run([task], done=lambda number, answer: None)
    finally:
        engine.close()


def test_only_functions_of_this_program_are_tasks() -> None:
    assert "不是本程序的函数" in perform("os:system", {"run": "true"})["error"]


def test_a_run_on_a_disk_that_not_all_see(
    small: Study, cluster: str, tmp_path: Path
) -> None:
    """The message of a whole run names every part, and the old result stays."""
    out = tmp_path / "out"
    old = run_study(small, out, engine=InProcess(), cut="county")
    shutil.rmtree(out / ".work")
    engine = DaskCluster(cluster)
    try:
        hidden = Hiding(engine)
        with pytest.raises(TasksFailedError, match=r"A区（.*看不到.*B区（"):
            run_study(small, out, engine=hidden, cut="county")
    finally:
        engine.close()
    assert open_current(out).version == old.version


class Hiding(Counting):
    """An engine whose workers do not see the folder of the run."""

    def run(self, tasks, *, done):  # type: ignore[no-untyped-def]
        moved = [
            Task(t.name, t.function, {**t.payload, "run": "/not/mounted"})
            for t in tasks
        ]
        return self.engine.run(moved, done=done)
