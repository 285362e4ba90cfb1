"""What the tasks of a run have made, joined for its snapshot and its plans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from yikezhong_app.runs.array_files import read_result
from yikezhong_app.runs.kept_tables import KeptTable, KeptTables
from yikezhong_app.runs.merged import read_circles
from yikezhong_app.runs.plan_records import CoverageBook
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.runs.service_task import PLANS, SEPARATOR
from yikezhong_app.runs.waves import Measured
from yikezhong_app.runs.workspace import Workspace
from yikezhong_app.snapshots.table_files import Table, TableFile, TableFiles
from yikezhong_app.tables.circles import circle_rows
from yikezhong_app.tables.plan_gaps import ServiceRemedies
from yikezhong_app.tables.plans import PlanTables
from yikezhong_coverage.rules.records import ServiceCoverage

#: Tables of services that are small enough to be one file.
_JOINED = ("equity", "access")


def collect_tables(
    run: RunData,
    measured: Measured,
    folders: Mapping[str, Path],
    workspace: Workspace,
) -> dict[str, Table]:
    """Return the tables that the tasks have made, file by file."""
    files: dict[str, list[TableFile]] = {}
    small: dict[str, list[pd.DataFrame]] = {}
    for service, folder in folders.items():
        for name, table in KeptTables(folder).tables().items():
            if name in _JOINED:
                small.setdefault(name, []).append(pd.read_parquet(table.path))
            else:
                files.setdefault(name, []).append(_file(service, table))
    circles = files.setdefault("circles", [])
    circles += _facility_circles(run, measured, workspace)
    tables: dict[str, Table] = {n: TableFiles(tuple(f)) for n, f in files.items() if f}
    for name, frames in small.items():
        tables[name] = pd.concat(frames, ignore_index=True)
    return tables


def _file(service: str | None, table: KeptTable, *, name: str = "") -> TableFile:
    return TableFile(
        path=table.path,
        name=name or str(service),
        service=service,
        rows=table.rows,
        geometry=table.geometry,
        sha256=table.sha256,
    )


def _facility_circles(
    run: RunData, measured: Measured, workspace: Workspace
) -> list[TableFile]:
    """Return the circles of single facilities, a file for each profile and limit."""
    found = []
    ids = run.facilities["id"].to_numpy(dtype=object)
    for (profile, limit_s), names in measured.circles.items():
        circles = read_circles(
            run, profile=profile, limit_s=limit_s, kept=workspace.parts, names=names
        )
        if not circles:
            continue
        tables = KeptTables(workspace.tables / f"circles-{profile}-{limit_s:g}")
        with tables.making() as folder:
            at = sorted(circles)
            table = circle_rows(
                [circles[i] for i in at],
                ids[np.array(at, dtype=np.int64)].tolist(),
                profile=profile,
                limit_s=limit_s,
            )
            tables.add(folder, "circles", table)
        workspace.used.add(tables.folder)
        # a service id holds no point: the names cannot meet
        name = f"{profile}.{limit_s:g}"
        found.append(_file(None, tables.tables()["circles"], name=name))
    return found


def fill_plans(plans: PlanTables, folders: Mapping[str, Path]) -> ServiceRemedies:
    """Give the plans the coverage that they ask for; return what would close gaps."""
    remedies: ServiceRemedies = {}
    for service, folder in folders.items():
        arrays = read_result(folder / PLANS)
        for text, values in arrays.items():
            kind, *rest = text.split(SEPARATOR)
            if kind == "remedies":
                remedies[service, float(rest[0])] = {
                    str(code): (str(word), str(facility) or None)
                    for code, word, facility in values.tolist()
                }
            elif kind == "total":
                speed, variant, limit, denominator = rest
                name = SEPARATOR.join(rest)
                book = plans.books.setdefault(float(speed), CoverageBook())
                book.found[variant][service, float(limit), denominator] = (
                    ServiceCoverage(
                        values,
                        arrays[f"covered{SEPARATOR}{name}"],
                        arrays[f"unknown{SEPARATOR}{name}"],
                    )
                )
    return remedies
