"""A whole run as a command does it: load the study, compute it, publish the result."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from yikezhong_app.engines.choosing import choose_engine
from yikezhong_app.engines.pool import ProcessPool
from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.runs.pipeline import Cut, run_study, without_shapes
from yikezhong_app.runs.workspace import open_workspace
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.columns import LEVELS
from yikezhong_geodata.sandbox.loading import load_study_apart
from yikezhong_geodata.study_versions import study_files

#: A study of so many bytes is worth starting processes for while it is still read.
_LARGE_BYTES: Final = 4_000_000


def compute(
    folder: Path,
    out: Path,
    *,
    day: dt.date,
    accept_datum: bool,
    accept_repairs: bool,
    key: str,
    workers: int | None,
    scheduler: str | None,
    cut: Cut,
    force: bool,
    progress: ProgressCall,
) -> Snapshot:
    """Load a study, compute it on an engine and publish the result.

    Parameters
    ----------
    folder, out : Path
        Study and result.
    day : datetime.date
        Evaluation day.
    key : str
        What decides the result, see :func:`~yikezhong_app.snapshots.manifest.run_key`.
    workers, scheduler
        See :func:`~yikezhong_app.engines.choosing.choose_engine`.
    cut
        See :func:`~yikezhong_app.runs.pipeline.run_study`.
    force : bool
        Use nothing that was kept by runs before.
    """
    asked = workers is not None or scheduler is not None
    size = sum(path.stat().st_size for path in study_files(folder))
    engine = None
    if asked or size > _LARGE_BYTES:
        engine = choose_engine(workers=workers, scheduler=scheduler)
    try:
        if isinstance(engine, ProcessPool):
            engine.warm_up()
        with open_workspace(out) as workspace:
            if force:
                for kept in (workspace.parts, workspace.tables, workspace.layers):
                    shutil.rmtree(kept, ignore_errors=True)
            study = load_study_apart(
                folder,
                as_of=day,
                accept_datum=accept_datum,
                accept_repairs=accept_repairs,
                progress=part(progress, 0.0, 0.2),
                cache=workspace.layers,
            )
            # a million points as objects are large, and all that is asked of them
            # are their coordinates
            study = replace(study, demand=without_shapes(study.demand))
            snapshot = run_study(
                study,
                out,
                key=key,
                progress=part(progress, 0.2, 1.0),
                engine=engine,
                cut=cut,
                workspace=workspace,
            )
    finally:
        if engine is not None:
            engine.close()
    progress("完成", 1.0)
    return snapshot


def read_cut(text: str | None) -> Cut:
    """Return how a run is cut: a level, or the groups of a list.

    Raises
    ------
    InputError
        If it is neither a level nor a file that can be read.
    """
    if text is None or text in LEVELS:
        return text
    path = Path(text)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"分块方式“{text}”既不是行政级别，也不是可读的清单文件",
            hint=f"级别有 {'、'.join(LEVELS)}",
        ) from None
    groups = [line.split() for line in lines if line.strip()]
    if not groups:
        raise InputError("分块清单是空的", file=path.name)
    return groups
