"""What the pool's process does of an upload: have it checked, make it current."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from yikezhong_app.jobs.worker import error_record
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.snapshots.manifest import input_hashes, run_key
from yikezhong_app.uploads import check
from yikezhong_app.uploads.records import (
    CHECK_FILE,
    DONE_FILE,
    STUDY_FOLDER,
    write_json,
)
from yikezhong_app.uploads.recovery import put_right
from yikezhong_app.uploads.upload_errors import StaleUploadError
from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.databases.working_copy import (
    errors_named,
    rows_named,
    table_names,
    working_study,
)
from yikezhong_geodata.opening import prepare_gdal
from yikezhong_geodata.sandbox.call import SandboxLimits, run_apart
from yikezhong_geodata.sandbox.loading import load_study_apart
from yikezhong_geodata.spec import read_spec
from yikezhong_geodata.study_versions import (
    add_version,
    changing,
    current_study,
    current_version,
    pending,
)

_WORK: Final = "work"
Tell = Callable[[str, float], None]


def run_check(payload: dict[str, Any], progress: Tell) -> dict[str, Any]:
    """Have a candidate study read in the sandbox; keep what came of it."""
    folder = Path(payload["folder"])
    work = folder / _WORK
    found: dict[str, Any] = {"report": None, "error": None, "isolated": None}
    work.mkdir()
    try:
        found |= _check(payload, work, progress)
    except PlannerError as error:
        places = {n: getattr(error, n) for n in ("file", "layer", "row", "column")}
        found["error"] = {**error_record(error), **places, "text": str(error)}
    finally:
        found["preview"] = _preview(work)
        shutil.rmtree(work)
    write_json(folder / CHECK_FILE, found)
    return {}


def _check(payload: dict[str, Any], work: Path, progress: Tell) -> dict[str, Any]:
    """Return the report on a candidate, and by what it is known again."""
    folder = Path(payload["folder"])
    candidate = folder / STUDY_FOLDER
    limits = SandboxLimits(**payload["limits"])
    with working_study(candidate) as ready, errors_named(table_names(ready)):
        asked = {
            **payload["check"],
            "candidate": str(ready),
            "as_of": evaluation_day(candidate).isoformat(),
        }
        answer = run_apart(
            check.TASK, asked, folder=work, limits=limits, progress=progress
        )
        report = rows_named(answer.value, table_names(ready))
    return {
        "report": report,
        "isolated": answer.isolated,
        "key": study_key(candidate),
        "base_key": study_key(current_study(Path(payload["root"]))),
    }


def run_update(payload: dict[str, Any], progress: Tell) -> dict[str, Any]:
    """Make a checked candidate the study's current version, with its result.

    The old version and the old result stay current until both are whole.
    """
    prepare_gdal()
    folder, root, out = (Path(payload[name]) for name in ("folder", "root", "out"))
    with changing(root):
        put_right(root, out)
        candidate = folder / STUDY_FOLDER
        now = (
            study_key(candidate),
            current_version(root),
            study_key(current_study(root)),
        )
        if now != (payload["key"], payload["base"], payload["base_key"]):
            raise StaleUploadError("检查之后研究数据又有变化", hint="请重新上传并检查")
        with working_study(candidate) as ready:
            key = candidate_key(ready, payload)
            version = add_version(root, candidate, note=payload["note"])
            with pending(root, version, run_key=key):
                study = load_study_apart(
                    # tables of a database stand in the working copy alone
                    root / "versions" / version if ready == candidate else ready,
                    as_of=evaluation_day(candidate),
                    accept_datum=payload["check"]["accept_datum"],
                    accept_repairs=payload["check"]["accept_repairs"],
                    progress=lambda step, share: progress(step, 0.2 * share),
                    limits=SandboxLimits(**payload["limits"]),
                    workspace=folder,
                )
                snapshot = run_study(
                    study,
                    out,
                    key=key,
                    progress=lambda step, share: progress(step, 0.2 + 0.8 * share),
                )
    done = {"study_version": version, "snapshot_version": snapshot.version}
    write_json(folder / DONE_FILE, done)
    shutil.rmtree(folder / STUDY_FOLDER)
    return done


def evaluation_day(folder: Path) -> dt.date:
    """Return the day to evaluate: the study's own, else today."""
    return read_spec(folder).as_of or dt.date.today()


def candidate_key(candidate: Path, payload: dict[str, Any]) -> str:
    """Return a hash of all that decides the result of a candidate, as ``run`` has it."""
    accepted = [n for n in ("datum", "repairs") if payload["check"][f"accept_{n}"]]
    return run_key(candidate, as_of=evaluation_day(candidate), accepted=accepted)


def study_key(folder: Path) -> str:
    """Return a hash of the files of a study."""
    text = json.dumps(input_hashes(folder), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _preview(work: Path) -> Any:
    with suppress(OSError, ValueError):
        return json.loads((work / check.PREVIEW_FILE).read_text(encoding="utf-8"))
    return None
