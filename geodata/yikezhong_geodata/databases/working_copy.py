"""A study whose tables were fetched: a folder of files, like any other study.

Files are read by a child without network. So the tables are fetched before, in one
read-only transaction that sees one state of the database, into a working copy of the
study folder whose ``study.toml`` names files only. A list beside them (:data:`NAMES`)
says which file is which table, and everything that is said about such a file names
the table.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.databases.database_spec import SECTION, place_of_spec
from yikezhong_geodata.source_spec import SourceSpec
from yikezhong_geodata.spec import STUDY_FILE, PopulationSpec, StudySpec, read_spec
from yikezhong_geodata.study_versions import copy_study
from yikezhong_geodata.toml_keys import StudySpecError
from yikezhong_geodata.toml_text import toml_text

if TYPE_CHECKING:
    from yikezhong_geodata.databases.reading import TableLimits
    from yikezhong_geodata.study import Study

#: In a working copy: path of a file → name of its table.
NAMES: Final = ".tables.json"
_FOLDER: Final = "database"
#: Longest time of one table [s].
_STATEMENT_S: Final = 1800
#: Lists of ``study.toml``, and whether their tables need a geometry.
_LISTS: Final = {
    "boundaries": "needed",
    "facilities": "wanted",
    "population": "none",
    "attributes": "none",
    "statistics": "none",
    "zones": "needed",
}


@dataclass(frozen=True)
class _Wanted:
    """An entry of ``study.toml`` with a table, and what the spec says of it."""

    entry: dict[str, Any]
    source: SourceSpec
    geometry: str


@contextmanager
def working_study(
    folder: Path,
    *,
    progress: Callable[[str, float], None] | None = None,
    limits: TableLimits | None = None,
) -> Iterator[Path]:
    """Give a folder that holds all of a study as files.

    Parameters
    ----------
    folder : Path
        The study, or its ``study.toml``.
    progress : callable, optional
        Told each table and the share that is done.
    limits : TableLimits, optional
        What may be read of a table.

    Yields
    ------
    Path
        The study itself where it names no table, else a working copy for as long as
        the block takes.

    Raises
    ------
    InputError
        If a table cannot be used.
    SourceError
        If the database cannot be reached, or does not allow it.
    """
    spec = read_spec(folder)
    if spec.database is None:
        yield folder
        return
    root = folder.parent if folder.name == STUDY_FILE else folder
    table = tomllib.loads((root / STUDY_FILE).read_text(encoding="utf-8-sig"))
    wanted = _wanted(table, spec)
    with tempfile.TemporaryDirectory(prefix="yikezhong-") as name:
        target = Path(name) / "study"
        copy_study(root, target, without=STUDY_FILE, link=True)
        names = _fetch(spec, wanted, target, progress, limits) if wanted else {}
        del table[SECTION]
        (target / STUDY_FILE).write_text(toml_text(table), encoding="utf-8")
        (target / NAMES).write_text(json.dumps(names), encoding="utf-8")
        yield target


def refuse_tables(spec: StudySpec) -> None:
    """Raise where a study has tables: they must have been fetched.

    Raises
    ------
    StudySpecError
    """
    if spec.database is not None:
        raise StudySpecError(
            "研究的图层在数据库里，须先取出",
            file=STUDY_FILE,
            column=SECTION,
            hint="请用 working_study 或命令 yikezhong check、yikezhong run",
        )


def _wanted(table: Mapping[str, Any], spec: StudySpec) -> list[_Wanted]:
    found: list[_Wanted] = []

    def add(entry: dict[str, Any], source: SourceSpec, geometry: str) -> None:
        if source.table is None:
            return
        if isinstance(source, PopulationSpec):
            if source.kind == "raster":
                raise StudySpecError(
                    "栅格不能来自数据库表", file=STUDY_FILE, column="population"
                )
            geometry = "wanted" if source.kind == "points" else "none"
        found.append(_Wanted(entry, source, geometry))

    for name, geometry in _LISTS.items():
        entries = table.get(name, [])
        listed = [entries] if isinstance(entries, dict) else entries
        for entry, source in zip(listed, getattr(spec, name), strict=True):
            add(entry, source, geometry)
    add(table["roads"], spec.roads, "needed")
    if spec.demand.buildings is not None:
        add(table["demand"]["buildings"], spec.demand.buildings, "wanted")
    return found


def _fetch(
    spec: StudySpec,
    wanted: list[_Wanted],
    target: Path,
    progress: Callable[[str, float], None] | None,
    limits: TableLimits | None,
) -> dict[str, str]:
    """Write the tables into files, have the entries name them; return file → table."""
    from yikezhong_geodata.databases.connecting import connected, require_postgis

    require_postgis()
    from yikezhong_geodata.databases.reading import TableLimits, read_into_file
    from yikezhong_geodata.databases.relations import Asked

    files = target / _free_name(target)
    files.mkdir()
    names = {}
    # service files and passwords belong to who runs this: the child has none of them
    with connected(place_of_spec(_database(spec))) as connection:
        connection.execute(f"set statement_timeout = '{_STATEMENT_S}s'".encode())
        connection.execute("begin isolation level repeatable read, read only")
        for number, one in enumerate(wanted):
            if progress is not None:
                progress(f"从数据库读取 {one.source.file}", number / len(wanted))
            asked = Asked(
                _table(one.source),
                one.geometry,
                one.source.geometry,
                one.source.crs is not None,
            )
            path = read_into_file(
                connection,
                asked,
                files / f"table_{number + 1}",
                limits=limits or TableLimits(),
            )
            _name_file(one.entry, path, target)
            names[path.relative_to(target).as_posix()] = one.source.file
        connection.execute("commit")
    if progress is not None:
        progress("已从数据库读取", 1.0)
    return names


def _database(spec: StudySpec) -> Any:
    return spec.database


def _table(source: SourceSpec) -> Any:
    return source.table


def _free_name(target: Path) -> str:
    name = _FOLDER
    while (target / name).exists():
        name += "_"
    return name


def _name_file(entry: dict[str, Any], path: Path, target: Path) -> None:
    for key in ("table", "geometry"):
        entry.pop(key, None)
    entry["file"] = path.relative_to(target).as_posix()
    if path.suffix == ".csv":
        entry["encoding"] = "utf-8"


def table_names(folder: Path) -> dict[str, str]:
    """Return path of a file → name of its table; empty for any other study.

    Parameters
    ----------
    folder : Path
        The study, or its ``study.toml``.
    """
    root = folder.parent if folder.name == STUDY_FILE else folder
    try:
        found = json.loads((root / NAMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(file): str(name) for file, name in found.items()}


@contextmanager
def errors_named(names: Mapping[str, str]) -> Iterator[None]:
    """Have errors of the block name tables where they name their files."""
    try:
        yield
    except PlannerError as error:
        for file, table in names.items():
            own = Path(file).name
            if error.file in (file, own):
                error.file = f"数据库表 {table}"
                if error.row is not None:
                    error.row -= _header_rows(file)
            error.message = error.message.replace(own, table)
        error.args = (error.message,)
        raise


def named_after_tables(study: Study, names: Mapping[str, str]) -> Study:
    """Return a study whose report and tables name tables in place of their files."""
    if not names:
        return study
    files = {
        Path(file).name: (name, _header_rows(file)) for file, name in names.items()
    }
    tables = {
        part: _frame_named(getattr(study, part), files)
        for part in ("divisions", "facilities")
    }
    inputs = study.plan_inputs
    zones = None if inputs.zones is None else _frame_named(inputs.zones, files)
    return replace(
        study,
        **tables,
        report=_report_named(study.report, files),
        plan_inputs=replace(inputs, zones=zones),
    )


def rows_named(report: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return lists of plain rows whose ``file`` names tables in place of their files.

    Examples
    --------
    >>> rows_named({"n": 1, "counts": [{"file": "t.csv"}]}, {"database/t.csv": "a.t"})
    {'n': 1, 'counts': [{'file': 'a.t'}]}
    """
    files = {Path(file).name: name for file, name in names.items()}
    return {
        key: [{**row, "file": files.get(row["file"], row["file"])} for row in value]
        if isinstance(value, list)
        else value
        for key, value in report.items()
    }


def _report_named(
    report: DataReport, files: Mapping[str, tuple[str, int]]
) -> DataReport:
    findings = []
    for finding in report.findings:
        name, header = files.get(finding.file, (finding.file, 0))
        row = None if finding.row is None else finding.row - header
        message = finding.message
        for file, (table, _) in files.items():
            message = message.replace(file, table)
        findings.append(replace(finding, file=name, row=row, message=message))
    counts = [
        replace(count, file=files.get(count.file, (count.file, 0))[0])
        for count in report.counts
    ]
    return DataReport(findings, counts)


def _frame_named(frame: Any, files: Mapping[str, tuple[str, int]]) -> Any:
    """Return a table whose columns ``file`` and ``row`` say table and row."""
    if "file" not in frame:
        return frame
    found = frame.copy()
    header = frame["file"].map({file: rows for file, (_, rows) in files.items()})
    if "row" in frame:
        found["row"] = (frame["row"] - header.fillna(0)).astype(frame["row"].dtype)
    found["file"] = frame["file"].map(
        lambda file: files[file][0] if file in files else file
    )
    return found


def _header_rows(file: str) -> int:
    """Return how many rows a file has above the first of its table."""
    return 1 if file.endswith(".csv") else 0
