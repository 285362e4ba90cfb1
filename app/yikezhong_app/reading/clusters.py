"""Facilities of a box, those near one another as one: for maps of very many."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import facility_rows
from yikezhong_app.schemas.values import ClustersQuery
from yikezhong_app.web.queries import FacilitiesQuery, parse_box

#: Width of a cell on the screen [pixels].
CELL_PX: Final = 56
_TILE_PX: Final = 256
_ROUND: Final = 6
#: What a map shows of a facility that stands alone.
_SHOWN: Final = (
    "id", "name", "category", "category_name", "functions", "status", "beds", "places",
    "county_code",
)  # fmt: skip


def cluster_record(catalog: Catalog, query: ClustersQuery) -> Row:
    """Return the facilities of a box as clusters on a grid of the zoom.

    Every facility with a position in the box is in exactly one cluster.

    Raises
    ------
    ParameterError
        If there is no such service, or the box is none.
    UnknownDivisionError
        If there is no such division.
    """
    rows = [
        r for _, r in facility_rows(catalog, FacilitiesQuery(service=query.service))
    ]
    if query.parent is not None:
        code = catalog.find_division(query.parent)["code"]
        inside = {code, *catalog.under(code)}
        rows = [row for row in rows if not inside.isdisjoint(_places(row))]
    off = set((query.off or "").split(",")) - {""}
    shown = [row for row in rows if row["category"] not in off]
    placed = [row for row in shown if row.get("lon") is not None]
    west, south, east, north = parse_box(query.bbox)
    drawn = [
        row
        for row in placed
        if west <= row["lon"] <= east and south <= row["lat"] <= north
    ]
    return {
        "zoom": query.zoom,
        "total": len(drawn),
        "categories": dict(Counter(row["category"] for row in rows).most_common()),
        "unplaced": len(shown) - len(placed),
        "not_open": sum(row["status"] != "open" for row in placed),
        "clusters": _clusters(drawn, query.zoom),
    }


def _places(row: Row) -> set[str | None]:
    names = ("county_code", "township_code", "located_township_code", "community_code")
    return {row.get(name) for name in names}


def _clusters(rows: list[Row], zoom: int) -> list[Row]:
    if not rows:
        return []
    lon = np.array([row["lon"] for row in rows])
    lat = np.array([row["lat"] for row in rows])
    _, number = np.unique(_cells(lon, lat, zoom), return_inverse=True)
    order = np.argsort(number, kind="stable")
    ends = np.flatnonzero(np.diff(number[order])) + 1
    return [_cluster(rows, lon, lat, at.tolist()) for at in np.split(order, ends)]


def _cluster(
    rows: list[Row],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    at: list[int],
) -> Row:
    found: Row = {
        "lon": round(float(lon[at].mean()), _ROUND),
        "lat": round(float(lat[at].mean()), _ROUND),
        "count": len(at),
        "categories": dict(Counter(rows[i]["category"] for i in at)),
        "facility": None,
    }
    if len(at) == 1:
        found["facility"] = {name: rows[at[0]].get(name) for name in _SHOWN}
    return found


def _cells(
    lon: NDArray[np.float64], lat: NDArray[np.float64], zoom: int
) -> NDArray[np.int64]:
    """Return the number of the grid's cell in which each place lies."""
    size_px = _TILE_PX * 2.0**zoom
    sine = np.sin(np.radians(np.clip(lat, -85.05, 85.05)))
    x = (lon / 360 + 0.5) * size_px
    y = (0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * size_px
    column = np.floor(x / CELL_PX).astype(np.int64)
    row = np.floor(y / CELL_PX).astype(np.int64)
    cell: NDArray[np.int64] = row * 2**32 + column
    return cell
