"""A computed plan as plain values: sites, townships before and after, who is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.solve import Siting
from yikezhong_app.web.formats import to_csv, to_geojson, to_json
from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.columns import GROUP_NAMES

#: Unit of the objective of each model.
UNITS: Final = {
    "maximum_cover": "people",
    "worst_first": "people",
    "capacitated_cover": "people",
    "minimum_sites": "sites",
    "area_target": "sites",
    "p_median": "person_seconds",
    "p_center": "seconds",
}
#: Columns of a site as CSV.
SITE_COLUMNS: Final = (
    "rank",
    "year",
    "id",
    "name",
    "lon",
    "lat",
    "township_code",
    "township_name",
    "community_code",
    "facility_id",
    "gain",
    "cumulative_covered",
    "cumulative_rate",
    "forced",
    "cost",
    "capacity",
    "source",
)
#: Why people stay without, in order of precedence.
LEFT_REASONS: Final = {
    "no_road": "附近没有可用的道路",
    "full": "能到达的设施已满",
    "no_candidate": "没有可选的候选点能服务到",
    "not_chosen": "有候选点能服务，但方案没有选中",
}


def plan_record(siting: Siting) -> dict[str, Any]:
    """Return a plan as values that JSON has."""
    ground, result, request = siting.ground, siting.result, siting.request
    first = siting.outcomes[0]
    unit = UNITS[result.model]
    if unit == "sites" and request.has_costs:
        unit = "cost"
    if unit == "people" and request.also:
        unit = "weighted_people"
    manifest = ground.snapshot.manifest
    return {
        "version": ground.snapshot.version,
        "as_of": manifest["as_of"],
        "notice": manifest.get("notice") or None,
        "goal": request.goal,
        "model": result.model,
        "service": ground.service.id,
        "service_name": ground.service.name,
        "profile": ground.service.profile,
        "minutes": ground.limit_s / 60.0,
        "limit_s": ground.limit_s,
        "area": ground.area,
        "area_name": ground.area_name,
        "group": ground.group,
        "group_name": GROUP_NAMES.get(ground.group, ground.group),
        "objective": result.objective,
        "objective_unit": unit,
        "bound": _finite(result.bound),
        "gap": _finite(result.gap),
        "proven": result.proven,
        "status": result.status,
        "tolerance": result.tolerance,
        "seconds": round(siting.seconds, 3),
        "baseline": count_record(ground, first.before.covered),
        "after": count_record(ground, first.after.covered),
        "services": [
            {
                "service": one.ground.service.id,
                "service_name": one.ground.service.name,
                "minutes": one.ground.limit_s / 60.0,
                "group": one.ground.group,
                "group_name": GROUP_NAMES.get(one.ground.group, one.ground.group),
                "weight": one.weight,
                "baseline": count_record(one.ground, one.before.covered),
                "after": count_record(one.ground, one.after.covered),
            }
            for one in siting.outcomes
        ],
        "fairness": _fairness(siting),
        "capacity": _capacity(siting),
        "unknown_points": int(np.isnan(ground.people).sum()),
        "time": {
            "mean_before_min": _mean_min(ground, ground.start_time_s),
            "mean_after_min": _mean_min(ground, siting.time_s),
            "note": "现状已能到达现有设施者的平均时间",
        },
        "n_existing": len(ground.existing),
        "counts_planned": ground.planned,
        "n_candidates": len(siting.candidates),
        "n_allowed": int(siting.candidates.allowed.sum()),
        "n_sites": len(result.chosen),
        "cost": _finite(result.cost) if request.has_costs else None,
        "excluded": _excluded(siting),
        "sites": site_rows(siting),
        "order": None
        if siting.order is None
        else {
            "objective": siting.order.objective,
            "bound": _finite(siting.order.bound),
            "proven": siting.order.proven,
        },
        "townships": township_rows(ground, first.before.covered, first.after.covered),
        "without": _without(siting),
        "target": _target(siting),
    }


def _fairness(siting: Siting) -> dict[str, Any] | None:
    """Return the rates of the townships from the lowest up, and what is proven."""
    fair = siting.fair
    if fair is None:
        return None
    return {
        "levels": [
            {
                "rate": float(level.share),
                "n_townships": level.n_group,
                "proven": level.proven,
            }
            for level in fair.levels
        ],
        "n_fixed": fair.n_fixed,
    }


def _capacity(siting: Siting) -> dict[str, Any] | None:
    """Return who has a place by the plan's assignment, beside the nearest-first rule."""
    check, service = siting.capacity, siting.ground.service
    if check is None:
        return None
    return {
        "column": service.capacity,
        "people_per_unit": service.people_per_unit,
        "assigned_before": siting.result.start_people,
        "assigned_after": check.assigned_people,
        "nearest_first_before": _sum(siting.outcomes[0].before.covered),
        "nearest_first_after": check.nearest_first_people,
    }


