"""Load plan registers: shipped ones by id, a user's own by file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from yikezhong_coverage.rules.records import (
    LEVELS,
    Baseline,
    Clause,
    Indicator,
    Target,
)
from yikezhong_geodata.plans.check import SHIPPED, Examined, examine, shipped_ids
from yikezhong_geodata.plans.marked_yaml import (
    MarkedYaml,
    PlanFileError,
    parse_marked,
    read_marked,
    shipped_bytes,
)
from yikezhong_geodata.plans.mistakes import PlanError, PlanMistake
from yikezhong_geodata.toml_keys import inside

#: Rules whose target is judged at the plan's own area unless it says otherwise.
_AMOUNTS: Final = frozenset({"count", "exclusion_zone"})
#: Rules whose target is judged in each single area too.
_SINGLE: Final = frozenset({"presence", "network_time"})


@dataclass(frozen=True)
class Reading:
    """A named reading of a plan.

    Parameters
    ----------
    name : str
    default, value : value
        As the register says, and as this study has it.
    sentence : str
        What is read how, in Chinese.
    """

    name: str
    default: Any
    value: Any
    sentence: str


@dataclass(frozen=True)
class PlanBaseline:
    """A value of an earlier year: reached (``actual``) or planned (``target``)."""

    year: int
    value: Fraction
    kind: str = "actual"


@dataclass(frozen=True)
class Entry:
    """An indicator with what the screens show beside it.

    Parameters
    ----------
    indicator : Indicator
    baselines : tuple of PlanBaseline
        Its own and those of the entries that are its baseline.
    baseline_of, part_of : str or None
        Id of the indicator this entry belongs to.
    statistic : str or None
        The figure to be imported, in Chinese.
    readings : tuple of str
        Names of the readings it uses.
    """

    indicator: Indicator
    baselines: tuple[PlanBaseline, ...] = ()
    baseline_of: str | None = None
    part_of: str | None = None
    statistic: str | None = None
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CustomArea:
    """An addressee of a plan without a division code, and its members' codes."""

    id: str
    name: str
    level: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """One plan.

    Parameters
    ----------
    id, name, document : str
    level : str
        Level of the plan's own area.
    area : str
        Code prefix the plan binds; empty: everything.
    issued, starts, ends : date or None
    evaluations : tuple of date
        Days for which the plan is evaluated.
    custom_areas : tuple of CustomArea
    readings : tuple of Reading
    entries : tuple of Entry
        In the order of the file.
    """

    id: str
    name: str
    level: str
    document: str = ""
    area: str = ""
    issued: dt.date | None = None
    starts: dt.date | None = None
    ends: dt.date | None = None
    evaluations: tuple[dt.date, ...] = ()
    custom_areas: tuple[CustomArea, ...] = ()
    readings: tuple[Reading, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """The indicators, in the order of the file."""
        return tuple(entry.indicator for entry in self.entries)


def load_register(
    plans: Sequence[str | Path],
    *,
    folder: Path | None = None,
    services: Iterable[str] | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Plan, ...]:
    """Load plans.

    Parameters
    ----------
    plans : sequence of str or Path
        Ids of shipped plans, names of YAML files in ``folder``, or paths.
    folder : Path, optional
        The study folder; a file named by a text must lie in it.
    services : iterable of str, optional
        Ids of the services that there are; the shipped ones by default.
    parameters : mapping of str to mapping, optional
        Readings that a study changes, by plan id and name.

    Returns
    -------
    tuple of Plan
        In the order asked.

    Raises
    ------
    PlanFileError
        If a file cannot be read.
    PlanError
        If a register is wrong, a plan or indicator is there twice, or a reading is
        changed that no plan has.
    StudyPathError
        If a file lies outside the study folder.

    Examples
    --------
    >>> plan, _ = load_register(["hubei-14fyp", "suizhou-14fyp"])
    >>> plan.document, plan.area, plan.indicators[6].target.value
    ('鄂民政发〔2021〕44号', '42', Fraction(1, 1))
    """
    documents = [_read(plan, folder) for plan in plans]
    known = None if services is None else frozenset(services)
    changes = dict(parameters or {})
    ids = shipped_ids().union(*(_ids(marked) for marked in documents))
    loaded: list[Plan] = []
    for marked in documents:
        header = marked.value.get("plan")
        id_ = header.get("id") if isinstance(header, dict) else None
        found = examine(
            marked,
            services=known,
            other_ids=ids,
            changes=changes.pop(id_, {}) if isinstance(id_, str) else {},
        )
        if found.mistakes:
            raise PlanError(found.mistakes)
        loaded.append(build_plan(found))
    if changes:
        name = min(changes)
        raise PlanError(
            (_mistake("study.toml", f"plan_parameters.{name}", f"没有规划“{name}”"),)
        )
    _refuse_doubles(loaded, documents)
    return tuple(loaded)


def _read(plan: str | Path, folder: Path | None) -> MarkedYaml:
    if isinstance(plan, str) and plan in SHIPPED:
        return parse_marked(shipped_bytes(f"{plan}.yaml"), file=f"{plan}.yaml")
    if isinstance(plan, Path):
        return read_marked(plan)
    if folder is None or not plan.endswith((".yaml", ".yml")):
        raise PlanFileError(
            f"没有名为“{plan}”的规划",
            hint="可用：" + "、".join(SHIPPED) + "，或项目文件夹内的 .yaml 文件",
        )
    return read_marked(inside(folder, plan, column="study.plans"))


def _ids(marked: MarkedYaml) -> set[str]:
    entries = marked.value.get("indicators")
    if not isinstance(entries, list):
        return set()
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return {id_ for id_ in ids if isinstance(id_, str)}


def _refuse_doubles(loaded: Sequence[Plan], documents: Sequence[MarkedYaml]) -> None:
    owner: dict[str, str] = {}
    plans: set[str] = set()
    for plan, marked in zip(loaded, documents, strict=True):
        if plan.id in plans:
            raise PlanError((_mistake(marked.file, "plan", f"规划“{plan.id}”重复"),))
        plans.add(plan.id)
        for indicator in plan.indicators:
            other = owner.setdefault(indicator.id, marked.file)
            if other != marked.file:
                reason = f"编号已用于 {other}"
                raise PlanError((_mistake(marked.file, indicator.id, reason),))


def _mistake(file: str, entry: str, reason: str) -> PlanMistake:
    return PlanMistake(file, entry, "", None, reason)


def build_plan(found: Examined) -> Plan:
    """Build the records of a register that has no mistakes."""
    header = found.plan
    entries = [
        _entry(item, header, readings=used)
        for item, used in zip(found.entries, found.used, strict=True)
    ]
    for belongs in [entry for entry in entries if entry.baseline_of]:
        at = next(
            index
            for index, entry in enumerate(entries)
            if entry.indicator.id == belongs.baseline_of
        )
        entries[at] = _with_baselines(entries[at], belongs.baselines)
    readings = found.readings
    return Plan(
        id=header["id"],
        name=header["name"],
        level=header["level"],
        document=header.get("document", ""),
        area=header.get("area", ""),
        issued=_date(header.get("issued")),
        starts=_date(header.get("starts")),
        ends=_date(header.get("ends")),
        evaluations=tuple(map(_day, header.get("evaluations", ()))),
        custom_areas=tuple(
            CustomArea(a["id"], a["name"], a["level"], tuple(a.get("members", ())))
            for a in header.get("custom_areas", ())
        ),
        readings=tuple(
            Reading(name, default, readings.values[name], readings.sentences[name])
            for name, default in readings.raw.items()
        ),
        entries=tuple(entries),
    )


def _with_baselines(entry: Entry, more: tuple[PlanBaseline, ...]) -> Entry:
    every = tuple(dict.fromkeys((*entry.baselines, *more)))
    indicator = replace(entry.indicator, baselines=_reached(every))
    return replace(entry, baselines=every, indicator=indicator)


def _reached(baselines: Iterable[PlanBaseline]) -> tuple[Baseline, ...]:
    return tuple(Baseline(b.year, b.value) for b in baselines if b.kind == "actual")


def _entry(
    item: dict[str, Any], header: dict[str, Any], *, readings: tuple[str, ...]
) -> Entry:
    baselines = tuple(
        PlanBaseline(b["year"], Fraction(b["value"]), b.get("kind", "actual"))
        for b in item.get("baselines", ())
    )
    eligible = item.get("eligible")
    indicator = Indicator(
        id=item["id"],
        name=item["name"],
        english=item.get("english", ""),
        class_=item["class"],
        unit=item["unit"],
        rule=item["rule"],
        with_=_freeze(item.get("with", {})),
        kinds=tuple(item["kinds"]) if item.get("kinds") is not None else None,
        eligible=None if eligible is None else _freeze(eligible),
        target=_target(item, header["level"]),
        nature=item.get("nature"),
        clause=Clause(
            item["clause"]["chapter"],
            item["clause"]["phrase"],
            item["clause"].get("document", header.get("document", "")),
        ),
        baselines=_reached(baselines),
        conflicts_with=tuple(item.get("conflicts_with", ())),
        reading=item.get("reading"),
        plan=header["id"],
        area=header.get("area", ""),
    )
    return Entry(
        indicator,
        baselines,
        item.get("baseline_of"),
        item.get("part_of"),
        item.get("statistic"),
        readings,
    )


def _target(item: dict[str, Any], plan_level: str) -> Target | None:
    target = item.get("target")
    if target is None or target["value"] is None:
        return None
    levels = tuple(target.get("levels", ()))
    return Target(
        comparison=target["comparison"],
        value=Fraction(target["value"]),
        unit=target["unit"],
        year=target.get("year"),
        by=_date(target.get("by")),
        levels=levels or default_levels(item, plan_level=plan_level),
    )


def default_levels(item: Mapping[str, Any], *, plan_level: str) -> tuple[str, ...]:
    """Return the levels at which a target is judged where the entry does not say.

    Counts and amounts: only the plan's own area. Shares and standards: from the
    unit's parent up to the plan's level; presence and times: from the unit itself.

    Examples
    --------
    >>> default_levels({"rule": "presence", "unit": "county"}, plan_level="province")
    ('county', 'prefecture', 'province')
    >>> default_levels({"rule": "ratio", "unit": "county"}, plan_level="prefecture")
    ('prefecture',)
    """
    amount = item.get("with", {}).get("kind") == "amount"
    if item["rule"] in _AMOUNTS or amount:
        return (plan_level,)
    top, unit = LEVELS.index(plan_level), LEVELS.index(item["unit"])
    bottom = unit if item["rule"] in _SINGLE else max(unit - 1, top)
    return tuple(reversed(LEVELS[top : bottom + 1]))


def _freeze(value: Any) -> Any:
    """Return a value that cannot be changed: tuples and read-only mappings."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: _freeze(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    return value


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def _date(value: Any) -> dt.date | None:
    return None if value is None else _day(value)
