"""What can be asked of siting, checked before anything is computed."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from yikezhong_app.web.queries import DivisionRef, Minutes, Word

#: Most places of one request.
MOST_POINTS: Final = 10_000
#: Most zones of one request.
MOST_ZONES: Final = 50
#: Most services at one site, besides the first.
MOST_SERVICES: Final = 8

Goal = Literal["max_people", "min_sites", "p_median", "p_center", "target"]
Group = Literal[
    "people", "people_60", "people_65", "people_80", "children", "households"
]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-85, le=85, allow_inf_nan=False)]
Place = tuple[Longitude, Latitude]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Units = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Weight = Annotated[int, Field(ge=1, le=100)]
_SOURCE: Final = re.compile(
    r"generated|community_centres|upgrade|points|layer|category:[\w\-]{1,64}"
)
Sources = Annotated[
    str,
    Field(
        pattern=r"^[\w\-:+]+$",
        max_length=240,
        description="候选点：generated 在缺口附近的道路上生成；community_centres 各社区/村"
        "驻地；category:类别 现有某类设施所在处；upgrade 缺少所需功能的现有设施；"
        "points 由 points 给出；layer 由 layer 给出；几种来源用 + 相连，"
        "如 community_centres+upgrade",
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExclusionRequest(_Request):
    """A class of zones of the study to keep away from, with its distance."""

    zone: Word = Field(description="区域类别，如 river；或 roads、facilities:类别")
    distance_m: float = Field(
        ge=0, le=10_000, allow_inf_nan=False, description="距离 [米]，含；0 为其内"
    )


class _Lenient(BaseModel):
    """A member of GeoJSON from elsewhere: what is not known is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CandidatePoint(_Lenient):
    """A GeoJSON point; an altitude is passed over."""

    type: Literal["Point"]
    coordinates: Place | tuple[Longitude, Latitude, float] = Field(
        description="[经度, 纬度]，EPSG:4326"
    )


class CandidateProperties(_Lenient):
    """What is known of a candidate; the Chinese names of columns are read too."""

    id: Annotated[str, Field(max_length=128)] | int | None = Field(
        None, validation_alias=AliasChoices("id", "编号"), description="编号"
    )
    name: Annotated[str, Field(max_length=200)] | None = Field(
        None, validation_alias=AliasChoices("name", "名称"), description="名称"
    )
    cost: Money | None = Field(
        None,
        validation_alias=AliasChoices("cost", "费用", "造价", "投资"),
        description="费用（与 site_cost 同一单位）；不写则为 site_cost",
    )
    capacity: Units | None = Field(
        None,
        validation_alias=AliasChoices("capacity", "容量", "床位数", "托位数"),
        description="容量（与服务的容量同一单位，如床位、托位）；不写则为 capacity",
    )


class CandidateFeature(_Lenient):
    """A GeoJSON feature: a place where one could build."""

    type: Literal["Feature"]
    id: Annotated[str, Field(max_length=128)] | int | None = None
    geometry: CandidatePoint
    properties: CandidateProperties | None = None


class CandidateLayer(_Lenient):
    """Candidates as a GeoJSON FeatureCollection of points."""

    type: Literal["FeatureCollection"]
    features: tuple[CandidateFeature, ...] = Field(min_length=1, max_length=MOST_POINTS)


class AlsoRequest(_Request):
    """Another service that the same sites offer."""

    service: Word
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认为服务自己的")
    group: Group | None = Field(None, description="服务人群；默认为服务自己的")
    weight: Weight = Field(1, description="每覆盖一人的权重（整数）")


