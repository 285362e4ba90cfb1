"""Build the province: its layout, its parts by several processes, one study of them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.demo.province.files import join_parts, write_whole
from yikezhong_geodata.demo.province.layout import draw_layout
from yikezhong_geodata.demo.province.part import (
    LAYOUT_FILE,
    read_base,
    settle_part,
    write_part,
)
from yikezhong_geodata.demo.province.size import FULL, Size
from yikezhong_geodata.demo.terrain import FloatArray


class PartLostError(PlannerError):
    """A process that made parts was ended from outside."""


Progress = Callable[[str, float], None]
_Made = TypeVar("_Made")
#: Shares of the work, for the progress: the layout, the parts, the rest.
_LAYOUT: Final = 0.08
_PARTS: Final = 0.92


def build_province(
    folder: Path,
    *,
    size: Size = FULL,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the study of the schematic province into a folder.

    Parameters
    ----------
    folder : Path
        Made where it is not there; files of an earlier study are written over.
    size : Size
        How large the province is.
    workers : int, optional
        Processes; by default one for each core that may be used. The result does not
        depend on it.
    progress : callable, optional
        Called with what is done now (Chinese) and the fraction done, in [0, 1].

    Returns
    -------
    Path
        The folder, with ``study.toml`` in it. The same bytes every time on the same
        versions of the libraries.
    """
    tell = progress or _silent
    n_worker = workers or len(os.sched_getaffinity(0))
    folder.mkdir(parents=True, exist_ok=True)
    tell("绘制全省格局", 0.0)
    base = read_base(size)
    pieces = Path(tempfile.mkdtemp(prefix=".parts-", dir=folder))
    counties = range(size.n_county)
    try:
        with made_by(n_worker) as make:
            settled = dict(make(partial(_settled, size), counties))
            parts = [settled[k] for k in counties]
            layout = draw_layout(base.skeleton, parts, base.water)
            layout.save(pieces / LAYOUT_FILE)
            tell("生成各县（市、区）", _LAYOUT)
            done = make(partial(write_part, pieces, size), counties)
            for number, _ in enumerate(done, start=1):
                share = number / size.n_county
                tell("生成各县（市、区）", _LAYOUT + (_PARTS - _LAYOUT) * share)
        tell("写出数据文件", _PARTS)
        join_parts(folder, pieces, base, layout)
        write_whole(folder, pieces, base)
    finally:
        shutil.rmtree(pieces)
    tell("完成", 1.0)
    return folder


def _settled(size: Size, k: int) -> tuple[int, FloatArray]:
    return k, settle_part(size, k)


@contextmanager
def made_by(
    n_worker: int,
) -> Iterator[Callable[[Callable[[int], _Made], Iterable[int]], Iterator[_Made]]]:
    """Give a function that makes parts, in this process or in several."""
    if n_worker == 1:
        yield lambda make, numbers: map(make, numbers)
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_worker, mp_context=spawn)

    def made(make: Callable[[int], _Made], numbers: Iterable[int]) -> Iterator[_Made]:
        try:
            for future in as_completed([pool.submit(make, n) for n in numbers]):
                yield future.result()
        except BrokenProcessPool:
            raise PartLostError(
                "生成进程被系统终止，可能耗尽了内存", hint="请关闭其他程序后重试"
            ) from None

    try:
        yield made
    finally:
        # where one part failed, the others are not waited for
        pool.shutdown(cancel_futures=True)


def _silent(step: str, fraction: float) -> None:
    """Take progress and say nothing."""
