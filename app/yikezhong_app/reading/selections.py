"""Choose rows of a catalog for a query: coverage, gaps, facilities, circles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.gap_records import gap_record
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.table_reader import check_size
from yikezhong_app.web.queries import (
    CirclesQuery,
    CoverageFilter,
    FacilitiesQuery,
    GapsFilter,
    parse_box,
)
from yikezhong_app.web.request_errors import ParameterError, UnknownRecordError
from yikezhong_app.words import FLAGS, REASONS, category_names

_S_PER_MIN = 60.0
#: Columns that are put before the others of a coverage row.
_COVERAGE_FIRST = (
    "level",
    "code",
    "name",
    "service",
    "service_name",
    "minutes",
    "limit_s",
    "denominator",
    "denominator_name",
)


def words_of(text: str | None) -> list[str]:
    """Return the words of a column of flags.

    Examples
    --------
    >>> words_of("estimated approximate"), words_of(None)
    (['estimated', 'approximate'], [])
    """
    return text.split() if text else []


def limits_of(parts: Iterable[pd.DataFrame]) -> set[float]:
    """Return the limits that stand in some rows [s]."""
    limits: set[float] = set()
    for part in parts:
        if "limit_s" in part:
            limits.update(part["limit_s"].unique().tolist())
    return limits


def denominators_available(part: pd.DataFrame) -> list[str]:
    """Return the denominators of some coverage rows, in their order."""
    return [str(name) for name in part["denominator"].unique()]


def default_denominator(service: Row, available: Sequence[str]) -> str:
    """Return the group a service is for, or else the first that was counted.

    Examples
    --------
    >>> default_denominator({"group": "people_60"}, ["people", "communities"])
    'people'
    """
    for name in (str(service["group"]), "people_60", "people"):
        if name in available:
            return name
    return available[0]


def coverage_rows(
    catalog: Catalog,
    query: CoverageFilter,
    *,
    level: str,
    codes: Collection[str] | None = None,
) -> list[Row]:
    """Return coverage rows of a level.

    Parameters
    ----------
    catalog : Catalog
    query : CoverageFilter
    level : str
    codes : collection of str or None
        Divisions wanted; None: all of the level.

    Raises
    ------
    ParameterError
        If the service, the limit, the denominator or the speed was not computed.
    """
    chosen = (
        [catalog.check_service(query.service)]
        if query.service is not None
        else [*catalog.services.values()]
    )
    computed = catalog.coverage_at(query.speed)
    found = {s["id"]: computed.get((s["id"], level)) for s in chosen}
    parts = {id_: part for id_, part in found.items() if part is not None}
    if query.service is not None and not parts and computed is not catalog.coverage:
        raise ParameterError(
            "驾车到达的服务只按成果的步行速度计算",
            parameter="speed",
            available=[s for s in (catalog.walk_speed_mps,) if s is not None],
        )
    check_denominator(query.denominator, parts.values())
    _check_minutes(
        query.minutes, (_of(part, query.denominator) for part in parts.values())
    )
    rows: list[Row] = []
    for service in chosen:
        part = parts.get(service["id"])
        if part is None:
            continue
        mask = _limit_mask(part, query.minutes, default_s=service["limit_s"])
        if query.denominator != "all":
            wanted = query.denominator or default_denominator(
                service, denominators_available(part)
            )
            mask = mask & (part["denominator"] == wanted).to_numpy()
        if query.variant != "all":
            mask = mask & (part["variant"] == query.variant).to_numpy()
        if codes is not None:
            mask = mask & part["code"].isin(list(codes)).to_numpy()
        n_rows = len(rows) + int(mask.sum())
        narrow = "parent" if query.service else "service"
        check_size(catalog.tables, "coverage", n_rows, narrow=narrow)
        rows.extend(_coverage_row(catalog, service, row) for row in to_rows(part[mask]))
    return rows


def _coverage_row(catalog: Catalog, service: Row, row: Row) -> Row:
    denominator, words = row["denominator"], words_of(row.get("flags"))
    full = {
        **row,
        "name": _division_name(catalog, row["code"]),
        "service_name": service["name"],
        "minutes": row["limit_s"] / _S_PER_MIN,
        "denominator_name": catalog.denominator_names.get(denominator, denominator),
        "flags": words,
        "rate_note": "；".join(FLAGS.get(w, w) for w in words) or None,
    }
    first = {key: full.pop(key) for key in _COVERAGE_FIRST}
    return {**first, **full}


def gap_rows(
    catalog: Catalog, query: GapsFilter, *, codes: Collection[str] | None = None
) -> list[tuple[int, Row]]:
    """Return gaps with their positions in the table.

    Raises
    ------
    ParameterError
        If the service, level, limit or reason is not there.
    """
    if query.service is not None:
        catalog.check_service(query.service)
    if query.level is not None:
        catalog.check_level(query.level)
    if query.reason is not None and query.reason not in REASONS:
        raise ParameterError(
            f"没有原因“{query.reason}”", parameter="reason", available=[*REASONS]
        )
    if query.variant != "with_neighbours":
        raise ParameterError(
            "缺口只按 with_neighbours 计算",
            parameter="variant",
            available=["with_neighbours"],
        )
    # Not from the gaps: at a limit where everybody is covered there are none.
    check_limits(
        query.minutes,
        (
            limit_s
            for service, own in catalog.computed.items()
            if query.service in (None, service)
            for limit_s in own.limits_s
        ),
    )
    parts = (
        (service, part)
        for (service, _), part in catalog.gaps.chosen(
            service=query.service, level=query.level
        )
        if service in catalog.services
    )
    rows: list[tuple[int, Row]] = []
    for service, part in parts:
        mask = np.ones(len(part), dtype=bool)
        if "limit_s" in part:
            default_s = catalog.services[service]["limit_s"]
            mask = _limit_mask(part, query.minutes, default_s=default_s)
        if query.reason is not None:
            mask = mask & (part["reason"] == query.reason).to_numpy()
        if codes is not None:
            mask = mask & part["code"].isin(list(codes)).to_numpy()
        kept = part[mask]
        narrow = "parent" if query.service else "service"
        check_size(catalog.tables, "gaps", len(rows) + len(kept), narrow=narrow)
        rows.extend(
            (int(at), gap_record(catalog, row))
            for at, row in zip(kept.index, to_rows(kept), strict=True)
        )
    return rows


def facility_rows(catalog: Catalog, query: FacilitiesQuery) -> list[tuple[int, Row]]:
    """Return facilities with their positions in the table.

    Raises
    ------
    ParameterError
        If the category or service is not there.
    UnknownDivisionError
        If the township is not there.
    """
    names = category_names()
    present = {row["category"] for row in catalog.facilities}
    if query.category is not None and query.category not in (present | names.keys()):
        raise ParameterError(
            f"没有类别“{query.category}”", parameter="category", available=[*names]
        )
    service = None if query.service is None else catalog.check_service(query.service)
    township = None
    if query.township is not None:
        township = catalog.find_division(query.township, level="township")["code"]
    box = None if query.bbox is None else parse_box(query.bbox)
    return [
        (i, {**row, "category_name": names.get(row["category"], row["category"])})
        for i, row in enumerate(catalog.facilities)
        if query.category in (None, row["category"])
        and query.status in (None, row["status"])
        and (service is None or _serves(row, service))
        and (township is None or _is_in(row, township))
        and (box is None or _is_inside(row, box))
    ]


def _serves(row: Row, service: Row) -> bool:
    """Say whether a facility is of a service: its category and all functions."""
    if row["category"] not in service["categories"]:
        return False
    needed = set(service.get("functions") or ())
    return not needed or needed <= set(row["functions"] or ())


def _is_in(row: Row, township: str) -> bool:
    return township in (row.get("township_code"), row.get("located_township_code"))


def _is_inside(row: Row, box: tuple[float, float, float, float]) -> bool:
    lon, lat = row.get("lon"), row.get("lat")
    west, south, east, north = box
    return (
        lon is not None
        and lat is not None
        and west <= lon <= east
        and south <= lat <= north
    )


def circle_rows(catalog: Catalog, query: CirclesQuery) -> list[tuple[int, Row]]:
    """Return circles with their positions in the table.

    Raises
    ------
    ParameterError
        If the service or limit was not computed.
    UnknownRecordError
        If there is no such facility.
    """
    if query.service is not None:
        catalog.check_service(query.service)
    if query.facility is not None:
        _check_facility(catalog, query.facility)
    plain = _circle_table(catalog, query)
    if plain.empty:
        return []
    kept = plain[_circle_mask(catalog, query, plain)]
    _check_minutes(query.minutes, [kept])
    found = []
    for i, row in zip(kept.index.tolist(), to_rows(kept), strict=True):
        service = catalog.services.get(row["service"] or query.service or "", {})
        limit_s = service.get("limit_s") if query.minutes is None else None
        if isinstance(query.minutes, float):
            limit_s = query.minutes * _S_PER_MIN
        if limit_s in (None, row["limit_s"]):
            row["service_name"] = service.get("name", row["service"])
            row["minutes"] = row["limit_s"] / _S_PER_MIN
            found.append((i, row))
    return found


def _circle_table(catalog: Catalog, query: CirclesQuery) -> pd.DataFrame:
    """Return circles without their shapes, no more than needed where there are many."""
    wanted: dict[str, str | float | None] = {}
    if catalog.tables.is_large("circles"):
        wanted["facility_id"] = query.facility
        if query.union and query.facility is None:
            wanted["service"] = query.service
    return catalog.tables.where("circles", wanted)


def _circle_mask(
    catalog: Catalog, query: CirclesQuery, table: pd.DataFrame
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Choose unions of services, or the circles of single facilities.

    A facility has one circle for each limit and profile, whatever it serves.
    """
    union = query.union and query.facility is None
    chosen = table["facility_id"].isna() == union
    if query.facility is not None:
        chosen &= table["facility_id"] == query.facility
    service = catalog.services.get(query.service or "")
    if service is not None and union:
        chosen &= table["service"] == service["id"]
    elif service is not None:
        ids = {
            row["id"]
            for row in catalog.facilities
            if row["status"] == "open" and _serves(row, service)
        }
        chosen &= table["facility_id"].isin(ids)
        chosen &= table["profile"] == service["profile"]
    return chosen.to_numpy(dtype=bool)


