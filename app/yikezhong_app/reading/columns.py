"""What a map of very many divisions needs: one value a division, in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import TABLE, entries_of, find_entry
from yikezhong_app.reading.records import Row, plain_values
from yikezhong_app.reading.selections import (
    check_denominator,
    check_limits,
    default_denominator,
    denominators_available,
    limits_of,
)
from yikezhong_app.schemas.values import RateColumnsQuery
from yikezhong_app.web.request_errors import ParameterError

_S_PER_MIN = 60.0
_PLACE_DECIMALS = 5


def division_columns(catalog: Catalog, level: str) -> Row:
    """Return the divisions of a level as columns, in the order of the table."""
    rows = _rows_of(catalog, level)
    return {
        "level": level,
        "count": len(rows),
        "codes": [row["code"] for row in rows],
        "names": [row["name"] for row in rows],
        "parents": [row.get("parent") for row in rows],
        "people": [row.get("people") for row in rows],
        "lon": [_place(row.get("lon")) for row in rows],
        "lat": [_place(row.get("lat")) for row in rows],
    }


def rate_columns(catalog: Catalog, query: RateColumnsQuery) -> Row:
    """Return the rates of a level; None where a rate is not known.

    Raises
    ------
    ParameterError
        If the service, the limit, the denominator or the speed was not computed.
    """
    service = catalog.check_service(query.service)
    if query.variant == "all":
        raise ParameterError("这里只取一种口径", parameter="variant")
    level = catalog.check_level(query.level)
    minutes = query.minutes or service["limit_s"] / _S_PER_MIN
    part = catalog.coverage_at(query.speed).get((service["id"], level))
    denominator = query.denominator or str(service["group"])
    rates: list[Any] = []
    if part is not None:
        check_denominator(query.denominator, [part])
        denominator = query.denominator or default_denominator(
            service, denominators_available(part)
        )
        own = part[(part["denominator"] == denominator).to_numpy(dtype=bool)]
        check_limits(query.minutes, limits_of([own]))
        chosen = own[
            (own["limit_s"] == minutes * _S_PER_MIN).to_numpy(dtype=bool)
            & (own["variant"] == query.variant).to_numpy(dtype=bool)
        ]
        rates = _in_order(catalog, level, chosen["code"], chosen["rate"])
    return {
        "level": level,
        "count": catalog.levels[level],
        "service": service["id"],
        "minutes": minutes,
        "denominator": denominator,
        "variant": query.variant,
        "speed_mps": query.speed or catalog.walk_speed_mps,
        "rates": rates or [None] * catalog.levels[level],
    }


def verdict_columns(
    catalog: Catalog, indicator: str, level: str, *, speed_mps: float | None = None
) -> Row:
    """Return the verdicts and values of an indicator on a level.

    At another walking speed than the result's, what was not tried is unknown.

    Raises
    ------
    UnknownRecordError
        If no plan of the version has the indicator.
    """
    find_entry(catalog, indicator)
    catalog.check_level(level)
    columns = ["code", "status", "value", "value_unit"]
    wanted = {"indicator_id": indicator, "level": level}
    found = catalog.tables.where(TABLE, wanted, columns=columns)
    unit = found["value_unit"].dropna()
    if speed_mps is not None and speed_mps != catalog.walk_speed_mps:
        found = _at_speed(catalog, found, {**wanted, "speed_mps": speed_mps})
    number, words = pd.factorize(found["status"].astype(object), sort=True)
    places = _in_order(catalog, level, found["code"], pd.Series(number, dtype=float))
    return {
        "level": level,
        "count": catalog.levels[level],
        "indicator": indicator,
        "name": entries_of(catalog)[indicator].get("name"),
        "value_unit": None if unit.empty else str(unit.iloc[0]),
        "words": [str(word) for word in words],
        "statuses": [None if place is None else int(place) for place in places],
        "values": _in_order(catalog, level, found["code"], found["value"]),
    }


def _at_speed(
    catalog: Catalog, found: pd.DataFrame, wanted: dict[str, str | float | None]
) -> pd.DataFrame:
    tried = pd.DataFrame({"code": [], "status": [], "value": []})
    if catalog.tables.is_there("robustness"):
        asked = {**wanted, "variant": "with_neighbours"}
        columns = list(tried.columns)
        tried = catalog.tables.where("robustness", asked, columns=columns)
    joined = found[["code"]].astype(object).merge(tried, on="code", how="left")
    return joined.assign(status=joined["status"].astype(object).fillna("unknown"))


def _rows_of(catalog: Catalog, level: str) -> list[Row]:
    catalog.check_level(level)
    return [row for row in catalog.divisions if row["level"] == level]


def _in_order(
    catalog: Catalog, level: str, codes: pd.Series[Any], values: pd.Series[Any]
) -> list[Any]:
    """Return values in the order of the divisions of a level; None where none is."""
    order = {row["code"]: i for i, row in enumerate(_rows_of(catalog, level))}
    full: NDArray[np.float64] = np.full(len(order), np.nan)
    at = np.array([order.get(code, -1) for code in codes.astype(object)], dtype=int)
    full[at[at >= 0]] = values.to_numpy(np.float64)[at >= 0]
    return plain_values(pd.Series(full))


def _place(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, _PLACE_DECIMALS)
