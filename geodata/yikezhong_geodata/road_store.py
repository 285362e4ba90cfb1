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
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from yikezhong_coverage.errors import InputError, SourceError
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)

#: Cells to a degree, both ways.
_PER_DEGREE: Final = 100
_N_COLUMN: Final = 360 * _PER_DEGREE + 1
_N_ROW: Final = 180 * _PER_DEGREE + 1
#: The shortest 0.01° of latitude (at the equator), and of longitude there [m].
_ROW_M: Final = 1105.74
_COLUMN_M: Final = 1113.19
#: Cells are never taken for narrower than at this latitude [degrees].
_HIGHEST_LAT: Final = 89.9
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
_TYPES: Final = {
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
        "usable": usable,
        "piece": piece,
        "cell": cell,
        "cell_start": cell_start,
        "cell_edge": cell_edge,
    }
    rows = {}
    for name, dtype in _TYPES.items():
        given: NDArray[Any] = own[name] if name in own else getattr(graph, name)
        values = np.ascontiguousarray(given, dtype=dtype)
        rows[name] = len(values)
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    about = {"version": _VERSION, "profile": graph.profile, "rows": rows}
    fresh = folder / f".{_ABOUT}.new"
    fresh.write_text(json.dumps(about), encoding="utf-8")
    fresh.replace(folder / _ABOUT)


def cell_of(lon: ArrayLike, lat: ArrayLike) -> IntArray:
    """Return the number of the cell of 0.01° that each position lies in.

    Cells are numbered from the south-west, along the rows of equal latitude.

    Parameters
    ----------
    lon, lat : array_like of float, shape (n_point,)
        Positions [degrees, EPSG:4326].

    Returns
    -------
    ndarray of int64, shape (n_point,)
        -1 where a position is ``nan``.

    Examples
    --------
    >>> cell_of([-180.0, -179.99, -180.0, np.nan], [-90.0, -90.0, -89.99, 0.0])
    array([    0,     1, 36001,    -1])
    """
    x = np.asarray(lon, dtype=np.float64)
    y = np.asarray(lat, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    number = _row(np.where(known, y, 0.0)) * _N_COLUMN + _column(
        np.where(known, x, 0.0)
    )
    found: IntArray = np.where(known, number, -1)
    return found


def cells_of_box(west: float, south: float, east: float, north: float) -> IntArray:
    """Return the cells that a box meets, ascending.

    Parameters
    ----------
    west, south, east, north : float
        Bounds [degrees], inclusive.

    Examples
    --------
    >>> cells_of_box(-180.0, -90.0, -179.985, -89.985)
    array([    0,     1, 36001, 36002])
    """
    bounds = (np.array([value]) for value in (west, south, east, north))
    return _cells_of_boxes(*bounds)[0]


def dilate(cells: ArrayLike, metres: float) -> IntArray:
    """Return cells with all that lie within a distance of them.

    Cells are grown into squares: by as many rows and columns as the distance may
    cross where cells are smallest, that is at the largest latitude that is reached.

    Parameters
    ----------
    cells : array_like of int
        Cells as :func:`cell_of` numbers them; -1 is left out.
    metres : float
        Distance [m], non-negative.

    Returns
    -------
    ndarray of int64
        Ascending; every place within ``metres`` of a place in ``cells`` lies in one.

    Examples
    --------
    >>> len(dilate(cell_of([113.0], [31.0]), 500.0)), len(dilate([], 500.0))
    (9, 0)
    """
    if not (math.isfinite(metres) and metres >= 0):
        raise InputError(f"距离为 {metres}，应为非负数（米）")
    old = np.unique(np.asarray(cells, dtype=np.int64))
    old = old[old >= 0]
    if not len(old):
        return old
    row, column = np.divmod(old, _N_COLUMN)
    n_row = min(math.ceil(metres / _ROW_M), _N_ROW)
    south = 90 - (int(row.min()) - n_row) / _PER_DEGREE
    north = (int(row.max()) + 1 + n_row) / _PER_DEGREE - 90
    lat = min(max(south, north), _HIGHEST_LAT)
    width_m = _COLUMN_M * math.cos(math.radians(lat))
    n_column = min(math.ceil(metres / width_m), _N_COLUMN)
    column = _spread(column, n_column, _N_COLUMN)
    grown = np.unique((row * _N_COLUMN)[:, None] + column)
    row, column = np.divmod(grown, _N_COLUMN)
    row = _spread(row, n_row, _N_ROW)
    return np.unique(row * _N_COLUMN + column[:, None])


def _spread(at: IntArray, n: int, size: int) -> IntArray:
    """Return the numbers up to ``n`` away from each, within ``size``, a row each."""
    near: IntArray = np.clip(at[:, None] + np.arange(-n, n + 1), 0, size - 1)
    return near


def _column(lon: FloatArray) -> IntArray:
    return _place(lon, 180 * _PER_DEGREE, _N_COLUMN)


def _row(lat: FloatArray) -> IntArray:
    return _place(lat, 90 * _PER_DEGREE, _N_ROW)


def _place(degrees: FloatArray, zero: int, size: int) -> IntArray:
    """Return the row or column of each; the order of the degrees is kept."""
    at = np.floor(degrees * _PER_DEGREE).astype(np.int64) + zero
    found: IntArray = np.clip(at, 0, size - 1)
    return found


def _cells_of_boxes(
    west: FloatArray, south: FloatArray, east: FloatArray, north: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return the cells that each box meets, box by box, and the box of each."""
    left, low = _column(west), _row(south)
    n_across = _column(east) - left + 1
    count = n_across * (_row(north) - low + 1)
    box = np.repeat(np.arange(len(west)), count)
    rank = np.arange(len(box)) - np.repeat(np.cumsum(count) - count, count)
    up, across = np.divmod(rank, n_across[box])
    return (low[box] + up) * _N_COLUMN + left[box] + across, box


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
    listed, edge = _cells_of_boxes(west, south, east, north)
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
