"""Two states side by side: a scenario, two walking speeds, two versions of a result."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from yikezhong_app.jobs.schemas import JobRow
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.jobs import (
    PROBLEMS,
    SCENARIO,
    SPEEDS,
    answer_job,
    answer_now,
    job_payload,
    pool_of,
)
from yikezhong_app.scenarios.reading import Scenario
from yikezhong_app.scenarios.schemas import (
    ComparisonRow,
    VersionList,
    VersionsQuery,
)
from yikezhong_app.scenarios.speeds import SpeedRequest
from yikezhong_app.scenarios.versions import (
    compare_versions,
    describe_versions,
    find_version,
)
from yikezhong_app.schemas.answers import PageOf
from yikezhong_app.web.responses import Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["scenarios"])

#: What the pool runs.
TASKS: Final = {
    SCENARIO: "yikezhong_app.scenarios.tasks:run_scenario",
    SPEEDS: "yikezhong_app.scenarios.tasks:run_speeds",
}
#: Longest time of a scenario [s]; a bridge in a prefecture takes some ten seconds.
_SCENARIO_S: Final = 600.0
VersionId = Annotated[
    str, Path(pattern=r"^\d{4}-\d{2}-\d{2}-[0-9a-f]{12}$", description="成果版本")
]


@router.post(
    "/scenarios",
    status_code=201,
    summary="提交方案",
    description="设施与道路的改动，与当前成果比较。立即返回任务，用 Location 查询进度；"
    "完成后 links.scenario 是结果的地址。相同的方案是同一个任务、同一份结果。"
    "最多 10000 处设施改动、2000 处道路改动、200 个范围。",
    response_model=JobRow,
    responses=PROBLEMS,
)
def create_scenario(
    scenario: Scenario, context: WithContext, request: Request
) -> Response:
    """Queue a scenario on the version this request began with."""
    asked = scenario.document
    job = pool_of(request).submit(
        SCENARIO, asked, payload=job_payload(context, asked), limit_s=_SCENARIO_S
    )
    return answer_job(job, status=201)


@router.post(
    "/speed-comparisons",
    status_code=201,
    summary="比较两种步行速度",
    description="一项步行服务在两种步行速度下的覆盖率；立即返回任务，用 Location 查询。",
    response_model=JobRow,
    responses=PROBLEMS,
)
def create_speed_comparison(
    speeds: SpeedRequest, context: WithContext, request: Request
) -> Response:
    """Queue a comparison of two walking speeds."""
    context.catalog.check_service(speeds.service)
    asked = speeds.model_dump(mode="json", exclude_none=True)
    job = pool_of(request).submit(
        SPEEDS,
        asked,
        payload=job_payload(context, asked),
        limit_s=context.settings.job_seconds,
    )
    return answer_job(job, status=201)


@router.get(
    "/versions",
    summary="成果版本",
    description="成果目录中保存的各个版本，评价日期晚的在前。",
    response_model=VersionList,
)
def list_versions(context: WithContext) -> Response:
    """Answer the versions that are kept; never from the cache."""
    items = describe_versions(context.settings.out, current=context.catalog.version)
    body: dict[str, Any] = {**context.catalog.head, "total": len(items)}
    return answer_now({**body, "items": items})


@router.get(
    "/versions/{before}/{after}",
    summary="比较两个成果版本",
    description="一级行政区划在两个版本（如两个评价日期）中的覆盖率；人口可能不同，"
    "因此不给出得失人数。",
    responses=documented(PageOf[ComparisonRow]),
)
def get_versions(
    before: VersionId,
    after: VersionId,
    query: Annotated[VersionsQuery, Query()],
    context: WithContext,
) -> Response:
    """Answer the rates of two versions side by side."""
    one, other = (find_version(context.settings.out, v) for v in (before, after))

    def make() -> Table:
        rows = compare_versions(one, other, query, catalog=context.catalog)
        columns = list(rows[0]) if rows else list(ComparisonRow.model_fields)
        return Table(rows, columns)

    return answer_table(context, query, title="版本比较", make=make)
