"""What ``gap-areas`` takes and answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.web.queries import DivisionRef, Level, PageQuery, Word


class GapAreasQuery(PageQuery):
    """Parameters of ``gap-areas``."""

    service: Word | None = Field(
        None, description="服务；默认全部", examples=["elderly_circle"]
    )
    parent: DivisionRef | None = Field(None, description="所在区划的代码或名称")
    reason: Word | None = Field(None, description="原因", examples=["too_far"])
    remedy: Word | None = Field(None, description="对策", examples=["open_planned"])
    min_people: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="未覆盖的服务人群至少 [人]"
    )


class RemedyRow(BaseModel):
    """Columns that say what would close a gap."""

    model_config = ConfigDict(extra="allow")

    remedy: str | None = Field(None, title="对策", examples=["open_planned"])
    remedy_name: str | None = Field(None, title="对策说明", examples=["启用规划设施"])
    remedy_facility_id: str | None = Field(
        None, title="对策所涉设施编号", description="null 为不涉及已有设施"
    )
    remedy_facility_name: str | None = Field(None, title="对策所涉设施名称")
    remedy_people: float | None = Field(
        None,
        title="对策可惠及的服务人群",
        description="对该设施采取对策后，本缺口中可及的人数",
    )


class GapAreaRow(RemedyRow):
    """A place where people are without a service, at the service's own limit."""

    id: str = Field(title="片区编号")
    name: str = Field(title="片区名称", examples=["北郊镇北郊村片区"])
    service: str = Field(title="服务", examples=["elderly_circle"])
    service_name: str | None = Field(None, title="服务名称")
    limit_s: float = Field(title="时限（秒）")
    minutes: float = Field(title="时限（分钟）", examples=[15.0])
    rank: int = Field(title="排序", description="按未覆盖的服务人群，1 为最多")
    group: str = Field(title="服务人群", examples=["people_60"])
    people_without: float = Field(title="未覆盖的服务人群")
    people_60_without: float | None = Field(None, title="未覆盖的60岁及以上人口（人）")
    reason: str = Field(title="原因", examples=["too_far"])
    reason_name: str = Field(title="原因说明", examples=["距离过远"])
    nearest_facility_id: str | None = Field(
        None, title="最近设施编号", description="由片区中心起"
    )
    nearest_facility_name: str | None = Field(None, title="最近设施名称")
    nearest_time_s: float | None = Field(
        None, title="到最近设施的时间（秒）", description="由片区中心起；null 为到不了"
    )
    nearest_minutes: float | None = Field(None, title="到最近设施的时间（分钟）")
    township_code: str | None = Field(None, title="乡镇代码", description="中心所在")
    township_name: str | None = Field(None, title="乡镇名称")
    community_code: str | None = Field(None, title="社区代码", description="中心所在")
    community_codes: list[str] = Field(title="所及社区代码")
    n_points: int = Field(title="需求点（个）")
    radius_m: float = Field(
        title="片区半径上限（米）", description="直线距离；片区不超出这样一个圆"
    )
    link_m: float = Field(
        title="片区内间距上限（米）", description="直线距离；相距不超过它的点归为一片"
    )
    n_areas: int = Field(title="该服务的片区总数", description="只列人数最多的一千处")
    lon: float = Field(title="经度（度）", description="中心")
    lat: float = Field(title="纬度（度）", description="中心")


class PlanGapsQuery(PageQuery):
    """Parameters of ``plan-gaps``."""

    indicator: Word | None = Field(None, description="指标编号，见 indicators")
    plan: Word | None = Field(None, description="规划", examples=["suizhou-14fyp"])
    level: Level | None = Field(None, description="层级；默认全部")
    parent: DivisionRef | None = Field(None, description="所在区划的代码或名称")
    remedy: Word | None = Field(None, description="对策", examples=["appoint"])
    unmet: bool = Field(False, description="true 为只列最高一级未达到目标的指标")


class PlanGapRow(RemedyRow):
    """An area (or the area of a facility) that fails an indicator."""

    id: str = Field(title="缺口编号")
    indicator_id: str = Field(title="指标编号")
    name: str = Field(title="指标")
    plan: str = Field(title="规划")
    level: str | None = Field(None, title="层级")
    code: str | None = Field(None, title="代码")
    division_name: str | None = Field(None, title="名称")
    people: float | None = Field(None, title="人口（人）")
    people_60: float | None = Field(None, title="60岁及以上人口（人）")
    reason: str | None = Field(None, title="原因", examples=["lacks_function"])
    reason_name: str | None = Field(None, title="原因说明")
    nearest_facility_id: str | None = Field(
        None, title="最近设施", description="只用于按出行时间计算的指标"
    )
    nearest_facility_name: str | None = Field(None, title="最近设施名称")
    nearest_minutes: float | None = Field(
        None, title="到最近设施的时间（分钟）", description="未覆盖者中最近的"
    )
    status: str = Field(title="最高一级的结论")
    status_name: str = Field(title="最高一级的结论说明")
    value: float | None = Field(None, title="最高一级的数值")
    target: float | None = Field(None, title="目标")
    missing_units: float | None = Field(None, title="距目标还差（个）")
    missing_share: float | None = Field(
        None, title="距目标还差的比例", description="还差的个数除以分母"
    )
    rank: int = Field(title="排序", description="在指标内按人口")
    indicator_rank: int = Field(title="指标排序", description="离目标最远的指标为 1")
