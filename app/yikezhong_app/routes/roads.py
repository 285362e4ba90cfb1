"""``roads``: lines of the road network, for display."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
import shapely
from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import to_rows
from yikezhong_app.reading.shapes import Geometries, geojson_shapes, simplify_alone
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import PageOf, RoadRow
from yikezhong_app.web.queries import RoadsQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.web.responses import SHAPE_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["roads"], route_class=RepeatedRoute)


@router.get(
    "/roads",
    summary="道路",
    description="显示用的道路线，带等级。",
    responses=documented(PageOf[RoadRow], row=RoadRow, geometry=True),
)
def list_roads(query: Annotated[RoadsQuery, Query()], context: WithContext) -> Response:
    """Answer roads."""
    catalog = context.catalog

    def make() -> Table:
        return road_table(catalog, query)

    return answer_table(context, query, title="道路", make=make, offered=SHAPE_FORMATS)


def road_table(catalog: Catalog, query: RoadsQuery) -> Table:
    """Return the roads, of one class or all; merged, one row for each class.

    Raises
    ------
    ParameterError
        If there is no road of the class.
    """
    table = catalog.table("roads")
    if "class" not in table:
        return Table([], ["class"])
    if query.road_class is not None:
        classes = sorted({str(c) for c in table["class"]})
        if query.road_class not in classes:
            raise ParameterError(
                f"没有等级为“{query.road_class}”的道路",
                parameter="class",
                available=classes,
            )
        table = table[table["class"] == query.road_class]
    lines = simplify_alone(
        np.asarray(table["geometry"].array, dtype=object), tolerance_m=query.simplify
    )
    plain = pd.DataFrame(table.drop(columns="geometry"))
    if query.merge:
        plain, lines = _merge(plain, lines)
    return Table(
        to_rows(plain),
        [str(name) for name in plain.columns],
        shapes=lambda part: geojson_shapes(lines[part], decimals=5),
    )


def _merge(plain: pd.DataFrame, lines: Geometries) -> tuple[pd.DataFrame, Geometries]:
    """Return one row and one multi-line for each class, in alphabetical order."""
    number, names = pd.factorize(plain["class"].astype(object), sort=True)
    length_m = plain["length_m"].to_numpy(np.float64)
    size = len(names)
    merged = pd.DataFrame(
        {
            "class": names,
            "n_edge": np.bincount(number, minlength=size),
            "length_m": np.bincount(number, weights=length_m, minlength=size),
        }
    )
    shapes = np.empty(size, dtype=object)
    for i in range(size):
        shapes[i] = shapely.multilinestrings(lines[number == i])
    return merged, shapes
