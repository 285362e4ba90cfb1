"""Attributes that the rules of plans ask for: of facilities and of divisions.

What an attribute is called in a table, and whether it is a flag, a number or a text,
is data (``plans/attributes.yaml``). A cell that says nothing stays unknown: never zero,
never false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_geodata.codes import clean_code
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.facility_status import parse_date
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.flags import parse_flag
from yikezhong_geodata.headers import header_scale, plain_header
from yikezhong_geodata.numbers import clean_text, is_missing, parse_number
from yikezhong_geodata.plans.attributes import AttributeTerm, load_attribute_terms
from yikezhong_geodata.source_spec import AttributeSpec
from yikezhong_geodata.sources import Source, open_source

LABEL: Final = "attributes"
#: Columns of attributes in the tables of divisions and facilities begin with this.
PREFIX: Final = "attr_"
#: Column of facilities with the codes of the divisions that they serve (tuples).
SERVES: Final = "attr_serves"
_SERVES_TERM: Final = AttributeTerm(
    "serves", "服务村社区代码", "codes", "facility",
    also=("服务范围代码", "覆盖村代码", "服务区划代码"),
)  # fmt: skip


def match_attributes(
    headers: Iterable[str],
    terms: Iterable[AttributeTerm],
    *,
    overrides: Mapping[str, str] | None = None,
    file: str | None = None,
) -> dict[str, str]:
    """Return which header holds which attribute.

    Parameters
    ----------
    headers : iterable of str
    terms : iterable of AttributeTerm
        Attributes that can be there.
    overrides : mapping of str to str, optional
        Attribute id to header; they win.
    file : str, optional
        Name for messages.

    Returns
    -------
    dict of str to str
        Attribute id → header, only for what is there.

    Raises
    ------
    ColumnMappingError
        If two headers could be the same attribute.
    """
    present = [(header, plain_header(header)) for header in headers]
    chosen = overrides or {}
    found: dict[str, str] = {}
    for term in terms:
        words = {plain_header(word) for word in (term.id, term.name, *term.also)}
        if term.id in chosen:
            words = {plain_header(chosen[term.id])}
        matches = [header for header, plain in present if plain in words]
        if len(matches) > 1:
            raise ColumnMappingError(
                f"无法确定哪一列是“{term.name}”："
                + "".join(f"“{match}”" for match in matches)
                + "都可能",
                file=file,
                column=matches[1],
                hint=f'请在 study.toml 写明 columns = {{{term.id} = "{matches[0]}"}}',
            )
        if matches:
            found[term.id] = matches[0]
    return found


def read_attributes(
    source: Source,
    terms: Sequence[AttributeTerm],
    *,
    ids: Sequence[Any],
    report: DataReport,
    label: str,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, NDArray[np.object_]]:
    """Return the attributes of the rows of a table.

    Parameters
    ----------
    source : Source
    terms : sequence of AttributeTerm
        Attributes that can be there.
    ids : sequence, length n_row
        Ids or codes for the report.
    report : DataReport
        Takes every cell that cannot be read; it counts as unknown.
    label : str
        Layer label of the report.
    overrides : mapping of str to str, optional
        Attribute id to header; they win.

    Returns
    -------
    dict of str to ndarray of object, shape (n_row,)
        By attribute id: bool, float, str, or tuple of codes; None where unknown.
    """
    headers = [str(header) for header in source.frame.columns]
    found = match_attributes(headers, terms, overrides=overrides, file=source.file)
    by_id = {term.id: term for term in terms}
    columns: dict[str, NDArray[np.object_]] = {}
    for id_, header in found.items():
        term = by_id[id_]
        values = np.full(len(source), None, dtype=object)
        for index, cell in enumerate(source.frame[header].tolist()):
            text = clean_text(cell)
            value, problem = _parse(text, term, scale=header_scale(header))
            values[index] = value
            if problem in (None, "missing", "approximate"):
                continue
            report.add(
                label, source.file, int(source.rows[index]), _text(ids[index]),
                f"unreadable_{term.type}", value=text,
                message=f"列“{header}”：无法识别，“{term.name}”按未知处理",
            )  # fmt: skip
        columns[id_] = values
    return columns


def facility_attributes(
    source: Source,
    *,
    ids: Sequence[str],
    report: DataReport,
    overrides: Mapping[str, str] | None = None,
) -> dict[str, NDArray[np.object_]]:
    """Return the columns ``attr_<id>`` of a list of facilities, where it has any.

    What has a column of its own (beds …) has none here. :data:`SERVES` holds codes as they stand, for :func:`check_served`.
    """
    found = read_attributes(
        source,
        [*_terms_of("facility"), _SERVES_TERM],
        ids=ids,
        report=report,
        label="facilities",
        overrides=overrides,
    )
    return {f"{PREFIX}{id_}": values for id_, values in found.items()}


def attribute_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that hold attributes.

    Examples
    --------
    >>> attribute_columns(["id", "attr_tier"])
    ['attr_tier']
    """
    return [name for name in columns if str(name).startswith(PREFIX)]


