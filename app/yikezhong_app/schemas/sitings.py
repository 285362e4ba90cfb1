"""What the API answers about what a siting can ask for."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ZoneOption(BaseModel):
    """A class of zones to keep away from."""

    id: str = Field(title="类别", examples=["river"])
    name: str = Field(title="名称", examples=["河道"])
    n: int = Field(title="图形数")
    distance_m: float | None = Field(title="规划写明的距离（米）")


class CategoryOption(BaseModel):
    """A category of facilities where one could build."""

    id: str = Field(title="类别")
    name: str = Field(title="名称")
    n: int = Field(title="运营且有位置的设施数")


class IndicatorOption(BaseModel):
    """An indicator that new facilities can meet."""

    id: str = Field(title="指标编号")
    name: str = Field(title="名称")
    plan: str = Field(title="规划")


class AreaOption(BaseModel):
    """A division that a siting can be asked about."""

    code: str = Field(title="代码")
    name: str = Field(title="名称")


class SitingOptions(BaseModel):
    """What a siting can ask for."""

    version: str = Field(title="成果版本")
    as_of: str = Field(title="评价日期")
    notice: str | None = Field(title="说明")
    areas: list[AreaOption] = Field(title="县市区，可作 area")
    one_area: bool = Field(title="研究很大，宜逐县选址")
    zones: list[ZoneOption] = Field(title="禁建区类别")
    categories: list[CategoryOption] = Field(title="可作候选点的设施类别")
    indicators: list[IndicatorOption] = Field(title="可由建设达标的指标")
    planned: list[str] = Field(title="有规划设施的类别")


class CandidateRow(BaseModel):
    """A candidate, before anything is chosen."""

    id: str = Field(title="编号")
    name: str | None = Field(title="名称")
    lon: float = Field(title="经度")
    lat: float = Field(title="纬度")
    township_code: str | None = Field(title="乡镇代码")
    allowed: bool = Field(title="可用")
    reason: str | None = Field(title="不可用的原因")


class CandidateList(BaseModel):
    """The candidates of a request."""

    version: str = Field(title="成果版本")
    as_of: str = Field(title="评价日期")
    notice: str | None = Field(title="说明")
    total: int = Field(title="候选点数")
    n_allowed: int = Field(title="可用的候选点数")
    items: list[CandidateRow]
