"""What ``access``, ``equity`` and ``robustness`` take and answer."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.schemas.answers import titles_of
from yikezhong_app.web.queries import (
    DivisionRef,
    Level,
    Minutes,
    PageQuery,
    Variant,
    Verdict,
    Word,
)


class AccessQuery(PageQuery):
    """Parameters of ``access``."""

    level: Level | None = Field(None, description="层级；默认全部")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称，连同其下")
    service: Word | None = Field(
        None, description="有容量的服务；默认全部", examples=["elderly_beds_drive"]
    )
    method: Literal["2sfca", "e2sfca", "gaussian"] | None = Field(
        None,
        description="方法：2sfca 两步移动搜寻，e2sfca 分三段加权，gaussian 高斯衰减",
    )


class EquityQuery(PageQuery):
    """Parameters of ``equity``."""

    level: Level | None = Field(None, description="层级；默认全部")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称，连同其下")
    service: Word | None = Field(None, description="服务；默认全部")
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认全部")
    denominator: Word | None = Field(
        None, description="分母；默认全部", examples=["people_60"]
    )
    variant: Variant = Field(
        "with_neighbours",
        description="with_neighbours 计所有设施；own 只计本乡镇设施；all 为两者",
    )


class RobustnessQuery(PageQuery):
    """Parameters of ``robustness``."""

    indicator: Word | None = Field(None, description="指标编号", examples=["T-01"])
    level: Level | None = Field(None, description="层级；默认全部")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称，连同其下")
    variant: Variant = Field("all", description="口径；默认两者")
    status: Verdict | None = Field(None, description="结论")
    flips: bool | None = Field(None, description="结论是否随步速与口径改变；默认全部")


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow")

    level: str = Field(title="层级", examples=["county"])
    code: str = Field(title="代码", examples=["421303000000"])
    name: str | None = Field(title="名称", examples=["曾都区"])


class AccessRow(_Row):
    """Capacity per person of a division: floating catchment areas."""

    service: str = Field(title="服务", examples=["elderly_beds_drive"])
    service_name: str = Field(title="服务名称")
    method: str = Field(title="方法", examples=["e2sfca"])
    method_name: str = Field(title="方法名称", examples=["分段两步移动搜寻法"])
    limit_s: float = Field(title="时限（秒）", examples=[1800.0])
    minutes: float = Field(title="时限（分钟）", examples=[30.0])
    group: str = Field(title="服务人群", examples=["people_60"])
    capacity: str = Field(title="容量列", examples=["beds"])
    access: float | None = Field(
        title="可达性（容量单位/人）",
        description="每个服务人群成员可及的容量，如张床位/人；null 为未知，原因见 note",
        examples=[0.018],
    )
    uncertain: bool = Field(
        title="不确定", description="可及的设施有容量未知的，或人口未知"
    )
    note: str | None = Field(title="说明", examples=["没有已知的服务人群"])


class EquityRow(_Row):
    """How equal the coverage of the townships of a division is."""

    service: str = Field(title="服务", examples=["elderly_circle"])
    service_name: str = Field(title="服务名称")
    limit_s: float = Field(title="时限（秒）", examples=[900.0])
    minutes: float = Field(title="时限（分钟）", examples=[15.0])
    denominator: str = Field(title="分母", examples=["people_60"])
    variant: str = Field(title="口径", examples=["with_neighbours"])
    between: str = Field(title="比较的层级", examples=["township"])
    gini: float | None = Field(
        title="基尼系数", description="0 至 1，0 为完全均等", examples=[0.35]
    )
    palma: float | None = Field(
        title="帕尔马比",
        description="覆盖最高的十分之一人口与最低的十分之四所得覆盖之比",
        examples=[1.23],
    )
    worst_decile_share: float | None = Field(
        title="最差十分之一人口所得份额", description="0 至 0.1", examples=[0.017]
    )
    worst_decile_rate: float | None = Field(
        title="最差十分之一人口的覆盖率", description="0 至 1", examples=[0.07]
    )
    mean_rate: float | None = Field(
        title="总覆盖率", description="0 至 1", examples=[0.41]
    )
    n_area: int = Field(title="参与比较的区划（个）", examples=[51])
    n_unknown: int = Field(title="未知的区划（个）", examples=[0])
    note: str | None = Field(title="说明", examples=["无人覆盖，不能比较"])


class RobustnessRow(_Row):
    """What an indicator is at another walking speed, or by another count."""

    indicator_id: str = Field(title="指标编号", examples=["T-01"])
    indicator_name: str | None = Field(title="指标")
    variant: str = Field(title="口径", examples=["with_neighbours"])
    speed_mps: float = Field(title="步行速度（米/秒）", examples=[0.8])
    value: float | None = Field(
        title="数值", description="比率为 0 至 1；null 为未知或不适用，见 status"
    )
    numerator: float | None = Field(title="分子")
    denominator: float | None = Field(title="分母")
    target: float | None = Field(title="目标")
    comparison: str | None = Field(title="比较", examples=[">="])
    status: str = Field(title="结论代码", examples=["not_met"])
    status_name: str = Field(title="结论", examples=["未达标"])
    flips: bool = Field(title="结论会改变", description="各步速与口径的结论不一致")


#: Column → Chinese header of exports.
MEASURE_TITLES: Final = titles_of(AccessRow, EquityRow, RobustnessRow)
