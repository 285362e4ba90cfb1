"""What a scenario is: an author's note and a list of changes, read from a small file.

In JSON, or in TOML with ``[[changes]]``::

    name = "一桥一中心"
    author = "规划科"
    note = "看看新桥能否替代一处新建"

    [[changes]]
    action = "add"              # a facility
    id = "S1"
    name = "东岸日间照料中心"
    category = "day_care"
    functions = ["meal", "day"]
    lon = 113.41
    lat = 31.72

    [[changes]]
    action = "add_road"         # straight, between the road nodes nearest to two points
    id = "B1"
    from = [113.40, 31.72]
    to = [113.41, 31.72]

The other actions are ``move`` (id, lon, lat), ``close`` (id), ``change`` (id and what
is to change: name, category, functions, add_functions, remove_functions, status,
capacity columns) and ``close_road`` (edge).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.vocabulary import load_vocabulary

_MOST_BYTES: Final = 4 << 20
#: Most facilities that a scenario touches, and most roads.
MOST_SITES: Final = 10_000
MOST_ROADS: Final = 2_000
#: Most areas whose facilities a scenario closes, and most corners of one.
MOST_POLYGONS: Final = 200
_MOST_CORNERS: Final = 1_000
_ID: Final = r"^[\w\-.:]{1,64}$"

#: pydantic error type → what it says, with the context of the error filled in.
_MESSAGES: Final = {
    "value_error": "{error}",
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项",
    "greater_than_equal": "不得小于 {ge}",
    "less_than_equal": "不得大于 {le}",
    "finite_number": "须为有限的数",
    "float_type": "须为数字",
    "float_parsing": "须为数字",
    "string_type": "须为文字",
    "tuple_type": "须为列表",
    "model_type": "须为表",
    "model_attributes_type": "须为表",
    "literal_error": "须为 {expected} 之一",
    "string_pattern_mismatch": "格式不符，应匹配 {pattern}",
    "string_too_long": "过长，最多 {max_length} 个字符",
    "string_too_short": "不能为空",
    "too_long": "过多，最多 {max_length} 项",
    "union_tag_invalid": "没有 action “{tag}”",
    "union_tag_not_found": "缺少 action",
}

Id = Annotated[str, Field(pattern=_ID)]
Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Status = Literal["open", "planned", "closed"]
Profile = Literal["walking", "driving"]


class ScenarioError(InputError):
    """A scenario cannot be read, or does not fit the study."""


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Capacities(_Change):
    """Capacity columns of a facility."""

    beds: Amount | None = None
    nursing_beds: Amount | None = None
    places: Amount | None = None
    plots: Amount | None = None
    floor_area_m2: Amount | None = None
    staff: Amount | None = None


def _known_functions(words: tuple[str, ...]) -> tuple[str, ...]:
    known = load_vocabulary().functions.names
    strange = [word for word in words if word not in known]
    if strange:
        raise ValueError(f"服务功能“{strange[0]}”不认识，可用：{'、'.join(known)}")
    return tuple(sorted(set(words)))


def _known_category(word: str) -> str:
    known = load_vocabulary().categories.names
    if word not in known:
        raise ValueError(f"类别“{word}”不认识，可用：{'、'.join(known)}")
    return word


class AddFacility(_Capacities):
    """A new facility; functions None: unknown."""

    action: Literal["add"]
    id: Id
    name: str = Field("", max_length=200)
    category: str
    functions: tuple[str, ...] | None = None
    status: Status = "open"
    lon: Lon
    lat: Lat

    @field_validator("functions")
    @classmethod
    def _check_functions(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _known_functions(value)

    @field_validator("category")
    @classmethod
    def _check_category(cls, value: str) -> str:
        return _known_category(value)


class MoveFacility(_Change):
    """A facility at another place; its declared codes follow the place."""

    action: Literal["move"]
    id: Id
    lon: Lon
    lat: Lat


class CloseFacility(_Change):
    """A facility that no longer serves."""

    action: Literal["close"]
    id: Id


class ChangeFacility(_Capacities):
    """A facility with other properties; what is not said stays."""

    action: Literal["change"]
    id: Id
    name: str | None = Field(None, max_length=200)
    category: str | None = None
    functions: tuple[str, ...] | None = None
    add_functions: tuple[str, ...] = ()
    remove_functions: tuple[str, ...] = ()
    status: Status | None = None

    @field_validator("functions", "add_functions", "remove_functions")
    @classmethod
    def _check_functions(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else _known_functions(value)

    @field_validator("category")
    @classmethod
    def _check_category(cls, value: str | None) -> str | None:
        return None if value is None else _known_category(value)


class CloseArea(_Change):
    """All facilities within an area that no longer serve; of some categories only."""

    action: Literal["close_area"]
    polygon: tuple[tuple[Lon, Lat], ...] = Field(
        min_length=3,
        max_length=_MOST_CORNERS,
        description="[经度, 纬度] 的各角，不必闭合",
    )
    categories: tuple[str, ...] = ()

    @field_validator("categories")
    @classmethod
    def _check_categories(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_known_category, value))


class AddRoad(_Change):
    """A straight road or bridge, both ways, that nobody lives on."""

    action: Literal["add_road"]
    id: Id
    start: tuple[Lon, Lat] = Field(alias="from")
    end: tuple[Lon, Lat] = Field(alias="to")
    road_class: str = Field("unclassified", alias="class", pattern=r"^[a-z_]{1,32}$")
    speed_kmh: Annotated[float, Field(ge=1, le=150)] | None = None
    profiles: tuple[Profile, ...] = ("walking", "driving")


class CloseRoad(_Change):
    """An edge of the road network that nobody may use."""

    action: Literal["close_road"]
    edge: str = Field(min_length=1, max_length=200)
    profiles: tuple[Profile, ...] = ("walking", "driving")


SiteChange = AddFacility | MoveFacility | CloseFacility | ChangeFacility
FacilityChange = SiteChange | CloseArea
RoadChange = AddRoad | CloseRoad


class Scenario(_Change):
    """Changes in their order, with the author's words about them."""

    name: str = Field(min_length=1, max_length=200)
    author: str = Field("", max_length=200)
    note: str = Field("", max_length=10_000)
    changes: tuple[
        Annotated[FacilityChange | RoadChange, Field(discriminator="action")], ...
    ] = ()

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        for kinds, most, words in (
            ((AddRoad, CloseRoad), MOST_ROADS, "道路改动"),
            ((CloseArea,), MOST_POLYGONS, "范围（close_area）"),
            (get_args(SiteChange), MOST_SITES, "设施改动"),
        ):
            found = sum(isinstance(change, kinds) for change in self.changes)
            if found > most:
                raise ValueError(f"{words}最多 {most} 处，这里有 {found} 处")
        return self

    @property
    def document(self) -> dict[str, Any]:
        """The scenario as it is written to a file."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def id_for(self, baseline_version: str) -> str:
        """Return the id of this scenario on a baseline: the same for the same."""
        text = json.dumps(
            [self.document, baseline_version], ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_scenario(path: Path) -> Scenario:
    """Read a scenario from a JSON or TOML file.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or says something that is not understood.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ScenarioError("方案文件过大", file=path.name)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScenarioError("方案文件无法读取", file=path.name) from error
    except UnicodeDecodeError as error:
        raise ScenarioError("方案文件不是 UTF-8 文字", file=path.name) from error
    try:
        toml = path.suffix.lower() == ".toml"
        raw = tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(
            f"方案文件的{'TOML' if toml else 'JSON'}写法有误：{error}", file=path.name
        ) from error
    return parse_scenario(raw, file=path.name)


def parse_scenario(raw: Any, *, file: str | None = None) -> Scenario:
    """Return a scenario from its document.

    Raises
    ------
    ScenarioError
        If something in it is missing, unknown or out of range.

    Examples
    --------
    >>> found = parse_scenario({"name": "停一处",
    ...                         "changes": [{"action": "close", "id": "F1"}]})
    >>> found.changes[0].id, len(found.id_for("v1"))
    ('F1', 12)
    """
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(
            str(part + 1) if isinstance(part, int) else str(part)
            for part in first["loc"]
        )
        raise ScenarioError(
            _in_words(first["type"], first.get("ctx") or {}),
            file=file,
            column=place or None,
            hint="changes 中每项的 action 可用：add、move、close、change、"
            "close_area、add_road、close_road",
        ) from None


def _in_words(kind: str, context: Mapping[str, Any]) -> str:
    """Return what is wrong with a value.

    Examples
    --------
    >>> _in_words("less_than_equal", {"le": 90.0}), _in_words("odd_type", {})
    ('不得大于 90.0', '写法有误')
    """
    message = _MESSAGES.get(kind, "写法有误")
    return message.format(**{name: str(value) for name, value in context.items()})
