"""Gaps and gap areas as rows for people: names beside codes, minutes beside seconds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.table_reader import check_size
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.words import REASONS
from yikezhong_coverage.remedies import REMEDIES

_S_PER_MIN: Final = 60.0
#: Columns that are put before the others of a gap.
_GAP_FIRST: Final = (
    "id",
    "level",
    "code",
    "name",
    "parent",
    "service",
    "service_name",
    "limit_s",
    "minutes",
    "group",
    "people_without",
    "people_60_without",
    "reason",
    "reason_name",
    "nearest_facility_id",
    "nearest_facility_name",
    "nearest_time_s",
    "remedy",
    "remedy_name",
    "remedy_facility_id",
    "remedy_facility_name",
    "remedy_people",
)
_AREA_FIRST: Final = (
    "id",
    "name",
    "service",
    "service_name",
    "limit_s",
    "minutes",
    "rank",
    *_GAP_FIRST[9:],
    "nearest_minutes",
    "township_code",
    "township_name",
    "community_codes",
)
AREAS: Final = "gap_areas"


def gap_record(catalog: Catalog, row: Row) -> Row:
    """Return a gap of a division with its names."""
    at = catalog.position.get(row["code"])
    division = {} if at is None else catalog.divisions[at]
    own = {"name": division.get("name"), "parent": division.get("parent")}
    return _ordered({**_worded(catalog, row), **own}, _GAP_FIRST)


def area_record(catalog: Catalog, row: Row) -> Row:
    """Return a gap area with its names."""
    at = catalog.position.get(row.get("township_code") or "")
    time_s = row.get("nearest_time_s")
    own = {
        "township_name": None if at is None else catalog.divisions[at]["name"],
        "nearest_minutes": None if time_s is None else time_s / _S_PER_MIN,
    }
    return _ordered({**_worded(catalog, row), **own}, _AREA_FIRST)


def gap_counts(catalog: Catalog, codes: Collection[str]) -> dict[str, int]:
    """Return how many gaps of each service are of some divisions, at its own limit."""
    counts: dict[str, int] = {}
    levels = {catalog.divisions[catalog.position[code]]["level"] for code in codes}
    for service, level in catalog.gaps:
        if service not in catalog.services or level not in levels:
            continue
        wanted = {"service": service, "level": level}
        # of very many rows, the two columns that are needed
        columns = ["code", "limit_s"] if catalog.tables.is_large("gaps") else None
        part = catalog.tables.where("gaps", wanted, columns=columns)
        own = part[part["code"].isin(list(codes))]
        if "limit_s" in own:
            own = own[own["limit_s"] == catalog.services[service]["limit_s"]]
        if len(own):
            counts[service] = counts.get(service, 0) + len(own)
    return counts


def area_records(
    catalog: Catalog,
    *,
    service: str | None = None,
    reason: str | None = None,
    remedy: str | None = None,
    codes: Collection[str] | None = None,
    min_people: float = 0.0,
) -> list[tuple[int, Row]]:
    """Return gap areas with their positions in the table.

    Parameters
    ----------
    catalog : Catalog
    service, reason, remedy : str or None
        Only these; None: all.
    codes : collection of str or None
        Only areas with a community or the centre's township among these.
    min_people : float
        Least people without [persons], inclusive.

    Raises
    ------
    ParameterError
        If there is no such service, reason or remedy.
    """
    if service is not None:
        catalog.check_service(service)
    for name, asked, words in (
        ("reason", reason, REASONS),
        ("remedy", remedy, REMEDIES),
    ):
        if asked is not None and asked not in words:
            raise ParameterError(
                f"没有“{asked}”这一项", parameter=name, available=[*words]
            )
    if not catalog.tables.n_rows(AREAS):
        return []
    table = catalog.tables.where(AREAS, {"service": service})
    mask = (table["without"] >= min_people).to_numpy(dtype=bool)
    for name, asked in (("reason", reason), ("remedy", remedy)):
        if asked is not None:
            mask = mask & (table[name] == asked).to_numpy(dtype=bool)
    if codes is not None:
        wanted = set(codes)
        inside = table["township_code"].isin(list(wanted)).to_numpy(dtype=bool)
        touched = [not wanted.isdisjoint(some) for some in table["community_codes"]]
        mask = mask & (inside | np.array(touched, dtype=bool))
    kept = table[mask]
    narrow = "parent" if service else "service"
    check_size(catalog.tables, AREAS, len(kept), narrow=narrow)
    return [
        (i, area_record(catalog, row))
        for i, row in zip(kept.index.tolist(), to_rows(kept), strict=True)
    ]


def _worded(catalog: Catalog, row: Row) -> Row:
    """Return a row with the names of its service, reason, remedy and facilities."""
    service = catalog.services.get(row["service"], {})
    limit_s = row.get("limit_s", service.get("limit_s"))
    facility = catalog.facility_names
    full = {
        **row,
        "service_name": service.get("name", row["service"]),
        "minutes": None if limit_s is None else limit_s / _S_PER_MIN,
        "people_without": row.get("without"),
        "reason_name": REASONS.get(row["reason"], row["reason"]),
        "nearest_facility_name": facility.get(row.get("nearest_facility_id") or ""),
    }
    full.pop("without", None)
    if "remedy" in row:
        full["remedy_name"] = REMEDIES.get(row["remedy"])
        full["remedy_facility_name"] = facility.get(row["remedy_facility_id"] or "")
    return full


def _ordered(full: Row, first: tuple[str, ...]) -> Row:
    head = {key: full.pop(key) for key in first if key in full}
    return {**head, **full}
