"""Query parameters of the API: what may be asked, and how it is checked.

An unknown parameter is refused: a misspelt filter would otherwise silently give all.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.web.formats import Format
from yikezhong_app.web.request_errors import ParameterError

#: A code or a name; no slash, control or replacement character can be in it.
DIVISION_PATTERN: Final = r"^[\w\-·・（）() .'’]{1,64}$"
#: Ids of services, facilities, categories, reasons …
WORD_PATTERN: Final = r"^[\w\-.:/]{1,128}$"

#: Four numbers; which of them make a box is checked beyond.
BOX_PATTERN: Final = r"^-?[0-9]{1,3}(\.[0-9]{1,20})?(,-?[0-9]{1,3}(\.[0-9]{1,20})?){3}$"

Level = Literal["province", "prefecture", "county", "township", "community"]
Verdict = Literal["met", "not_met", "unknown", "not_applicable", "no_target"]
Variant = Literal["with_neighbours", "own", "all"]
Word = Annotated[str, Field(pattern=WORD_PATTERN, max_length=128)]
DivisionRef = Annotated[str, Field(pattern=DIVISION_PATTERN, max_length=64)]
Minutes = Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)]

TownshipRef = Annotated[
    str,
    Path(
        pattern=DIVISION_PATTERN,
        max_length=64,
        description="乡镇街道的 9 位或 12 位代码、自由代码，或研究内唯一的名称",
        examples=["421303001", "421303001000", "西城街道"],
    ),
]


class FormatQuery(BaseModel):
    """Only the format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format | None = Field(
        None, description="答复格式；不写则按 Accept，再按默认"
    )


class PageQuery(FormatQuery):
    """Format and paging."""

    limit: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="每页行数；默认 JSON 为 1000，其他格式为上限",
    )
    offset: int = Field(0, ge=0, le=10_000_000, description="跳过的行数")


class DivisionsQuery(PageQuery):
    """Parameters of ``divisions``."""

    level: Level | None = Field(None, description="层级")
    parent: DivisionRef | None = Field(
        None, description="上级的代码或名称；取其下各级", examples=["421303"]
    )
    q: str | None = Field(
        None,
        pattern=r"\S",
        max_length=64,
        description="名称中的文字、代码的开头、拼音或首字母；最相符的在前",
        examples=["西城", "zengdu", "zdq"],
    )
    simplify: float | None = Field(
        None,
        ge=0,
        le=10_000,
        allow_inf_nan=False,
        description="GeoJSON 边界简化的尺度 [米]，取不大于它的一档"
        "（0、5、10、20、50、100、200、500、1000）；默认随层级",
    )


class CoverageFilter(PageQuery):
    """What ``coverage`` rows are wanted, of given divisions."""

    service: Word | None = Field(
        None, description="服务；默认全部", examples=["elderly_circle"]
    )
    minutes: Minutes | Literal["all"] | None = Field(
        None,
        description="时限 [分钟]，须是已算出的；默认为各服务自己的时限；all 为全部",
        examples=[15],
    )
    denominator: Word | None = Field(
        None,
        description="分母；默认为各服务的服务人群；all 为全部",
        examples=["people_60"],
    )
    variant: Variant = Field(
        "with_neighbours",
        description="with_neighbours 计所有设施；own 只计本乡镇设施；all 为两者",
    )
    speed: float | None = Field(
        None,
        gt=0,
        le=3,
        allow_inf_nan=False,
        description="步行速度 [米/秒]，须是已算出的；默认为成果的步行速度；"
        "其他速度只计 with_neighbours",
        examples=[0.8],
    )


class CoverageQuery(CoverageFilter):
    """Parameters of ``coverage``."""

    level: Level | None = Field(None, description="层级；默认乡镇街道")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称")


class GapsFilter(PageQuery):
    """What gaps are wanted, of a given division."""

    service: Word | None = Field(None, description="服务；默认全部")
    minutes: Minutes | Literal["all"] | None = Field(
        None,
        description="时限 [分钟]，须是已算出的；默认为各服务自己的时限；all 为全部",
    )
    level: Level | None = Field(None, description="缺口所在的层级；默认全部")
    variant: Variant = Field(
        "with_neighbours", description="口径；缺口按 with_neighbours 计算"
    )
    reason: Word | None = Field(None, description="原因", examples=["too_far"])


class GapsQuery(GapsFilter):
    """Parameters of ``gaps``."""

    parent: DivisionRef | None = Field(None, description="上级的代码或名称")