class SitingRequest(_Request):
    """A siting to be computed on the current version of the result."""

    goal: Goal = Field(
        description="max_people 覆盖人数最多；min_sites 设施最少；p_median 平均最近；"
        "p_center 最远者最近；target 使指标达标的设施最少"
    )
    service: Word | None = Field(
        None, description="服务；goal=target 时可不写，取建设类别所属的服务"
    )
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认为服务自己的")
    group: Group | None = Field(None, description="服务人群；默认为服务自己的")
    n: int | None = Field(None, ge=1, le=MOST_POINTS, description="设施个数")
    also: tuple[AlsoRequest, ...] = Field(
        (),
        max_length=MOST_SERVICES,
        description="同一处设施还提供的其他服务，各按自己的时限与人群计入"
        "（max_people、min_sites）",
    )
    weight: Weight = Field(
        1, description="有 also 时：service 每覆盖一人的权重（整数）"
    )
    budget: Money | None = Field(None, description="总预算（与 site_cost 同一单位）")
    site_cost: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None,
        description="每处的费用；有 budget 时必填，除非 layer 的每个候选点都有 cost",
    )
    upgrade_cost: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None, description="候选点来自 upgrade 时每处的费用；默认同 site_cost"
    )
    capacity: Units | None = Field(
        None,
        description="每处新设施的容量（与服务的容量同一单位，如床位、托位）；"
        "服务有容量限制时须写，除非候选点自己有容量",
    )
    count_planned: bool = Field(
        False, description="把状态为“计划”的设施也算作已有的设施"
    )
    share: Share | None = Field(
        None, description="min_sites：覆盖比例；target：改用的目标比例"
    )
    indicator: Word | None = Field(None, description="target：指标编号")
    area: DivisionRef | None = Field(
        None,
        description="在哪个区划选址：只计其中的人，只用其中的候选点，界外设施照样服务；"
        "target：在哪个区划达标。默认为全域，target 为研究的最高一级",
    )
    candidates: Sources = "community_centres"
    points: tuple[Place, ...] = Field(
        (), max_length=MOST_POINTS, description="候选点 [经度, 纬度]"
    )
    layer: CandidateLayer | None = Field(
        None,
        description="候选点图层（GeoJSON 点要素）；属性 id、name、cost、capacity 可不写",
    )
    exclude: tuple[ExclusionRequest, ...] = Field(
        (), max_length=MOST_ZONES, description="禁建区：不得在其距离之内"
    )
    require: tuple[ExclusionRequest, ...] = Field(
        (), max_length=MOST_ZONES, description="适建条件：须在其距离之内"
    )
    forced: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="必选的候选点编号"
    )
    forbidden: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="不选的候选点编号"
    )
    least_share: Share | None = Field(
        None, description="公平：每个乡镇至少达到的覆盖率（max_people）"
    )
    worst_first: bool = Field(
        False,
        description="公平：先使覆盖率最低的乡镇尽可能高，再使次低的尽可能高，依此类推，"
        "最后使覆盖人数最多（max_people，按 n 或 budget）",
    )
    sites_per_year: tuple[Annotated[int, Field(ge=0, le=MOST_POINTS)], ...] | None = (
        Field(None, min_length=1, max_length=30, description="建设次序：每年建几处")
    )
    budget_per_year: tuple[Money, ...] | None = Field(
        None, min_length=1, max_length=30, description="建设次序：每年的预算"
    )
    time_limit_s: float = Field(
        60.0, ge=1, le=600, allow_inf_nan=False, description="计算时限 [秒]"
    )

    @field_validator("candidates")
    @classmethod
    def _check_sources(cls, value: str) -> str:
        for part in value.split("+"):
            if _SOURCE.fullmatch(part) is None:
                raise ValueError(f"没有候选点来源“{part}”")
        return value

    @property
    def sources(self) -> tuple[str, ...]:
        """Where candidates come from, in order."""
        return tuple(dict.fromkeys(self.candidates.split("+")))

    @property
    def has_costs(self) -> bool:
        """Whether anything is said about what a site costs."""
        own = self.layer is not None and any(
            f.properties is not None and f.properties.cost is not None
            for f in self.layer.features
        )
        return own or self.site_cost is not None or self.upgrade_cost is not None

    @model_validator(mode="after")
    def _check_goal(self) -> Self:
        if self.goal == "target":
            if self.indicator is None:
                raise ValueError("goal 为 target 时须写 indicator（指标编号）")
        elif self.service is None:
            raise ValueError("须写 service（服务）")
        if self.goal == "max_people" and (self.n is None) == (self.budget is None):
            raise ValueError("goal 为 max_people 时须写 n 或 budget，二者只取其一")
        if self.goal in ("p_median", "p_center") and self.n is None:
            raise ValueError(f"goal 为 {self.goal} 时须写 n（设施个数）")
        if self.goal == "min_sites" and self.share is None:
            raise ValueError("goal 为 min_sites 时须写 share（覆盖比例，0 至 1）")
        return self

    @model_validator(mode="after")
    def _check_means(self) -> Self:
        if self.budget is not None and not self.has_costs:
            raise ValueError("写了 budget 就须写 site_cost（每处的费用）")
        if self.sites_per_year is not None and self.budget_per_year is not None:
            raise ValueError("sites_per_year 与 budget_per_year 二者只取其一")
        if self.budget_per_year is not None and not self.has_costs:
            raise ValueError("写了 budget_per_year 就须写 site_cost（每处的费用）")
        for name in ("points", "layer"):
            if (name in self.sources) != bool(getattr(self, name)):
                raise ValueError(f"candidates 含 {name} 时须写 {name}，且只在此时")
        if "upgrade" not in self.sources and self.upgrade_cost is not None:
            raise ValueError("upgrade_cost 只用于 candidates 含 upgrade")
        return self

    @model_validator(mode="after")
    def _check_fairness(self) -> Self:
        if self.goal != "max_people":
            if self.least_share is not None:
                raise ValueError("least_share 只用于 goal 为 max_people")
            if self.worst_first:
                raise ValueError("worst_first 只用于 goal 为 max_people")
        if self.worst_first and self.least_share is not None:
            raise ValueError("worst_first 与 least_share 二者只取其一")
        if self.also:
            if self.goal not in ("max_people", "min_sites"):
                raise ValueError("also 只用于 goal 为 max_people 或 min_sites")
            if self.worst_first or self.least_share is not None:
                raise ValueError("also 不能与 worst_first 或 least_share 同时使用")
            names = [self.service, *(one.service for one in self.also)]
            if len(set(names)) < len(names):
                raise ValueError("service 与 also 中的服务不得重复")
        elif self.weight != 1:
            raise ValueError("weight 只在写了 also 时使用")
        return self


class EvaluationRequest(_Request):
    """Sites somebody drew and facilities taken out, to be valued at once."""

    service: Word
    minutes: Minutes | None = None
    group: Group | None = None
    area: DivisionRef | None = Field(None, description="只计哪个区划的人；默认为全域")
    sites: tuple[Place, ...] = Field(
        (), max_length=MOST_POINTS, description="新设施 [经度, 纬度]"
    )
    closed: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="关闭的设施编号"
    )
