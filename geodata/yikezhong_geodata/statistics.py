"""Imported figures of indicators: which value, where, as of which day, from whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from yikezhong_geodata.codes import clean_code
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.facility_status import parse_date
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.numbers import clean_text, parse_number
from yikezhong_geodata.source_spec import StatisticSpec
from yikezhong_geodata.sources import Source, open_source

LABEL: Final = "statistics"
_NUMBERS: Final = ("value", "numerator", "denominator")


@dataclass(frozen=True)
class Statistic:
    """One figure of one indicator for one division.

    Parameters
    ----------
    indicator : str
        Id in the plan register.
    code : str
        Division that the figure is for.
    date : datetime.date
        Day the figure is for; a bare year means 31 December.
    value : Fraction
        The figure as it was written, exactly; shares are parts of 1.
    numerator, denominator : Fraction or None
        Where they were given; both or none.
    source : str or None
        Who published it.
    """

    indicator: str
    code: str
    date: dt.date
    value: Fraction
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    source: str | None = None


def load_statistics(
    specs: Sequence[StatisticSpec],
    *,
    folder: Path,
    divisions: Any,
    report: DataReport,
    code_system: str = "cn12",
    known: Iterable[str] | None = None,
) -> tuple[Statistic, ...]:
    """Read all tables of imported figures.

    Parameters
    ----------
    specs : sequence of StatisticSpec
    folder : Path
        The study folder.
    divisions : GeoDataFrame
        For the codes.
    report : DataReport
        Takes every row that is set aside, and the account of the rows.
    code_system : str
        ``cn12`` or ``free``.
    known : iterable of str, optional
        Ids of the indicators of the study's plans; a row of another is set aside.

    Returns
    -------
    tuple of Statistic
        In the order of the files and rows.

    Raises
    ------
    ColumnMappingError
        If a table lacks the columns it needs.
    DuplicateKeyError
        If an indicator has two figures for one division and day.
    """
    codes = frozenset(divisions["code"])
    ids = None if known is None else frozenset(known)
    found: list[Statistic] = []
    seen: dict[tuple[str, str, dt.date], str] = {}
    for spec in specs:
        source = open_source(
            spec, folder=folder, report=report, label=LABEL, kind="statistic"
        )
        _check_columns(source, spec)
        rows = {name: source.texts(name) for name in source.columns}
        for index, row in enumerate(source.rows.tolist()):
            texts = {name: column[index] for name, column in rows.items()}
            figure = _read_row(texts, spec, code_system=code_system)
            if isinstance(figure, Statistic):
                figure = _unknown(figure, codes, ids) or figure
            if not isinstance(figure, Statistic):
                problem, message = figure
                report.add(
                    LABEL, source.file, row, texts.get("indicator"), problem,
                    "set_aside", value=texts.get("code"), message=message,
                )  # fmt: skip
                continue
            key = (figure.indicator, figure.code, figure.date)
            here = f"{source.file} 第 {row} 行"
            if key in seen:
                raise DuplicateKeyError(
                    f"指标 {key[0]}、区划 {key[1]}、日期 {key[2]} 有两个数值："
                    f"{seen[key]}和{here}",
                    file=source.file,
                    row=row,
                    hint="请删去其中一行",
                )
            seen[key] = here
            found.append(figure)
        report.close_layer(LABEL, source.file, read=len(source))
    return tuple(found)


def figures_as_of(
    statistics: Iterable[Statistic], day: dt.date
) -> tuple[Statistic, ...]:
    """Return the latest figure of each indicator and division up to a day.

    Examples
    --------
    >>> old = Statistic("X-1", "42", dt.date(2023, 12, 31), Fraction(1, 2))
    >>> new = Statistic("X-1", "42", dt.date(2025, 12, 31), Fraction(3, 4))
    >>> [str(s.value) for s in figures_as_of([new, old], dt.date(2024, 6, 30))]
    ['1/2']
    >>> figures_as_of([new], dt.date(2024, 6, 30))
    ()
    """
    latest: dict[tuple[str, str], Statistic] = {}
    for figure in sorted(statistics, key=lambda s: s.date):
        if figure.date <= day:
            latest[figure.indicator, figure.code] = figure
    return tuple(latest.values())


def parse_exact(text: str | None) -> tuple[Fraction | None, str | None]:
    """Return a number exactly as it is written, and what is wrong with it.

    Examples
    --------
    >>> parse_exact("36.3%"), parse_exact("0.363"), parse_exact("1,234")
    ((Fraction(363, 1000), None), (Fraction(363, 1000), None), (Fraction(1234, 1), None))
    >>> parse_exact("-"), parse_exact("约一半")
    ((None, 'missing'), (None, 'unreadable'))
    """
    plain = clean_text(text) or ""
    body = plain.rstrip("%")
    value, problem = parse_number(body)
    if value is None:
        return None, problem
    # the shortest decimal of a float is the text of up to 15 digits it came from
    exact = Fraction(repr(value))
    return (exact / 100 if body != plain else exact), problem


def _check_columns(source: Source, spec: StatisticSpec) -> None:
    needed = {"indicator": "指标编号", "code": "区划代码"}
    missing = [word for name, word in needed.items() if name not in source.columns]
    if "value" not in source.columns and not (
        {"numerator", "denominator"} <= set(source.columns)
    ):
        missing.append("数值（或分子、分母）")
    if "date" not in source.columns and spec.date is None:
        missing.append("日期")
    if missing:
        raise ColumnMappingError(
            f"统计数据表缺少列：{'、'.join(missing)}",
            file=source.file,
            hint="每行应有：指标编号、区划代码、数值（或分子、分母）、日期、来源",
        )


def _unknown(
    figure: Statistic, codes: frozenset[str], known: frozenset[str] | None
) -> tuple[str, str] | None:
    if known is not None and figure.indicator not in known:
        return "indicator_unknown", "指标编号不在本项目的规划中，未使用"
    if figure.code not in codes:
        return "unmatched", "代码不在区划名录中，未使用"
    return None


def _read_row(
    texts: dict[str, str | None], spec: StatisticSpec, *, code_system: str
) -> Statistic | tuple[str, str]:
    """Return the figure of a row, or why there is none: (problem, message)."""
    indicator = texts.get("indicator")
    if indicator is None:
        return "indicator_missing", "没有指标编号，未使用"
    code, problem = clean_code(texts.get("code"), code_system=code_system)
    if code is None:
        return problem or "code_missing", "区划代码缺失或无法识别，未使用"
    day, wrong = parse_date(texts.get("date"))
    day = day or (None if wrong else spec.date)
    if day is None:
        return wrong or "date_missing", "日期缺失或无法识别，未使用"
    numbers: dict[str, Fraction | None] = {}
    for name in _NUMBERS:
        numbers[name], wrong = parse_exact(texts.get(name))
        if wrong == "unreadable":
            return "unreadable_number", f"“{texts.get(name)}”无法识别为数字，未使用"
    value, over, under = (numbers[name] for name in _NUMBERS)
    if under is not None and under <= 0:
        return "bad_denominator", "分母应大于 0，未使用"
    if over is None or under is None:
        over = under = None
    else:
        if value is not None and abs(value - over / under) > Fraction(1, 1000):
            return "value_conflict", "数值与分子÷分母不符，未使用"
        value = over / under
    if value is None:
        return "value_missing", "没有数值，未使用"
    return Statistic(
        indicator=indicator,
        code=code,
        date=day,
        value=value,
        numerator=over,
        denominator=under,
        source=texts.get("source") or spec.source,
    )
