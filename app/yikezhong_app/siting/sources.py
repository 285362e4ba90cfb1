"""Where candidates come from: seats, facilities, upgrades, layers, places on roads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.request import CandidateLayer, SitingRequest
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray

#: Most places that are generated.
MOST_GENERATED: Final = 2000
#: Places on roads are a third of the way apart that is covered within the limit, but
#: at least and at most so much [m].
_LEAST_APART_M: Final = 200.0
_MOST_APART_M: Final = 1500.0
_METRES_PER_DEGREE: Final = 111_320.0


def source_rows(
    ground: Ground,
    request: SitingRequest,
    *,
    inside: Collection[str],
    lacking: BoolArray | None,
) -> pd.DataFrame:
    """Return the candidates of all sources, each place of an id once.

    Parameters
    ----------
    ground : Ground
    request : SitingRequest
    inside, lacking
        Where building counts, and which facilities could gain a function; see
        :func:`.candidates.find_candidates`.

    Returns
    -------
    DataFrame
        id, name, lon, lat, facility_id, source, cost and capacity (``nan``: unknown).
    """
    frames = []
    for source in request.sources:
        if source == "upgrade":
            found = _upgrades(ground, lacking)
        else:
            found = _of_source(ground, request, source, inside)
        frames.append(_with_means(found, request, source))
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        return frames[0]
    table = pd.concat(filled, ignore_index=True)
    return table.drop_duplicates("id").reset_index(drop=True)


def _of_source(
    ground: Ground, request: SitingRequest, source: str, inside: Collection[str]
) -> pd.DataFrame:
    """Return the candidates of one source."""
    if source == "community_centres":
        return _seats(ground)
    if source == "points":
        return _points(request.points)
    if source == "layer" and request.layer is not None:
        return _of_layer(request.layer)
    if source == "generated":
        return _generated(ground, inside)
    return _of_category(ground, source.removeprefix("category:"))


def _with_means(
    table: pd.DataFrame, request: SitingRequest, source: str
) -> pd.DataFrame:
    """Add the costs and capacities that candidates do not bring themselves."""
    table = table.assign(source=source)
    cost = request.site_cost
    if source == "upgrade" and request.upgrade_cost is not None:
        cost = request.upgrade_cost
    for name, usual in (("cost", cost), ("capacity", request.capacity)):
        own = table[name] if name in table else pd.Series(np.nan, index=table.index)
        known = np.nan if usual is None else usual
        table[name] = own.astype(np.float64).fillna(known)
    return table


def _seats(ground: Ground) -> pd.DataFrame:
    divisions = ground.snapshot.table("divisions")
    rows = divisions[divisions["level"] == "community"]
    return _rows(rows["code"], rows["name"], rows)


def _upgrades(ground: Ground, lacking: BoolArray | None) -> pd.DataFrame:
    facilities = ground.snapshot.table("facilities")
    chosen = ground.eligibility.lacks_function if lacking is None else lacking
    rows = facilities[chosen & facilities["lon"].notna().to_numpy()]
    return _facility_rows(ground, rows)


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
    return _facility_rows(ground, rows)


def _facility_rows(ground: Ground, rows: pd.DataFrame) -> pd.DataFrame:
    """Return facilities as candidates, with the capacity they have already."""
    table = _rows(rows["id"], rows["name"], rows, facility=rows["id"])
    unit = ground.service.capacity
    if unit is not None:
        table["capacity"] = rows[unit].to_numpy(np.float64, na_value=np.nan)
    return table


def _of_layer(layer: CandidateLayer) -> pd.DataFrame:
    """Return the points of a layer; ids of their own are given where there are none."""
    rows = []
    for number, feature in enumerate(layer.features, 1):
        known = feature.properties
        own = known.id if known is not None and known.id is not None else feature.id
        rows.append(
            {
                "id": f"L{number}" if own is None else str(own),
                "name": (known and known.name) or f"候选点 {number}",
                "lon": feature.geometry.coordinates[0],
                "lat": feature.geometry.coordinates[1],
                "facility_id": None,
                "cost": np.nan if known is None or known.cost is None else known.cost,
                "capacity": np.nan
                if known is None or known.capacity is None
                else known.capacity,
            }
        )
    table = pd.DataFrame(rows)
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise ParameterError(
            f"layer 中有多个编号为“{twice.iloc[0]}”的候选点", parameter="layer"
        )
    return table


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
    at, _ = point_tree(lon, lat).query(shapes, predicate="intersects")[::-1]
    found = np.zeros(len(lon), dtype=np.bool_)
    found[at] = True
    return found


def point_tree(lon: FloatArray, lat: FloatArray) -> Any:
    """Return a search tree of points."""
    return shapely.STRtree(shapely.points(lon, lat))