def check_served(
    table: pd.DataFrame, *, divisions: Any, code_system: str, report: DataReport
) -> pd.DataFrame:
    """Return facilities with the codes that they serve in full; list unknown ones.

    A code that is not there is left out and reported.
    """
    if SERVES not in table.columns:
        return table
    codes = frozenset(divisions["code"])
    found = np.full(len(table), None, dtype=object)
    for index, texts in enumerate(table[SERVES]):
        if not isinstance(texts, tuple):
            continue
        good: list[str] = []
        for text in texts:
            code, _ = clean_code(text, code_system=code_system)
            if code in codes:
                good.append(str(code))
                continue
            report.add(
                "facilities", str(table["file"].iloc[index]),
                int(table["row"].iloc[index]), str(table["id"].iloc[index]),
                "served_unknown", value=text,
                message="服务的区划代码不在区划名录中，该代码未使用",
            )  # fmt: skip
        found[index] = tuple(dict.fromkeys(good))
    return table.assign(**{SERVES: found})


def load_attributes(
    specs: Sequence[AttributeSpec],
    *,
    folder: Path,
    divisions: Any,
    report: DataReport,
    code_system: str = "cn12",
) -> pd.DataFrame:
    """Read all tables of attributes of divisions.

    Parameters
    ----------
    specs : sequence of AttributeSpec
    folder : Path
        The study folder.
    divisions : GeoDataFrame
        For the codes.
    report : DataReport
        Takes every row that is set aside, and the account of the rows.
    code_system : str
        ``cn12`` or ``free``.

    Returns
    -------
    DataFrame
        Columns ``attr_<id>`` for what was found, a row for each division, with its
        index; None where unknown. A later table fills and overrides an earlier one.

    Raises
    ------
    ColumnMappingError
        If a table has no code column, or no column that is an attribute.
    DuplicateKeyError
        If a code stands twice in a table.
    """
    terms = _terms_of("division")
    position = {code: index for index, code in enumerate(divisions["code"])}
    columns: dict[str, NDArray[np.object_]] = {}
    for spec in specs:
        known = {term.id for term in terms}
        chosen = {k: v for k, v in spec.columns.items() if k in known}
        rest = {k: v for k, v in spec.columns.items() if k not in known}
        plain = AttributeSpec(**{**vars(spec), "columns": rest})
        source = open_source(
            plain, folder=folder, report=report, label=LABEL, kind="attribute"
        )
        codes, target = _targets(source, position, report, code_system=code_system)
        found = read_attributes(
            source, terms, ids=codes, report=report, label=LABEL, overrides=chosen
        )
        if not found:
            raise ColumnMappingError(
                "没有认识的属性列",
                file=source.file,
                hint="可用的有：" + "、".join(term.name for term in terms),
            )
        for id_, values in found.items():
            blank = np.full(len(divisions), None, dtype=object)
            column = columns.setdefault(f"{PREFIX}{id_}", blank)
            for at, value in zip(target, values, strict=True):
                if at >= 0 and value is not None:
                    column[at] = value
        report.close_layer(LABEL, source.file, read=len(source))
    return pd.DataFrame(columns, index=divisions.index, dtype=object)


def _terms_of(owner: str) -> list[AttributeTerm]:
    return [term for term in load_attribute_terms() if term.of == owner]


def _targets(
    source: Source, position: Mapping[str, int], report: DataReport, *, code_system: str
) -> tuple[list[str | None], list[int]]:
    """Return code and division row (-1: none) of each row; reports the latter."""
    if "code" not in source.columns:
        raise ColumnMappingError(
            "找不到区划代码列", file=source.file, hint='请写明 columns = {code = "…"}'
        )
    codes: list[str | None] = []
    target: list[int] = []
    first: dict[str, int] = {}
    for row, text in zip(source.rows.tolist(), source.texts("code"), strict=True):
        code, problem = clean_code(text, code_system=code_system)
        codes.append(code)
        target.append(position.get(code or "", -1))
        if code is not None and code in first:
            raise DuplicateKeyError(
                f"代码 {code} 重复：第 {first[code]} 行和第 {row} 行",
                file=source.file,
                row=row,
                column=source.columns["code"],
                hint="请删去或合并其中一行",
            )
        if code is not None:
            first[code] = row
        if target[-1] < 0:
            report.add(
                LABEL, source.file, row, code, (not code and problem) or "unmatched",
                "set_aside", value=text, message="代码不在区划名录中，未使用",
            )  # fmt: skip
    return codes, target


def _parse(
    text: str | None, term: AttributeTerm, *, scale: float
) -> tuple[Any, str | None]:
    """Return the value of a cell and what is wrong with it."""
    if text is None:
        return None, "missing"
    if term.type == "flag":
        return parse_flag(text)
    if term.type == "number":
        value, problem = parse_number(text)
        return (None if value is None else value * scale), problem
    if term.type == "codes":
        return _split_codes(text), None
    if term.type == "date":
        day, problem = parse_date(text)
        return (None if day is None else day.isoformat()), problem
    known = term.value_of(text) or term.value_of(text.removesuffix("级"))
    if known is None:
        return None, "missing" if is_missing(text) else "unreadable"
    return known, None


def _split_codes(cell: Any) -> tuple[str, ...] | None:
    """Return the codes of a cell; None where it says nothing.

    Examples
    --------
    >>> _split_codes("421303001001、421303001002;421303101"), _split_codes("-")
    (('421303001001', '421303001002', '421303101'), None)
    """
    text = clean_text(cell)
    if text is None or is_missing(text):
        return None
    for mark in "、,;，；/|":
        text = text.replace(mark, " ")
    return tuple(text.split())


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
