"""Workers, nodes and drivers that are killed: nothing wrong, nothing lost, no rubbish."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_cases import alive_in_session, scheduler, workers
from fault_cases import TwoStates, assert_whole, command, forget, leftovers, two_states
from parted_run_cases import Counting, assert_same_tables, tables_of, whole
from random_study_cases import random_study
from yikezhong_app import cli
from yikezhong_app.commands import run as run_command
from yikezhong_app.engines.cluster import ClusterError, DaskCluster
from yikezhong_app.engines.pool import ProcessPool
from yikezhong_app.engines.tasks import Engine, Task, TasksFailedError
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.runs.workspace import WORK
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_geodata.study import Study

GIB = 2**30
SOAK = os.environ.get("YIKEZHONG_SOAK") == "1"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("small")
    return random_study(folder, np.random.default_rng(102), stated="no", by_car=True)


@pytest.fixture(scope="module")
def expected(study: Study) -> dict[str, pd.DataFrame]:
    return tables_of(study, whole(study))


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> TwoStates:
    return two_states(tmp_path_factory.mktemp("states"))


class Deadly(ProcessPool):
    """A pool whose workers are killed in the middle of some tasks."""

    def __init__(self, *victims: str, times: int) -> None:
        super().__init__(2, memory_bytes=4 * GIB)
        self.victims, self.times = victims, times
        self.killed: list[str] = []

    def _give(self, task: Task, number: int) -> None:
        super()._give(task, number)
        if task.name in self.victims and self.killed.count(task.name) < self.times:
            self.killed.append(task.name)
            (worker,) = (w for w in self._busy if w.number == number)
            assert worker.process.pid is not None
            if len(self.killed) % 2:  # once before it has begun, once later
                time.sleep(0.02)
            os.kill(worker.process.pid, signal.SIGKILL)


def test_killed_workers_of_a_pool_change_nothing(
    study: Study, expected: dict[str, pd.DataFrame]
) -> None:
    victims = ("A区（机动车道路）", "A区", "B区", "席位", "驾车", "A区（驾车服务圈）")
    pool = Deadly(*victims, times=1)
    try:
        found = tables_of(study, "county", engine=pool)
    finally:
        pool.close()
    assert sorted(pool.killed) == sorted(victims)
    assert_same_tables(found, expected)


def test_a_part_that_always_kills_its_worker(study: Study, tmp_path: Path) -> None:
    """It is named, the others are kept, and the next run only makes what is missing."""
    out = tmp_path / "out"
    old = run_study(study, out, cut="county")
    shutil.rmtree(out / WORK)
    pool = Deadly("B区", times=9)
    counting = Counting(pool)
    try:
        with pytest.raises(TasksFailedError) as error:
            run_study(study, out, engine=counting, cut="county")
    finally:
        pool.close()
    assert "1 个部分两次计算失败：B区（计算进程意外终止）" in str(error.value)
    assert pool.killed == ["B区", "B区"]
    first = counting.of("measure_part")
    assert set(first) == {"A区"}
    assert first["A区"] > 0
    assert open_current(out).version == old.version
    again = Counting()
    new = run_study(study, out, engine=again, cut="county")
    parts = again.of("measure_part")
    assert parts.pop("A区") == 0
    assert 0 < parts["B区"] <= first["A区"]  # what the killed ones had finished is kept
    assert not any(again.of("measure_driving_roads").values())
    assert new.version == old.version


def test_a_service_that_always_kills_its_worker(study: Study, tmp_path: Path) -> None:
    """The parts, and the other services, are not computed again."""
    out, pool = tmp_path / "out", Deadly("席位", times=9)
    try:
        with pytest.raises(TasksFailedError, match="席位（计算进程意外终止）"):
            run_study(study, out, engine=pool, cut="county")
    finally:
        pool.close()
    again = Counting()
    run_study(study, out, engine=again, cut="county")
    assert set(again.of("measure_part").values()) == {0}
    assert again.of("count_service") == {"近": 0, "席位": 1, "用房": 0, "驾车": 0}


def test_the_command_names_the_part(
    states: TwoStates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    states = states.copy(tmp_path / "out")
    pool = Deadly("北郊镇", times=9)
    monkeypatch.setattr(run_command, "choose_engine", lambda **_: pool)
    arguments = ["--out", str(states.out), "--as-of", "2022-01-01", "--json"]
    more = ["--workers", "2", "--cut-by", "township"]
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", str(states.study), *arguments, *more])
    assert ended.value.code == 1
    assert pool.pids == []
    error = json.loads(capfd.readouterr().out)["error"]
    assert "北郊镇" in error["message"]
    assert "接着计算" in error["hint"]
    assert assert_whole(states.out).version == states.versions[1]
    assert leftovers(states.out) == []


def test_a_worker_beyond_its_memory_is_ended_and_named(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with the program in it is larger than this bound from the start."""
    monkeypatch.setattr("yikezhong_app.engines.pool._LOOK_S", 0.001)
    pool = ProcessPool(1, memory_bytes=20 * 2**20)
    try:
        with pytest.raises(TasksFailedError) as error:
            run_study(study, tmp_path / "out", engine=pool, cut="county")
        assert pool._busy == []
    finally:
        pool.close()
    assert "A区（内存超过每个进程的上限 0.0 GiB）" in str(error.value)


