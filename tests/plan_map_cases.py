"""The small result of the map pages with plans, gap areas and other walking speeds.

Every text that comes from data is hostile somewhere: names of divisions, facilities,
plans, indicators and gap areas, clauses and readings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from map_cases import HOSTILE_NAMES, RATES_15, township_code, write_map_result
from yikezhong_app.snapshots.snapshot import Snapshot

PLAN = "test-plan"
#: Valued in every division, and at every walking speed.
INDICATOR = "T-01"
#: Valued for the whole study only.
WHOLE_INDICATOR = "T-02"
SPEEDS = (0.8, 1.0, 1.2)
TARGET = 0.6
#: Names of gap areas: what a spreadsheet would take for a formula as well.
AREA_NAMES = (*HOSTILE_NAMES, "{#x#}", "=1+1", "+cmd", "-2", "@SUM(A1)", "${alert(9)}")
_COUNTIES = ("421303000000", "421304000000")
_TOP = "421300000000"


def township_status(i: int, *, speed: float = 1.0) -> str:
    """Return the verdict on township ``i``: the rate against the target, two set by hand."""
    if i < 2:
        return ("not_applicable", "no_target")[i]
    rate = RATES_15[i]
    if rate is None:
        return "unknown"
    return "met" if rate * speed >= TARGET else "not_met"


def write_plan_map_result(out_dir: Path) -> Snapshot:
    """Write the result and return it."""
    tables = {
        "indicators": _indicators(),
        "robustness": _robustness(),
        "plan_gaps": _plan_gaps(),
        "gap_areas": _gap_areas(),
    }
    return write_map_result(out_dir, tables=tables, registers=[_register()])


def _register() -> dict[str, Any]:
    def entry(id_: str, name: str) -> dict[str, Any]:
        clause = {
            "document": HOSTILE_NAMES[1],
            "chapter": "第一章",
            "phrase": HOSTILE_NAMES[2],
        }
        return {
            "id": id_, "name": name, "plan": PLAN, "clause": clause,
            "reading": HOSTILE_NAMES[3], "target": {"value": TARGET},
            "rule": "network_time",
            "with": {"services": ["elderly_circle"], "limit_min": 15},
        }  # fmt: skip

    return {
        "id": PLAN,
        "name": HOSTILE_NAMES[5],
        "document": HOSTILE_NAMES[1],
        "indicators": [
            entry(INDICATOR, HOSTILE_NAMES[0]),
            entry(WHOLE_INDICATOR, HOSTILE_NAMES[3]),
        ],
    }


def _divisions() -> list[tuple[str, str, float | None, str]]:
    """Return level, code, value and verdict of every division that is judged."""
    townships = [
        ("township", township_code(i), rate, township_status(i))
        for i, rate in enumerate(RATES_15)
    ]
    counties = [("county", code, 0.5, "not_met") for code in _COUNTIES]
    return [("prefecture", _TOP, 0.55, "not_met"), *counties, *townships]


def _indicators() -> pd.DataFrame:
    rows = [
        _indicator(INDICATOR, HOSTILE_NAMES[0], level, code, value, status)
        for level, code, value, status in _divisions()
    ]
    rows.append(
        _indicator(WHOLE_INDICATOR, HOSTILE_NAMES[3], "prefecture", _TOP, 1.0, "met")
    )
    return pd.DataFrame(rows)


def _indicator(
    id_: str, name: str, level: str, code: str, value: float | None, status: str
) -> dict[str, Any]:
    failing = [code] if status == "not_met" else []
    return {
        "indicator_id": id_, "level": level, "code": code, "value": value,
        "numerator": None if value is None else value * 100, "denominator": 100.0,
        "target": TARGET, "comparison": ">=", "status": status, "name": name,
        "plan": PLAN, "class": "A", "rule": "network_time", "unit": "township",
        "nature": None, "year": 2025, "value_unit": "share",
        "clause": HOSTILE_NAMES[2], "conflicts": [], "missing_units": None,
        "missing_text": HOSTILE_NAMES[4] if status == "not_met" else None,
        "strict": False, "failing_codes": failing, "unknown_codes": [],
        "reason": None, "flips": False,
    }  # fmt: skip


def _robustness() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "indicator_id": INDICATOR, "level": level, "code": code,
                "variant": variant, "speed_mps": speed,
                "value": None if value is None else value * speed,
                "numerator": None, "denominator": 100.0, "target": TARGET,
                "comparison": ">=",
                "status": _status_at(code, status, speed=speed), "flips": False,
            }
            for level, code, value, status in _divisions()
            for variant in ("with_neighbours", "own")
            for speed in SPEEDS
        ]
    )  # fmt: skip


def _status_at(code: str, status: str, *, speed: float) -> str:
    codes = [township_code(i) for i in range(len(RATES_15))]
    return township_status(codes.index(code), speed=speed) if code in codes else status


def _plan_gaps() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "id": f"{INDICATOR}:{code}", "indicator_id": INDICATOR,
                "name": HOSTILE_NAMES[0], "plan": PLAN, "level": level, "code": code,
                "people": 16000.0, "people_60": 4000.0, "reason": "too_far",
                "remedy": "build", "remedy_facility_id": None, "status": status,
                "value": value, "target": TARGET, "missing_units": 1.0,
                "missing_share": 0.1, "rank": n + 1, "indicator_rank": n + 1,
            }
            for n, (level, code, value, status) in enumerate(_divisions())
            if status == "not_met"
        ]
    )  # fmt: skip


def _gap_areas() -> gpd.GeoDataFrame:
    rows = []
    for i, name in enumerate(AREA_NAMES):
        x, y = 113.0 + (i % 4) * 0.16 + 0.08, 31.4 + (i // 4) * 0.16 + 0.08
        code = township_code(i)
        rows.append(
            {
                "id": f"elderly_circle:{code}", "name": name,
                "service": "elderly_circle", "limit_s": 900.0, "group": "people_60",
                "without": 500.0 - i, "people_60_without": 500.0 - i,
                "reason": "too_far", "remedy": "open_planned",
                "remedy_facility_id": "F000", "remedy_people": 400.0,
                "nearest_facility_id": "F005", "nearest_time_s": 1200.0,
                "n_points": 3, "radius_m": 900.0, "link_m": 500.0, "n_areas": 12,
                "rank": i + 1, "lon": x, "lat": y,
                "community_codes": [f"{code[:9]}001"], "township_code": code,
                "community_code": f"{code[:9]}001",
                "geometry": shapely.Point(x, y).buffer(0.02),
            }
        )  # fmt: skip
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")
