"""What the API answers about the indicators of plans, documented."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.schemas.answers import PageOf, titles_of


class IndicatorRow(BaseModel):
    """One indicator in one division."""

    model_config = ConfigDict(extra="allow")

    indicator_id: str = Field(title="指标编号")
    name: str = Field(title="指标", examples=["社区日间照料机构覆盖率"])
    plan: str = Field(title="规划", examples=["hubei-14fyp"])
    level: str = Field(title="层级", examples=["county"])
    code: str = Field(title="代码", examples=["421303000000"])
    division_name: str | None = Field(None, title="区划名称", examples=["曾都区"])
    value: float | None = Field(
        None, title="数值", description="比率为 0 至 1；null 为未知或不适用"
    )
    numerator: float | None = Field(None, title="分子")
    denominator: float | None = Field(
        None, title="分母", description="计数和总量没有分母"
    )
    comparison: str | None = Field(None, title="比较", examples=[">="])
    target: float | None = Field(
        None, title="目标", description="null 为在这一级不判定"
    )
    status: str = Field(
        title="结论代码",
        description="met、not_met、unknown、not_applicable、no_target",
        examples=["not_met"],
    )
    status_name: str = Field(title="结论", examples=["未达标"])
    missing_units: float | None = Field(None, title="差距（数）")
    missing_text: str | None = Field(
        None, title="差距", examples=["还差 3 个乡镇（街道）"]
    )
    reason: str | None = Field(None, title="缺少的数据或原因")
    class_: str | None = Field(None, alias="class", title="类", examples=["A+B"])
    rule: str | None = Field(None, title="规则", examples=["presence"])
    unit: str | None = Field(None, title="判定单位", examples=["township"])
    value_unit: str | None = Field(None, title="数值单位", examples=["share"])
    nature: str | None = Field(None, title="属性", examples=["约束性"])
    year: int | None = Field(None, title="目标年份", examples=[2025])
    clause: str | None = Field(None, title="条文")
    conflicts: list[str] = Field(
        default_factory=list, title="并列判定的指标", description="规划间要求不同"
    )
    strict: bool | None = Field(None, title="须超过目标")
    failing_codes: list[str] = Field(default_factory=list, title="未达到的区划或设施")
    unknown_codes: list[str] = Field(default_factory=list, title="数据不明的区划或设施")
    flips: bool | None = Field(
        None, title="结论随步速改变", description="0.8、1.0、1.2 米/秒之间"
    )


class ScorecardRow(IndicatorRow):
    """A line of a scorecard."""

    failing_names: list[str] = Field(default_factory=list, title="未达到的名称")
    baselines: list[dict[str, Any]] = Field(
        default_factory=list, title="基期", description="年份、数值、actual 或 target"
    )
    conflicting: list[dict[str, Any]] = Field(
        default_factory=list, title="并列判定的结果"
    )
    disputed: bool | None = Field(None, title="两项要求结论不同")
    reading: str | None = Field(None, title="口径说明")
    statistic: str | None = Field(None, title="须导入的统计数据")
    part_of: str | None = Field(None, title="从属于")
    baseline_of: str | None = Field(None, title="为其基期")


class IndicatorPage(PageOf[IndicatorRow]):
    """A page of indicators, with the plans they are of."""

    plans: list[dict[str, Any]] = Field(default_factory=list, title="规划")
    summary: dict[str, int] = Field(default_factory=dict, title="各结论的行数")


class OneIndicatorPage(PageOf[IndicatorRow]):
    """One indicator in all divisions, with its entry in the register."""

    indicator: dict[str, Any] = Field(title="登记内容")
    summary: dict[str, int] = Field(default_factory=dict, title="各结论的行数")
    robustness: list[dict[str, Any]] = Field(
        default_factory=list, title="其他步速与口径的结果"
    )


class ScorecardPage(PageOf[ScorecardRow]):
    """The scorecard of a division."""

    division: dict[str, Any] = Field(title="区划")
    summary: dict[str, int] = Field(default_factory=dict, title="各结论的指标数")
    plans: list[dict[str, Any]] = Field(default_factory=list, title="规划")


#: Column → Chinese header of exports.
PLAN_TITLES: Final = titles_of(ScorecardRow)
