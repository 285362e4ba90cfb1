"""What ``study.toml`` says about one file, and about the tables plans need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from yikezhong_geodata.databases.database_spec import read_table_name
from yikezhong_geodata.databases.table_names import TableName
from yikezhong_geodata.text_encoding import codec_of
from yikezhong_geodata.toml_keys import Keys, inside

DATUMS: Final = ("wgs84", "gcj02", "bd09")


@dataclass(frozen=True)
class SourceSpec:
    """A file of the study and how to read it.

    Parameters
    ----------
    file : str
        Path relative to the study folder; the name of the table where it is one.
    layer : str or None
        Layer (or sheet) where the file has several.
    crs : str or None
        CRS where the file says none, e.g. ``EPSG:4490``.
    datum : str or None
        ``wgs84``, ``gcj02`` or ``bd09`` as declared; None: not declared.
    encoding : str or None
        Encoding of the texts, e.g. ``gb18030``; None: detected.
    columns : mapping of str to str
        Standard name to header, where the header would not be recognised.
    table : TableName or None
        Table of the study's database that stands in place of a file.
    geometry : str or None
        Geometry column of the table, where it has several.
    """

    file: str
    layer: str | None = None
    crs: str | None = None
    datum: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    table: TableName | None = None
    geometry: str | None = None


@dataclass(frozen=True)
class AttributeSpec(SourceSpec):
    """A table of attributes of divisions, joined by their codes."""


@dataclass(frozen=True)
class StatisticSpec(SourceSpec):
    """A table of imported figures; ``date`` and ``source`` where no column says."""

    date: dt.date | None = None
    source: str | None = None


@dataclass(frozen=True)
class ZoneSpec(SourceSpec):
    """A vector layer of zones of one class, e.g. ``expressway``."""

    zone_class: str = ""


def read_source(keys: Keys, folder: Path) -> SourceSpec:
    """Return what a table says about its file, which must be in the folder."""
    table = read_table_name(keys)
    if table is not None:
        return SourceSpec(
            file=str(table),
            crs=keys.text("crs"),
            datum=keys.choice("datum", DATUMS),
            columns=keys.text_map("columns"),
            table=table,
            geometry=keys.text("geometry"),
        )
    file = keys.required("file")
    inside(folder, file, column=f"{keys.where}.file", file=keys.file)
    sheet = keys.text("sheet")
    layer = keys.text("layer")
    if sheet and layer:
        raise keys.error("sheet", "layer 与 sheet 只能写一个")
    return SourceSpec(
        file=file,
        layer=layer or sheet,
        crs=keys.text("crs"),
        datum=keys.choice("datum", DATUMS),
        encoding=_encoding(keys),
        columns=keys.text_map("columns"),
    )


def _encoding(keys: Keys) -> str | None:
    name = keys.text("encoding")
    if name is not None and codec_of(name) is None:
        raise keys.error("encoding", f"不认识文字编码“{name}”", "如 utf-8、gb18030")
    return name


def read_attributes_spec(keys: Keys, folder: Path) -> AttributeSpec:
    """Return one of ``[[attributes]]``."""
    spec = AttributeSpec(**vars(read_source(keys, folder)))
    keys.done()
    return spec


def read_statistics_spec(keys: Keys, folder: Path) -> StatisticSpec:
    """Return one of ``[[statistics]]``."""
    date, source = keys.date("date"), keys.text("source")
    spec = StatisticSpec(**vars(read_source(keys, folder)), date=date, source=source)
    keys.done()
    return spec


def read_zone_spec(keys: Keys, folder: Path) -> ZoneSpec:
    """Return one of ``[[zones]]``."""
    zone_class = keys.required("class")
    spec = ZoneSpec(**vars(read_source(keys, folder)), zone_class=zone_class)
    keys.done()
    return spec


def read_plan_parameters(keys: Keys | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the readings that a study changes, by plan."""
    if keys is None:
        return {}
    found = {plan: keys.table_of(plan) for plan in keys.table}
    return {plan: dict(inner.table) for plan, inner in found.items() if inner}
