"""The candidates of a request, before anything is chosen; and what can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yikezhong_app.progress import ProgressCall
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.siting.candidates import find_candidates
from yikezhong_app.siting.ground import open_ground
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.siting.target import (
    buildable_entries,
    find_target,
    lacking_facilities,
)
from yikezhong_app.snapshots.snapshot import open_version
from yikezhong_app.tiles.keys import MOST_PLAIN
from yikezhong_app.words import category_names
from yikezhong_geodata.plans.rule_shapes import ZONE_CLASSES

#: Rule of indicators that keep sites away.
_KEEPS_AWAY = "exclusion_zone"
#: Level of the areas that a siting is usually asked about.
_AREA_LEVEL = "county"
_COLUMNS = ("id", "name", "lon", "lat", "township_code")


def run_candidates(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """List candidates; ``payload`` holds out, version and request."""
    out_dir, version = Path(payload["out"]), payload["version"]
    request = SitingRequest.model_validate(payload["request"])
    snapshot = open_version(out_dir, version)
    ground = open_ground(
        out_dir,
        version,
        service=str(request.service),
        minutes=request.minutes,
        group=request.group,
        area=None if request.goal == "target" else request.area,
    )
    progress("准备候选点", 0.5)
    inside: tuple[str, ...] = ()
    lacking = None
    if request.goal == "target" and request.indicator is not None:
        case = find_target(
            snapshot,
            request.indicator,
            area=request.area,
            share=request.share,
            planned=request.count_planned,
        )
        inside, lacking = case.open_codes, lacking_facilities(snapshot, case)
    found = find_candidates(ground, request, inside=inside, lacking=lacking)
    rows = to_rows(found.table[list(_COLUMNS)])
    return {
        "version": version,
        "as_of": str(snapshot.manifest["as_of"]),
        "notice": snapshot.manifest.get("notice") or None,
        "total": len(rows),
        "n_allowed": int(found.allowed.sum()),
        "items": [
            {**row, "allowed": bool(allowed), "reason": str(reason) or None}
            for row, allowed, reason in zip(
                rows, found.allowed, found.reason, strict=True
            )
        ],
    }


def siting_options(catalog: Catalog) -> Row:
    """Return what a request can name: zones, categories, indicators."""
    registers = catalog.manifest.get("registers") or []
    entries = [entry for plan in registers for entry in plan["indicators"]]
    return {
        "areas": [
            {"code": row["code"], "name": row["name"]}
            for row in catalog.divisions
            if row["level"] == _AREA_LEVEL
        ],
        "one_area": max(catalog.levels.values(), default=0) > MOST_PLAIN,
        "zones": _zones(catalog, entries),
        "categories": _categories(catalog),
        "indicators": [
            {"id": entry["id"], "name": entry["name"], "plan": entry["plan"]}
            for entry in buildable_entries(catalog.manifest).values()
        ],
        "planned": sorted(
            {
                str(row["category"])
                for row in catalog.facilities
                if row["status"] == "planned" and row["category"]
            }
        ),
    }


def _zones(catalog: Catalog, entries: list[Row]) -> list[Row]:
    """Return the classes of zones of a study, with the distance its plans state [m]."""
    if "zones" not in catalog.snapshot.table_names:
        return []
    stated: dict[str, float] = {}
    for entry in entries:
        if entry["rule"] != _KEEPS_AWAY:
            continue
        for zone in entry["with"].get("zones") or ():
            if isinstance(zone.get("distance_m"), (int, float)):
                stated.setdefault(str(zone["class"]), float(zone["distance_m"]))
    counts = catalog.snapshot.table("zones")["zone_class"].value_counts()
    known = [name for name in ZONE_CLASSES if name in counts]
    others = sorted(set(counts.index) - set(known))
    return [
        {
            "id": name,
            "name": ZONE_CLASSES.get(name, name),
            "n": int(counts[name]),
            "distance_m": stated.get(name),
        }
        for name in (*known, *others)
    ]


def _categories(catalog: Catalog) -> list[Row]:
    """Return the categories of open facilities with a place, with their numbers."""
    names = category_names()
    counts: dict[str, int] = {}
    for row in catalog.facilities:
        if row["status"] == "open" and row["lon"] is not None and row["category"]:
            category = str(row["category"])
            counts[category] = counts.get(category, 0) + 1
    return [
        {"id": category, "name": names.get(category, category), "n": n}
        for category, n in sorted(counts.items(), key=lambda item: -item[1])
    ]
