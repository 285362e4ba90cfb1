"""Exports in a process of their own: bounded, each made once, never in a reader's way.

Drawing a map keeps Python busy for a second and a report for some seconds; in a
thread of the service every reader would wait behind it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from yikezhong_app.exports.export_errors import (
    ExportBusyError,
    ExportFailedError,
    FontMissingError,
)
from yikezhong_app.exports.view import MapView
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.snapshots.snapshot import open_version
from yikezhong_coverage.errors import PlannerError


@dataclass(frozen=True)
class ExportTask:
    """One file to be made, in values that another process can read.

    Parameters
    ----------
    out : Path
        Result folder.
    version : str
    form : str
    code : str or None
        Of a report.
    view : MapView or None
        Of a map; None: a report.
    width_px : int
        Of a map.
    font : Path or None
    siting : bytes or None
        Record and request of a siting plan, as JSON; None: another file.
    scenario : str or None
        Id of a scenario; None: another file.
    """

    out: Path
    version: str
    form: Literal["xlsx", "docx", "png", "svg"]
    code: str | None = None
    view: MapView | None = None
    width_px: int = 1480
    font: Path | None = None
    siting: bytes | None = None
    scenario: str | None = None


@dataclass(frozen=True)
class ExportOutcome:
    """What the process gives back: the file, or why there is none.

    Errors travel as values: not all of them can be pickled.
    """

    body: bytes | None
    error: str | None = None
    message: str = ""
    hint: str | None = None


def make_export(task: ExportTask) -> ExportOutcome:
    """Make a file; runs in the process of the pool."""
    try:
        return ExportOutcome(_make(task))
    except PlannerError as error:
        return ExportOutcome(None, error.code, error.message, error.hint)


def _make(task: ExportTask) -> bytes:
    from yikezhong_app.exports.figures import draw_map
    from yikezhong_app.exports.report import make_report
    from yikezhong_app.exports.report_data import gather

    catalog = _catalog(task.out, task.version)
    if task.siting is not None:
        return _make_siting(catalog, task, task.siting)
    if task.scenario is not None:
        return _make_scenario(catalog, task, task.scenario)
    if task.view is None or task.form not in ("png", "svg"):
        return make_report(gather(catalog, task.code), task.form, font=task.font)
    return draw_map(
        catalog, task.view, form=task.form, width_px=task.width_px, font=task.font
    )


def _make_siting(catalog: Catalog, task: ExportTask, plan: bytes) -> bytes:
    import orjson

    from yikezhong_app.exports.siting_files import make_siting_file
    from yikezhong_app.exports.siting_paper import SitingPaper

    paper = SitingPaper(catalog, **orjson.loads(plan))
    return make_siting_file(paper, task.form, width_px=task.width_px, font=task.font)


def _make_scenario(catalog: Catalog, task: ExportTask, id_: str) -> bytes:
    from yikezhong_app.exports.scenario_files import make_scenario_file
    from yikezhong_app.exports.scenario_paper import open_scenario_paper

    paper = open_scenario_paper(catalog, task.out, id_)
    form: Literal["xlsx", "docx"] = "xlsx" if task.form == "xlsx" else "docx"
    return make_scenario_file(paper, form, font=task.font)


@lru_cache(maxsize=1)
def _catalog(out: Path, version: str) -> Catalog:
    return load_catalog(open_version(out, version))


def _prepare() -> None:
    """Cut GDAL's drivers back before anything imports it."""
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()


class ExportPool:
    """One process that makes files, with a short queue before it.

    Parameters
    ----------
    waiting : int
        How many tasks may wait beside the one that runs.
    timeout_s : float
        Longest time a task may take, waiting included [s]; then the process is
        ended and a new one is made for the next task.
    make : callable
        What runs in the process; another one in tests.
    """

    def __init__(
        self,
        *,
        waiting: int,
        timeout_s: float,
        make: Callable[[ExportTask], ExportOutcome] = make_export,
    ) -> None:
        self._places = waiting + 1
        self._timeout_s = timeout_s
        self._make = make
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._running: dict[ExportTask, Future[ExportOutcome]] = {}

    async def run(self, task: ExportTask) -> bytes:
        """Return the file of a task; equal tasks that run together are one.

        Raises
        ------
        ExportBusyError
            If all places are taken.
        ExportFailedError
            If the process died or took too long, or could not make the file.
        FontMissingError
            If there is no font for a map.
        """
        future, executor = self._submit(task)
        try:
            outcome = await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(future)), self._timeout_s
            )
        except TimeoutError:
            self._discard(executor)
            raise ExportFailedError("导出超时", hint="请缩小范围后重试") from None
        except BrokenProcessPool:
            self._discard(executor)
            raise ExportFailedError("导出进程中断", hint="请稍后重试") from None
        return _body_of(outcome)

    def _submit(
        self, task: ExportTask
    ) -> tuple[Future[ExportOutcome], ProcessPoolExecutor]:
        with self._lock:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn"), initializer=_prepare
                )
            executor = self._executor
            known = self._running.get(task)
            if known is not None:
                return known, executor
            if len(self._running) >= self._places:
                raise ExportBusyError("导出任务已满", hint="请稍后重试")
            try:
                future = executor.submit(self._make, task)
            except BrokenProcessPool:
                self._executor = None
                raise ExportFailedError("导出进程中断", hint="请稍后重试") from None
            self._running[task] = future
        future.add_done_callback(lambda _: self._forget(task))
        return future, executor

    def _forget(self, task: ExportTask) -> None:
        with self._lock:
            self._running.pop(task, None)

    def _discard(self, executor: ProcessPoolExecutor) -> None:
        """End the process of an executor; the next task gets a new one."""
        with self._lock:
            if self._executor is executor:
                self._executor = None
        _end(executor)

    def close(self) -> None:
        """End the process; what runs is given up."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            _end(executor)


def _end(executor: ProcessPoolExecutor) -> None:
    # no public way before Python 3.14; without it a stuck task would hold the service
    processes: dict[int, Any] = dict(getattr(executor, "_processes", None) or {})
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes.values():
        process.kill()


def _body_of(outcome: ExportOutcome) -> bytes:
    if outcome.body is not None:
        return outcome.body
    if outcome.error == "FontMissing":
        raise FontMissingError(outcome.message, hint=outcome.hint)
    raise ExportFailedError(outcome.message or "导出失败", hint=outcome.hint)
