"""Choose rows of the table ``indicators`` for a query, with the words around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.table_reader import check_size
from yikezhong_app.web.queries import IndicatorsFilter
from yikezhong_app.web.request_errors import ParameterError, UnknownRecordError

TABLE: Final = "indicators"
#: Columns that are put before the others.
_FIRST: Final = (
    "indicator_id", "name", "plan", "level", "code", "division_name", "value",
    "numerator", "denominator", "comparison", "target", "status", "status_name",
    "missing_units", "missing_text", "reason",
)  # fmt: skip
_LISTS: Final = ("failing_codes", "unknown_codes", "conflicts")


def entries_of(catalog: Catalog) -> dict[str, Row]:
    """Return the entries of the plans of a version by id, in their order."""
    plans = catalog.manifest.get("registers") or []
    return {entry["id"]: entry for plan in plans for entry in plan["indicators"]}


def plans_of(catalog: Catalog) -> list[Row]:
    """Return the plans of a version without their entries."""
    plans = catalog.manifest.get("registers") or []
    return [{k: v for k, v in plan.items() if k != "indicators"} for plan in plans]


def indicator_rows(
    catalog: Catalog,
    query: IndicatorsFilter,
    *,
    indicator: str | None = None,
    codes: Collection[str] | None = None,
    level: str | None = None,
) -> list[Row]:
    """Return rows of the table ``indicators``.

    Parameters
    ----------
    catalog : Catalog
    query : IndicatorsFilter
        Plan, status and class wanted.
    indicator : str or None
        Id of the one indicator wanted.
    codes : collection of str or None
        Divisions wanted; None: all.
    level : str or None
        Level wanted; None: all.

    Raises
    ------
    ParameterError
        If the plan is not one of the version's.
    """
    if TABLE not in catalog.snapshot.table_names:
        return []
    _check_plan(catalog, query.plan)
    wanted: dict[str, str | float | None] = {
        "indicator_id": indicator,
        "level": level,
        "plan": query.plan,
        "status": query.status,
        "class": query.class_,
    }
    if codes is not None and len(codes) == 1:
        wanted["code"] = next(iter(codes))
    table = catalog.tables.where(TABLE, wanted)
    if codes is not None:
        table = table[table["code"].isin(list(codes))]
    check_size(catalog.tables, TABLE, len(table), narrow="level")
    return [_row(catalog, row) for row in to_rows(table)]


def _row(catalog: Catalog, row: Row) -> Row:
    at = catalog.position.get(row["code"])
    full = {
        **row,
        "division_name": None if at is None else catalog.divisions[at]["name"],
        "status_name": STATUS_NAMES.get(row["status"], row["status"]),
        **{name: row.get(name) or [] for name in _LISTS},
    }
    first = {key: full.pop(key) for key in _FIRST}
    return {**first, **full}


def scorecard_rows(catalog: Catalog, row: Row, query: IndicatorsFilter) -> list[Row]:
    """Return the scorecard of a division: every indicator, conflicts side by side.

    Parameters
    ----------
    catalog : Catalog
    row : mapping
        The division.
    query : IndicatorsFilter
    """
    every = indicator_rows(catalog, IndicatorsFilter(), codes={row["code"]})
    by_id = {line["indicator_id"]: line for line in every}
    chosen = indicator_rows(catalog, query, codes={row["code"]})
    entries = entries_of(catalog)
    return [_line(catalog, line, entries, by_id) for line in chosen]


def _line(
    catalog: Catalog, line: Row, entries: Mapping[str, Row], by_id: Mapping[str, Row]
) -> Row:
    entry = entries.get(line["indicator_id"], {})
    against = [by_id[id_] for id_ in line["conflicts"] if id_ in by_id]
    verdicts = {line["status"], *(other["status"] for other in against)}
    return {
        **line,
        "failing_names": names_of(catalog, line["failing_codes"]),
        "baselines": entry.get("baselines") or [],
        "conflicting": [
            {key: other[key] for key in ("indicator_id", "plan", "name", "value",
             "comparison", "target", "year", "status", "status_name", "missing_text")}
            for other in against
        ],
        "disputed": {"met", "not_met"} <= verdicts,
        "reading": entry.get("reading"),
        "statistic": entry.get("statistic"),
        "part_of": entry.get("part_of"),
        "baseline_of": entry.get("baseline_of"),
    }  # fmt: skip


def names_of(catalog: Catalog, codes: Collection[str]) -> list[str]:
    """Return the names of divisions or facilities; the code where there is none."""
    found = []
    for code in codes:
        at = catalog.position.get(code)
        name = catalog.facility_names.get(code) if at is None else None
        found.append(catalog.divisions[at]["name"] if at is not None else name or code)
    return found


def summary_of(rows: Collection[Row]) -> dict[str, int]:
    """Return how many rows have each status."""
    counts = Counter(row["status"] for row in rows)
    return {status: counts[status] for status in STATUS_NAMES}


def find_entry(catalog: Catalog, indicator: str) -> Row:
    """Return the entry of an indicator, or raise.

    Raises
    ------
    UnknownRecordError
        If no plan of the version has it.
    """
    entries = entries_of(catalog)
    if indicator not in entries:
        raise UnknownRecordError(
            f"没有编号为“{indicator}”的指标", hint="可用 /api/v1/indicators 查看"
        )
    return entries[indicator]


def top_codes(catalog: Catalog) -> list[str]:
    """Return the codes of the highest level of the study."""
    top = next(iter(catalog.levels), None)
    return [row["code"] for row in catalog.divisions if row["level"] == top]


def robustness_rows(
    catalog: Catalog,
    indicator: str,
    codes: Collection[str],
    *,
    speed: float | None = None,
) -> list[Row]:
    """Return what other walking speeds and variants say of an indicator.

    Parameters
    ----------
    catalog : Catalog
    indicator : str
    codes : collection of str
        Divisions wanted.
    speed : float or None
        Walking speed wanted [m/s]; None: all that were tried.
    """
    if "robustness" not in catalog.snapshot.table_names:
        return []
    wanted = {"indicator_id": indicator, "speed_mps": speed}
    table = catalog.tables.where("robustness", wanted)
    return to_rows(table[table["code"].isin(list(codes))])


def _check_plan(catalog: Catalog, plan: str | None) -> None:
    there = [entry["id"] for entry in catalog.manifest.get("registers") or []]
    if plan is not None and plan not in there:
        raise ParameterError(f"没有规划“{plan}”", parameter="plan", available=there)
