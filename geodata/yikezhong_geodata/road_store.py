"""A road graph on the disk, of which a task takes the part around its places.

A run in parts gives each task the roads of its own window only. The arrays of the
whole graph lie in a folder as ``.npy`` files and are mapped into memory, so that
tasks on one machine share them. Edges are found through a grid of cells of 0.01°: an
edge is listed in every cell that its bounding box meets.

A window keeps the order of the whole: its edges in ascending order of their index in
the whole, its nodes likewise. What is decided by the smaller index in the whole is
decided the same way in the window.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from yikezhong_coverage.errors import InputError, SourceError
from yikezhong_coverage.records import BoolArray, IndexArray, IntArray, RoadGraph
from yikezhong_geodata.road_cells import (
    cell_of,
    cells_of_box,
    cells_of_boxes,
    dilate,
)

__all__ = (
    "RoadStore",
    "RoadWindow",
    "cell_of",
    "cells_of_box",
    "dilate",
    "write_road_store",
)

_ABOUT: Final = "road_store.json"
_VERSION: Final = 1

_NODES: Final = ("node_lon", "node_lat")
_EDGES: Final = (
    "edge_u",
    "edge_v",
    "edge_length_m",
    "edge_forward_s",
    "edge_backward_s",
)
_VERTICES: Final = ("vertex_lon", "vertex_lat", "vertex_along_m")
_TYPES: Final[dict[str, np.dtype[Any]]] = {
    **dict.fromkeys((*_NODES, *_VERTICES), np.dtype(np.float64)),
    **dict.fromkeys(_EDGES[2:], np.dtype(np.float64)),
    "edge_u": np.dtype(np.int32),
    "edge_v": np.dtype(np.int32),
    "vertex_start": np.dtype(np.int64),
    "usable": np.dtype(np.bool_),
    "piece": np.dtype(np.int32),
    "cell": np.dtype(np.int64),
    "cell_start": np.dtype(np.int64),
    "cell_edge": np.dtype(np.int32),
}


@dataclass(frozen=True, eq=False)
class RoadWindow:
    """The roads listed in some cells, and where they stand in the whole.

    Parameters
    ----------
    graph : RoadGraph
        Edges and nodes in the order of the whole; ``edge_id`` and ``edge_class``
        are empty texts.
    edge : ndarray of int32, shape (n_edge,)
        Index of each edge in the whole, ascending.
    node : ndarray of int32, shape (n_node,)
        Index of each node in the whole, ascending.
    usable : ndarray of bool, shape (n_edge,)
        Edges that points may be put on.
    piece : ndarray of int32, shape (n_edge,)
        Connected piece of each edge, in the numbering of the whole.
    """

    graph: RoadGraph
    edge: IndexArray
    node: IndexArray
    usable: BoolArray
    piece: IndexArray


@dataclass(frozen=True, eq=False)
class RoadStore:
    """The arrays of a road graph, mapped from a folder.

    Open it in the process that uses it: a store that is sent to another process
    would take its arrays along.

    Parameters
    ----------
    profile : str
        ``"walking"`` or ``"driving"``.
    arrays : dict of str to ndarray
        Those of :class:`~yikezhong_coverage.records.RoadGraph` but for names and
        classes; ``usable`` and ``piece``; and the index: ``cell_edge`` holds the
        edges of ``cell[c]`` at ``cell_start[c]:cell_start[c + 1]``.
    """

    profile: str
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what :func:`write_road_store` wrote.

        Raises
        ------
        SourceError
            If it is not there, not whole, or of another version.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            if about["version"] != _VERSION:
                raise ValueError("version")
            arrays = {name: _map(folder, name) for name in _TYPES}
            _check(arrays, about["rows"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                "路网缓存不完整或版本不符", file=folder.name, hint="请重新运行"
            ) from error
        return cls(str(about["profile"]), arrays)

    @property
    def n_edge(self) -> int:
        """Number of edges of the whole."""
        return len(self.arrays["edge_u"])

    @property
    def n_node(self) -> int:
        """Number of nodes of the whole."""
        return len(self.arrays["node_lon"])

    @property
    def cells(self) -> IntArray:
        """Cells that list an edge, ascending."""
        return self.arrays["cell"]

    def window(self, cells: ArrayLike) -> RoadWindow:
        """Return the roads listed in some cells.

        Parameters
        ----------
        cells : array_like of int
            Cells as :func:`cell_of` numbers them, in any order; those without roads
            and repeated ones do no harm.

        Returns
        -------
        RoadWindow
        """
        arrays = self.arrays
        edge = self._edges_in(np.asarray(cells, dtype=np.int64).ravel())
        u, v = arrays["edge_u"][edge], arrays["edge_v"][edge]
        node, (u, v) = _renumber(self.n_node, u, v)
        first = arrays["vertex_start"][edge]
        count = arrays["vertex_start"][edge + 1] - first
        start = np.zeros(len(edge) + 1, dtype=np.int64)
        np.cumsum(count, out=start[1:])
        vertex = np.arange(start[-1]) + np.repeat(first - start[:-1], count)
        texts = np.zeros(len(edge), dtype="<U1")
        graph = RoadGraph(
            profile=self.profile,
            **{name: arrays[name][node] for name in _NODES},
            edge_u=u,
            edge_v=v,
            edge_id=texts,
            **{name: arrays[name][edge] for name in _EDGES[2:]},
            vertex_start=start,
            **{name: arrays[name][vertex] for name in _VERTICES},
            edge_class=texts,
        )
        return RoadWindow(
            graph, edge, node, arrays["usable"][edge], arrays["piece"][edge]
        )

    def _edges_in(self, cells: IntArray) -> IndexArray:
        """Return the edges listed in any of the cells, ascending."""
        known, start = self.arrays["cell"], self.arrays["cell_start"]
        marked = np.zeros(self.n_edge, dtype=np.bool_)
        if len(known):
            at = np.searchsorted(known, cells)
            at = at[known[np.minimum(at, len(known) - 1)] == cells]
            marked[self.arrays["cell_edge"][_ranges(start[at], start[at + 1])]] = True
        return np.flatnonzero(marked).astype(np.int32)


def write_road_store(
    graph: RoadGraph, usable: BoolArray, piece: IndexArray, folder: Path
) -> None:
    """Write a graph into a folder, with the index of its cells.

    A store that was begun and not finished cannot be opened.

    Parameters
    ----------
    graph : RoadGraph
    usable : ndarray of bool, shape (n_edge,)
        See :func:`yikezhong_coverage.graph.usable_edges`.
    piece : ndarray of int32, shape (n_edge,)
        See :class:`yikezhong_coverage.graph.Pieces`.
    folder : Path
        Made where it is not there; a store in it is replaced.

    Raises
    ------
    InputError
        If an array does not fit the edges.
    """
    if len(usable) != graph.n_edge or len(piece) != graph.n_edge:
        raise InputError("可用路段或连通片的数目与路段数不符")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _ABOUT).unlink(missing_ok=True)
    cell, cell_start, cell_edge = _index(graph)
    own: dict[str, NDArray[Any]] = {
        **vars(graph),
        "usable": usable,
        "piece": piece,
        "cell": cell,
        "cell_start": cell_start,
        "cell_edge": cell_edge,
    }
    rows = {}
    for name, dtype in _TYPES.items():
        values = np.ascontiguousarray(own[name], dtype=dtype)
        rows[name] = len(values)
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    about = {"version": _VERSION, "profile": graph.profile, "rows": rows}
    fresh = folder / f".{_ABOUT}.new"
    fresh.write_text(json.dumps(about), encoding="utf-8")
    fresh.replace(folder / _ABOUT)


def _index(graph: RoadGraph) -> tuple[IntArray, IntArray, IndexArray]:
    """Return the cells with edges, where each one's list starts, and the lists."""
    if not graph.n_edge:
        none = np.empty(0, dtype=np.int64)
        return none, np.zeros(1, dtype=np.int64), none.astype(np.int32)
    first = graph.vertex_start[:-1]
    west, south = (
        np.minimum.reduceat(v, first) for v in (graph.vertex_lon, graph.vertex_lat)
    )
    east, north = (
        np.maximum.reduceat(v, first) for v in (graph.vertex_lon, graph.vertex_lat)
    )
    listed, edge = cells_of_boxes(west, south, east, north)
    # edges come in ascending order, and a stable sort keeps it within each cell
    order = np.argsort(listed, kind="stable")
    cell, start = np.unique(listed[order], return_index=True)
    return cell, np.append(start, len(order)), edge[order].astype(np.int32)