def _check_facility(catalog: Catalog, facility: str) -> None:
    if not any(row["id"] == facility for row in catalog.facilities):
        raise UnknownRecordError(
            f"没有编号为“{facility}”的设施", hint="可用 /api/v1/facilities 查找"
        )


def _division_name(catalog: Catalog, code: str) -> str | None:
    at = catalog.position.get(code)
    return None if at is None else str(catalog.divisions[at]["name"])


def _limit_mask(
    part: pd.DataFrame, minutes: float | str | None, *, default_s: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if minutes == "all":
        return np.ones(len(part), dtype=bool)
    limit_s = default_s if minutes is None else float(minutes) * _S_PER_MIN
    return (part["limit_s"] == limit_s).to_numpy(dtype=bool)


def _check_minutes(minutes: float | str | None, parts: Iterable[pd.DataFrame]) -> None:
    if isinstance(minutes, float):
        check_limits(minutes, limits_of(parts))


def check_limits(minutes: float | str | None, limits_s: Iterable[float]) -> None:
    """Raise where a limit [min] is asked for that is not among those computed [s]."""
    if not isinstance(minutes, float):
        return
    available = sorted({limit_s / _S_PER_MIN for limit_s in limits_s})
    if available and minutes not in available:
        raise ParameterError(
            f"没有算过 {minutes:g} 分钟的时限",
            parameter="minutes",
            available=available,
        )


def _of(part: pd.DataFrame, denominator: str | None) -> pd.DataFrame:
    if denominator in (None, "all"):
        return part
    return part[part["denominator"] == denominator]


def check_denominator(denominator: str | None, parts: Iterable[pd.DataFrame]) -> None:
    """Raise where a denominator is asked for that stands in none of some rows."""
    if denominator in (None, "all"):
        return
    available = {name: None for part in parts for name in denominators_available(part)}
    if denominator not in available:
        raise ParameterError(
            f"没有分母“{denominator}”",
            parameter="denominator",
            available=[*available],
        )
