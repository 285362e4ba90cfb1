"""What ``scenarios`` takes and answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.web.queries import (
    DivisionRef,
    Level,
    Minutes,
    PageQuery,
    Variant,
    Word,
)


class ScenarioQuery(PageQuery):
    """Parameters of one scenario."""

    level: Level | None = Field(None, description="层级；默认乡镇街道")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称；取其下")
    service: Word | None = Field(None, description="服务；默认全部受影响的服务")
    denominator: Word | None = Field(
        None, description="分母；默认为各服务的服务人群；all 为全部"
    )
    variant: Variant = Field(
        "with_neighbours", description="with_neighbours、own，或 all"
    )
    changed: bool = Field(False, description="true 为只列有得失的行")


class VersionsQuery(PageQuery):
    """Parameters of two versions side by side."""

    service: Word = Field(description="服务")
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认为服务自己的")
    level: Level | None = Field(None, description="层级；默认乡镇街道")
    denominator: Word | None = Field(None, description="分母；默认为服务人群")


class VersionItem(BaseModel):
    """A version of a result."""

    version: str = Field(title="成果版本")
    name: str = Field(title="研究")
    as_of: str = Field(title="评价日期")
    created: str = Field(title="计算时间（UTC）")
    is_current: bool = Field(title="是否当前成果")
    services: list[str] = Field(title="服务")
    walk_speed_mps: float | None = Field(title="步行速度（米/秒）")


class VersionList(BaseModel):
    """All versions of a result folder, the latest as-of date first."""

    version: str
    as_of: str
    notice: str | None
    total: int
    items: list[VersionItem]


class ScenarioPointsQuery(PageQuery):
    """Parameters of the points of a scenario."""

    service: Word | None = Field(None, description="服务；默认全部受影响的服务")


class ScenarioItem(BaseModel):
    """A kept scenario."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(title="方案编号")
    name: str = Field(title="方案名称")
    author: str = Field("", title="作者")
    note: str = Field("", title="说明")
    created: str = Field(title="计算时间")
    baseline_version: str = Field(title="现状版本")
    is_current: bool = Field(title="是否比较当前成果")
    as_of: str = Field(title="评价日期")
    n_changes: int = Field(title="改动（项）")
    summary: list[dict[str, Any]] = Field(title="最高一级的得失")


class ScenarioList(BaseModel):
    """All kept scenarios, the newest first."""

    version: str
    as_of: str
    notice: str | None
    total: int
    items: list[ScenarioItem]


class ComparisonRow(BaseModel):
    """A service in a division, before and after."""

    model_config = ConfigDict(extra="allow")

    level: str = Field(title="层级")
    code: str = Field(title="代码")
    name: str | None = Field(None, title="名称")
    service: str = Field(title="服务")
    service_name: str = Field(title="服务名称")
    limit_s: float = Field(title="时限（秒）")
    denominator: str = Field(title="分母")
    denominator_name: str = Field(title="分母名称")
    variant: str = Field(title="口径")
    total: float | None = Field(None, title="总数")
    covered_before: float | None = Field(None, title="已覆盖（现状）")
    covered_after: float | None = Field(None, title="已覆盖（方案）")
    rate_before: float | None = Field(None, title="覆盖率（现状）")
    rate_after: float | None = Field(None, title="覆盖率（方案）")
    rate_change: float | None = Field(None, title="覆盖率之差")
    gained: float | None = Field(None, title="新增覆盖")
    lost: float | None = Field(None, title="失去覆盖")


class ScenarioPointRow(BaseModel):
    """A demand point that gains or loses a service."""

    model_config = ConfigDict(extra="allow")

    demand_id: str = Field(title="需求点")
    service: str = Field(title="服务")
    gained: float = Field(title="新增覆盖")
    lost: float = Field(title="失去覆盖")
    time_before_s: float | None = Field(None, title="现状用时（秒）")
    time_after_s: float | None = Field(None, title="方案用时（秒）")
