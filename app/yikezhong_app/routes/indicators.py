"""``indicators``: the indicators of the plans, in all divisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import (
    find_entry,
    indicator_rows,
    plans_of,
    robustness_rows,
    summary_of,
    top_codes,
)
from yikezhong_app.reading.records import Row
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.divisions import division_shapes
from yikezhong_app.schemas.plans import (
    PLAN_TITLES,
    IndicatorPage,
    IndicatorRow,
    OneIndicatorPage,
)
from yikezhong_app.web.queries import WORD_PATTERN, IndicatorQuery, IndicatorsQuery
from yikezhong_app.web.responses import GEO_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["indicators"])

#: Each row repeats a boundary.
_MOST_SHAPES = 5000
IndicatorRef = Annotated[
    str,
    Path(pattern=WORD_PATTERN, max_length=64, description="指标编号"),
]


@router.get(
    "/indicators",
    summary="规划指标",
    description="规划指标在各区划的数值、目标与结论；不写 level、code、parent 时取最高一级。",
    responses=documented(IndicatorPage, row=IndicatorRow, geometry=True),
)
def list_indicators(
    query: Annotated[IndicatorsQuery, Query()], context: WithContext
) -> Response:
    """Answer indicators."""
    catalog = context.catalog

    def make() -> Table:
        rows = _select(catalog, query)
        members = {"plans": plans_of(catalog), "summary": summary_of(rows)}
        return _table(catalog, rows, members=members)

    return answer_table(
        context, query, title="规划指标", make=make, offered=GEO_FORMATS
    )


@router.get(
    "/indicators/{indicator_id}",
    summary="一项规划指标",
    description="一项指标的登记内容与它在各区划的结果。",
    responses=documented(OneIndicatorPage, row=IndicatorRow, geometry=True),
)
def get_indicator(
    indicator_id: IndicatorRef,
    query: Annotated[IndicatorQuery, Query()],
    context: WithContext,
) -> Response:
    """Answer one indicator in all divisions."""
    catalog = context.catalog
    entry = find_entry(catalog, indicator_id)

    def make() -> Table:
        if query.level is not None:
            catalog.check_level(query.level)
        codes = None
        if query.parent is not None:
            code = catalog.find_division(query.parent)["code"]
            codes = {code, *catalog.under(code)}
        rows = indicator_rows(
            catalog, query, indicator=indicator_id, codes=codes, level=query.level
        )
        if query.speed is None:
            tried = robustness_rows(catalog, indicator_id, top_codes(catalog))
        else:
            shown = {row["code"] for row in rows}
            tried = robustness_rows(catalog, indicator_id, shown, speed=query.speed)
        members = {
            "indicator": entry,
            "summary": summary_of(rows),
            "robustness": tried,
        }
        return _table(catalog, rows, members=members)

    return answer_table(
        context, query, title=str(entry["name"]), make=make, offered=GEO_FORMATS
    )


def _select(catalog: Catalog, query: IndicatorsQuery) -> list[Row]:
    if query.level is not None:
        catalog.check_level(query.level)
    codes: set[str] | None = None
    if query.code is not None:
        codes = {catalog.find_division(query.code)["code"]}
    if query.parent is not None:
        below = catalog.under(catalog.find_division(query.parent)["code"])
        codes = below if codes is None else codes & below
    if codes is None and query.level is None:
        codes = set(top_codes(catalog))
    return indicator_rows(catalog, query, codes=codes, level=query.level)


def _table(catalog: Catalog, rows: list[Row], *, members: Row) -> Table:
    columns = list(rows[0]) if rows else _COLUMNS
    return Table(
        rows,
        columns,
        shapes=lambda part: division_shapes(catalog, rows[part], simplify_m=None),
        members=members,
        most_shapes=_MOST_SHAPES,
        titles=PLAN_TITLES,
    )


_COLUMNS = [field.alias or name for name, field in IndicatorRow.model_fields.items()]
