"""The report of an import: findings made when a study was made out of other data."""

from __future__ import annotations

import csv
from pathlib import Path

from yikezhong_geodata.data_report import ACTIONS, COLUMNS, DataReport, LayerCount
from yikezhong_geodata.file_errors import BadCsvError

#: Lines that are no finding but the account of a file: read/used/repaired/set aside.
_ROW_COUNT = "row_count"


def write_import_report(report: DataReport, path: Path) -> None:
    """Write findings and row counts as CSV that Excel opens (UTF-8 with a mark)."""
    whole = DataReport(list(report.findings))
    for count in report.counts:
        whole.add(
            count.layer,
            count.file,
            None,
            None,
            _ROW_COUNT,
            value=f"{count.read}/{count.used}/{count.repaired}/{count.set_aside}",
            message=f"导入时读入 {count.read} 行：使用 {count.used}，"
            f"修复 {count.repaired}，剔除 {count.set_aside}",
        )
    whole.frame().to_csv(path, index=False, encoding="utf-8-sig")


def append_import_report(path: Path, report: DataReport) -> int:
    """Add the findings and row counts of an import to a study's data report.

    Parameters
    ----------
    path : Path
        As :func:`write_import_report` wrote it.
    report : DataReport
        Takes the findings.

    Returns
    -------
    int
        Number of lines read.

    Raises
    ------
    BadCsvError
        If the file is not such a report.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            rows = list(csv.DictReader(stream, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadCsvError("导入报告无法读取", file=path.name) from error
    for line, row in enumerate(rows, start=2):
        number = row.get("row") or None
        known = set(row) == set(COLUMNS) and row["action"] in ACTIONS
        if not known or (number is not None and not number.isdecimal()):
            raise _bad_line(path, line)
        if row["problem"] == _ROW_COUNT:
            report.counts.append(_row_count(row, path, line))
            continue
        report.add(
            row["layer"],
            row["file"],
            None if number is None else int(number),
            row["id"] or None,
            row["problem"],
            row["action"],
            row["value"] or None,
            row["message"],
        )
    return len(rows)


def _row_count(row: dict[str, str], path: Path, line: int) -> LayerCount:
    numbers = row["value"].split("/")
    if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
        raise _bad_line(path, line)
    read, used, repaired, set_aside = map(int, numbers)
    if read != used + repaired + set_aside:
        raise _bad_line(path, line)
    return LayerCount(row["layer"], row["file"], read, used, repaired, set_aside)


def _bad_line(path: Path, line: int) -> BadCsvError:
    return BadCsvError(
        "导入报告的格式不对",
        file=path.name,
        row=line,
        hint="请重新导入，或从 study.toml 中去掉 import_report",
    )
