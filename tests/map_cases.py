"""A small result made by hand for the map pages: known rates, hostile names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from yikezhong_app.snapshots.snapshot import Snapshot, write_snapshot

#: Names that would do harm if anything took them for a template, markup or a script.
HOSTILE_NAMES = (
    "{{7*7}}",
    "{%print(7*7)%}",
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "`${alert(3)}`",
    "\"onmouseover='alert(4)'",
)
PLAIN_NAMES = (
    "东关街道",
    "西河街道",
    "柳林镇",
    "石桥镇",
    "青龙镇",
    "三里岗镇",
)
#: Limits that were computed [min].
MINUTES = (5, 10, 15, 20, 30)
#: Rates of the townships at 15 minutes: limits of classes, just below them, unknown.
RATES_15 = (0.0, 0.2, 0.3999, 0.4, 0.5, 0.6, 0.7999, 0.8, 0.95, 0.9499, 1.0, None)
NOTICE = "示意数据，非实际边界与设施"
#: Category of a facility -> how many of every seven.
_CATEGORIES = ("day_care", "mutual_aid", "day_care", "elderly_complex", "mutual_aid")
_COLUMNS, _ROWS = 4, 3
_WEST, _SOUTH, _SIZE = 113.0, 31.4, 0.16


def township_names() -> list[str]:
    """Return the names of the townships: half of them hostile."""
    return [
        name for pair in zip(PLAIN_NAMES, HOSTILE_NAMES, strict=True) for name in pair
    ]


def township_code(i: int) -> str:
    """Return the code of township ``i``."""
    return f"42130{3 + i // 6}{i % 6 + 1:03d}000"


def township_rate(i: int, *, minutes: int = 15) -> float | None:
    """Return the rate of township ``i``: it grows with the minutes."""
    rate = RATES_15[i]
    if rate is None or minutes == 15:
        return rate
    return rate ** (15 / minutes)


def write_map_result(
    out_dir: Path,
    *,
    notice: str | None = NOTICE,
    tables: dict[str, pd.DataFrame] | None = None,
    registers: list[dict[str, Any]] | None = None,
) -> Snapshot:
    """Write the result, with more tables and plans where they are given; return it."""
    more = tables or {}
    divisions = _divisions()
    tables: dict[str, pd.DataFrame] = {
        "divisions": divisions,
        "facilities": _facilities(),
        "coverage": _coverage(divisions),
        "gaps": _gaps(divisions),
        "circles": _circles(),
        "roads": _roads(),
        "data_report": pd.DataFrame(
            {
                c: pd.Series(dtype="str")
                for c in ("layer", "file", "row", "id", "problem")
            }
        ),
    }
    manifest = _manifest(notice) | {"registers": registers or []}
    return write_snapshot(out_dir, tables | more, manifest=manifest)


def _manifest(notice: str | None) -> dict[str, Any]:
    def service(
        id_: str, name: str, categories: list[str], profile: str
    ) -> dict[str, Any]:
        return {
            "id": id_,
            "name": name,
            "categories": categories,
            "functions": [],
            "group": "people_60",
            "profile": profile,
            "limit_s": 900.0,
            "capacity": None,
            "people_per_unit": 1.0,
        }

    return {
        "name": "测试市养老服务设施",
        "as_of": "2023-12-31",
        "notice": notice,
        "map": {"issuer": "测试市民政局", "approval_number": None},
        "services": [
            service(
                "elderly_circle",
                "养老服务圈",
                ["day_care", "mutual_aid", "elderly_complex"],
                "walking",
            ),
            service("meal", "助餐服务 <b>", ["day_care"], "walking"),
        ],
        "parameters": {"walk_speed_mps": 1.0},
    }


def _cell(i: int) -> tuple[float, float]:
    return _WEST + (i % _COLUMNS) * _SIZE, _SOUTH + (i // _COLUMNS) * _SIZE


def _community_code(i: int, j: int) -> str:
    return f"{township_code(i)[:9]}{j + (1 if j < 2 else 199):03d}"


def _divisions() -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    names = township_names()
    for i, name in enumerate(names):
        x, y = _cell(i)
        for j in range(4):
            part = _SIZE / 2
            box = shapely.box(
                x + (j % 2) * part, y + (j // 2) * part,
                x + (j % 2 + 1) * part, y + (j // 2 + 1) * part,
            )  # fmt: skip
            community = f"{PLAIN_NAMES[i // 2][:2]}{'一二三四'[j]}社区"
            if i == 3 and j == 0:
                community = HOSTILE_NAMES[2]
            rows.append(
                _division(
                    _community_code(i, j), community, "community", township_code(i), box
                )
            )
        rows.append(
            _division(
                township_code(i), name, "township", f"42130{3 + i // 6}000000",
                shapely.box(x, y, x + _SIZE, y + _SIZE),
            )
        )  # fmt: skip
    for k, name in enumerate(("甲县", "乙区")):
        code = f"42130{3 + k}000000"
        shape = shapely.union_all([r["geometry"] for r in rows if r["parent"] == code])
        rows.append(_division(code, name, "county", "421300000000", shape))
    whole = shapely.union_all([r["geometry"] for r in rows if r["level"] == "county"])
    rows.append(_division("421300000000", "测试市", "prefecture", None, whole))
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def _division(
    code: str, name: str, level: str, parent: str | None, shape: Any
) -> dict[str, Any]:
    people = {"community": 4000.0, "township": 16000.0, "county": 96000.0}
    kinds = {"township": "town", "community": "urban_community"}
    return {
        "code": code,
        "name": name,
        "level": level,
        "kind": kinds.get(level),
        "parent": parent,
        "people": people.get(level, 192000.0),
        "people_60": people.get(level, 192000.0) / 4,
        "unknown_units": 0,
        "population_basis": "常住",
        "population_year": 2020,
        "geometry": shape,
    }


def _coverage(divisions: gpd.GeoDataFrame) -> pd.DataFrame:
    townships = {township_code(i): i for i in range(len(RATES_15))}
    rows = [
        _rate_row(
            division,
            _counts(division, townships, minutes),
            minutes=minutes,
            service=service,
            denominator=denominator,
            variant=variant,
        )
        for division in divisions.itertuples()
        for minutes in MINUTES
        for service in ("elderly_circle", "meal")
        for denominator in _denominators(division.level, minutes)
        for variant in ("with_neighbours", "own")
    ]
    return pd.DataFrame(rows)


def coverage_speeds(speed_mps: float, *, share: float) -> pd.DataFrame:
    """Return the table ``coverage_speeds``: at one speed a share of the covered."""
    table = _coverage(_divisions())
    table = table[table["variant"] == "with_neighbours"].copy()
    table["speed_mps"] = speed_mps
    covered = table["covered"] * share
    table["out_of_reach"] += table["covered"] - covered
    table["covered"], table["rate"] = covered, table["rate"] * share
    return table.reset_index(drop=True)


def _denominators(level: str, minutes: int) -> list[str]:
    areas = [] if level == "community" else ["communities"]
    return ["people_60", "people", *areas, *(["road_length"] if minutes == 15 else [])]


def _rate_row(
    division: Any,
    counts: tuple[float, float],
    *,
    minutes: int,
    service: str,
    denominator: str,
    variant: str,
) -> dict[str, Any]:
    scale = {"people_60": 1.0, "people": 4.0, "communities": 0.001}.get(denominator, 10)
    less = (1.0 if service == "elderly_circle" else 0.5) * (
        1.0 if variant == "with_neighbours" else 0.75
    )
    total, covered = counts[0], counts[1] * less
    known = not math.isnan(covered)
    return {
        "level": division.level,
        "code": division.code,
        "service": service,
        "limit_s": minutes * 60.0,
        "denominator": denominator,
        "profile": "walking",
        "speed_mps": 1.0,
        "variant": variant,
        "as_of": "2023-12-31",
        "total": total * scale if known else np.nan,
        "covered": covered * scale,
        "full": 0.0 if known else np.nan,
        "out_of_reach": (total - covered) * scale,
        "rate": covered / total,
        "flags": "" if known else "unknown_people",
    }


def _counts(
    division: Any, townships: dict[str, int], minutes: int
) -> tuple[float, float]:
    if division.level in ("township", "community"):
        code = division.code if division.level == "township" else division.parent
        rate = township_rate(townships[code], minutes=minutes)
        total = float(division.people_60)
        return total, math.nan if rate is None else rate * total
    below = [
        i
        for c, i in townships.items()
        if division.level != "county" or c[:6] == division.code[:6]
    ]
    known = [r for i in below if (r := township_rate(i, minutes=minutes)) is not None]
    return 4000.0 * len(known), 4000.0 * sum(known)


def _gaps(divisions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    communities = divisions[divisions["level"] == "community"].reset_index(drop=True)
    rows = [
        _gap(n, one, service=service, minutes=minutes)
        for service in ("elderly_circle", "meal")
        for minutes in MINUTES
        for n, one in communities.iterrows()
        if _is_gap(n // 4, minutes)
    ]
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def _is_gap(i: int, minutes: int) -> bool:
    rate = township_rate(i, minutes=minutes)
    return rate is None or rate < 0.8


def _gap(n: int, one: pd.Series, *, service: str, minutes: int) -> dict[str, Any]:
    i = n // 4
    rate = township_rate(i, minutes=minutes)
    reason = ("too_far", "no_route", "not_open", "lacks_function")[n % 4]
    people = None if rate is None else round((1 - rate) * 1000 / (1 + n % 3))
    return {
        "id": f"{service}:{minutes}:{one['code']}",
        "level": "community",
        "code": one["code"],
        "service": service,
        "limit_s": minutes * 60.0,
        "group": "people_60",
        "without": people,
        "people_60_without": people,
        "reason": "no_population_data" if rate is None else reason,
        "nearest_facility_id": None if reason == "no_route" else f"F{i * 5 % 60:03d}",
        "nearest_time_s": None if reason == "no_route" else 960.0 + 35.5 * n,
        "rank": n + 1,
        "geometry": one["geometry"].centroid,
    }


def _facilities() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(7)
    rows = []
    for n in range(60):
        i = n % len(RATES_15)
        x, y = _cell(i)
        name = (
            HOSTILE_NAMES[n % len(HOSTILE_NAMES)] if n % 5 == 0 else f"第{n}养老服务站"
        )
        lon, lat = x + rng.uniform(0.02, 0.14), y + rng.uniform(0.02, 0.14)
        rows.append(
            {
                "id": f"F{n:03d}",
                "name": name,
                "category": _CATEGORIES[n % len(_CATEGORIES)],
                "functions": ["meal", "day"] if n % 2 else None,
                "beds": float(n),
                "status": "planned" if n % 11 == 0 else "open",
                "township_code": township_code(i),
                "lon": lon,
                "lat": lat,
                "geometry": None if n == 59 else shapely.Point(lon, lat),
            }
        )
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def _circles() -> gpd.GeoDataFrame:
    points = [p for p in _facilities().geometry if p is not None]
    rows = [
        {
            "facility_id": None,
            "service": service,
            "limit_s": minutes * 60.0,
            "geometry": shapely.MultiPolygon(
                shapely.get_parts(
                    shapely.union_all(
                        [p.buffer(0.0007 * minutes, quad_segs=8) for p in points]
                    )
                ).tolist()
            ),
        }
        for service in ("elderly_circle", "meal")
        for minutes in (15,)
    ]
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")


def _roads() -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    east, north = _WEST + _COLUMNS * _SIZE, _SOUTH + _ROWS * _SIZE
    for n in range(1, 24):
        road_class = "primary" if n % 8 == 4 else "tertiary" if n % 2 else "residential"
        x, y = _WEST + n * 0.026, _SOUTH + n * 0.02
        if x < east:
            rows.append(
                {
                    "id": f"v{n}",
                    "class": road_class,
                    "geometry": shapely.LineString([(x, _SOUTH), (x + 0.01, north)]),
                }
            )
        if y < north:
            rows.append(
                {
                    "id": f"h{n}",
                    "class": road_class,
                    "geometry": shapely.LineString([(_WEST, y), (east, y + 0.008)]),
                }
            )
    for row in rows:
        row["length_m"] = row["geometry"].length * 111_000.0
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")
