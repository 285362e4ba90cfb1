"""What the API answers, documented: names, units, examples.

The Chinese titles of the fields are also the headers of XLSX exports. Rows may carry
further columns; those that stand here stay.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.scenarios.schemas import ComparisonRow, ScenarioPointRow
from yikezhong_app.schemas.gaps import GapAreaRow, PlanGapRow, RemedyRow
from yikezhong_app.schemas.values import TilesItem

RowT = TypeVar("RowT")


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow")


class DivisionRow(_Row):
    """An administrative division."""

    code: str = Field(title="代码", examples=["421303001000"])
    name: str = Field(title="名称", examples=["西城街道"])
    level: str = Field(title="层级", examples=["township"])
    kind: str | None = Field(None, title="类型", examples=["subdistrict"])
    parent: str | None = Field(None, title="上级代码", examples=["421303000000"])
    area_m2: float | None = Field(None, title="面积（平方米）", examples=[51_200_000.0])
    people: float | None = Field(
        None, title="人口（人）", description="null 为未知，不是零"
    )
    people_60: float | None = Field(None, title="60岁及以上人口（人）")
    people_65: float | None = Field(None, title="65岁及以上人口（人）")
    people_80: float | None = Field(None, title="80岁及以上人口（人）")
    children: float | None = Field(None, title="未成年人（人）")
    households: float | None = Field(None, title="户数（户）")
    unknown_units: Any = Field(None, title="人口未知的下级单位")
    estimated: list[str] | None = Field(None, title="推算的人口", description="组别")
    incomplete: list[str] | None = Field(
        None, title="不全的人口", description="只是已知下级之和的组别"
    )
    population_source: str | None = Field(None, title="人口来源", examples=["column"])
    population_method: str | None = Field(None, title="人口分布方法")
    population_basis: str | None = Field(
        None,
        title="人口口径",
        examples=["常住"],
        description="常住、户籍，或 buildings：以居住建筑代替人口",
    )
    population_year: int | None = Field(None, title="人口年份", examples=[2020])
    lon: float | None = Field(None, title="经度（度）", examples=[113.38])
    lat: float | None = Field(None, title="纬度（度）", examples=[31.71])


class CoverageRow(_Row):
    """How much of a denominator of a division a service covers."""

    level: str = Field(title="层级")
    code: str = Field(title="代码", examples=["421303001000"])
    name: str | None = Field(title="名称", examples=["西城街道"])
    service: str = Field(title="服务", examples=["elderly_circle"])
    service_name: str = Field(title="服务名称", examples=["15分钟养老服务圈"])
    minutes: float = Field(title="时限（分钟）", examples=[15.0])
    limit_s: float = Field(title="时限（秒）", examples=[900.0])
    denominator: str = Field(title="分母", examples=["people_60"])
    denominator_name: str = Field(title="分母名称", examples=["60岁及以上人口"])
    profile: str = Field(title="出行方式", examples=["walking"])
    speed_mps: float | None = Field(title="步行速度（米/秒）", examples=[1.0])
    variant: str = Field(title="口径", examples=["with_neighbours"])
    as_of: str | None = Field(None, title="评价日期", examples=["2023-12-31"])
    total: float | None = Field(
        title="总数", description="分母；单位见分母（人、个或米）", examples=[12_345.0]
    )
    covered: float | None = Field(title="已覆盖", examples=[10_000.0])
    full: float | None = Field(title="到达但容量已满", examples=[0.0])
    out_of_reach: float | None = Field(title="未到达", examples=[2_345.0])
    rate: float | None = Field(
        title="覆盖率",
        description="0 至 1；null 为不适用或未知，原因见 rate_note",
        examples=[0.81],
    )
    flags: list[str] = Field(title="标记", examples=[["estimated"]])
    rate_note: str | None = Field(None, title="说明", examples=["含推算人口"])


class GapRow(RemedyRow):
    """A division that is not covered, and why."""

    id: str = Field(title="缺口编号")
    level: str = Field(title="层级", examples=["community"])
    code: str = Field(title="代码")
    name: str | None = Field(None, title="名称")
    parent: str | None = Field(None, title="上级代码")
    service: str | None = Field(None, title="服务", examples=["elderly_circle"])
    service_name: str | None = Field(None, title="服务名称")
    limit_s: float | None = Field(None, title="时限（秒）")
    minutes: float | None = Field(None, title="时限（分钟）", examples=[15.0])
    group: str | None = Field(None, title="服务人群", examples=["people_60"])
    people_without: float | None = Field(
        None, title="未覆盖的服务人群", description="null 为未知"
    )
    people_60_without: float | None = Field(None, title="未覆盖的60岁及以上人口（人）")
    reason: str = Field(title="原因", examples=["too_far"])
    reason_name: str = Field(title="原因说明", examples=["距离过远"])
    nearest_facility_id: str | None = Field(None, title="最近设施编号")
    nearest_facility_name: str | None = Field(None, title="最近设施名称")
    nearest_time_s: float | None = Field(
        None, title="到最近设施的时间（秒）", description="null 为到不了"
    )
    rank: int | None = Field(None, title="排序")


class FacilityRow(_Row):
    """A facility."""

    id: str = Field(title="设施编号")
    name: str | None = Field(None, title="设施名称")
    category: str | None = Field(None, title="类别", examples=["day_care"])
    category_name: str | None = Field(None, title="类别名称", examples=["日间照料"])
    functions: list[str] | None = Field(
        None, title="服务功能", description="null 为不明", examples=[["meal", "day"]]
    )
    beds: float | None = Field(None, title="床位（张）")
    nursing_beds: float | None = Field(None, title="护理型床位（张）")
    places: float | None = Field(None, title="托位（个）")
    plots: float | None = Field(None, title="墓位（个）")
    floor_area_m2: float | None = Field(None, title="建筑面积（平方米）")
    staff: float | None = Field(None, title="工作人员（人）")
    status: str | None = Field(None, title="状态", examples=["open"])
    opened: str | None = Field(None, title="开办日期")
    closed: str | None = Field(None, title="停办日期")
    community_code: str | None = Field(None, title="社区代码")
    township_code: str | None = Field(None, title="乡镇代码")
    county_code: str | None = Field(None, title="县区代码")
    located_community_code: str | None = Field(None, title="所在社区代码（按位置）")
    located_township_code: str | None = Field(None, title="所在乡镇代码（按位置）")
    snap_m: float | None = Field(None, title="到道路的距离（米）")
    snap_status: str | None = Field(None, title="上路状态")
    flags: list[str] | None = Field(None, title="标记")
    file: str | None = Field(None, title="来源文件")
    row: int | None = Field(None, title="来源行")
    lon: float | None = Field(None, title="经度（度）")
    lat: float | None = Field(None, title="纬度（度）")


class CircleRow(_Row):
    """What is reachable within a limit, as a polygon for display.

    The columns from ``lon`` on are there where the circle was computed at once.
    """

    service: str | None = Field(
        title="服务", description="null 为单个设施或地点的服务圈，与服务无关"
    )
    service_name: str | None = Field(title="服务名称")
    profile: str = Field(title="出行方式", examples=["walking"])
    facility_id: str | None = Field(
        title="设施编号", description="null 为该服务全部设施的合并，或任意地点"
    )
    limit_s: float = Field(title="时限（秒）", examples=[900.0])
    minutes: float = Field(title="时限（分钟）", examples=[15.0])
    lon: float | None = Field(None, title="经度（度）", examples=[113.373])
    lat: float | None = Field(None, title="纬度（度）", examples=[31.717])
    speed_mps: float | None = Field(None, title="步行速度（米/秒）", examples=[1.0])
    snap_m: float | None = Field(None, title="到道路的距离（米）", examples=[12.5])
    area_m2: float | None = Field(
        None, title="面积（平方米）", description="等积投影", examples=[1_560_000.0]
    )
    people: float | None = Field(
        None,
        title="人口（人）",
        description="时限内到得了的已知人口之和；null 为未知，原因见 note",
        examples=[9_800.0],
    )
    people_60: float | None = Field(None, title="60岁及以上人口（人）")
    people_65: float | None = Field(None, title="65岁及以上人口（人）")
    people_80: float | None = Field(None, title="80岁及以上人口（人）")
    children: float | None = Field(None, title="未成年人（人）")
    households: float | None = Field(None, title="户数（户）")
    demand_points: int | None = Field(None, title="到得了的需求点", examples=[139])
    unknown_points: dict[str, int] | None = Field(
        None, title="人口未知的需求点", description="人群 → 其中人数未知的需求点数"
    )
    note: str | None = Field(None, title="说明")


class RoadRow(_Row):
    """Roads of a class, for display."""

    road_class: str | None = Field(None, alias="class", title="道路等级")
    n_edge: int | None = Field(None, title="路段（条）")
    length_m: float | None = Field(None, title="长度（米）")


class DataReportRow(_Row):
    """A row of input that was not simply used."""

    layer: str = Field(title="图层")
    file: str | None = Field(title="来源文件")
    row: int | None = Field(title="来源行")
    id: str | None = Field(title="编号")
    problem: str = Field(title="问题")
    action: str = Field(title="处理")
    value: str | None = Field(None, title="原值")
    message: str | None = Field(None, title="说明")


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow")

    version: str = Field(title="成果版本", examples=["2023-12-31-0123456789ab"])
    as_of: str = Field(title="评价日期", examples=["2023-12-31"])
    notice: str | None = Field(
        title="说明文字", examples=["示意数据，非实际边界与设施"]
    )


class PageOf(_Head, Generic[RowT]):
    """A page of rows of one version."""

    total: int = Field(title="总行数", description="符合条件的行数，不论分页")
    limit: int = Field(title="每页行数")
    offset: int = Field(title="跳过的行数")
    links: dict[str, str] = Field(
        title="链接", description="self，有则 next、prev；相对于本服务"
    )
    items: list[RowT] = Field(title="各行")


class FeatureOf(BaseModel, Generic[RowT]):
    """A GeoJSON feature (RFC 7946, WGS-84 longitude and latitude in degrees)."""

    type: str = Field(examples=["Feature"])
    id: str | None = None
    geometry: dict[str, Any] | None
    properties: RowT


class FeaturesOf(_Head, Generic[RowT]):
    """A GeoJSON feature collection with the members of a page beside it."""

    type: str = Field(examples=["FeatureCollection"])
    total: int
    limit: int
    offset: int
    links: dict[str, str]
    features: list[FeatureOf[RowT]]


class AncestorRow(BaseModel):
    """A division above another."""

    code: str = Field(title="代码")
    name: str = Field(title="名称")
    level: str = Field(title="层级")


class TownshipItem(DivisionRow):
    """A township with what a planner asks first."""

    above: list[AncestorRow] = Field(title="各上级", description="由上至下")
    n_communities: int = Field(title="社区和村（个）")
    facility_counts: dict[str, int] = Field(
        title="设施数", description="类别 → 登记在此、评价日期时运营的设施数"
    )
    gap_counts: dict[str, int] = Field(
        title="缺口数",
        description="服务 → 在其自己的时限内有人未覆盖的社区、村数（没有下级时为本乡镇）",
    )
    coverage: list[CoverageRow] = Field(
        title="覆盖率", description="各服务自己的时限与服务人群"
    )


class Township(_Head):
    """Answer of ``townships/{code}``."""

    item: TownshipItem
    links: dict[str, str]


class ServiceItem(BaseModel):
    """What a circle is drawn for."""

    id: str = Field(title="服务", examples=["elderly_circle"])
    name: str = Field(title="服务名称")
    group: str = Field(title="服务人群", examples=["people_60"])
    profile: str = Field(title="出行方式", examples=["walking"])
    categories: list[str] = Field(title="设施类别")
    functions: list[str] = Field(title="须有的服务功能")
    limit_s: float = Field(title="服务自己的时限（秒）", examples=[900.0])
    limit_minutes: float = Field(title="服务自己的时限（分钟）", examples=[15.0])
    minutes: list[float] = Field(
        title="已算出的时限（分钟）", examples=[[5.0, 10.0, 15.0, 20.0, 30.0]]
    )
    denominators: list[str] = Field(title="已算出的分母")
    capacity: str | None = Field(title="容量列", examples=["beds"])
    people_per_unit: float = Field(title="每单位容量服务人数")


class LevelItem(BaseModel):
    """A level of divisions."""

    id: str = Field(title="层级", examples=["township"])
    name: str = Field(title="层级名称", examples=["乡镇街道"])
    count: int = Field(title="个数", examples=[51])


class NamedItem(BaseModel):
    """A word of the API with its name for screens."""

    id: str
    name: str


class MapItem(BaseModel):
    """What must be printed on every map."""

    issuer: str | None = Field(title="制图单位")
    approval_number: str | None = Field(title="审图号")


class Study(_Head):
    """What the study is, what was computed, and how."""

    name: str = Field(title="研究")
    map: MapItem = Field(title="地图")
    levels: list[LevelItem] = Field(title="层级")
    services: list[ServiceItem] = Field(title="服务")
    denominators: list[NamedItem] = Field(title="分母")
    variants: list[NamedItem] = Field(title="口径")
    walk_speeds_mps: list[float] = Field(
        title="步行速度", description="算出了覆盖率的步行速度 [米/秒]"
    )
    reasons: list[NamedItem] = Field(title="缺口原因")
    categories: list[NamedItem] = Field(title="设施类别")
    functions: list[NamedItem] = Field(title="服务功能")
    parameters: dict[str, Any] = Field(title="参数", description="单位见各参数名")
    totals: dict[str, float | None] = Field(
        title="合计", description="最高一级各人群的合计；null 为未知"
    )
    counts: dict[str, int] = Field(title="各表行数")
    bounds: list[float] | None = Field(title="范围", description="西、南、东、北 [度]")
    tiles: list[TilesItem] = Field(
        title="边界瓦片", description="区划太多、边界按瓦片提供的层级；没有则为空"
    )
    data_report: list[dict[str, Any]] = Field(
        title="数据报告", description="各图层：读入 = 使用 + 修复 + 剔除"
    )
    links: dict[str, str] = Field(title="链接")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["urn:yikezhong:problem:unknown-division"])
    title: str = Field(examples=["没有这个行政区划"])
    status: int = Field(examples=[404])
    detail: str | None = None
    instance: str = Field(examples=["/api/v1/townships/999999999"])
    trace_id: str = Field(description="日志中的编号")
    available: list[str | float] | None = Field(None, description="可用的值")
    errors: list[dict[str, str]] | None = Field(None, description="每个参数的问题")


def titles_of(*models: type[BaseModel]) -> dict[str, str]:
    """Return column → Chinese header of the fields of models."""
    return {
        field.alias or name: field.title
        for model in models
        for name, field in model.model_fields.items()
        if field.title
    }


#: Column → Chinese header of exports; the same column has the same title everywhere.
COLUMN_TITLES: Final = titles_of(
    AncestorRow,
    ComparisonRow,
    ScenarioPointRow,
    PlanGapRow,
    GapAreaRow,
    DataReportRow,
    RoadRow,
    CircleRow,
    FacilityRow,
    GapRow,
    CoverageRow,
    DivisionRow,
)
