"""The task of one part of a run: everything that is found on foot around its places.

What is computed lies under ``kept`` by a hash of all that decides it, a file for each
service: it is neither computed again for an edit that does not touch it, nor lost when
the run is ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.runs.array_files import (
    as_bytes,
    digest,
    is_whole,
    read_result,
    write_result,
)
from yikezhong_app.runs.cutting import Part
from yikezhong_app.runs.measure import Network
from yikezhong_app.runs.opened import opened_run
from yikezhong_app.runs.part_window import (
    PartWindow,
    core_cells,
    near_shapes,
    place_arrays,
)
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.tables.circles import (
    draw_circles,
)
from yikezhong_app.tables.roads import RoadLengths, measure_roads
from yikezhong_coverage.edges import RoadPieces
from yikezhong_coverage.records import (
    IntArray,
    Nearest,
    Service,
    Snapped,
)

Tell = Callable[[str, float], None]
#: Kinds of facilities that times are measured to, and what they are called in results.
MEASURED: Final = {
    "with_neighbours": "eligible",
    "own": "eligible",
    "lacking": "lacks_function",
    "not_open": "not_open",
}


def measure_part(payload: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Measure a part, unless it has been measured before.

    Parameters
    ----------
    payload : dict
        ``run`` (folder of :func:`~yikezhong_app.runs.run_data.write_run`), ``part``
        (number) and ``kept`` (folder of results).
    tell : callable
        Takes a step and the share that is done.

    Returns
    -------
    dict
        ``services``: by service the name of its result; ``roads``: that of the road
        lengths; ``circles``: by limit [s] that of the circles; ``made``: how many of
        them were not there.
    """
    run = opened_run(payload)
    part, kept = run.parts[payload["part"]], Path(payload["kept"])
    window = PartWindow.of(run, part)
    answer: dict[str, Any] = {"services": {}, "circles": {}, "made": 0}

    def keep(name: str, make: Callable[[], dict[str, NDArray[Any]]]) -> str:
        path = result_path(kept, name)
        if not is_whole(path):
            write_result(path, make())
            answer["made"] += 1
        return name

    services = [s for s in run.services if s.profile == "walking"]
    answer["roads"] = keep(
        digest("roads", window.key), lambda: {"total_m": window.total_m}
    )
    for number, service in enumerate(services):
        tell(f"{part.name}：{service.name}", number / max(len(services), 1))
        answer["services"][service.id] = keep(
            _service_key(run, window, service),
            lambda service=service: _measure_service(run, window, service),  # type: ignore[misc]
        )
    for limit_s in sorted({s.limit_s for s in services}):
        chosen = circle_facilities(run, part, profile="walking", limit_s=limit_s)
        facility = window.at_run_speed.facility.take(window.places(chosen))
        answer["circles"][f"{limit_s:g}"] = keep(
            digest("circles", window.graph_key, limit_s, *place_arrays(facility)),
            lambda facility=facility, limit_s=limit_s: circle_arrays(  # type: ignore[misc]
                window.at_run_speed, facility, limit_s=limit_s
            ),
        )
    return answer


