"""Services: what a circle is drawn for, read from ``services.yaml``."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.records import Service
from yikezhong_geodata.columns import CAPACITY_COLUMNS, GROUPS
from yikezhong_geodata.data_files import DataFileError, read_yaml
from yikezhong_geodata.vocabulary import Vocabulary, load_vocabulary

PROFILES: Final = ("walking", "driving")
MAX_LIMIT_S: Final = 10_800.0
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEYS: Final = frozenset(Service.__dataclass_fields__) - {"id"}


class ServiceError(DataFileError):
    """A service is described wrongly."""


def load_services(path: Path | None = None) -> tuple[Service, ...]:
    """Read services from a file, or the shipped ones.

    Parameters
    ----------
    path : Path, optional
        A YAML file with a table ``services`` of id to service; None: the shipped.

    Returns
    -------
    tuple of Service
        In the order of the file.

    Raises
    ------
    DataFileError
        If the file cannot be read.
    ServiceError
        If a service has an unknown key, category, function, group, profile or
        capacity column, or a number out of range.

    Examples
    --------
    >>> circle = load_services()[0]
    >>> circle.id, circle.categories, circle.group, circle.profile, circle.limit_s
    ('elderly_circle', ('elderly_complex', 'day_care', 'mutual_aid'), 'people_60', 'walking', 900.0)
    """
    table, file = read_yaml(path, shipped="services.yaml")
    unknown = set(table) - {"services"}
    if unknown:
        raise ServiceError("不认识的一节", file=file, column=str(min(unknown)))
    services = table.get("services")
    if not isinstance(services, dict) or not services:
        raise ServiceError("缺少 services 一节", file=file)
    vocabulary = load_vocabulary()
    return tuple(
        _service(str(id_), entry, file=file, vocabulary=vocabulary)
        for id_, entry in services.items()
    )


def _service(id_: str, entry: Any, *, file: str, vocabulary: Vocabulary) -> Service:
    def error(key: str, message: str, hint: str | None = None) -> ServiceError:
        return ServiceError(
            message, file=file, column=f"services.{id_}.{key}", hint=hint
        )

    if not _ID.fullmatch(id_):
        raise error("", "服务编号应为小写字母、数字和下划线")
    if not isinstance(entry, dict):
        raise error("", "应为表")
    strange = sorted(set(map(str, entry)) - _KEYS)
    if strange:
        raise error(strange[0], "不认识的配置项", f"可用：{'、'.join(sorted(_KEYS))}")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise error("name", "缺少名称")
    categories = _words(entry.get("categories"), vocabulary.categories.names)
    if not categories:
        raise error(
            "categories", "缺少类别或类别不认识", _known(vocabulary.categories.names)
        )
    functions = _words(entry.get("functions", []), vocabulary.functions.names)
    if functions is None:
        raise error("functions", "服务功能不认识", _known(vocabulary.functions.names))
    choices = {"group": GROUPS, "profile": PROFILES}
    for key, known in choices.items():
        if key in entry and entry[key] not in known:
            raise error(key, f"“{entry[key]}”不可用", f"可用：{'、'.join(known)}")
    capacity = entry.get("capacity")
    if capacity is not None and capacity not in CAPACITY_COLUMNS:
        raise error(
            "capacity", f"“{capacity}”不可用", f"可用：{'、'.join(CAPACITY_COLUMNS)}"
        )
    limits = {"limit_s": MAX_LIMIT_S, "people_per_unit": 1e6}
    numbers = {
        key: _positive(entry.get(key), limits[key]) for key in limits if key in entry
    }
    for key, value in numbers.items():
        if value is None:
            raise error(key, f"应为大于 0、不超过 {limits[key]:g} 的数")
    return Service(
        id=id_,
        name=name.strip(),
        categories=categories,
        functions=functions,
        group=entry.get("group", "people_60"),
        profile=entry.get("profile", "walking"),
        limit_s=numbers.get("limit_s") or 900.0,
        capacity=capacity,
        people_per_unit=numbers.get("people_per_unit") or 1.0,
    )


def _words(value: Any, known: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or any(word not in known for word in value):
        return None
    return tuple(dict.fromkeys(value))


def _known(names: Any) -> str:
    return f"可用：{'、'.join(names)}"


def _positive(value: Any, largest: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 < value <= largest else None
