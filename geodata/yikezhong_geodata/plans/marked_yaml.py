"""Safe YAML with the line of every value, so that mistakes name their place.

Only plain data is read: no aliases (they can explode), no tags, no repeated keys, no
deep nesting, no large files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor

from yikezhong_geodata.data_files import DataFileError

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 24
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "map", "seq")
)

#: libyaml where PyYAML was built with it; the same documents, ten times as fast.
_PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Keys and list positions from the top of a document down to a value.
Path_ = tuple[str | int, ...]


class PlanFileError(DataFileError):
    """A plan register cannot be read as YAML."""


@dataclass(frozen=True)
class MarkedYaml:
    """A document and its lines.

    Parameters
    ----------
    value : dict
        The top table.
    lines : mapping of path to int
        Line of each value, from 1.
    file : str
        Name of the file.
    """

    value: dict[str, Any]
    lines: Mapping[Path_, int]
    file: str

    def line(self, path: Path_) -> int | None:
        """Return the line of a value, or of the nearest one around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_marked(path: Path) -> MarkedYaml:
    """Read a user's YAML file.

    Raises
    ------
    PlanFileError
        If it is not there, too large, no UTF-8, no YAML, or uses what is refused.
    """
    if not path.is_file():
        raise PlanFileError("找不到文件", file=path.name, hint="请检查文件名")
    if path.stat().st_size > MAX_BYTES:
        raise PlanFileError("文件过大，不像是规划登记表", file=path.name)
    return parse_marked(path.read_bytes(), file=path.name)


def read_shipped(name: str) -> dict[str, Any]:
    """Read a file of this package."""
    return parse_marked(shipped_bytes(name), file=name).value


def shipped_bytes(name: str) -> bytes:
    """Return the bytes of a file of this package."""
    return resources.files("yikezhong_geodata.plans").joinpath(name).read_bytes()


def parse_marked(raw: bytes, *, file: str) -> MarkedYaml:
    r"""Parse YAML with lines.

    Examples
    --------
    >>> found = parse_marked(b"plan:\n  id: a\n", file="a.yaml")
    >>> found.value, found.line(("plan", "id"))
    ({'plan': {'id': 'a'}}, 2)
    """
    try:
        text = raw.decode("utf-8-sig")
        _check_events(text)
        node = yaml.compose(text, Loader=_PARSER)
        lines: dict[Path_, int] = {}
        value = _Plain().value(node, (), lines) if node is not None else None
    except UnicodeDecodeError:
        raise PlanFileError("不是 UTF-8 文本", file=file) from None
    except RecursionError:
        raise PlanFileError("嵌套过深", file=file) from None
    except ValueError as error:  # a date such as 2025-13-01
        raise PlanFileError(f"有无法识别的值：{error}", file=file) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "格式错误"
        row = mark.line + 1 if mark is not None else None
        raise PlanFileError(
            f"不是合法的 YAML：{problem}",
            file=file,
            row=row,
            hint="请检查缩进、冒号后的空格和引号",
        ) from None
    if not isinstance(value, dict):
        raise PlanFileError("最外层应为表", file=file)
    return MarkedYaml(value, lines, file)


def _check_events(text: str) -> None:
    """Refuse aliases and deep nesting before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_PARSER):
        if isinstance(event, yaml.AliasEvent):
            raise _refused("不允许使用别名（*）", event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused("嵌套过深", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Plain(SafeConstructor):
    """Turns nodes into plain data."""

    def value(self, node: Any, path: Path_, lines: dict[Path_, int]) -> Any:
        """Return the value of a node; notes the lines."""
        if node.tag not in _PLAIN_TAGS:
            raise _refused(f"不允许使用标签 {node.tag}", node.start_mark)
        lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [
                self.value(item, (*path, index), lines)
                for index, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.MappingNode):
            return self._table(node, path, lines)
        return self.construct_object(node)

    def _table(
        self, node: yaml.MappingNode, path: Path_, lines: dict[Path_, int]
    ) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refused("键应为文本", key_node.start_mark)
            key = str(key_node.value)
            if key in table:
                raise _refused(f"键“{key}”重复", key_node.start_mark)
            table[key] = self.value(value_node, (*path, key), lines)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return table


def _refused(message: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=mark)
