"""Recognise the headers of a user's table, in Chinese and English.

The words stand in ``data/headers.yaml``. Nothing is guessed where two headers could be
meant: the user is told which, and says so under ``columns`` in ``study.toml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from yikezhong_geodata.data_files import read_yaml
from yikezhong_geodata.file_errors import ColumnMappingError

KINDS: Final = ("boundary", "facility", "population", "attribute", "statistic")

#: Words in brackets that say the unit or a form's instruction, not the meaning.
_NOTES: Final = re.compile(
    r"[(\[](万|千|百|亿)?(个|人|名|张|户|间|座|穴|格|位|处|套|岁|床|万|度|°|米|m|m2|㎡|平方米|平米|"
    r"元|年|年月|年月日|必填|选填|可选|全称|十进制|小数|单位.*|"
    r"wgs-?84|gcj-?02|bd-?09|cgcs-?2000|国家?2000.*|高德.*|百度.*|腾讯.*|火星.*|天地图.*)[)\]]"
)
_DROPPED: Final = re.compile(r"[\s_()\[\]{}<>《》【】:、,/\"'“”*\\-]")
_SCALES: Final = {"亿": 1e8, "千万": 1e7, "百万": 1e6, "万": 1e4, "千": 1e3}
_DATUMS: Final = {
    "gcj02": re.compile(r"gcj-?02|高德|腾讯|火星"),
    "bd09": re.compile(r"bd-?09|百度"),
    "wgs84": re.compile(r"wgs-?84"),
}
#: Columns of codes and ids, of any kind: their digits must not be lost.
CODE_COLUMNS: Final = frozenset(
    {
        "code",
        "id",
        "parent",
        "community_code",
        "township_code",
        "county_code",
        "division_code",
    }
)

Tiers = tuple[tuple[str, ...], ...]


def plain_header(header: str) -> str:
    """Return a header as it is compared: no case, width, space, bracket or unit.

    Examples
    --------
    >>> plain_header("床位数（张）"), plain_header(" Ｎａｍｅ "), plain_header("60岁（含）以上")
    ('床位数', 'name', '60岁含以上')
    >>> plain_header("常住人口(万人)"), plain_header("Township_Code")
    ('常住人口', 'townshipcode')
    """
    text = unicodedata.normalize("NFKC", str(header)).casefold()
    text = "".join(
        c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c in "\n\t "
    )
    text = text.replace("【", "[").replace("】", "]")
    # a header that stands twice in a table is told apart by this ending
    text = re.sub(r"_重复\d+$", "", re.sub(r"\s", "", text))
    text = _DROPPED.sub("", _NOTES.sub("", text))
    return text.removeprefix("其中") or text


def header_scale(header: str) -> float:
    """Return what a column's numbers are to be multiplied with: 常住人口（万人） → 10000.

    Examples
    --------
    >>> header_scale("常住人口（万人）"), header_scale("床位数（张）"), header_scale("人口")
    (10000.0, 1.0, 1.0)
    """
    text = unicodedata.normalize("NFKC", str(header))
    match = re.search(
        r"[(\[](?:单位:?)?(亿|千万|百万|万|千)(人|户|张|个|位)?[)\]]", text
    )
    return _SCALES[match[1]] if match else 1.0


def header_datum(header: str) -> str | None:
    """Return the datum that a header names (经度（高德）), None where it names none.

    Examples
    --------
    >>> header_datum("经度（高德）"), header_datum("lng_gcj02"), header_datum("经度")
    ('gcj02', 'gcj02', None)
    """
    text = unicodedata.normalize("NFKC", str(header)).casefold()
    return next((d for d, pattern in _DATUMS.items() if pattern.search(text)), None)


@cache
def _synonyms() -> dict[str, dict[str, Tiers]]:
    raw, _ = read_yaml(None, shipped="headers.yaml")
    return {
        kind: {
            name: tuple(tuple(plain_header(word) for word in tier) for tier in tiers)
            for name, tiers in columns.items()
        }
        for kind, columns in raw.items()
    }


@cache
def _all_words() -> frozenset[str]:
    kinds = _synonyms().values()
    return frozenset(
        word
        for columns in kinds
        for tiers in columns.values()
        for tier in tiers
        for word in tier
    )


@cache
def _code_words() -> frozenset[str]:
    return frozenset(
        word
        for columns in _synonyms().values()
        for name, tiers in columns.items()
        if name in CODE_COLUMNS
        for tier in tiers
        for word in tier
    ) - {"序号"}


def is_header(text: str) -> bool:
    """Return whether a cell reads like a header that some kind of layer knows."""
    return plain_header(text) in _all_words()


def is_code_header(text: str) -> bool:
    """Return whether a header names a code or id, whose digits must be kept.

    Examples
    --------
    >>> is_code_header("乡镇代码"), is_code_header("床位数")
    (True, False)
    """
    return plain_header(text) in _code_words()


def map_columns(
    headers: Iterable[str],
    kind: str,
    *,
    overrides: Mapping[str, str] | None = None,
    file: str | None = None,
) -> dict[str, str]:
    """Return which header holds which of our columns.

    Parameters
    ----------
    headers : iterable of str
        The headers of the file, in order.
    kind : str
        One of :data:`KINDS`.
    overrides : mapping of str to str, optional
        Our column → the user's header; they win. An empty text says that the file has
        no such column.
    file : str, optional
        Name for messages.

    Returns
    -------
    dict of str to str
        Our column → header, only for what was found.

    Raises
    ------
    ColumnMappingError
        If two headers could be the same column, or an override names a column that
        is not there.

    Examples
    --------
    >>> map_columns(["lng", "纬度", "机构名称", "床位数（张）"], "facility")
    {'name': '机构名称', 'lon': 'lng', 'lat': '纬度', 'beds': '床位数（张）'}
    >>> map_columns(["经度", "东经"], "facility")
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.ColumnMappingError: 列“东经”：无法确定哪一列是 lon：“经度”“东经”都可能...
    """
    present = list(headers)
    found = _overridden(present, overrides or {}, kind=kind, file=file)
    taken = {header for header in found.values() if header}
    free = [(header, plain_header(header)) for header in present if header not in taken]
    for name, tiers in _synonyms()[kind].items():
        if name in found:
            continue
        for tier in tiers:
            matches = [header for header, plain in free if plain in tier]
            if len(matches) > 1:
                raise ColumnMappingError(
                    f"无法确定哪一列是 {name}："
                    + "".join(f"“{m}”" for m in matches)
                    + "都可能",
                    file=file,
                    column=matches[1],
                    hint=f'请在 study.toml 写明 columns = {{{name} = "{matches[0]}"}}',
                )
            if matches:
                found[name] = matches[0]
                break
    _complete_cut_headers(found, free, kind=kind)
    _parent_from_codes(found, free, kind=kind)
    return {name: header for name, header in found.items() if header}


def _overridden(
    present: list[str], overrides: Mapping[str, str], *, kind: str, file: str | None
) -> dict[str, str]:
    known = _synonyms()[kind]
    found: dict[str, str] = {}
    for name, wanted in overrides.items():
        if name not in known:
            raise ColumnMappingError(
                f"columns 里的“{name}”不是可用的列名",
                file=file,
                hint="可用的有：" + "、".join(known),
            )
        if wanted == "":
            found[name] = ""
            continue
        match = [h for h in present if h == wanted] or [
            h for h in present if plain_header(h) == plain_header(wanted)
        ]
        if not match:
            raise ColumnMappingError(
                f"没有指定的列“{wanted}”（{name}）",
                file=file,
                column=wanted,
                hint="文件里的列有：" + "、".join(present),
            )
        found[name] = match[0]
    return found


def _complete_cut_headers(
    found: dict[str, str], free: list[tuple[str, str]], *, kind: str
) -> None:
    """Take headers that a shapefile cut at 10 bytes (60岁以上人 for 60岁以上人口)."""
    taken = set(found.values())
    for header, plain in free:
        if header in taken or plain in _all_words():
            continue
        lengths = {len(header.encode(e)) for e in ("utf-8", "gb18030")}
        if not lengths & {8, 9, 10} or header.isascii():
            continue
        names = [
            name
            for name, tiers in _synonyms()[kind].items()
            if name not in found
            and any(w.startswith(plain) for tier in tiers for w in tier)
        ]
        if len(names) == 1:
            found[names[0]] = header


def _parent_from_codes(
    found: dict[str, str], free: list[tuple[str, str]], *, kind: str
) -> None:
    """Take the next coarser level's code as the parent (社区代码 beside 乡镇代码)."""
    if kind != "boundary" or "parent" in found or "code" not in found:
        return
    tiers = _synonyms()[kind]["code"]
    own = next((i for i, t in enumerate(tiers) if plain_header(found["code"]) in t), -1)
    if not 0 < own < len(tiers) - 2:
        return
    for tier in tiers[own + 1 : -1]:
        matches = [header for header, plain in free if plain in tier]
        if len(matches) == 1:
            found["parent"] = matches[0]
            return


def count_headers(cells: Iterable[object]) -> int:
    """Return how many cells of a row read like headers."""
    return sum(isinstance(cell, str) and is_header(cell) for cell in cells)
