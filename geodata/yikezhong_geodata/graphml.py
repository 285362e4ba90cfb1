"""Road graphs that OSMnx saved as GraphML.

OSMnx stores a two-way street as two directed edges. Here they become one edge with
two directions again, so that a point on the street can leave it either way.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.errors import BadWeightError, MissingWeightError
from yikezhong_geodata.file_errors import (
    CorruptError,
    CrsMissingError,
    CrsUnknownError,
    FormatMismatchError,
    TruncatedError,
    UnsafeXmlError,
)
from yikezhong_geodata.osm import CUT_SHORT, check_xml_head
from yikezhong_geodata.spec import RoadSpec

Points = NDArray[np.float64]

#: Two directions of one street state lengths that agree to this [m]: OSMnx adds them
#: up in opposite orders.
_SAME_LENGTH_M = 1e-6


@dataclass(frozen=True, eq=False)
class DirectedEdge:
    """One ``<edge>`` of the file: from u to v, with its shape and attributes."""

    u: str
    v: str
    key: str
    data: Mapping[str, str]
    shape: Points
    length_m: float | None
    time_s: float | None


@dataclass(frozen=True, eq=False)
class Street:
    """A street: an edge, and the edge in the opposite direction if there is one."""

    along: DirectedEdge
    against: DirectedEdge | None

    @property
    def name(self) -> str:
        """Name of the street: its nodes and the running number between them."""
        return f"{self.along.u}-{self.along.v}-{self.along.key}"


@dataclass(frozen=True, eq=False)
class GraphmlRoads:
    """A whole file: nodes by name with their places, and the streets.

    ``network_type`` is OSMnx's word for what was asked for (``drive``, ``all`` …),
    where the file says it.
    """

    node: Mapping[str, tuple[float, float]]
    streets: Sequence[Street]
    n_edge: int
    network_type: str | None = None


def read_graphml(path: Path, spec: RoadSpec) -> GraphmlRoads:
    """Read an OSMnx GraphML file.

    Parameters
    ----------
    path : Path
    spec : RoadSpec
        ``crs`` is used where the file states none; ``length_column`` and
        ``time_column`` name attributes that every edge must then have.

    Returns
    -------
    GraphmlRoads

    Raises
    ------
    UnsafeXmlError, TruncatedError, CorruptError, FormatMismatchError
    CrsMissingError
        If neither the file nor the study states the CRS.
    MissingWeightError, BadWeightError
        If a stated length or time is missing, not a number or negative.
    """
    root = check_xml_head(path)
    if root != "graphml":
        raise FormatMismatchError(
            f"不是 GraphML 文件（根元素为 {root}）", file=path.name
        )
    graph, nodes, edges = _parse(path)
    crs = spec.crs or graph.get("crs")
    if not crs:
        raise CrsMissingError(
            "路网文件没有坐标系", file=path.name, hint="请在 [roads] 中写明 crs"
        )
    names = list(nodes)
    place = {
        name: (float(x), float(y))
        for name, (x, y) in zip(
            names, _positions(nodes, names, crs, path).tolist(), strict=True
        )
    }
    shapes = _shapes(edges, place, crs, path)
    directed = [
        DirectedEdge(
            u,
            v,
            key,
            data,
            shape,
            _number(data, spec.length_column, f"{u}-{v}-{key}", path),
            _number(data, spec.time_column, f"{u}-{v}-{key}", path),
        )
        for (u, v, key, data), shape in zip(edges, shapes, strict=True)
    ]
    return GraphmlRoads(
        place, merge_directions(directed), len(directed), graph.get("network_type")
    )


def merge_directions(edges: Sequence[DirectedEdge]) -> list[Street]:
    """Join each edge with the one that runs back along the same shape.

    The two must be the same OSM ways, have reversed shapes, and state the same
    length. What has no such twin stays a one-way street.
    """
    waiting: dict[tuple[Any, ...], list[DirectedEdge]] = {}
    streets = []
    for edge in sorted(edges, key=_edge_order):
        ways = _osm_ways(edge.data)
        twins = waiting.get((edge.v, edge.u, ways, edge.shape[::-1].tobytes()), [])
        for at, twin in enumerate(twins):
            if _same_length(edge, twin):
                streets.append(Street(twins.pop(at), edge))
                break
        else:
            key = (edge.u, edge.v, ways, edge.shape.tobytes())
            waiting.setdefault(key, []).append(edge)
    streets += [Street(edge, None) for group in waiting.values() for edge in group]
    return streets


def _edge_order(edge: DirectedEdge) -> tuple[str, str, str]:
    return edge.u, edge.v, edge.key


def _osm_ways(data: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(values_of(data.get("osmid", ""))))


def _same_length(one: DirectedEdge, other: DirectedEdge) -> bool:
    if one.length_m is None or other.length_m is None:
        return True
    return abs(one.length_m - other.length_m) <= _SAME_LENGTH_M


def values_of(text: str) -> list[str]:
    """Return the values of an attribute: OSMnx writes several as a Python list.

    Examples
    --------
    >>> values_of("residential"), values_of("['30', '50']"), values_of("[1, 2]")
    (['residential'], ['30', '50'], ['1', '2'])
    """
    if text.startswith("[") and text.endswith("]"):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [text]
        if isinstance(found, list):
            return [str(value) for value in found]
    return [text]


_RawEdge = tuple[str, str, str, dict[str, str]]


def _parse(
    path: Path,
) -> tuple[dict[str, str], dict[str, tuple[float, float]], list[_RawEdge]]:
    """Return the graph's attributes, the nodes and the edges as they are written."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    names: dict[str, str] = {}
    graph: dict[str, str] = {}
    nodes: dict[str, tuple[float, float]] = {}
    edges: list[_RawEdge] = []
    try:
        for _, element in iterparse(str(path), forbid_dtd=True):
            tag = element.tag.rpartition("}")[2]
            if tag == "key":
                names[element.get("id", "")] = element.get("attr.name", "")
            elif tag == "node":
                data = _data(element, names)
                nodes[element.get("id", "")] = _node_place(data, path)
                element.clear()
            elif tag == "edge":
                ends = element.get("source", ""), element.get("target", "")
                key = element.get("id") or "0"
                edges.append((*ends, key, _data(element, names)))
                element.clear()
            elif tag == "graph":
                graph = _data(element, names)
    except DefusedXmlException as error:
        raise UnsafeXmlError(
            "XML 文件声明了实体或引用了外部文档，不予读取", file=path.name
        ) from error
    except ParseError as error:
        if any(word in str(error) for word in CUT_SHORT):
            raise TruncatedError(
                "文件不完整，在中途被截断", file=path.name, hint="请重新导出"
            ) from error
        line = error.position[0]
        raise CorruptError(f"XML 第 {line} 行有误", file=path.name) from error
    except (LookupError, UnicodeError) as error:
        raise CorruptError("XML 的编码有误", file=path.name) from error
    unknown = [end for u, v, _, _ in edges for end in (u, v) if end not in nodes]
    if unknown:
        raise CorruptError(f"路段的端点 {unknown[0]} 不存在", file=path.name)
    return graph, nodes, edges


