"""Targets of the register as siting: which areas fail, and what would help them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from yikezhong_app.runs.measure import function_sets
from yikezhong_app.siting.candidates import Candidates
from yikezhong_app.siting.ground import Ground
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.eligibility import judge_eligibility
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray, Service
from yikezhong_coverage.siting import (
    ActionProblem,
    ShareTarget,
    SitingResult,
    matrix_of,
)

#: The one rule whose areas a new facility can bring to the target by standing there.
_RULE = "presence"
#: A facility counts at least for the area it stands in.
_MEMBERSHIPS = (None, "declared", "serving")


@dataclass(frozen=True)
class TargetCase:
    """An indicator in a division, as it stands.

    Parameters
    ----------
    indicator_id, name : str
    code : str
        Division whose target it is.
    unit : str
        Level of the areas that are judged.
    categories, functions : tuple of str
        What has to be built.
    n_area, n_met : int
        Areas that count, and those that have it.
    open_codes : tuple of str
        Areas that do not have it, or of which it is not known.
    share : float
    strict : bool
    """

    indicator_id: str
    name: str
    code: str
    unit: str
    categories: tuple[str, ...]
    functions: tuple[str, ...]
    n_area: int
    n_met: int
    open_codes: tuple[str, ...]
    share: float
    strict: bool

    @property
    def wanted(self) -> int:
        """Areas that have to have it."""
        return ShareTarget(self.share, strict=self.strict).wanted(self.n_area)


def find_target(
    snapshot: Snapshot,
    indicator: str,
    *,
    area: str | None,
    share: float | None,
    planned: bool = False,
) -> TargetCase:
    """Return an indicator's areas in a division.

    With ``planned``, an area with a planned facility counts as one that has it.

    Raises
    ------
    ParameterError
        If there is no such indicator, its rule is another one than presence, it has
        no target and no share is given, or it was not valued in the division.
    """
    entry = _entry(snapshot, indicator)
    table = snapshot.table("indicators")
    rows = table[table["indicator_id"] == indicator]
    code = _area_code(snapshot, rows, area)
    row = rows[rows["code"] == code].iloc[0]
    if pd.isna(row["denominator"]) or row["denominator"] < 1:
        raise ParameterError("该指标在这个区划没有应计的区域", parameter="area")
    if share is None and pd.isna(row["target"]):
        raise ParameterError("该指标没有目标值，请写 share", parameter="share")
    wanted = float(row["target"]) if share is None else share
    choice = entry["with"]["any_of"][0]
    open_codes = tuple(dict.fromkeys([*row["failing_codes"], *row["unknown_codes"]]))
    if planned:
        coming = _with_planned(snapshot, choice, str(entry["unit"]))
        open_codes = tuple(area for area in open_codes if area not in coming)
    n_area = int(row["denominator"])
    return TargetCase(
        indicator_id=indicator,
        name=str(row["name"]),
        code=code,
        unit=str(entry["unit"]),
        categories=tuple(choice["categories"]),
        functions=tuple(choice.get("functions") or ()),
        n_area=n_area,
        n_met=n_area - len(open_codes),
        open_codes=open_codes,
        share=wanted,
        strict=bool(row["strict"]) and share is None,
    )


def _with_planned(snapshot: Snapshot, choice: dict[str, Any], unit: str) -> set[str]:
    """Return the areas with a planned facility that would count."""
    table = snapshot.table("facilities")
    if f"{unit}_code" not in table:
        raise ParameterError(
            "该指标的区域不能计入计划中的设施", parameter="count_planned"
        )
    asked = frozenset(choice.get("functions") or ())
    offered = function_sets(table["functions"])
    counts = [
        category in choice["categories"]
        and status == "planned"
        and (not asked or (has is not None and asked <= has))
        for category, status, has in zip(
            table["category"], table["status"], offered, strict=True
        )
    ]
    return set(table.loc[np.array(counts, dtype=np.bool_), f"{unit}_code"].dropna())


def lacking_facilities(snapshot: Snapshot, case: TargetCase) -> BoolArray:
    """Return which facilities would count for a target if a function were added."""
    table = snapshot.table("facilities")
    asked = Service(case.indicator_id, case.name, case.categories, case.functions)
    return judge_eligibility(
        asked,
        category=table["category"].to_numpy(dtype=object),
        functions=function_sets(table["functions"]),
        status=table["status"].to_numpy(dtype=object),
    ).lacks_function


def buildable_entries(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return by id the entries of a result's plans that new facilities can meet."""
    plans = manifest.get("registers") or []
    return {
        entry["id"]: entry
        for plan in plans
        for entry in plan["indicators"]
        if entry["rule"] == _RULE and _can_be_built(entry.get("with") or {})
    }


