"""``roads``: lines of the road network, for display."""

from __future__ import annotations

from typing import Annotated, Final

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

#: What is drawn of the roads of a study that has very many.
MAIN_CLASSES: Final = frozenset({"motorway", "trunk", "primary", "secondary"})

router = APIRouter(prefix="/api/v1", tags=["roads"], route_class=RepeatedRoute)


@router.get(
    "/roads",
    summary="道路",
    description="显示用的道路线，带等级；道路极多的研究，不指定 class 时只给干线。",
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
    if not catalog.tables.is_there("roads"):
        return Table([], ["class"])
    classes = sorted(str(c) for (c,) in catalog.tables.distinct("roads", ["class"]))
    if query.road_class is not None and query.road_class not in classes:
        raise ParameterError(
            f"没有等级为“{query.road_class}”的道路",
            parameter="class",
            available=classes,
        )
    table = _chosen(catalog, query.road_class, classes)
    lines = catalog.tables.shapes("roads", table.index.tolist())
    plain = table.drop(columns="geometry", errors="ignore")
    if query.merge and catalog.tables.is_large("roads"):
        # edges joined to long lines first: they keep fewer points
        plain, lines = _merge(plain, lines)
        lines = shapely.line_merge(lines)
    lines = simplify_alone(lines, tolerance_m=query.simplify)
    if query.merge and not catalog.tables.is_large("roads"):
        plain, lines = _merge(plain, lines)
    return Table(
        to_rows(plain),
        [str(name) for name in plain.columns],
        shapes=lambda part: geojson_shapes(lines[part], decimals=5),
    )


def _chosen(catalog: Catalog, asked: str | None, classes: list[str]) -> pd.DataFrame:
    """Return the roads of a class, or all; of very many only those that lead far."""
    if asked is not None or not catalog.tables.is_large("roads"):
        return catalog.tables.where("roads", {"class": asked})
    main = [name for name in classes if name.removesuffix("_link") in MAIN_CLASSES]
    parts = [catalog.tables.where("roads", {"class": name}) for name in main]
    if not parts:
        return catalog.tables.where("roads", {"class": ""})
    return pd.concat(parts)


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
