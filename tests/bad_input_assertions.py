"""What must hold of every bad input, asserted once for all cases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bad_input_cases import Listed, Refused, check
from study_cases import write_study
from yikezhong_coverage.errors import PlannerError

CHINESE = re.compile("[一-鿿]")


def error_classes() -> dict[str, type[PlannerError]]:
    """Return all classes of errors by their stable word."""
    found: list[type[PlannerError]] = [PlannerError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return {kind.__name__.removesuffix("Error"): kind for kind in found}


def assert_refused(
    case: Refused, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The study is refused with the error, its place, and in Chinese; nothing is made."""
    study = write_study(folder / "study")
    case.edit(study)
    before = sorted(folder.rglob("*"))
    answer = check(study, capsys, *case.flags, to=folder / "report.csv")
    assert answer.code == 2, answer.document
    error = answer.document["error"]
    assert error["code"] == case.code, error
    assert error_classes()[case.code].http_status == case.status
    assert error["file"] == case.file
    assert case.row is None or error["row"] == case.row, error
    assert case.column is None or error["column"] == case.column, error
    words = f"{error['message']}。{error['hint'] or ''}"
    assert CHINESE.search(error["message"])
    assert case.says in words
    assert "Traceback" not in answer.errors
    assert sorted(folder.rglob("*")) == before


def assert_listed(
    case: Listed, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The study is taken; the report has the rows; rows and people are conserved."""
    study = write_study(folder / "study")
    case.edit(study)
    answer = check(study, capsys, *case.flags, to=folder / "report.csv")
    assert answer.code == 0, answer.document
    lines = [r for r in answer.rows(case.problem) if r["action"] == case.action]
    assert lines, answer.document["problems"]
    assert all(CHINESE.search(line["message"]) for line in lines)
    assert any(case.says in line["message"] for line in lines)
    if case.rows:
        assert tuple(int(line["row"]) for line in lines) == case.rows
    if case.ids:
        assert tuple(line["id"] for line in lines) == case.ids
    for count in answer.document["counts"]:
        assert count["read"] == count["used"] + count["repaired"] + count["set_aside"]
    assert_set_aside_rows_are_named(answer.document["counts"], answer.report)
    if case.people is not None:
        assert people_of(answer.report) == pytest.approx(case.people, abs=1e-6)


def assert_set_aside_rows_are_named(
    counts: list[dict[str, object]], report: list[dict[str, str]]
) -> None:
    """Every row that is set aside has its line with a reason."""
    for count in counts:
        rows = {
            line["row"]
            for line in report
            if line["action"] == "set_aside"
            and (line["layer"], line["file"]) == (count["layer"], count["file"])
        }
        assert len(rows) == count["set_aside"], count
        assert "" not in rows


def people_of(report: list[dict[str, str]]) -> float:
    """Return the people at all demand points, as the report says it."""
    (line,) = [
        r
        for r in report
        if r["problem"] == "people_conserved" and r["message"].startswith("people：")
    ]
    return float(line["value"])