def count_record(ground: Ground, covered: FloatArray) -> dict[str, Any]:
    """Return people covered, all whose number is known, and the rate.

    ``covered`` are the people covered at each demand point [persons]; ``nan`` is
    unknown.
    """
    total, people = _sum(ground.people), _sum(covered)
    return {
        "total": total,
        "covered": people,
        "rate": people / total if total else None,
    }


def township_rows(
    ground: Ground, before: FloatArray, after: FloatArray
) -> list[dict[str, Any]]:
    """Return people covered before and after in every township."""
    own, n = ground.township, len(ground.townships)
    inside = own >= 0

    def add(people: FloatArray) -> FloatArray:
        weights = np.nan_to_num(people[inside])
        return np.bincount(own[inside], weights=weights, minlength=n).astype(np.float64)

    total, old, new = add(ground.people), add(before), add(after)
    return [
        {
            "code": str(code),
            "name": str(name),
            "total": float(total[i]),
            "before": float(old[i]),
            "after": float(new[i]),
            "gain": float(new[i] - old[i]),
            "rate_before": float(old[i] / total[i]) if total[i] else None,
            "rate_after": float(new[i] / total[i]) if total[i] else None,
        }
        for i, (code, name) in enumerate(
            zip(ground.townships["code"], ground.townships["name"], strict=True)
        )
    ]


def site_rows(siting: Siting) -> list[dict[str, Any]]:
    """Return the sites in the order of building, each with its gain."""
    order, table = siting.order, siting.candidates.table
    if order is None:
        return []
    names = dict(
        zip(
            siting.ground.townships["code"],
            siting.ground.townships["name"],
            strict=True,
        )
    )
    total = siting.result.total_people
    forced = set(siting.request.forced)
    gains = _gains_by_service(siting)
    rows = []
    for k, site in enumerate(order.site.tolist()):
        place = table.iloc[site]
        township = _text(place["township_code"])
        covered = float(order.covered_people[k])
        rows.append(
            {
                "rank": k + 1,
                "year": int(order.year[k]) + 1,
                "id": str(place["id"]),
                "name": str(place["name"]),
                "lon": float(place["lon"]),
                "lat": float(place["lat"]),
                "township_code": township,
                "township_name": names.get(township),
                "community_code": _text(place["community_code"]),
                "facility_id": _text(place["facility_id"]),
                "gain": float(order.gain[k]),
                "cumulative_covered": covered,
                "cumulative_rate": covered / total if total else None,
                "forced": str(place["id"]) in forced,
                "cost": _finite(place["cost"]),
                "capacity": _finite(place["capacity"]),
                "source": str(place["source"]),
                **({"gains": gains[k]} if gains else {}),
            }
        )
    return rows


def _gains_by_service(siting: Siting) -> list[dict[str, float]]:
    """Return what each step adds for each of several services [persons]."""
    order = siting.order
    if order is None or len(siting.outcomes) == 1:
        return []
    rows: list[dict[str, float]] = [{} for _ in order.site]
    for one in siting.outcomes:
        ground = one.ground
        reached = ground.reach(siting.candidates.snapped.take(order.site))
        covered = ground.start_time_s <= ground.limit_s
        people = np.nan_to_num(ground.people)
        for k, row in enumerate(rows):
            here = reached.demand[reached.start[k] : reached.start[k + 1]]
            row[ground.service.id] = float(people[here[~covered[here]]].sum())
            covered[here] = True
    return rows


