"""What the API answers about jobs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class JobError(BaseModel):
    """Why a job failed."""

    code: str = Field(title="错误名", examples=["UnservedDemand"])
    message: str = Field(title="说明")
    hint: str | None = Field(None, title="怎么办")
    status: int = Field(title="相应的 HTTP 状态")
    parameter: str | None = Field(None, title="参数")
    available: list[Any] | None = Field(None, title="可用的值")
    n_demand: int | None = Field(None, title="无法服务的需求点或区域数")


class JobRow(BaseModel):
    """A job: what was asked, how far it is, what came of it."""

    id: str = Field(title="任务编号")
    status: Literal["queued", "running", "done", "failed", "cancelled"] = Field(
        title="状态"
    )
    progress: float = Field(ge=0, le=1, title="进度")
    step: str = Field(title="正在做什么")
    created: str = Field(title="提交时间（UTC）")
    seconds: float | None = Field(title="用时（秒）")
    request: dict[str, Any] = Field(title="请求")
    result: dict[str, Any] | None = Field(title="结果")
    error: JobError | None = Field(title="错误")
    links: dict[str, str] = Field(title="链接")


class JobList(BaseModel):
    """Jobs without their results, the newest first."""

    total: int
    items: list[JobRow]


class SessionRow(BaseModel):
    """What the caller's token allows."""

    name: str | None
    role: Literal["reader", "planner", "editor"] | None
    can_compute: bool
    can_upload: bool
