"""What is known of a job, and the file that keeps it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

LOG = logging.getLogger("yikezhong.jobs")

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]
#: States that nothing follows.
OVER: Final = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Job:
    """One job; a new record replaces it at every step.

    Parameters
    ----------
    id : str
    kind : str
        Which task it is.
    key : str
        Hash of everything that decides its result.
    request : mapping
        What was asked, as JSON.
    status : str
    progress : float
        0 to 1.
    step : str
        What is being done, in Chinese.
    result, error : mapping or None
    created : str
        ISO time, UTC.
    seconds : float or None
        Time it ran [s].
    """

    id: str
    kind: str
    key: str
    request: Mapping[str, Any]
    status: JobStatus = "queued"
    progress: float = 0.0
    step: str = "排队"
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    created: str = ""
    seconds: float | None = None


def write_job(folder: Path, job: Job) -> None:
    """Keep a job as ``<id>.json``, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{job.id}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(orjson.dumps(job).decode())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / f"{job.id}.json")


def read_jobs(folder: Path | None) -> dict[str, Job]:
    """Return the kept jobs, the oldest first; a file that cannot be read is left out."""
    if folder is None or not folder.is_dir():
        return {}
    found = []
    for path in folder.glob("[!.]*.json"):
        try:
            job = Job(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            LOG.error("cannot read the kept job %s", path.name)
            continue
        if job.id == path.stem and job.status in OVER:
            found.append(job)
    return {job.id: job for job in sorted(found, key=lambda one: (one.created, one.id))}
