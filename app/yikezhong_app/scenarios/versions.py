"""The versions that a result folder keeps, and two of them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.scenarios.schemas import VersionsQuery
from yikezhong_app.snapshots.snapshot import (
    Snapshot,
    SnapshotMissingError,
    list_versions,
    open_version,
)
from yikezhong_app.web.request_errors import ParameterError, UnknownRecordError
from yikezhong_coverage.errors import SourceError

_VARIANT: Final = "with_neighbours"
_COUNTS: Final = ("total", "covered", "rate")
_KEYS: Final = ("level", "code", "service", "limit_s", "denominator", "variant")


def describe_versions(out_dir: Path, *, current: str) -> list[Row]:
    """Return what is to be known of each version, the latest as-of date first.

    A version whose manifest cannot be read is left out.
    """
    found = []
    for name in list_versions(out_dir):
        try:
            manifest = open_version(out_dir, name).manifest
        except SourceError:
            continue
        found.append(
            {
                "version": name,
                "name": str(manifest.get("name") or ""),
                "as_of": str(manifest["as_of"]),
                "created": str(manifest.get("created") or ""),
                "is_current": name == current,
                "services": [str(s["id"]) for s in manifest.get("services") or ()],
                "walk_speed_mps": (manifest.get("parameters") or {}).get(
                    "walk_speed_mps"
                ),
            }
        )
    return sorted(found, key=lambda row: (row["as_of"], row["created"]), reverse=True)


def find_version(out_dir: Path, version: str) -> Snapshot:
    """Return a version of a result.

    Raises
    ------
    UnknownRecordError
        If there is none of that name.
    """
    try:
        return open_version(out_dir, version)
    except SnapshotMissingError:
        raise UnknownRecordError(
            f"没有成果版本“{version}”", hint="可用 /api/v1/versions 查看"
        ) from None


def compare_versions(
    before: Snapshot, after: Snapshot, query: VersionsQuery, *, catalog: Catalog
) -> list[Row]:
    """Return the rates of a service in two versions, a row for each division.

    A division that only one of them has stays, with nothing known on the other side.
    Who gained and who lost is not said: the people may be others.

    Raises
    ------
    ParameterError
        If a version has no such service, limit, level or denominator.
    """
    service = catalog.check_service(query.service)
    limit_s = float(service["limit_s"])
    if query.minutes is not None:
        limit_s = query.minutes * 60.0
    denominator = query.denominator or str(service["group"])
    sides = [
        _side(one, query, limit_s=limit_s, denominator=denominator)
        for one in (before, after)
    ]
    both = sides[0].merge(
        sides[1],
        on=list(_KEYS),
        how="outer",
        suffixes=("_before", "_after"),
        sort=False,
    )
    names = {
        code: name
        for one in (before, after)
        for code, name in one.table("divisions")[["code", "name"]].itertuples(
            index=False
        )
    }
    rows = []
    for row in to_rows(both):
        rates = row["rate_before"], row["rate_after"]
        rows.append(
            {
                **{key: row[key] for key in ("level", "code")},
                "name": names.get(row["code"]),
                "service": row["service"],
                "service_name": service["name"],
                "limit_s": row["limit_s"],
                "denominator": denominator,
                "denominator_name": catalog.denominator_names.get(
                    denominator, denominator
                ),
                "variant": _VARIANT,
                "total": row["total_after"],
                "total_before": row["total_before"],
                "covered_before": row["covered_before"],
                "covered_after": row["covered_after"],
                "rate_before": rates[0],
                "rate_after": rates[1],
                "rate_change": None if None in rates else rates[1] - rates[0],
                "gained": None,
                "lost": None,
            }
        )
    return rows


def _side(
    snapshot: Snapshot, query: VersionsQuery, *, limit_s: float, denominator: str
) -> pd.DataFrame:
    """Return the coverage of one version, its keys as plain texts."""
    table = snapshot.table("coverage")
    levels = list(dict.fromkeys(snapshot.table("divisions")["level"]))
    level = query.level or ("township" if "township" in levels else levels[-1])
    wanted: dict[str, Any] = {
        "service": query.service,
        "limit_s": limit_s,
        "denominator": denominator,
        "level": level,
    }
    for name, value in wanted.items():
        table = table[table[name] == value]
        if table.empty:
            raise ParameterError(
                f"成果版本“{snapshot.version}”中没有 {name} 为“{value}”的覆盖率",
                parameter="minutes" if name == "limit_s" else name,
            )
    table = table[table["variant"] == _VARIANT]
    texts = {name: "str" for name in _KEYS if name != "limit_s"}
    return table[[*_KEYS, *_COUNTS]].astype(texts).reset_index(drop=True)