def _without(siting: Siting) -> dict[str, Any]:
    """Return who stays without: why, and by township whether a candidate would help."""
    ground, candidates = siting.ground, siting.candidates
    after = siting.outcomes[0].after
    people = np.nan_to_num(after.without)
    left = people > 0
    served = siting.covers.covered_by(np.flatnonzero(candidates.allowed))
    no_road, is_full = ground.network.demand.edge < 0, np.nan_to_num(after.full) > 0
    reason = np.select(
        [no_road, is_full, served], ["no_road", "full", "not_chosen"], "no_candidate"
    )
    frame = pd.DataFrame(
        {
            "township": ground.township[left],
            "reason": reason[left],
            "people": people[left],
        }
    )
    sums = frame.groupby(["township", "reason"], as_index=False)["people"].sum()
    codes, names = ground.townships["code"], ground.townships["name"]
    rows = [
        {
            "code": None if at < 0 else str(codes[at]),
            "name": None if at < 0 else str(names[at]),
            "reason": why,
            "reason_name": LEFT_REASONS[why],
            "people": float(count),
        }
        for at, why, count in zip(
            sums["township"], sums["reason"], sums["people"], strict=True
        )
    ]
    rows.sort(key=lambda row: -row["people"])
    far = np.isfinite(siting.time_s)
    why = np.select([no_road, is_full, far], ["no_road", "full", "too_far"], "no_route")
    return {
        "people": float(people[left].sum()),
        "by_reason": {
            str(name): float(people[left & (why == name)].sum())
            for name in np.unique(why[left])
        },
        "rows": rows,
    }


def _excluded(siting: Siting) -> list[dict[str, Any]]:
    reasons = siting.candidates.reason[~siting.candidates.allowed]
    names, counts = np.unique(reasons.astype(str), return_counts=True)
    return [
        {"reason": str(name), "n": int(n)}
        for name, n in zip(names, counts, strict=True)
    ]


def _target(siting: Siting) -> dict[str, Any] | None:
    case = siting.target
    if case is None:
        return None
    column = f"{case.unit}_code"
    table = siting.candidates.table.iloc[siting.result.chosen]
    if column in table.columns:
        gained = sorted(set(table[column].dropna()) & set(case.open_codes))
    else:
        gained = list(case.open_codes)[: len(table)]
    after = case.n_met + len(gained)
    names = siting.ground.snapshot.table("divisions").set_index("code")["name"]
    return {
        "indicator_id": case.indicator_id,
        "name": case.name,
        "code": case.code,
        "level": case.unit,
        "categories": list(case.categories),
        "functions": list(case.functions),
        "share": case.share,
        "n_area": case.n_area,
        "wanted": case.wanted,
        "before": case.n_met,
        "after": after,
        "rate_before": case.n_met / case.n_area,
        "rate_after": after / case.n_area,
        "met": after >= case.wanted,
        "gained": [{"code": c, "name": names.get(c)} for c in gained],
        "still_open": [
            {"code": c, "name": names.get(c)}
            for c in case.open_codes
            if c not in gained
        ],
    }


def sites_geojson(record: Mapping[str, Any]) -> bytes:
    """Return the sites of a plan as GeoJSON points."""
    rows = record["sites"]
    points = [
        to_json({"type": "Point", "coordinates": [row["lon"], row["lat"]]})
        for row in rows
    ]
    head = {name: record[name] for name in ("version", "as_of", "notice")}
    return to_geojson(head, rows, points, key="id")


def sites_csv(record: Mapping[str, Any]) -> bytes:
    """Return the sites of a plan as CSV for Excel."""
    tail = {name: record[name] for name in ("version", "as_of", "notice")}
    return to_csv(SITE_COLUMNS, record["sites"], tail=tail)


def _mean_min(ground: Ground, time_s: FloatArray) -> float | None:
    """Return the mean time of those who can get to a facility as it stands [min]."""
    people = np.nan_to_num(ground.people)
    there = np.isfinite(ground.start_time_s) & (people > 0)
    weight = people[there]
    if not weight.sum() > 0:
        return None
    return float((time_s[there] * weight).sum() / weight.sum() / 60.0)


def _sum(people: FloatArray) -> float:
    """Return the sum of known people [persons]."""
    return float(np.nansum(people))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
