"""``…/scorecard``: all indicators of one township, county or prefecture."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from yikezhong_app.reading.indicator_rows import plans_of, scorecard_rows, summary_of
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.plans import PLAN_TITLES, ScorecardPage, ScorecardRow
from yikezhong_app.web.queries import DIVISION_PATTERN, ScorecardQuery
from yikezhong_app.web.responses import Context, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["indicators"])

_DESCRIPTION = (
    "各项规划指标的数值、分子、分母、目标、结论、差距、未达到的区划与条文；"
    "规划间要求不同的指标并列判定。"
)
DivisionCode = Annotated[
    str,
    Path(
        pattern=DIVISION_PATTERN,
        max_length=64,
        description="区划代码（可用短码）或研究内唯一的名称",
        examples=["421303000000", "421303", "曾都区"],
    ),
]
ScorecardFilter = Annotated[ScorecardQuery, Query()]


@router.get(
    "/townships/{code}/scorecard",
    summary="一个乡镇街道的指标卡",
    description=_DESCRIPTION,
    responses=documented(ScorecardPage),
)
def get_township_scorecard(
    code: DivisionCode, query: ScorecardFilter, context: WithContext
) -> Response:
    """Answer the scorecard of a township."""
    return _answer(context, query, code, level="township")


@router.get(
    "/counties/{code}/scorecard",
    summary="一个县市区的指标卡",
    description=_DESCRIPTION,
    responses=documented(ScorecardPage),
)
def get_county_scorecard(
    code: DivisionCode, query: ScorecardFilter, context: WithContext
) -> Response:
    """Answer the scorecard of a county."""
    return _answer(context, query, code, level="county")


@router.get(
    "/prefectures/{code}/scorecard",
    summary="一个市州的指标卡",
    description=_DESCRIPTION,
    responses=documented(ScorecardPage),
)
def get_prefecture_scorecard(
    code: DivisionCode, query: ScorecardFilter, context: WithContext
) -> Response:
    """Answer the scorecard of a prefecture."""
    return _answer(context, query, code, level="prefecture")


def _answer(
    context: Context, query: ScorecardQuery, code: str, *, level: str
) -> Response:
    catalog = context.catalog
    division = catalog.find_division(code, level=level)

    def make() -> Table:
        rows = scorecard_rows(catalog, division, query)
        members = {
            "division": {k: division[k] for k in ("code", "name", "level")},
            "summary": summary_of(rows),
            "plans": plans_of(catalog),
        }
        columns = list(rows[0]) if rows else _COLUMNS
        return Table(rows, columns, members=members, titles=PLAN_TITLES)

    title = f"{division['name']}_指标卡"
    return answer_table(context, query, title=title, make=make)


_COLUMNS = [field.alias or name for name, field in ScorecardRow.model_fields.items()]