def _data(element: Any, names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for child in element:
        if child.tag.rpartition("}")[2] == "data":
            key = child.get("key", "")
            found[names.get(key, key)] = (child.text or "").strip()
    return found


def _node_place(data: Mapping[str, str], path: Path) -> tuple[float, float]:
    try:
        place = float(data["x"]), float(data["y"])
    except (KeyError, ValueError) as error:
        raise CorruptError("有节点缺少坐标 x、y", file=path.name) from error
    if not np.isfinite(place).all():
        raise CorruptError("有节点的坐标不是有限数", file=path.name)
    return place


def _positions(
    nodes: Mapping[str, tuple[float, float]],
    names: Sequence[str],
    crs: str,
    path: Path,
) -> Points:
    return _to_degrees(np.array([nodes[n] for n in names]).reshape(-1, 2), crs, path)


def _to_degrees(points: Points, crs: str, path: Path) -> Points:
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    try:
        source = CRS.from_user_input(crs)
    except CRSError as error:
        raise CrsUnknownError(f"无法识别坐标系 {crs}", file=path.name) from error
    if source.to_epsg() in (4326, 4490) or len(points) == 0:
        return points
    to_degrees = Transformer.from_crs(source, "EPSG:4326", always_xy=True)
    return np.column_stack(to_degrees.transform(points[:, 0], points[:, 1]))


def _shapes(
    edges: Sequence[_RawEdge],
    place: Mapping[str, tuple[float, float]],
    crs: str,
    path: Path,
) -> list[Points]:
    """Return each edge's vertices from u to v; without a geometry a straight line."""
    wkt = [data.get("geometry") for _, _, _, data in edges]
    lines = shapely.from_wkt(wkt, on_invalid="ignore")
    bad = [
        at
        for at, (text, line) in enumerate(zip(wkt, lines, strict=True))
        if text is not None and (line is None or line.geom_type != "LineString")
    ]
    if bad:
        u, v, key, _ = edges[bad[0]]
        raise CorruptError(f"路段 {u}-{v}-{key} 的线形无法解析", file=path.name)
    lonlat, of_edge = shapely.get_coordinates(lines, return_index=True)
    lonlat = _to_degrees(lonlat, crs, path)
    ends = np.searchsorted(of_edge, np.arange(len(edges) + 1))
    found = []
    for at, (u, v, _, _) in enumerate(edges):
        shape = lonlat[ends[at] : ends[at + 1]]
        if len(shape) < 2:
            found.append(np.array([place[u], place[v]]))
        else:
            found.append(_from_u_to_v(shape, np.array(place[u]), np.array(place[v])))
    return found


def _from_u_to_v(shape: Points, u: Points, v: Points) -> Points:
    """Turn a shape that was drawn from v to u, and let it begin and end at its nodes."""
    drawn = np.abs(shape[0] - u).max() + np.abs(shape[-1] - v).max()
    turned = np.abs(shape[-1] - u).max() + np.abs(shape[0] - v).max()
    if turned < drawn:
        shape = shape[::-1]
    if (shape[0] != u).any():
        shape = np.vstack([u, shape])
    if (shape[-1] != v).any():
        shape = np.vstack([shape, v])
    return np.ascontiguousarray(shape)


def _number(
    data: Mapping[str, str], column: str | None, edge: str, path: Path
) -> float | None:
    """Return a stated length or time; None where the study asks for none."""
    if column is None:
        return None
    text = data.get(column)
    if not text:
        raise MissingWeightError(
            f"路段 {edge} 没有该属性",
            file=path.name,
            column=column,
            hint="请补全，或在 study.toml 中去掉该列的设置",
        )
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value >= 0):
        raise BadWeightError(
            f"路段 {edge} 的值为“{text}”，应为非负数", file=path.name, column=column
        )
    return value
