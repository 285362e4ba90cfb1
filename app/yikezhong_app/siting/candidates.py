"""Where one could build: community seats, facilities, upgrades, places on roads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.request import ExclusionRequest, SitingRequest
from yikezhong_app.siting.sources import point_tree, source_rows
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import BoolArray, Snapped
from yikezhong_coverage.siting import NoCandidateError, Zone, exclude_candidates


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidate sites.

    Parameters
    ----------
    table : DataFrame
        id, name, lon, lat, facility_id, source, cost, capacity (``nan``: unknown),
        and the code of a division for every level; a row each.
    snapped : Snapped
    allowed : ndarray of bool, shape (n_candidate,)
    reason : ndarray of str, shape (n_candidate,)
        Why it may not be chosen, in Chinese; empty where it may.
    """

    table: pd.DataFrame
    snapped: Snapped
    allowed: BoolArray
    reason: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.table)

    def mask(self, ids: Collection[str], *, parameter: str) -> BoolArray:
        """Return which candidates have these ids.

        Raises
        ------
        ParameterError
            If there is no candidate of an id.
        """
        unknown = sorted(set(ids) - set(self.table["id"]))
        if unknown:
            raise ParameterError(
                f"没有编号为“{unknown[0]}”的候选点",
                parameter=parameter,
                available=self.table["id"].tolist(),
            )
        found: BoolArray = self.table["id"].isin(list(ids)).to_numpy(np.bool_)
        return found


def find_candidates(
    ground: Ground,
    request: SitingRequest,
    *,
    inside: Collection[str] = (),
    lacking: BoolArray | None = None,
) -> Candidates:
    """Return the candidates of a request, judged by roads and exclusion zones.

    Parameters
    ----------
    ground : Ground
    request : SitingRequest
    inside : collection of str
        Divisions where building counts (for targets): places are generated there,
        instead of near people without the service.
    lacking : ndarray of bool, shape (n_facility,), optional
        Facilities that could gain a function; by default those of the service.

    Raises
    ------
    NoCandidateError
        If there is none, or all are excluded.
    """
    table = source_rows(ground, request, inside=inside, lacking=lacking)
    if table.empty:
        raise NoCandidateError("没有候选点", hint="请换一种候选点来源")
    table = _in_area(ground, _placed(ground, table))
    if request.has_costs and table["cost"].isna().any():
        name = table["name"][table["cost"].isna()].iloc[0]
        raise ParameterError(
            f"候选点“{name}”没有费用，请写 site_cost", parameter="site_cost"
        )
    snapped = ground.snap(
        table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    )
    allowed = snapped.edge >= 0
    reason = np.where(allowed, "", "附近没有可用的道路").astype(object)
    if ground.service.capacity is not None and request.goal == "max_people":
        bare = table["capacity"].isna().to_numpy()
        if bare.all():
            raise ParameterError(
                f"服务“{ground.service.name}”有容量限制，请写 capacity（每处的容量）",
                parameter="capacity",
            )
        reason[allowed & bare] = "没有容量"
        allowed = allowed & ~bare
    return _excluded(ground, Candidates(table, snapped, allowed, reason), request)


def _placed(ground: Ground, table: pd.DataFrame) -> pd.DataFrame:
    """Add the division of each level a candidate lies in, and name generated ones."""
    divisions = ground.snapshot.geo_table("divisions")
    tree = point_tree(table["lon"].to_numpy(), table["lat"].to_numpy())
    names = dict(zip(divisions["code"], divisions["name"], strict=True))
    for level in dict.fromkeys(["community", "township", *divisions["level"]]):
        rows = divisions[divisions["level"] == level]
        found = np.full(len(table), None, dtype=object)
        shape, point = tree.query(rows.geometry.to_numpy(), predicate="intersects")
        # written backwards: on a border the first division keeps it
        found[point[::-1]] = rows["code"].to_numpy(dtype=object)[shape[::-1]]
        table[f"{level}_code"] = _declared(ground, table, found, f"{level}_code")
    unnamed = table["name"] == table["id"]
    table["name"] = [
        f"{names.get(community) or names.get(township) or ''}道路旁" if bare else name
        for bare, name, community, township in zip(
            unnamed,
            table["name"],
            table["community_code"],
            table["township_code"],
            strict=True,
        )
    ]
    return table


def _in_area(ground: Ground, table: pd.DataFrame) -> pd.DataFrame:
    """Keep the candidates in the area that is asked about."""
    if ground.area is None:
        return table
    divisions = ground.snapshot.table("divisions")
    level = divisions["level"][divisions["code"] == ground.area].iloc[0]
    inside = table[(table[f"{level}_code"] == ground.area).to_numpy(np.bool_)]
    if inside.empty:
        raise NoCandidateError(
            "所选范围内没有候选点", hint="请换一种候选点来源，或扩大范围"
        )
    return inside.reset_index(drop=True)


def _declared(
    ground: Ground, table: pd.DataFrame, located: NDArray[np.object_], column: str
) -> NDArray[np.object_]:
    """Return the divisions of candidates; what stands already says where it belongs."""
    facilities = ground.snapshot.table("facilities")
    if column not in facilities:
        return located
    own = table["facility_id"].map(facilities.set_index("id")[column].to_dict())
    stands = (table["source"] == "upgrade") & own.notna()
    return np.where(stands, own.to_numpy(dtype=object), located)


def _excluded(ground: Ground, found: Candidates, request: SitingRequest) -> Candidates:
    zones = [_zone(ground, one, needed=False) for one in request.exclude]
    zones += [_zone(ground, one, needed=True) for one in request.require]
    if zones:
        judged = exclude_candidates(
            found.table["lon"].to_numpy(np.float64),
            found.table["lat"].to_numpy(np.float64),
            zones=zones,
        )
        reason = np.where(
            judged.allowed, found.reason, judged.reason.astype(object)
        ).astype(object)
        found = replace(found, allowed=found.allowed & judged.allowed, reason=reason)
    if not found.allowed.any():
        reasons = "、".join(dict.fromkeys(found.reason.tolist()))
        raise NoCandidateError(
            f"{len(found)} 个候选点全部被排除（{reasons}）",
            hint="请减小禁建距离，或换一种候选点来源",
        )
    return found


def _zone(ground: Ground, asked: ExclusionRequest, *, needed: bool) -> Zone:
    snapshot, name = ground.snapshot, asked.zone
    if name == "roads":
        shapes = snapshot.geo_table("roads").geometry.to_numpy()
    elif name.startswith("facilities:"):
        table = snapshot.geo_table("facilities")
        member = table["category"] == name.partition(":")[2]
        shapes = table.geometry[member].to_numpy()
    else:
        known: list[str] = []
        shapes = np.empty(0, dtype=object)
        if "zones" in snapshot.table_names:
            table = snapshot.geo_table("zones")
            known = sorted(set(table["zone_class"]))
            shapes = table.geometry[table["zone_class"] == name].to_numpy()
        if not len(shapes):
            raise ParameterError(
                f"研究中没有类别为“{name}”的区域",
                parameter="require" if needed else "exclude",
                available=[*known, "roads"],
            )
    return Zone(name, list(shapes), distance_m=asked.distance_m, needed=needed)