def measure_driving_circles(payload: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Draw the circles by car of the facilities of a part, unless they are there."""
    run = opened_run(payload)
    part, kept = run.parts[payload["part"]], Path(payload["kept"])
    limit_s = payload["limit_s"]
    network = run.network("driving")
    chosen = circle_facilities(run, part, profile="driving", limit_s=limit_s)
    facility = network.facility.take(chosen)
    name = digest(
        "circles", run.source, run.hashes["driving"], limit_s, *place_arrays(facility)
    )
    path = result_path(kept, name)
    tell(part.name, 0.0)
    made = not is_whole(path)
    if made:
        write_result(path, circle_arrays(network, facility, limit_s=limit_s))
    return {"circles": name, "made": int(made)}


def measure_driving_roads(payload: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Cut the roads for cars in the divisions of a part, unless they are cut already."""
    run = opened_run(payload)
    part, kept = run.parts[payload["part"]], Path(payload["kept"])
    roads = run.roads("driving").window(core_cells(run, part))
    shapes = near_shapes(run, part)
    name = digest(
        "driving roads",
        run.source,
        run.hashes["driving"],
        part.divisions,
        shapes.index.to_numpy(),
        *shapely.to_wkb(shapes.geometry.to_numpy()).tolist(),
    )
    tell(part.name, 0.0)
    made = not is_whole(result_path(kept, name))
    if made:
        network = replace(
            run.network("driving"), graph=roads.graph, usable=roads.usable, pieces=None
        )
        n_division = len(run.records.divisions.code)
        lengths = measure_roads(network, shapes, n_division=n_division)
        own = np.flatnonzero(np.isin(lengths.division, part.divisions))
        pieces = lengths.pieces
        write_result(
            result_path(kept, name),
            {
                "edge": roads.edge[pieces.edge[own]],
                "from_m": pieces.from_m[own],
                "to_m": pieces.to_m[own],
                "division": lengths.division[own],
                "total_m": lengths.total_m[part.divisions],
            },
        )
    return {"roads": name, "made": int(made)}


def read_lengths(run: RunData, part: Part, path: Path) -> RoadLengths:
    """Return what :func:`measure_driving_roads` has cut for a part, without places."""
    found = read_result(path)
    nowhere = np.broadcast_to(np.nan, len(found["edge"]))
    total_m = np.zeros(len(run.records.divisions.code))
    total_m[part.divisions] = found["total_m"]
    pieces = RoadPieces(found["edge"], found["from_m"], found["to_m"], nowhere, nowhere)
    return RoadLengths(pieces, found["division"], total_m)


def result_path(kept: Path, name: str) -> Path:
    """Return where a result of a part lies."""
    return kept / name[:2] / f"{name}.npz"


def circle_facilities(
    run: RunData, part: Part, *, profile: str, limit_s: float
) -> IntArray:
    """Return the facilities of a part with a circle at a limit, ascending."""
    found = [
        run.placed_members(service, "eligible")
        for service in run.services
        if service.profile == profile and service.limit_s == limit_s
    ]
    none = np.empty(0, dtype=np.int64)
    return np.intersect1d(part.facilities, np.concatenate([none, *found]))


def circle_arrays(
    network: Network, facility: Snapped, *, limit_s: float
) -> dict[str, NDArray[Any]]:
    """Return the circles of some facilities as one array of bytes, and their ends."""
    return as_bytes(draw_circles(network, facility, limit_s=limit_s))


def _measure_service(
    run: RunData, window: PartWindow, service: Service
) -> dict[str, NDArray[Any]]:
    """Return times, pairs and covered lengths of a service in a part.

    Facilities are numbers into the lists ``ids.…``, those near the part in the order
    of the study; people without a way are left out.
    """
    terms = run.terms
    limits_s = terms.limits_s(service)
    found: dict[str, NDArray[Any]] = {}
    places = {
        kind: window.places(run.placed_members(service, kind))
        for kind in dict.fromkeys(MEASURED.values())
    }
    ids = run.facilities["id"].to_numpy(dtype=object)
    for kind, at in places.items():
        found[f"ids.{kind}"] = ids[window.facilities[at]].astype(np.str_)
    for variant, kind in MEASURED.items():
        nearest = window.nearest(
            places[kind],
            speed_mps=terms.walk_speed_mps,
            own=variant == "own",
            most_s=terms.max_time_s["walking"] if kind == "eligible" else limits_s[-1],
        )
        found |= _packed(nearest, places[kind], name=variant)
    for speed_mps in terms.other_speeds_mps(service):
        for variant in ("with_neighbours", "own"):
            nearest = window.nearest(
                places["eligible"],
                speed_mps=speed_mps,
                own=variant == "own",
                most_s=limits_s[-1],
            )
            found |= _packed(
                nearest, places["eligible"], name=f"{variant}@{speed_mps:g}"
            )
    eligible = places["eligible"]
    found["covered_m"] = window.covered_m(eligible, limit_s=service.limit_s)
    found |= window.band(service, eligible)
    if service.capacity is not None:
        found |= _pairs(window.at_run_speed, eligible, limits_s[-1], name="pairs")
        for speed_mps in terms.other_speeds_mps(service):
            network, name = window.network(speed_mps), f"pairs@{speed_mps:g}"
            found |= _pairs(network, eligible, limits_s[-1], name=name)
    return found


def _pairs(
    network: Network, facilities: IntArray, limit_s: float, *, name: str
) -> dict[str, NDArray[Any]]:
    pairs = network.reach(facilities, limit_s=limit_s)
    return {
        f"{name}.start": pairs.start,
        f"{name}.demand": pairs.demand,
        f"{name}.time_s": pairs.time_s,
    }


def _service_key(run: RunData, window: PartWindow, service: Service) -> str:
    """Return a hash of all that decides the figures of a service in a part."""
    terms = run.terms
    values: list[object] = []
    ids = run.facilities["id"].to_numpy(dtype=object)
    for kind in dict.fromkeys(MEASURED.values()):
        at = window.places(run.placed_members(service, kind))
        rows = window.facilities[at]
        values += [
            *place_arrays(window.at_run_speed.facility.take(at)),
            run.records.facility_own[rows],
            ids[rows].astype(np.str_),
        ]
    return digest(
        "service",
        window.key,
        service.limit_s,
        service.capacity is not None,
        terms.limits_s(service),
        terms.other_speeds_mps(service),
        *values,
    )


def _packed(
    nearest: Nearest, places: IntArray, *, name: str
) -> dict[str, NDArray[Any]]:
    """Return who has a way, how long it is, and to which facility of the list."""
    at = np.flatnonzero(nearest.facility >= 0)
    facility = np.searchsorted(places, nearest.facility[at])
    return {
        f"{name}.at": at.astype(np.int32),
        f"{name}.time_s": nearest.time_s[at],
        f"{name}.facility": facility.astype(np.int32),
    }
