"""Invented names and codes: they belong to no place.

Codes begin with 99, which no province has. Prefectures are called after the heavenly
stems and earthly branches, counties after their prefecture; townships and communities
are two of the commonest syllables of place names.
"""

from __future__ import annotations

from typing import Final

import numpy as np

PROVINCE_CODE: Final = "990000000000"
PROVINCE_NAME: Final = "示意省"
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
_COUNTIES: Final = "城东南安宁和平昌泰兴康丰永新嘉德顺清"
_FIRST: Final = "石柳桃梅松竹杨槐枫桂青白红黄金银玉清龙凤马牛双三大小新老东西高长"
_SECOND: Final = "桥河店岗湾畈冲坪坝岭沟塘港铺集垭坡溪泉林庙寨"
_STREETS: Final = (
    "城关",
    "东城",
    "西城",
    "南城",
    "北城",
    "新城",
    "河滨",
    "站前",
    "学府",
)
_UNITS: Final = ("经济开发区", "林场", "风景区", "原种场")
#: Counties of a prefecture that are 区, the rest are 县 and, the last ones, 市.
_N_DISTRICT: Final = 2


def prefecture_code(number: int) -> str:
    """Return the code of a prefecture, counted from 0."""
    return f"99{number + 1:02d}00000000"


def prefecture_name(number: int) -> str:
    """Return the name of a prefecture, counted from 0.

    Examples
    --------
    >>> prefecture_code(0), prefecture_name(0)
    ('990100000000', '甲州市')
    """
    return f"{_STEMS[number % len(_STEMS)]}州市"


def county_code_and_name(
    prefecture: int, number: int, n_county: int
) -> tuple[str, str]:
    """Return code and name of a county, counted from 0 inside its prefecture.

    Examples
    --------
    >>> county_code_and_name(0, 0, 8), county_code_and_name(0, 7, 8)
    (('990102000000', '甲城区'), ('990182000000', '甲昌市'))
    """
    n_city = n_county // 4
    if number < min(_N_DISTRICT, n_county):
        at, ending = 2 + number, "区"
    elif number < n_county - n_city:
        at, ending = 21 + number - _N_DISTRICT, "县"
    else:
        at, ending = 81 + number - (n_county - n_city), "市"
    name = _STEMS[prefecture % len(_STEMS)] + _COUNTIES[number % len(_COUNTIES)]
    return f"99{prefecture + 1:02d}{at:02d}000000", name + ending


def plain_names(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different names of two syllables."""
    order = rng.permutation(len(_FIRST) * len(_SECOND))[:n].tolist()
    return [_FIRST[i // len(_SECOND)] + _SECOND[i % len(_SECOND)] for i in order]


def street_name(number: int) -> str:
    """Return the name of a 街道, counted from 0 inside its county."""
    return f"{_STREETS[number % len(_STREETS)]}街道"


def unit_name(name: str, rng: np.random.Generator) -> str:
    """Return the name of a 乡级单位 from a plain name."""
    return name + _UNITS[int(rng.integers(len(_UNITS)))]