def _ranges(first: IntArray, end: IntArray) -> IntArray:
    """Return all numbers of several half-open ranges, one after the other."""
    count = end - first
    shift = first - (np.cumsum(count) - count)
    numbers: IntArray = np.arange(int(count.sum())) + np.repeat(shift, count)
    return numbers


def _renumber(
    n_node: int, u: IndexArray, v: IndexArray
) -> tuple[IndexArray, tuple[IndexArray, IndexArray]]:
    """Return the nodes that are used, ascending, and the ends by their new numbers."""
    marked = np.zeros(n_node, dtype=np.bool_)
    marked[u] = True
    marked[v] = True
    node = np.flatnonzero(marked).astype(np.int32)
    new_of = np.empty(n_node, dtype=np.int32)
    new_of[node] = np.arange(len(node), dtype=np.int32)
    return node, (new_of[u], new_of[v])


def _map(folder: Path, name: str) -> NDArray[Any]:
    """Map one array; as a plain array, which is faster to take from."""
    mapped = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped)


def _check(arrays: dict[str, NDArray[Any]], rows: dict[str, int]) -> None:
    """Refuse arrays that do not fit together."""
    for name, values in arrays.items():
        if values.dtype != _TYPES[name] or values.shape != (rows[name],):
            raise ValueError(name)
    same = (
        ("node_lon", "node_lat"),
        (*_EDGES, "usable", "piece"),
        _VERTICES,
    )
    if any(len({rows[name] for name in names}) > 1 for names in same):
        raise ValueError("rows")
    for starts, items in (("vertex_start", _VERTICES[0]), ("cell_start", "cell_edge")):
        if arrays[starts][0] != 0 or arrays[starts][-1] != rows[items]:
            raise ValueError(starts)
    if (rows["vertex_start"], rows["cell_start"]) != (
        rows["edge_u"] + 1,
        rows["cell"] + 1,
    ):
        raise ValueError("starts")
