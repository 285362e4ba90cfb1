"""Answers for maps of very many divisions: columns, joined with tiles by their order."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from yikezhong_app.web.queries import (
    BOX_PATTERN,
    DivisionRef,
    FormatQuery,
    Level,
    Minutes,
    Variant,
    Word,
)


class TilesItem(BaseModel):
    """Boundary tiles of a level that has too many divisions for one document."""

    level: str = Field(title="层级", examples=["community"])
    url: str = Field(title="地址", description="z、x、y 为瓦片的级别、列、行")
    min_zoom: int = Field(title="最小级别", examples=[9])
    max_zoom: int = Field(title="最大级别", examples=[13])


class _Columns(BaseModel):
    version: str = Field(title="成果版本")
    as_of: str = Field(title="评价日期")
    notice: str | None = Field(None, title="声明")
    level: str = Field(title="层级")
    count: int = Field(title="个数")
    links: dict[str, str] = Field(title="链接")


class DivisionColumns(_Columns):
    """All divisions of a level, a column each."""

    codes: list[str] = Field(title="代码")
    names: list[str] = Field(title="名称")
    parents: list[str | None] = Field(title="上级代码")
    people: list[float | None] = Field(title="人口（人）")
    lon: list[float | None] = Field(title="经度（度）")
    lat: list[float | None] = Field(title="纬度（度）")


class RateColumns(_Columns):
    """Rates of all divisions of a level, in the order of ``divisions/columns``."""

    service: str = Field(title="服务")
    minutes: float = Field(title="时限（分钟）")
    denominator: str = Field(title="分母")
    variant: str = Field(title="口径")
    speed_mps: float | None = Field(title="步行速度（米/秒）")
    rates: list[float | None] = Field(title="覆盖率", description="null 为未知")


class VerdictColumns(_Columns):
    """Verdicts of all divisions of a level, in the order of ``divisions/columns``."""

    indicator: str = Field(title="指标")
    value_unit: str | None = Field(title="值的单位")
    words: list[str] = Field(title="结论的种类")
    statuses: list[int | None] = Field(
        title="结论", description="在 words 中的位置；null 为不在考核之列"
    )
    values: list[float | None] = Field(title="值")


class ClusterItem(BaseModel):
    """Facilities that lie in one cell of a grid."""

    lon: float = Field(title="经度（度）", description="各设施的平均位置")
    lat: float = Field(title="纬度（度）")
    count: int = Field(title="设施数")
    categories: dict[str, int] = Field(title="各类别的设施数")
    facility: dict[str, Any] | None = Field(title="设施", description="只有一个时")


class Clusters(BaseModel):
    """Facilities of a box, those near one another as one."""

    version: str = Field(title="成果版本")
    as_of: str = Field(title="评价日期")
    notice: str | None = Field(None, title="声明")
    zoom: int = Field(title="级别")
    total: int = Field(title="范围内的设施数", description="各格之和")
    categories: dict[str, int] = Field(title="各类别的设施数", description="不论范围")
    unplaced: int = Field(title="没有坐标的设施数", description="不论范围")
    not_open: int = Field(title="未运营的设施数", description="不论范围")
    clusters: list[ClusterItem] = Field(title="格")
    links: dict[str, str] = Field(title="链接")


class ClustersQuery(FormatQuery):
    """Parameters of ``facilities/clusters``."""

    bbox: str = Field(
        pattern=BOX_PATTERN,
        max_length=128,
        description="范围：西,南,东,北 [度]",
        examples=["113.2,31.6,113.5,31.8"],
    )
    zoom: int = Field(ge=0, le=18, description="地图级别", examples=[10])
    service: Word | None = Field(None, description="服务；默认全部设施")
    parent: DivisionRef | None = Field(None, description="上级的代码或名称；只取其中的")
    off: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.,-]+$",
        max_length=512,
        description="不要的类别，逗号分隔",
    )


class ColumnsQuery(FormatQuery):
    """Parameters of ``divisions/columns``."""

    level: Level = Field(description="层级", examples=["community"])


class RateColumnsQuery(ColumnsQuery):
    """Parameters of ``coverage/columns``."""

    service: Word = Field(description="服务", examples=["elderly_circle"])
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认为服务自己的")
    denominator: Word | None = Field(None, description="分母；默认为服务人群")
    variant: Variant = Field("with_neighbours", description="口径，不能为 all")
    speed: float | None = Field(
        None, gt=0, le=3, allow_inf_nan=False, description="步行速度 [米/秒]"
    )


class VerdictColumnsQuery(ColumnsQuery):
    """Parameters of ``indicators/{id}/columns``."""

    speed: float | None = Field(
        None,
        gt=0,
        le=5,
        allow_inf_nan=False,
        description="步行速度 [米/秒]，只有按路网时间考核的指标算过其他速度",
    )
