"""``divisions``: administrative divisions and their boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.shapes import DEFAULT_TOLERANCE_M, tolerance_step
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import DivisionRow, PageOf
from yikezhong_app.web.queries import DivisionsQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import GEO_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["divisions"], route_class=RepeatedRoute)


@router.get(
    "/divisions",
    summary="行政区划",
    description="各级行政区划与人口；GeoJSON 带边界。q 按名称、代码、拼音或首字母"
    "查找，最相符的在前。",
    responses=documented(PageOf[DivisionRow], row=DivisionRow, geometry=True),
)
def list_divisions(
    query: Annotated[DivisionsQuery, Query()], context: WithContext
) -> Response:
    """Answer divisions."""
    catalog = context.catalog

    def make() -> Table:
        rows = _select(catalog, query)
        columns = list(rows[0]) if rows else list(DivisionRow.model_fields)
        return Table(
            rows,
            columns,
            shapes=lambda part: division_shapes(
                catalog, rows[part], simplify_m=query.simplify
            ),
            key="code",
        )

    return answer_table(
        context, query, title="行政区划", make=make, offered=GEO_FORMATS
    )


def _select(catalog: Catalog, query: DivisionsQuery) -> list[Row]:
    if query.level is not None:
        catalog.check_level(query.level)
    below = None
    if query.parent is not None:
        below = catalog.under(catalog.find_division(query.parent)["code"])
    found = catalog.divisions if query.q is None else catalog.names.find(query.q)
    return [
        row
        for row in found
        if query.level in (None, row["level"])
        and (below is None or row["code"] in below)
    ]


def division_shapes(
    catalog: Catalog, rows: Sequence[Row], *, simplify_m: float | None
) -> list[bytes | None]:
    """Return the GeoJSON of divisions, each level simplified as a whole.

    Parameters
    ----------
    catalog : Catalog
    rows : sequence of row
        With ``code`` and ``level``.
    simplify_m : float or None
        Tolerance [m]; None: what suits the level.
    """
    texts: dict[str, bytes | None] = {}
    for level in {row["level"] for row in rows}:
        own = [row["code"] for row in rows if row["level"] == level]
        asked_m = DEFAULT_TOLERANCE_M[level] if simplify_m is None else simplify_m
        step_m = tolerance_step(asked_m)
        texts.update(catalog.division_shapes(level, tolerance_m=step_m, only=own))
    return [texts[row["code"]] for row in rows]