def without_idle_reach(
    ground: Ground, case: TargetCase, candidates: Candidates
) -> Candidates:
    """Return the candidates; an upgrade that the service does not count reaches nobody.

    A facility of another category than the service's may gain the functions that a
    target asks for, and still be no place of that service.
    """
    facilities = ground.snapshot.table("facilities")
    asked = frozenset(case.functions)
    offered = function_sets(facilities["functions"])
    after = [None if has is None else has | asked for has in offered]
    counts = judge_eligibility(
        ground.service,
        category=facilities["category"].to_numpy(dtype=object),
        functions=after,
        status=facilities["status"].to_numpy(dtype=object),
    ).eligible
    serving = set(facilities.loc[counts, "id"])
    table = candidates.table
    idle = (table["source"] == "upgrade") & ~table["facility_id"].isin(serving)
    if not idle.any():
        return candidates
    edge = np.where(idle.to_numpy(), -1, candidates.snapped.edge)
    snapped = replace(candidates.snapped, edge=edge.astype(np.int32))
    return replace(candidates, snapped=snapped)


def _entry(snapshot: Snapshot, indicator: str) -> dict[str, Any]:
    plans = snapshot.manifest.get("registers") or []
    usable = buildable_entries(snapshot.manifest)
    if indicator in usable:
        return dict(usable[indicator])
    known = any(entry["id"] == indicator for p in plans for entry in p["indicators"])
    raise ParameterError(
        "选址只支持“每个区域至少有 1 处设施”的指标"
        if known
        else f"没有编号为“{indicator}”的指标",
        parameter="indicator",
        available=[*usable],
    )


def _can_be_built(rule: dict[str, Any]) -> bool:
    choices = rule.get("any_of") or [{}]
    return (
        bool(choices[0].get("categories"))
        and int(rule.get("at_least") or 1) == 1
        and rule.get("membership") in _MEMBERSHIPS
    )


def _area_code(snapshot: Snapshot, rows: pd.DataFrame, area: str | None) -> str:
    divisions = snapshot.table("divisions")
    valued = divisions[divisions["code"].isin(rows["code"])]
    if valued.empty:
        raise ParameterError("该指标没有算出结果", parameter="indicator")
    if area is None:
        return str(valued["code"].iloc[0])
    wide = area.ljust(12, "0") if area.isdecimal() else area
    match = valued[valued["code"].isin([area, wide]) | (valued["name"] == area)]
    if len(match) != 1:
        raise ParameterError(
            f"该指标在“{area}”没有结果",
            parameter="area",
            available=valued["code"].tolist(),
        )
    return str(match["code"].iloc[0])


def action_problem(
    case: TargetCase,
    candidates: Candidates,
    *,
    cost: FloatArray | None,
    forced: BoolArray | None,
    forbidden: BoolArray | None,
) -> ActionProblem:
    """Return the areas as needs that a site inside serves."""
    column = f"{case.unit}_code"
    if column not in candidates.table.columns:
        own = np.full(len(candidates), case.code, dtype=object)
    else:
        own = candidates.table[column].to_numpy(dtype=object)
    needs = np.array([*case.open_codes, *[""] * case.n_met], dtype=object)
    serves = matrix_of(own[:, None] == needs[None, :])
    n_need = len(needs)
    return ActionProblem(
        serves,
        np.arange(n_need, dtype=np.int32),
        np.zeros(n_need, dtype=np.int32),
        np.arange(n_need) >= len(case.open_codes),
        [ShareTarget(case.share, strict=case.strict)],
        cost=cost,
        forced=forced,
        forbidden=forbidden,
    )


def better_sites(
    problem: ActionProblem, result: SitingResult, *, gain: FloatArray
) -> IntArray:
    """Return sites that do the same for the target at the same cost, and gain most.

    Every site serves one area. Where all cost the same, any choice of as many areas
    is as good for the target; else the areas stay, and within an area a site is
    replaced by one that is not dearer.
    """
    n_site = len(gain)
    cost = np.ones(n_site) if problem.cost is None else problem.cost
    fixed = np.zeros(n_site, dtype=np.bool_)
    if problem.forced is not None:
        fixed = problem.forced
    allowed = np.ones(n_site, dtype=np.bool_)
    if problem.forbidden is not None:
        allowed = ~problem.forbidden
    area = _open_need(problem)
    usable = allowed & (area >= 0)
    order = np.lexsort((np.arange(n_site), -gain))
    if not fixed.any() and len(np.unique(cost[usable])) <= 1:
        ranked = [site for site in order.tolist() if usable[site]]
        _, first = np.unique(area[ranked], return_index=True)
        best = np.array(ranked, dtype=np.int64)[np.sort(first)]
        return np.sort(best[: len(result.chosen)])
    chosen = []
    for site in result.chosen.tolist():
        same = usable & (area == area[site]) & (cost <= cost[site])
        found = order[same[order]]
        keep = fixed[site] or area[site] < 0 or not len(found)
        chosen.append(site if keep else int(found[0]))
    return np.array(sorted(set(chosen)), dtype=np.int64)


def _open_need(problem: ActionProblem) -> IntArray:
    """Return the open need that each site serves; -1 none."""
    serves = problem.serves
    found = np.full(serves.n_candidate, -1, dtype=np.int64)
    site = np.repeat(np.arange(serves.n_candidate), np.diff(serves.start))
    is_open = ~problem.need_met[serves.demand]
    found[site[is_open]] = serves.demand[is_open]
    return found