def test_a_killed_node_changes_nothing(
    study: Study, expected: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """A worker of a cluster dies at a task; what it had is done by another."""
    from distributed import Client

    killed: list[str] = []

    def kill_busy(address: str) -> None:
        with Client(address, set_as_default=False) as client:
            pids = client.run(os.getpid)
            ends = time.monotonic() + 60
            while time.monotonic() < ends and not killed:
                for worker, keys in client.processing().items():
                    if keys and worker in pids and not killed:
                        os.kill(pids[worker], signal.SIGKILL)
                        killed.append(worker)

    with scheduler(tmp_path) as address, workers(address, tmp_path):
        engine = DaskCluster(address)
        hunter = threading.Thread(target=kill_busy, args=(address,))
        hunter.start()
        try:
            found = tables_of(study, "community", engine=engine)
        finally:
            hunter.join()
            engine.close()
    assert len(killed) == 1
    assert_same_tables(found, expected)


class Ending(Counting):
    """An engine of which something ends as soon as it has done its first task."""

    def __init__(self, engine: Engine, sessions: list[int]) -> None:
        super().__init__(engine)
        self.sessions = sessions

    def run(
        self, tasks: Sequence[Task], *, done: Callable[[int, dict[str, Any]], None]
    ) -> list[dict[str, Any]]:
        def end(number: int, answer: dict[str, Any]) -> None:
            while self.sessions:
                os.killpg(self.sessions.pop(), signal.SIGKILL)
            done(number, answer)

        return super().run(tasks, done=end)


@pytest.mark.parametrize(
    ("what", "said"),
    [("scheduler", "与调度器的连接已中断"), ("workers", "所有计算节点都已离开")],
)
def test_a_cluster_that_goes_away(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    """The run says so and ends; what was done is kept."""
    monkeypatch.setattr("yikezhong_app.engines.cluster._LOOK_S", 0.2)
    out = tmp_path / "out"
    with scheduler(tmp_path) as address, workers(address, tmp_path) as sessions:
        if what == "scheduler":
            sessions = [int((tmp_path / "scheduler.pid").read_text())]
        engine = DaskCluster(address, wait_s=3.0)
        try:
            with pytest.raises(ClusterError, match=said) as error:
                run_study(study, out, engine=Ending(engine, sessions), cut="community")
        finally:
            engine.close()
    assert "接着计算" in str(error.value)
    assert made(out, "parts")
    assert list((out / WORK).glob("run-*")) == []


def start_run(states: TwoStates, day: str, *more: str) -> subprocess.Popen[str]:
    """Start a run of two processes by township, in a session of its own."""
    arguments = ("--out", states.out, "--as-of", day, "--workers", 2)
    return subprocess.Popen(
        command("run", states.study, *arguments, "--cut-by", "township", *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(
    process: subprocess.Popen[str], happened: Callable[[], bool], *, but: str = ""
) -> None:
    """Wait until something is there, as closely as files can be watched."""
    for _ in range(60_000):
        if happened():
            return
        assert process.poll() is None, but
        time.sleep(0.001)
    raise AssertionError(but)


def made(out: Path, what: str) -> list[Path]:
    patterns = {"parts": "parts/*/*.npz", "tables": "tables/*/done.json"}
    found = (out / WORK).glob(patterns[what])
    return [p for p in found if not p.parent.name.startswith(".new")]


def seen(paths: list[Path]) -> dict[Path, tuple[int, int]]:
    return {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in paths}


@pytest.fixture
def fresh(states: TwoStates, tmp_path: Path) -> Iterator[TwoStates]:
    """The first state is to be made again, with nothing kept; the second is current."""
    states = states.copy(tmp_path / "out")
    shutil.rmtree(states.out / WORK)
    forget(states.out, keep=states.versions[1])
    yield states
    assert leftovers(states.out) == []
    assert list((states.out / WORK).glob("run-*")) == []


def ended(session: int) -> bool:
    """Wait for what a killed driver leaves: its workers end when they hear of it."""
    for _ in range(600):
        if not alive_in_session(session):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.case("kill")
@pytest.mark.parametrize("wave", ["parts", "tables"])
def test_a_killed_driver(fresh: TwoStates, wave: str) -> None:
    """The next run takes up what is finished, and the version has the same name."""
    process = start_run(fresh, "2023-12-31")
    wait_until(process, lambda: bool(made(fresh.out, wave)), but=f"no {wave}")
    process.kill()
    process.communicate()
    assert ended(process.pid)
    kept = seen(made(fresh.out, "parts")) | seen(made(fresh.out, "tables"))
    assert kept
    assert assert_whole(fresh.out).version == fresh.versions[1]
    process = start_run(fresh, "2023-12-31")
    said, error = process.communicate()
    assert process.returncode == 0, said + error
    assert assert_whole(fresh.out).version == fresh.versions[0]
    assert seen([path for path in kept if path.exists()]) == kept


@pytest.mark.case("kill")
@pytest.mark.parametrize("moment", ["start", "parts", "tables"])
def test_an_interrupt_at_the_terminal(fresh: TwoStates, moment: str) -> None:
    """It ends at once, in words, and everything it has started ends with it."""
    process = start_run(fresh, "2023-12-31")
    happened: dict[str, Callable[[], Any]] = {
        "start": lambda: (fresh.out / WORK / ".lock").exists(),
        "parts": lambda: made(fresh.out, "parts"),
        "tables": lambda: made(fresh.out, "tables"),
    }
    wait_until(process, lambda: bool(happened[moment]()), but=moment)
    assert len(alive_in_session(process.pid)) >= 1
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    said, error = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert process.returncode == 130
    assert "Traceback" not in said + error
    assert "已中断" in error
    assert ended(process.pid)
    assert leftovers(fresh.out) == []
    assert list((fresh.out / WORK).glob("run-*")) == []
    assert assert_whole(fresh.out).version == fresh.versions[1]


def test_an_interrupt_is_told_to_programs(fresh: TwoStates) -> None:
    process = start_run(fresh, "2023-12-31", "--json")
    wait_until(process, (fresh.out / WORK / ".lock").exists)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "已中断" in json.loads(said)["error"]["message"]