class FacilitiesQuery(PageQuery):
    """Parameters of ``facilities``."""

    category: Word | None = Field(None, description="类别", examples=["day_care"])
    service: Word | None = Field(None, description="服务：取计入该服务的设施类别与功能")
    status: Literal["open", "planned", "closed", "unknown"] | None = Field(
        None, description="评价日期时的状态"
    )
    township: DivisionRef | None = Field(
        None, description="乡镇街道的代码或名称：登记在此或位于此"
    )
    bbox: str | None = Field(
        None,
        pattern=BOX_PATTERN,
        max_length=128,
        description="范围：西,南,东,北 [度]",
        examples=["113.2,31.6,113.5,31.8"],
    )


class CirclesQuery(PageQuery):
    """Parameters of ``circles``."""

    service: Word | None = Field(
        None, description="服务；默认全部。给出地点时，只决定时限与出行方式的默认值"
    )
    minutes: Minutes | Literal["all"] | None = Field(
        None,
        description="时限 [分钟]；默认为各服务自己的时限。给出 lon、lat 或 facility "
        "时可为任意时限，没有算过的当场计算",
        examples=[15],
    )
    facility: Word | None = Field(None, description="只取该设施的服务圈")
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = Field(
        None, description="任意地点的经度 [度]，与 lat 同用", examples=[113.373]
    )
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = Field(
        None, description="任意地点的纬度 [度]，与 lon 同用", examples=[31.717]
    )
    profile: Literal["walking", "driving"] | None = Field(
        None, description="出行方式；默认为服务的，没有指定服务时为步行"
    )
    speed: Annotated[float, Field(ge=0.3, le=3, allow_inf_nan=False)] | None = Field(
        None,
        description="步行速度 [米/秒]；默认为研究的。驾车时只用于两端的步行",
        examples=[0.8],
    )
    simplify: float = Field(
        5.0, ge=0, le=1000, allow_inf_nan=False, description="轮廓简化的尺度 [米]"
    )
    bbox: str | None = Field(
        None,
        pattern=BOX_PATTERN,
        max_length=128,
        description="只要已算出的服务圈在此范围内的部分：西,南,东,北 [度]",
        examples=["113.2,31.6,113.5,31.8"],
    )
    union: bool = Field(
        True, description="true 为各设施合并的服务圈；false 为每个设施一个"
    )


class RoadsQuery(PageQuery):
    """Parameters of ``roads``."""

    merge: bool = Field(True, description="true 为每一等级合成一条；false 为逐条路段")
    simplify: float = Field(
        5.0, ge=0, le=1000, allow_inf_nan=False, description="线形简化的尺度 [米]"
    )
    road_class: Word | None = Field(
        None, alias="class", description="道路等级", examples=["residential"]
    )


class DataReportQuery(PageQuery):
    """Parameters of ``data-report``."""

    layer: Word | None = Field(None, description="图层", examples=["facilities"])
    problem: Word | None = Field(None, description="问题")
    action: Literal["noted", "repaired", "set_aside"] | None = Field(
        None, description="处理：noted 记下，repaired 修复，set_aside 剔除"
    )


class IndicatorsFilter(PageQuery):
    """Which results of indicators are wanted, of given divisions."""

    plan: Word | None = Field(None, description="规划", examples=["hubei-14fyp"])
    status: Verdict | None = Field(None, description="结论")
    class_: Literal["A", "B", "A+B", "C"] | None = Field(
        None,
        alias="class",
        description="类：A 可直接算，B 须有属性列，C 须导入统计数据",
    )


class ScorecardQuery(IndicatorsFilter):
    """Parameters of a scorecard."""


class IndicatorQuery(IndicatorsFilter):
    """Parameters of one indicator."""

    speed: float | None = Field(
        None,
        gt=0,
        le=5,
        allow_inf_nan=False,
        description="步行速度 [米/秒]：robustness 只列这一速度在答复中各区划的结果；"
        "默认列最高一级在各速度的结果",
        examples=[0.8],
    )
    level: Level | None = Field(None, description="层级；默认全部")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称，连同其下")


class IndicatorsQuery(IndicatorsFilter):
    """Parameters of ``indicators``."""

    level: Level | None = Field(None, description="层级")
    code: DivisionRef | None = Field(None, description="一个区划的代码或名称")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称；取其下")


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Return west, south, east, north [degrees].

    Raises
    ------
    ParameterError
        If it is not a box.

    Examples
    --------
    >>> parse_box("113,31,114,32")
    (113.0, 31.0, 114.0, 32.0)
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ParameterError(
            "bbox 须为逗号分隔的四个数：西,南,东,北", parameter="bbox"
        ) from None
    # not true of what is not a number, either
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ParameterError(
            "bbox 须为经纬度，且西不大于东、南不大于北", parameter="bbox"
        )
    return west, south, east, north
