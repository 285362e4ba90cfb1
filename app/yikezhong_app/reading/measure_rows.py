"""Choose rows of ``access``, ``equity`` and ``robustness``, with the words around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import entries_of, find_entry
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.table_reader import check_size
from yikezhong_app.schemas.measures import AccessQuery, EquityQuery, RobustnessQuery
from yikezhong_app.web.request_errors import ParameterError

METHOD_NAMES: Final = {
    "2sfca": "两步移动搜寻法",
    "e2sfca": "分段两步移动搜寻法",
    "gaussian": "高斯两步移动搜寻法",
}
_S_PER_MIN: Final = 60.0


def access_records(catalog: Catalog, query: AccessQuery) -> list[Row]:
    """Return the capacity per person of divisions."""
    wanted = {"level": query.level, "service": query.service, "method": query.method}
    rows = []
    for row in _chosen(catalog, "access", query.parent, wanted):
        note = None
        if row["access"] is None:
            note = "没有已知的服务人群"
        elif row["uncertain"]:
            note = "可及的设施有容量未知的，或人口未知"
        more = {"method_name": METHOD_NAMES.get(row["method"], row["method"])}
        rows.append({**row, **_service_words(catalog, row), **more, "note": note})
    return rows


def equity_records(catalog: Catalog, query: EquityQuery) -> list[Row]:
    """Return how equal coverage is between the townships of divisions."""
    wanted: dict[str, Any] = {
        "level": query.level,
        "service": query.service,
        "denominator": query.denominator,
        "limit_s": None if query.minutes is None else query.minutes * _S_PER_MIN,
        "variant": None if query.variant == "all" else query.variant,
    }
    rows = []
    for row in _chosen(catalog, "equity", query.parent, wanted):
        note = None
        if row["mean_rate"] is None:
            note = "没有已知的人口"
        elif row["gini"] is None:
            note = "无人覆盖，不能比较"
        elif row["palma"] is None:
            note = "覆盖最低的十分之四人口无人覆盖，没有帕尔马比"
        rows.append({**row, **_service_words(catalog, row), "note": note})
    return rows


def robustness_records(catalog: Catalog, query: RobustnessQuery) -> list[Row]:
    """Return indicators at other walking speeds and by other counts."""
    if query.indicator is not None:
        find_entry(catalog, query.indicator)
    wanted: dict[str, Any] = {
        "indicator_id": query.indicator,
        "level": query.level,
        "status": query.status,
        "flips": query.flips,
        "variant": None if query.variant == "all" else query.variant,
    }
    entries = entries_of(catalog)
    return [
        {
            **row,
            "indicator_name": entries.get(row["indicator_id"], {}).get("name"),
            "status_name": STATUS_NAMES.get(row["status"], row["status"]),
        }
        for row in _chosen(catalog, "robustness", query.parent, wanted)
    ]


def _chosen(
    catalog: Catalog, name: str, parent: str | None, wanted: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield rows of a table with the names of their divisions.

    Raises
    ------
    ParameterError
        If the table holds nothing of a service, limit or denominator.
    """
    if wanted.get("level") is not None:
        catalog.check_level(wanted["level"])
    table = catalog.table(name)
    if catalog.tables.is_large(name):
        first = {k: wanted.get(k) for k in ("indicator_id", "level") if k in wanted}
        table = catalog.tables.where(name, first)
    if "code" not in table:
        return
    mask = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        if value is None:
            continue
        own = (table[column] == value).to_numpy(dtype=bool)
        if column in ("service", "denominator", "limit_s") and not own.any():
            raise _nothing_of(table[column], value)
        mask &= own
    if parent is not None:
        code = catalog.find_division(parent)["code"]
        mask &= table["code"].isin([code, *catalog.under(code)]).to_numpy()
    check_size(catalog.tables, name, int(mask.sum()), narrow="level")
    for row in to_rows(table[mask]):
        at = catalog.position.get(row["code"])
        division = None if at is None else catalog.divisions[at]["name"]
        yield {"level": row["level"], "code": row["code"], "name": division, **row}


def _nothing_of(column: pd.Series[Any], value: Any) -> ParameterError:
    name, there = str(column.name), sorted(column.unique().tolist())
    if name == "limit_s":
        name, value = "minutes", value / _S_PER_MIN
        there = [limit / _S_PER_MIN for limit in there]
    return ParameterError(f"没有算过“{value}”", parameter=name, available=there)


def _service_words(catalog: Catalog, row: Row) -> Row:
    service = catalog.services.get(row["service"], {})
    return {
        "service_name": service.get("name", row["service"]),
        "minutes": row["limit_s"] / _S_PER_MIN,
    }
