"""The layers of a study as a list, and ``study.toml`` with one of them exchanged."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.spec import STUDY_FILE, read_spec
from yikezhong_geodata.toml_text import toml_text

#: Layers whose files can be exchanged: key of ``study.toml`` → name.
LAYERS: Final = {
    "facilities": "设施",
    "boundaries": "行政区划边界",
    "population": "人口",
    "roads": "道路",
}
#: A layer that a study has once.
_SINGLE: Final = ("roads",)
#: Settings that say how the old file was stored; a new file speaks for itself.
_OF_THE_FILE: Final = ("encoding", "crs", "table", "geometry")


class SourceChoiceError(InputError):
    """It is not clear which file of the study another one stands for."""


@dataclass(frozen=True)
class StudySource:
    """One file of a study.

    Parameters
    ----------
    id : str
        ``facilities-1`` …: the layer and its number in ``study.toml``.
    layer : str
        Key of :data:`LAYERS`.
    file : str
        Path in the study folder, or a table of the study's database.
    settings : mapping
        What ``study.toml`` says beside the file.
    """

    id: str
    layer: str
    file: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def list_sources(folder: Path) -> list[StudySource]:
    """Return the files of the layers that can be exchanged."""
    table = _read(folder)
    return [
        StudySource(
            f"{layer}-{number}",
            layer,
            str(entry.get("file") or entry["table"]),
            {k: v for k, v in entry.items() if k not in ("file", "table")},
        )
        for layer in LAYERS
        for number, entry in enumerate(_entries(table, layer), 1)
    ]


def choose_source(
    sources: list[StudySource], layer: str, *, source_id: str | None
) -> StudySource | None:
    """Return the file that a new one replaces; None where it is added.

    Parameters
    ----------
    sources : list of StudySource
        Of the study.
    layer : str
        Of the new file.
    source_id : str or None
        Which one; ``new`` adds. None takes the only one there is, or adds the first.

    Raises
    ------
    SourceChoiceError
        If there is none of that id, or there are several and none was chosen.
    """
    of_layer = [source for source in sources if source.layer == layer]
    if source_id == "new" and layer in _SINGLE and of_layer:
        raise SourceChoiceError(
            f"研究只能有一个{LAYERS[layer]}文件", hint="请选择替换现有文件"
        )
    if source_id == "new" or (source_id is None and not of_layer):
        return None
    chosen = [s for s in of_layer if source_id in (None, s.id)]
    if len(chosen) == 1:
        return chosen[0]
    listed = "、".join(f"{s.id}（{s.file}）" for s in of_layer) or "无"
    problem = "没有这个图层文件" if source_id else f"有多个{LAYERS[layer]}文件"
    raise SourceChoiceError(problem, hint=f"请用 source 指明替换哪一个：{listed}")


def exchanged(
    folder: Path,
    layer: str,
    *,
    replaced: StudySource | None,
    file: str,
    settings: Mapping[str, Any],
) -> tuple[str, str]:
    """Return the text of ``study.toml`` with one file exchanged, and its new id.

    What the study said of the replaced file is kept, but for its encoding and CRS,
    unless ``settings`` say otherwise; an empty setting removes one.
    """
    table = _read(folder)
    entries = _entries(table, layer)
    number = (
        len(entries) if replaced is None else int(replaced.id.rpartition("-")[2]) - 1
    )
    old = entries[number] if replaced is not None else {}
    kept = {k: v for k, v in old.items() if k not in (*_OF_THE_FILE, "file")}
    if "sheet" in settings or "layer" in settings:
        kept = {k: v for k, v in kept.items() if k not in ("sheet", "layer")}
    entry = {"file": file, **kept, **settings}
    entry = {key: value for key, value in entry.items() if value not in ("", {})}
    entries[number : number + 1] = [entry]
    table[layer] = entries[0] if layer in _SINGLE else entries
    return toml_text(table), f"{layer}-{number + 1}"


def find_spec(folder: Path, source_id: str) -> Any:
    """Return what the checked ``study.toml`` says of a file, as a source's spec."""
    layer, _, number = source_id.partition("-")
    found = getattr(read_spec(folder), layer)
    return found if layer in _SINGLE else found[int(number) - 1]


def _read(folder: Path) -> dict[str, Any]:
    read_spec(folder)  # checks it, and says what is wrong
    return tomllib.loads((folder / STUDY_FILE).read_text(encoding="utf-8-sig"))


def _entries(table: Mapping[str, Any], layer: str) -> list[dict[str, Any]]:
    found = table.get(layer, [])
    return [dict(found)] if isinstance(found, dict) else [dict(one) for one in found]
