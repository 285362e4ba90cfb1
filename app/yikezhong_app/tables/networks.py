"""The road networks of a run in its snapshot, so that siting needs no study folder.

Every number is kept as it was computed: a network that is read again gives the same
times to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.runs.measure import Network
from yikezhong_app.snapshots.snapshot import NETWORK_PREFIX, Snapshot
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import FloatArray, IntArray, RoadGraph
from yikezhong_coverage.snap import snap_points


def network_tables(networks: Mapping[str, Network]) -> dict[str, pd.DataFrame]:
    """Return ``network_<profile>`` (a row an edge) and ``network_<profile>_nodes``.

    Columns of an edge: id, class, u, v (rows of the node table), length_m, forward_s,
    backward_s (``inf`` where not allowed), usable (whether points may be put on it),
    and the lists lon, lat and along_m of its shape. Edges are in order of their ids.
    """
    tables = {}
    for profile, network in networks.items():
        graph = network.graph
        tables[f"{NETWORK_PREFIX}{profile}"] = pd.DataFrame(
            {
                "id": graph.edge_id.astype(object),
                "class": graph.edge_class.astype(object),
                "u": graph.edge_u,
                "v": graph.edge_v,
                "length_m": graph.edge_length_m,
                "forward_s": graph.edge_forward_s,
                "backward_s": graph.edge_backward_s,
                "usable": network.usable,
                "lon": _lists(graph.vertex_lon, graph.vertex_start),
                "lat": _lists(graph.vertex_lat, graph.vertex_start),
                "along_m": _lists(graph.vertex_along_m, graph.vertex_start),
            }
        )
        tables[f"{NETWORK_PREFIX}{profile}_nodes"] = pd.DataFrame(
            {"lon": graph.node_lon, "lat": graph.node_lat}
        )
    return tables


def read_network(snapshot: Snapshot, profile: str) -> Network:
    """Return a network of a snapshot with its demand and facilities put on it.

    Raises
    ------
    ParameterError
        If the snapshot holds no network of the profile.
    """
    graph = read_graph(snapshot, profile)
    usable = snapshot.table(f"{NETWORK_PREFIX}{profile}")["usable"].to_numpy(np.bool_)
    parameters = snapshot.manifest["parameters"]
    most_m = float(parameters["max_snap_m"])
    demand, facility = (
        snap_points(
            graph,
            _floats(snapshot.table(table)["lon"]),
            _floats(snapshot.table(table)["lat"]),
            usable=usable,
            max_snap_m=most_m,
        )
        for table in ("demand", "facilities")
    )
    limit = "max_walk_time_s" if profile == "walking" else "max_drive_time_s"
    return Network(
        graph=graph,
        usable=usable,
        demand=demand,
        facility=facility,
        leg_speed_mps=float(parameters["walk_speed_mps"]),
        max_time_s=float(parameters[limit]),
    )


def read_graph(snapshot: Snapshot, profile: str) -> RoadGraph:
    """Return the roads of a profile of a snapshot.

    Raises
    ------
    ParameterError
        If the snapshot holds no network of the profile.
    """
    name = f"{NETWORK_PREFIX}{profile}"
    if name not in snapshot.table_names:
        raise ParameterError(
            "这个成果版本没有保存路网，不能选址；请重新运行 yikezhong run",
            parameter="service",
        )
    edges, nodes = snapshot.table(name), snapshot.table(f"{name}_nodes")
    counts = edges["lon"].map(len).to_numpy(np.int64)
    return RoadGraph(
        profile=profile,
        node_lon=_floats(nodes["lon"]),
        node_lat=_floats(nodes["lat"]),
        edge_u=edges["u"].to_numpy(np.int32),
        edge_v=edges["v"].to_numpy(np.int32),
        edge_id=edges["id"].to_numpy(dtype=np.str_),
        edge_length_m=_floats(edges["length_m"]),
        edge_forward_s=_floats(edges["forward_s"]),
        edge_backward_s=_floats(edges["backward_s"]),
        vertex_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        vertex_lon=_joined(edges["lon"]),
        vertex_lat=_joined(edges["lat"]),
        vertex_along_m=_joined(edges["along_m"]),
        edge_class=edges["class"].to_numpy(dtype=np.str_),
    )


def _floats(column: pd.Series[Any]) -> FloatArray:
    return column.to_numpy(np.float64, na_value=np.nan)


def _lists(values: FloatArray, start: IntArray) -> list[NDArray[np.float64]]:
    return np.split(values, start[1:-1])


def _joined(column: pd.Series[Any]) -> FloatArray:
    parts = column.to_list()
    if not parts:
        return np.empty(0)
    return np.concatenate(parts).astype(np.float64)
