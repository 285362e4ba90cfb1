"""A small snapshot, made whole in memory, with the names and numbers that hurt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, MultiPolygon, Point, box

from yikezhong_app.snapshots.snapshot import Snapshot, write_snapshot

AS_OF = "2023-12-31"
NOTICE = "示意数据，非实际边界与设施"

COUNTY = "421303000000"
WEST, EAST, EMPTY = "421303001000", "421303002000", "421303101000"
#: A second county with a township of the same name as the first one's.
OTHER_COUNTY, TWIN = "421321000000", "421321100000"
COMMUNITIES = ("421303001001", "421303001002", "421303002001", "421303002201")

HOSTILE = ("=1+1", "+86", "-2", "@SUM(A1)", "\tx", "\ry", "</script><b>x", "{{7*7}}")
LIMITS_S = (300.0, 900.0, 1800.0)

SERVICES: list[dict[str, Any]] = [
    {
        "id": "elderly_circle",
        "name": "养老服务圈",
        "categories": ["elderly_complex", "day_care", "mutual_aid"],
        "functions": [],
        "group": "people_60",
        "profile": "walking",
        "limit_s": 900.0,
        "capacity": None,
        "people_per_unit": 1.0,
    },
    {
        "id": "meal_circle",
        "name": "助餐服务圈",
        "categories": ["elderly_complex", "day_care"],
        "functions": ["meal"],
        "group": "people_60",
        "profile": "walking",
        "limit_s": 900.0,
        "capacity": None,
        "people_per_unit": 1.0,
    },
]


def make_manifest(**changes: Any) -> dict[str, Any]:
    """Return the manifest of the small study."""
    return {
        "name": "小城",
        "notice": NOTICE,
        "as_of": AS_OF,
        "created": "2024-01-01T00:00:00+00:00",
        "map": {"issuer": "某测绘院", "approval_number": "鄂S(2023)001号"},
        "services": SERVICES,
        "dropped_services": [{"service": "funeral", "reason": "no_network"}],
        "parameters": {"walk_speed_mps": 1.0, "max_snap_m": 500.0},
        "data_report": [
            {
                "layer": "facilities",
                "file": "a.csv",
                "read": 10,
                "used": 8,
                "repaired": 1,
                "set_aside": 1,
            }
        ],
        **changes,
    }


def make_divisions() -> gpd.GeoDataFrame:
    """Return two counties, four townships (two of one name), four communities."""
    rows = [
        (COUNTY, "曾都区", "county", None, None, box(113, 31, 113.4, 31.2)),
        (
            WEST,
            "西城街道",
            "township",
            "subdistrict",
            COUNTY,
            box(113, 31, 113.1, 31.2),
        ),
        (EAST, "东城", "township", "town", COUNTY, box(113.1, 31, 113.2, 31.2)),
        (EMPTY, "空镇", "township", "town", COUNTY, box(113.2, 31, 113.4, 31.2)),
        (OTHER_COUNTY, "随县", "county", None, None, box(113.4, 31, 113.6, 31.2)),
        (TWIN, "东城", "township", "town", OTHER_COUNTY, box(113.4, 31, 113.6, 31.2)),
    ]
    for i, code in enumerate(COMMUNITIES):
        parent = WEST if code.startswith(WEST[:9]) else EAST
        shape = box(113 + 0.05 * i, 31, 113.05 + 0.05 * i, 31.2)
        rows.append((code, f"第{i + 1}社区", "community", "village", parent, shape))
    columns = ["code", "name", "level", "kind", "parent", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=columns, crs="EPSG:4326")
    n_row = len(table)
    table["area_m2"] = 1e8
    table["people"] = [5000.0, 3000.0, 2000.0, 0.0, np.nan, np.nan] + [1000.0] * 4
    table["people_60"] = table["people"] / 5
    for name in ("people_65", "people_80", "children", "households"):
        table[name] = np.nan
    table["unknown_units"] = [0] * n_row
    table["estimated"] = ["people_60", *[""] * (n_row - 1)]
    table["population_method"] = "column"
    table["population_basis"] = "常住"
    table["population_year"] = 2020
    table["lon"] = 113.1
    table["lat"] = 31.1
    return table


def make_facilities() -> gpd.GeoDataFrame:
    """Return facilities: plain, hostile names, closed, without a point."""
    rows = [
        ("F1", "西城日间照料", "day_care", ["meal"], "open", WEST, Point(113.02, 31.1)),
        ("F2", "东城综合", "elderly_complex", None, "open", EAST, Point(113.12, 31.1)),
        ("F3", "停办的", "day_care", ["meal"], "closed", EAST, Point(113.13, 31.1)),
        ("F4", "没有坐标", "mutual_aid", [], "open", EAST, None),
    ]
    for i, name in enumerate(HOSTILE):
        place = Point(113.14 + i / 1000, 31.1)
        rows.append((f"H{i}", name, "mutual_aid", ["day"], "open", EAST, place))
    columns = ["id", "name", "category", "functions", "status", "township_code"]
    table = gpd.GeoDataFrame(rows, columns=[*columns, "geometry"], crs="EPSG:4326")
    table["beds"] = [30.0, np.nan, *[np.nan] * (len(table) - 2)]
    table["opened"] = "2020-01-01"
    table["closed"] = None
    table["flags"] = ["undated no_point" if i == 3 else "" for i in range(len(table))]
    table["located_township_code"] = None
    table["lon"] = [None if p is None else p.x for p in table.geometry]
    table["lat"] = [None if p is None else p.y for p in table.geometry]
    table["lon"], table["lat"] = table["lon"].astype(float), table["lat"].astype(float)
    table["snap_m"] = [12.5, 3.0, *[np.inf] * (len(table) - 2)]
    return table


def make_coverage(divisions: pd.DataFrame) -> pd.DataFrame:
    """Return rates of every division; NaN where people are unknown or none."""
    rows = []
    for service in SERVICES:
        for limit_s in LIMITS_S:
            for variant in ("with_neighbours", "own"):
                for group in ("people_60", "people"):
                    for d in divisions.itertuples():
                        total = getattr(d, group)
                        covered = total * min(1.0, limit_s / 1800.0)
                        rate = covered / total if total else np.nan
                        rows.append(
                            {
                                "level": d.level,
                                "code": d.code,
                                "service": service["id"],
                                "limit_s": limit_s,
                                "denominator": group,
                                "profile": "walking",
                                "speed_mps": 1.0,
                                "variant": variant,
                                "as_of": AS_OF,
                                "total": total,
                                "covered": covered,
                                "full": total * 0.0,
                                "out_of_reach": total - covered,
                                "rate": rate,
                                "flags": _flags(total),
                            }
                        )
    table = pd.DataFrame(rows)
    for name in ("level", "code", "service", "denominator", "variant", "flags"):
        table[name] = table[name].astype("category")
    return table


def _flags(total: float) -> str:
    if np.isnan(total):
        return "unknown_people"
    return "no_people" if total == 0 else ""


def make_gaps() -> gpd.GeoDataFrame:
    """Return gaps: too far, no route (infinite time), people unknown."""
    rows = [
        (COMMUNITIES[1], "community", 300.0, "too_far", "F1", 1234.5),
        (COMMUNITIES[2], "community", np.nan, "no_population_data", None, np.inf),
        (COMMUNITIES[3], "community", 20.0, "no_route", None, np.inf),
        (WEST, "township", 300.0, "too_far", "F1", 1234.5),
    ]
    columns = ["code", "level", "without", "reason", "nearest_facility_id"]
    table = pd.DataFrame(rows, columns=[*columns, "nearest_time_s"])
    table["id"] = "elderly_circle:15:" + table["code"]
    table["service"] = "elderly_circle"
    table["limit_s"] = 900.0
    shorter = table.iloc[:1].assign(id="elderly_circle:5:x", limit_s=300.0)
    table = pd.concat([shorter, table], ignore_index=True)
    table["group"] = "people_60"
    table["people_60_without"] = table["without"]
    table["rank"] = range(1, len(table) + 1)
    points = [Point(113.07, 31.1)] * len(table)
    return gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326")


def make_tables() -> dict[str, pd.DataFrame]:
    """Return every table of the small snapshot."""
    divisions = make_divisions()
    circle = MultiPolygon([box(113.0, 31.0, 113.05, 31.2)])
    circles = gpd.GeoDataFrame(
        {
            "facility_id": [None, "F1"],
            "service": ["elderly_circle", None],
            "profile": "walking",
            "limit_s": 900.0,
        },
        geometry=[circle, circle],
        crs="EPSG:4326",
    )
    roads = gpd.GeoDataFrame(
        {
            "id": ["1", "2", "3"],
            "class": ["primary", "residential", "primary"],
            "length_m": [1000.0, 500.0, 250.0],
        },
        geometry=[
            LineString([(113, 31.1), (113.1, 31.1)]),
            LineString([(113.1, 31.1), (113.1, 31.2)]),
            LineString([(113.1, 31.1), (113.2, 31.1)]),
        ],
        crs="EPSG:4326",
    )
    report = pd.DataFrame(
        {
            "layer": ["facilities", "boundaries"],
            "file": ["a.csv", "b.gpkg"],
            "row": pd.array([3, None], dtype="Int64"),
            "id": ["F9", None],
            "problem": ["no_geometry", "gap"],
            "action": ["set_aside", "noted"],
            "value": ["=cmd()", None],
            "message": ["没有坐标", "缝隙"],
        }
    )
    demand = gpd.GeoDataFrame(
        {"id": ["d1"], "community_code": [COMMUNITIES[0]], "people": [1.0]},
        geometry=[Point(113.02, 31.1)],
        crs="EPSG:4326",
    )
    times = pd.DataFrame({"demand_id": ["d1"], "time_s": [np.inf]})
    return {
        "divisions": divisions,
        "facilities": make_facilities(),
        "demand": demand,
        "times": times,
        "coverage": make_coverage(divisions),
        "gaps": make_gaps(),
        "circles": circles,
        "data_report": report,
        "roads": roads,
    }


def write_small_snapshot(out_dir: Path, **changes: Any) -> Snapshot:
    """Write the small snapshot; ``changes`` go into its manifest."""
    return write_snapshot(out_dir, make_tables(), manifest=make_manifest(**changes))
