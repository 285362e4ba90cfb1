"""What is kept about a run, so that its numbers can be made again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from yikezhong_app.plan_words import describe_plans
from yikezhong_coverage.records import Service
from yikezhong_geodata.columns import CRS, EQUAL_AREA_CRS
from yikezhong_geodata.databases.working_copy import table_names
from yikezhong_geodata.study import Study
from yikezhong_geodata.study_versions import study_files

PACKAGES = ("yikezhong_app", "yikezhong_coverage", "yikezhong_geodata")
#: Distributions whose version can change a number.
SOFTWARE = (
    "yikezhong",
    "numpy",
    "scipy",
    "numba",
    "shapely",
    "pyproj",
    "geopandas",
    "pyogrio",
    "osmium",
)


def software_versions() -> dict[str, str]:
    """Return the versions of what can change a number, and a hash of our own code."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in SOFTWARE},
        "source": source_hash(),
    }


@cache
def source_hash() -> str:
    """Return a hash of our own code and the data that it ships with."""
    roots = [Path(str(files(name))) for name in PACKAGES]
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".yaml"}:
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def run_key(folder: Path, *, as_of: dt.date, accepted: list[str]) -> str:
    """Return a hash of everything that decides the result of a run.

    Parameters
    ----------
    folder : Path
        The study.
    as_of : datetime.date
        Day that is evaluated.
    accepted : list of str
        What was accepted with ``--accept-…``.
    """
    parts = [input_hashes(folder), as_of.isoformat(), accepted, software_versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def build_manifest(
    study: Study,
    *,
    services: list[Service],
    dropped_services: list[dict[str, str]],
) -> dict[str, Any]:
    """Return the manifest of a run, without its version and tables."""
    spec = study.spec
    return {
        "name": study.name,
        "notice": spec.notice,
        "as_of": study.as_of.isoformat(),
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "map": asdict(spec.map),
        "plans": list(spec.plans),
        "registers": describe_plans(study.plan_inputs.plans),
        "code_system": spec.code_system,
        "parameters": asdict(spec.parameters),
        "services": [asdict(service) for service in services],
        "dropped_services": dropped_services,
        "crs": CRS,
        "area_crs": EQUAL_AREA_CRS,
        "inputs": input_hashes(study.folder),
        "software": software_versions(),
        "data_report": study.report.counts_frame().to_dict("records"),
    }


def input_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a study, by its relative path.

    A file that was fetched from a database is named after its table.
    """
    hashes, tables = {}, table_names(folder)
    for path in study_files(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = path.relative_to(folder).as_posix()
        if name in tables:
            # one table may be two layers
            hashes[f"{tables[name]} ({path.stem})"] = digest
        else:
            hashes[name] = digest
    return hashes
