"""Reading the small YAML files that are data: services, vocabulary."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from yikezhong_coverage.errors import InputError

MAX_YAML_BYTES: Final = 1 << 20


class DataFileError(InputError):
    """A YAML file of services or vocabulary cannot be used."""


class _StrictLoader(yaml.SafeLoader):
    """Safe loader: no aliases (they can explode), keys are texts and stand once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.constructor.ConstructorError(
                None, None, "aliases are not allowed", self.get_mark()
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is no text", key_node.start_mark
                )
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is repeated", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def read_yaml(path: Path | None, *, shipped: str) -> tuple[dict[str, Any], str]:
    """Return the top mapping of a YAML file and the file's name.

    Parameters
    ----------
    path : Path or None
        A user's file; None reads the shipped one.
    shipped : str
        Name of the file in ``data/`` that is read where there is no ``path``.

    Raises
    ------
    DataFileError
        If it is too large, no UTF-8, no YAML, repeats a key, uses aliases, or is no
        mapping.

    Examples
    --------
    >>> table, name = read_yaml(None, shipped="vocabulary.yaml")
    >>> name, sorted(table)
    ('vocabulary.yaml', ['categories', 'functions'])
    """
    loader: Any = _StrictLoader
    if path is None:
        name = shipped
        # our own files need not be guarded against, and libyaml is ten times as fast
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        raw = (
            resources.files("yikezhong_geodata").joinpath("data", shipped).read_bytes()
        )
    else:
        name = path.name
        if path.stat().st_size > MAX_YAML_BYTES:
            raise DataFileError("文件过大", file=name, hint="应小于 1 MiB")
        raw = path.read_bytes()
    try:
        table = yaml.load(raw.decode("utf-8-sig"), Loader=loader)
    except UnicodeDecodeError:
        raise DataFileError("不是 UTF-8 文本", file=name) from None
    except RecursionError:
        raise DataFileError("嵌套过深", file=name) from None
    except ValueError as error:  # a date such as 2025-13-01
        raise DataFileError(f"不是合法的 YAML：{error}", file=name) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "格式错误"
        row = mark.line + 1 if mark is not None else None
        raise DataFileError(f"不是合法的 YAML：{problem}", file=name, row=row) from None
    if not isinstance(table, dict):
        raise DataFileError("最外层应为表", file=name)
    return table, name
