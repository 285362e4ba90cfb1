"""Where one could build: community seats, facilities, upgrades, places on roads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.request import ExclusionRequest, SitingRequest
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray, Snapped
from yikezhong_coverage.siting import NoCandidateError, Zone, exclude_candidates

#: Most places that are generated.
MOST_GENERATED: Final = 2000
#: Places on roads are a third of the way apart that is covered within the limit, but
#: at least and at most so much [m].
_LEAST_APART_M: Final = 200.0
_MOST_APART_M: Final = 1500.0
_METRES_PER_DEGREE: Final = 111_320.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidate sites.

    Parameters
    ----------
    table : DataFrame
        id, name, lon, lat, facility_id, community_code, township_code; a row each.
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
    ground: Ground, request: SitingRequest, *, inside: Collection[str] = ()
) -> Candidates:
    """Return the candidates of a request, judged by roads and exclusion zones.

    Parameters
    ----------
    ground : Ground
    request : SitingRequest
    inside : collection of str
        Divisions where building counts (for targets): places are generated there,
        instead of near people without the service.

    Raises
    ------
    NoCandidateError
        If there is none, or all are excluded.
    """
    source = request.candidates
    if source == "community_centres":
        table = _seats(ground)
    elif source == "upgrade":
        table = _upgrades(ground)
    elif source == "points":
        table = _points(request.points)
    elif source == "generated":
        table = _generated(ground, inside)
    else:
        table = _of_category(ground, source.removeprefix("category:"))
    if table.empty:
        raise NoCandidateError("没有候选点", hint="请换一种候选点来源")
    table = _placed(ground, table.reset_index(drop=True))
    snapped = ground.snap(
        table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    )
    found = Candidates(
        table,
        snapped,
        snapped.edge >= 0,
        np.where(snapped.edge >= 0, "", "附近没有可用的道路").astype(object),
    )
    return _excluded(ground, found, request.exclude)


def _seats(ground: Ground) -> pd.DataFrame:
    divisions = ground.snapshot.table("divisions")
    rows = divisions[divisions["level"] == "community"]
    return _rows(rows["code"], rows["name"], rows)


def _upgrades(ground: Ground) -> pd.DataFrame:
    facilities = ground.snapshot.table("facilities")
    rows = facilities[ground.eligibility.lacks_function]
    return _rows(rows["id"], rows["name"], rows, facility=rows["id"])


def _of_category(ground: Ground, category: str) -> pd.DataFrame:
    facilities = ground.snapshot.table("facilities")
    member = (facilities["category"] == category) & (facilities["status"] == "open")
    rows = facilities[member & facilities["lon"].notna()]
    if rows.empty:
        known = sorted(set(facilities["category"].dropna()))
        raise ParameterError(
            f"没有类别为“{category}”且有位置的运营设施",
            parameter="candidates",
            available=[f"category:{name}" for name in known],
        )
    return _rows(rows["id"], rows["name"], rows, facility=rows["id"])


def _points(points: tuple[tuple[float, float], ...]) -> pd.DataFrame:
    places = pd.DataFrame(np.array(points).reshape(-1, 2), columns=["lon", "lat"])
    number = pd.Series([f"P{i}" for i in range(1, len(points) + 1)], dtype=object)
    return _rows(number, "候选点 " + number.str[1:], places)


def _rows(
    ids: Any, names: Any, places: pd.DataFrame, *, facility: Any = None
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": np.asarray(ids, dtype=object),
            "name": np.asarray(names, dtype=object),
            "lon": places["lon"].to_numpy(np.float64),
            "lat": places["lat"].to_numpy(np.float64),
            "facility_id": None if facility is None else np.asarray(facility, object),
        }
    )


def _generated(ground: Ground, inside: Collection[str]) -> pd.DataFrame:
    """Return one vertex of a usable road for each cell of a grid where it matters."""
    graph = ground.network.graph
    owner = np.repeat(np.arange(graph.n_edge), np.diff(graph.vertex_start))
    keep = ground.network.usable[owner]
    lon, lat = graph.vertex_lon[keep], graph.vertex_lat[keep]
    if inside:
        here = _within(ground, lon, lat, inside)
        lon, lat = lon[here], lat[here]
    apart_m = float(
        np.clip(
            ground.limit_s * ground.network.leg_speed_mps / 3,
            _LEAST_APART_M,
            _MOST_APART_M,
        )
    )
    while True:
        chosen, score = _grid(ground, lon, lat, apart_m)
        if not inside:
            chosen, score = chosen[score > 0], score[score > 0]
        if len(chosen) <= MOST_GENERATED or not inside:
            break
        apart_m *= 1.25
    order = np.argsort(-score, kind="stable")[:MOST_GENERATED]
    chosen = np.sort(chosen[order])
    table = pd.DataFrame({"lon": lon[chosen], "lat": lat[chosen]})
    ids = pd.Series(
        [f"G{x:.6f}_{y:.6f}" for x, y in zip(lon[chosen], lat[chosen], strict=True)],
        dtype=object,
    )
    table = _rows(ids, ids, table)
    return table.drop_duplicates("id")


def _grid(
    ground: Ground, lon: FloatArray, lat: FloatArray, apart_m: float
) -> tuple[IntArray, FloatArray]:
    """Return a vertex for each cell, and the people without in and around it."""
    if not len(lon):
        return np.empty(0, dtype=np.int64), np.empty(0)
    d_lat = apart_m / _METRES_PER_DEGREE
    # a fixed parallel: the grid does not move with the study's edges
    d_lon = d_lat / np.cos(np.radians(round(float(np.median(lat)))))
    x, y = (
        np.floor(lon / d_lon).astype(np.int64),
        np.floor(lat / d_lat).astype(np.int64),
    )
    off = np.hypot((lon / d_lon - x) - 0.5, (lat / d_lat - y) - 0.5)
    order = np.lexsort((np.arange(len(x)), off, y, x))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(x[order]) != 0) | (np.diff(y[order]) != 0)
    chosen = order[first]
    without = (ground.start_time_s > ground.limit_s) & (ground.people > 0)
    at = np.flatnonzero(without & (ground.network.demand.edge >= 0))
    places = ground.network.demand
    people: dict[tuple[int, int], float] = {}
    cells = zip(
        np.floor(places.lon[at] / d_lon).astype(int).tolist(),
        np.floor(places.lat[at] / d_lat).astype(int).tolist(),
        ground.people[at].tolist(),
        strict=True,
    )
    for cx, cy, count in cells:
        people[cx, cy] = people.get((cx, cy), 0.0) + count
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    score = [
        sum(people.get((cx + i, cy + j), 0.0) for i, j in around)
        for cx, cy in zip(x[chosen].tolist(), y[chosen].tolist(), strict=True)
    ]
    return chosen.astype(np.int64), np.array(score)


def _within(
    ground: Ground, lon: FloatArray, lat: FloatArray, codes: Collection[str]
) -> BoolArray:
    divisions = ground.snapshot.geo_table("divisions")
    shapes = divisions.geometry[divisions["code"].isin(list(codes))].to_numpy()
    at, _ = _tree(lon, lat).query(shapes, predicate="intersects")[::-1]
    found = np.zeros(len(lon), dtype=np.bool_)
    found[at] = True
    return found


def _tree(lon: FloatArray, lat: FloatArray) -> Any:
    return shapely.STRtree(shapely.points(lon, lat))


def _placed(ground: Ground, table: pd.DataFrame) -> pd.DataFrame:
    """Add the township and community each candidate lies in, and name generated ones."""
    divisions = ground.snapshot.geo_table("divisions")
    tree = _tree(table["lon"].to_numpy(), table["lat"].to_numpy())
    names = dict(zip(divisions["code"], divisions["name"], strict=True))
    for level in ("community", "township"):
        rows = divisions[divisions["level"] == level]
        found = np.full(len(table), None, dtype=object)
        shape, point = tree.query(rows.geometry.to_numpy(), predicate="intersects")
        # written backwards: on a border the first division keeps it
        found[point[::-1]] = rows["code"].to_numpy(dtype=object)[shape[::-1]]
        table[f"{level}_code"] = found
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


def _excluded(
    ground: Ground, found: Candidates, asked: tuple[ExclusionRequest, ...]
) -> Candidates:
    if asked:
        judged = exclude_candidates(
            found.table["lon"].to_numpy(np.float64),
            found.table["lat"].to_numpy(np.float64),
            zones=[_zone(ground, one) for one in asked],
        )
        reason = np.where(
            judged.allowed, found.reason, judged.reason.astype(object)
        ).astype(object)
        found = replace(found, allowed=found.allowed & judged.allowed, reason=reason)
    if not found.allowed.any():
        raise NoCandidateError(
            f"{len(found)} 个候选点全部被排除",
            hint="请减小禁建距离，或换一种候选点来源",
        )
    return found


def _zone(ground: Ground, asked: ExclusionRequest) -> Zone:
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
                parameter="exclude",
                available=[*known, "roads"],
            )
    return Zone(name, list(shapes), distance_m=asked.distance_m)
