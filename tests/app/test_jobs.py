"""The pool: bounded, cancellable, one job for one request, results kept as files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from yikezhong_app.jobs.pool import JobPool, LazyPool, PoolFullError, PoolLimits
from yikezhong_app.jobs.records import Job

#: Other work may keep the machine busy.
SLOW_MACHINE = 3
TASKS = {"try": "job_tasks:run"}


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[JobPool]:
    made = JobPool(
        TASKS,
        folder=tmp_path / "jobs",
        kept={"try"},
        limits=PoolLimits(slots=1, jobs=4),
    )
    yield made
    made.close()


def submit(pool: JobPool, **payload: Any) -> Job:
    return pool.submit("try", {"asked": payload}, payload=payload)


def until(pool: JobPool, job: Job, right: Callable[[Job], bool]) -> Job:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        now = pool.get(job.id)
        assert now is not None
        if right(now):
            return now
        time.sleep(0.02)
    raise AssertionError(now)


def test_a_job_runs_in_another_process_and_is_kept(
    pool: JobPool, tmp_path: Path
) -> None:
    job = pool.wait(submit(pool, what="quick", n=1).id, timeout_s=30)
    assert job is not None and job.status == "done" and job.progress == 1.0
    assert job.result is not None and job.result["n"] == 1
    kept = json.loads((tmp_path / "jobs" / f"{job.id}.json").read_text("utf-8"))
    assert kept["result"]["n"] == 1 and kept["result"]["none"] is None
    again = JobPool(TASKS, folder=tmp_path / "jobs", limits=PoolLimits())
    assert again.get(job.id) is not None
    # and what was asked before is not computed again
    assert submit(again, what="quick", n=1).id == job.id
    again.close()


def test_a_broken_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "abc.json").write_text("{", encoding="utf-8")
    pool = JobPool(TASKS, folder=tmp_path, limits=PoolLimits())
    assert pool.of_kind("try") == []


@pytest.mark.case(92)
def test_equal_requests_are_one_job_until_it_fails(pool: JobPool) -> None:
    slow = submit(pool, what="sleep", seconds=0.5)
    assert submit(pool, what="sleep", seconds=0.5).id == slow.id
    assert submit(pool, what="sleep", seconds=0.6).id != slow.id
    bad = pool.wait(submit(pool, what="refuse").id, timeout_s=30)
    assert bad is not None and bad.status == "failed"
    assert bad.error is not None
    assert (bad.error["code"], bad.error["message"]) == ("Input", "不行")
    assert bad.error["hint"] == "换一个" and bad.error["status"] == 422
    assert submit(pool, what="refuse").id != bad.id


@pytest.mark.case(93)
def test_a_running_job_is_cancelled_and_the_slot_goes_on(pool: JobPool) -> None:
    first = pool.wait(submit(pool, what="quick").id, timeout_s=30)
    slow = submit(pool, what="sleep", seconds=60)
    until(pool, slow, lambda job: job.progress > 0)
    began = time.monotonic()
    ended = pool.cancel(slow.id)
    assert time.monotonic() - began < 5
    assert ended is not None and ended.status == "cancelled"
    after = pool.wait(submit(pool, what="quick", n=2).id, timeout_s=30)
    assert first is not None and first.result is not None
    assert after is not None and after.result is not None
    assert after.result["pid"] != first.result["pid"]
    still = pool.cancel(after.id)
    assert still is not None and still.status == "done"


def test_a_waiting_job_is_cancelled_at_once(pool: JobPool) -> None:
    slow = submit(pool, what="sleep", seconds=60)
    waiting = submit(pool, what="quick")
    ended = pool.cancel(waiting.id)
    assert ended is not None and ended.status == "cancelled"
    pool.cancel(slow.id)
    assert pool.cancel("0" * 16) is None


def test_one_job_too_many_is_refused_at_once(pool: JobPool) -> None:
    jobs = [submit(pool, what="sleep", seconds=60, n=n) for n in range(4)]
    began = time.monotonic()
    with pytest.raises(PoolFullError):
        submit(pool, what="sleep", seconds=60, n=5)
    assert time.monotonic() - began < 0.05
    # what is asked for again is still the same job
    assert submit(pool, what="sleep", seconds=60, n=3).id == jobs[3].id
    pool.cancel(jobs[3].id)
    assert submit(pool, what="sleep", seconds=60, n=6).status == "queued"


@pytest.mark.case("job limits")
def test_a_process_that_dies_fails_its_job_only(pool: JobPool) -> None:
    dead = pool.wait(submit(pool, what="die").id, timeout_s=30)
    assert dead is not None and dead.status == "failed"
    assert dead.error is not None and dead.error["code"] == "JobEnded"
    full = pool.wait(submit(pool, what="memory").id, timeout_s=30)
    assert full is not None and full.error is not None
    assert full.error["code"] == "JobMemory"
    done = pool.wait(submit(pool, what="quick").id, timeout_s=30)
    assert done is not None and done.status == "done"


def test_a_job_beyond_its_time_is_stopped(
    pool: JobPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yikezhong_app.jobs.pool.GRACE_S", 0.0)
    payload = {"what": "sleep", "seconds": 60}
    job = pool.submit("try", {}, payload=payload, limit_s=0.3)
    ended = pool.wait(job.id, timeout_s=30)
    assert ended is not None and ended.error is not None
    assert ended.error["code"] == "JobTimeout"


@pytest.mark.case("job limits")
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"what": "grow"}, "JobMemory"),
        ({"what": "reserve", "n_bytes": 2**45}, "JobMemory"),
        ({"what": "sleep", "seconds": 60}, "JobTimeout"),
    ],
)
def test_a_job_beyond_its_limits_is_replaced_within_two_seconds(
    monkeypatch: pytest.MonkeyPatch, payload: dict[str, Any], code: str
) -> None:
    monkeypatch.setattr("yikezhong_app.jobs.pool.GRACE_S", 0.0)
    limits = PoolLimits(slots=1, jobs=4, memory_bytes=400 * 2**20)
    pool = JobPool(TASKS, folder=None, limits=limits)
    try:
        pool.wait(submit(pool, what="quick").id, timeout_s=30)
        first = pool.submit("try", {}, payload=payload, limit_s=3)
        failed = pool.wait(first.id, timeout_s=30)
        began = time.monotonic()
        assert failed is not None and failed.status == "failed"
        assert failed.error is not None and failed.error["code"] == code
        after = pool.wait(submit(pool, what="quick", n=2).id, timeout_s=30)
        assert after is not None and after.status == "done"
        assert time.monotonic() - began < 2 * SLOW_MACHINE
    finally:
        pool.close()


def test_closing_ends_everything() -> None:
    lazy = LazyPool(TASKS, folder=None, limits=PoolLimits(slots=1))
    lazy.close()
    pool = lazy()
    assert lazy() is pool
    jobs = [submit(pool, what="sleep", seconds=60, n=n) for n in range(2)]
    until(pool, jobs[0], lambda job: job.status == "running")
    began = time.monotonic()
    lazy.close()
    assert time.monotonic() - began < 8
    states = [pool.get(job.id) for job in jobs]
    assert [job.status for job in states if job] == ["cancelled"] * 2
    with pytest.raises(PoolFullError):
        submit(pool, what="quick")
