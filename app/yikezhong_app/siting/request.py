"""What can be asked of siting, checked before anything is computed."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from yikezhong_app.web.queries import DivisionRef, Minutes, Word

#: Most places of one request.
MOST_POINTS: Final = 10_000
#: Most zones of one request.
MOST_ZONES: Final = 50

Goal = Literal["max_people", "min_sites", "p_median", "p_center", "target"]
Group = Literal[
    "people", "people_60", "people_65", "people_80", "children", "households"
]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-85, le=85, allow_inf_nan=False)]
Place = tuple[Longitude, Latitude]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Sources = Annotated[
    str,
    Field(
        pattern=r"^(generated|community_centres|upgrade|points|category:[\w\-]{1,64})$",
        max_length=80,
        description="候选点：generated 在缺口附近的道路上生成；community_centres 各社区/村"
        "驻地；category:类别 现有某类设施所在处；upgrade 缺少所需功能的现有设施；"
        "points 由 points 给出",
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
    budget: Money | None = Field(None, description="总预算（与 site_cost 同一单位）")
    site_cost: Annotated[float, Field(gt=0, le=1e12)] | None = Field(
        None, description="每处的费用；有 budget 时必填"
    )
    share: Share | None = Field(
        None, description="min_sites：覆盖比例；target：改用的目标比例"
    )
    indicator: Word | None = Field(None, description="target：指标编号")
    area: DivisionRef | None = Field(
        None, description="target：在哪个区划达标；默认为研究的最高一级"
    )
    candidates: Sources = "community_centres"
    points: tuple[Place, ...] = Field(
        (), max_length=MOST_POINTS, description="候选点 [经度, 纬度]"
    )
    exclude: tuple[ExclusionRequest, ...] = Field((), max_length=MOST_ZONES)
    forced: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="必选的候选点编号"
    )
    forbidden: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="不选的候选点编号"
    )
    least_share: Share | None = Field(
        None, description="公平：每个乡镇至少达到的覆盖率（max_people）"
    )
    sites_per_year: tuple[Annotated[int, Field(ge=0, le=MOST_POINTS)], ...] | None = (
        Field(None, min_length=1, max_length=30, description="建设次序：每年建几处")
    )
    time_limit_s: float = Field(
        60.0, ge=1, le=600, allow_inf_nan=False, description="计算时限 [秒]"
    )

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
        if self.budget is not None and self.site_cost is None:
            raise ValueError("写了 budget 就须写 site_cost（每处的费用）")
        if self.least_share is not None and self.goal != "max_people":
            raise ValueError("least_share 只用于 goal 为 max_people")
        if (self.candidates == "points") != bool(self.points):
            raise ValueError("candidates 为 points 时须写 points，且只在此时")
        return self


class EvaluationRequest(_Request):
    """Sites somebody drew and facilities taken out, to be valued at once."""

    service: Word
    minutes: Minutes | None = None
    group: Group | None = None
    sites: tuple[Place, ...] = Field(
        (), max_length=MOST_POINTS, description="新设施 [经度, 纬度]"
    )
    closed: tuple[Word, ...] = Field(
        (), max_length=MOST_POINTS, description="关闭的设施编号"
    )
