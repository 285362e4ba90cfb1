"""The road networks of a run in its snapshot, so that siting needs no study folder.

Every number is kept as it was computed: a network that is read again gives the same
times to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from yikezhong_app.runs.measure import Network
from yikezhong_app.snapshots.snapshot import NETWORK_PREFIX, Snapshot
from yikezhong_app.snapshots.table_files import MadeTable
from yikezhong_app.tables.roads import edge_pieces, slice_edges
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import FloatArray, IntArray, RoadGraph
from yikezhong_coverage.snap import snap_points

_EDGES: Final = pa.schema(
    {
        "id": pa.string(),
        "class": pa.string(),
        "u": pa.int32(),
        "v": pa.int32(),
        "length_m": pa.float64(),
        "forward_s": pa.float64(),
        "backward_s": pa.float64(),
        "usable": pa.bool_(),
        **dict.fromkeys(("lon", "lat", "along_m"), pa.list_(pa.float64())),
    }
)


def network_tables(networks: Mapping[str, Network]) -> dict[str, MadeTable]:
    """Return ``network_<profile>`` (a row an edge) and ``network_<profile>_nodes``.

    Columns of an edge: id, class, u, v (rows of the node table), length_m, forward_s,
    backward_s (``inf`` where not allowed), usable (whether points may be put on it),
    and the lists lon, lat and along_m of its shape. Edges are in order of their ids.
    """
    tables = {}
    for profile, network in networks.items():
        name, graph = f"{NETWORK_PREFIX}{profile}", network.graph
        tables[name] = MadeTable(graph.n_edge, False, partial(_edges, network))
        tables[f"{name}_nodes"] = MadeTable(
            graph.n_node, False, partial(_nodes, network)
        )
    return tables


def _edges(network: Network) -> Iterator[pa.Table]:
    for edges in edge_pieces(network.graph):
        graph = slice_edges(network.graph, edges)
        start = graph.vertex_start
        yield pa.table(
            {
                "id": graph.edge_id.tolist(),
                "class": graph.edge_class.tolist(),
                "u": graph.edge_u,
                "v": graph.edge_v,
                "length_m": graph.edge_length_m,
                "forward_s": graph.edge_forward_s,
                "backward_s": graph.edge_backward_s,
                "usable": network.usable[edges],
                "lon": _lists(graph.vertex_lon, start),
                "lat": _lists(graph.vertex_lat, start),
                "along_m": _lists(graph.vertex_along_m, start),
            },
            schema=_EDGES,
        )


def _nodes(network: Network) -> Iterator[pa.Table]:
    yield pa.table({"lon": network.graph.node_lon, "lat": network.graph.node_lat})


def read_network(snapshot: Snapshot, profile: str) -> Network:
    """Return a network of a snapshot with its demand and facilities put on it.

    Raises
    ------
    ParameterError
        If the snapshot holds no network of the profile.
    """
    graph = read_graph(snapshot, profile)
    usable = snapshot.arrow(f"{NETWORK_PREFIX}{profile}")["usable"].to_numpy()
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
    edges, nodes = snapshot.arrow(name), snapshot.arrow(f"{name}_nodes")
    counts = pc.list_value_length(edges["lon"]).to_numpy()
    return RoadGraph(
        profile=profile,
        node_lon=nodes["lon"].to_numpy(),
        node_lat=nodes["lat"].to_numpy(),
        edge_u=edges["u"].to_numpy().astype(np.int32),
        edge_v=edges["v"].to_numpy().astype(np.int32),
        edge_id=np.array(edges["id"].to_pylist(), dtype=np.str_),
        edge_length_m=edges["length_m"].to_numpy(),
        edge_forward_s=edges["forward_s"].to_numpy(),
        edge_backward_s=edges["backward_s"].to_numpy(),
        vertex_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        vertex_lon=_joined(edges["lon"]),
        vertex_lat=_joined(edges["lat"]),
        vertex_along_m=_joined(edges["along_m"]),
        edge_class=np.array(edges["class"].to_pylist(), dtype=np.str_),
    )


def _floats(column: pd.Series[Any]) -> FloatArray:
    return column.to_numpy(np.float64, na_value=np.nan)


def _lists(values: FloatArray, start: IntArray) -> pa.ListArray:
    """Return a column of lists without making one for each edge."""
    return pa.ListArray.from_arrays(pa.array(start.astype(np.int32)), pa.array(values))


def _joined(column: pa.ChunkedArray) -> FloatArray:
    chunks = [chunk.flatten().to_numpy() for chunk in column.chunks]
    joined: FloatArray = np.concatenate([np.empty(0), *chunks])
    return joined
