"""Division codes: always text, in one of two systems.

``cn12`` is the Chinese statistical division code of 12 digits: 1–2 province, 3–4
prefecture, 5–6 county, 7–9 township, 10–12 community (National Bureau of Statistics,
《统计用区划代码和城乡划分代码编制规则》). Any level may be absent: some prefectures have
no counties, some counties hang under the province. So the level of a code is its last
part that is not zero, and its parent the nearest ancestor that is there.

``free`` is any unique text of ``[A-Za-z0-9_-]{1,32}``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from yikezhong_geodata.file_errors import BadCodeError, DuplicateKeyError
from yikezhong_geodata.numbers import clean_text, is_missing

CODE_SYSTEMS: Final = ("cn12", "free")

#: Digits that a code of each level fills.
DIGITS: Final = {
    "province": 2,
    "prefecture": 4,
    "county": 6,
    "township": 9,
    "community": 12,
}
_FREE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_FLOAT: Final = re.compile(r"(\d+)\.0+")


@dataclass(frozen=True)
class CheckedCodes:
    """Codes of a column after checking, in the order they came.

    Parameters
    ----------
    code : tuple of str or None
        The code in full; None where there is none that can be used.
    problem : tuple of str or None
        ``code_missing``, ``code_malformed`` (code None), ``code_repaired`` (it was
        stored as ``421303001.0`` or with spaces); None where all is well. A shorter
        code that was only widened is well.
    """

    code: tuple[str | None, ...]
    problem: tuple[str | None, ...]


def widen_code(text: str) -> str:
    """Return the 12-digit form of a code of 2, 4, 6, 9 or 12 digits.

    Raises
    ------
    BadCodeError
        If it has another length, other characters, or begins with zero.

    Examples
    --------
    >>> widen_code("421303"), widen_code("421303001")
    ('421303000000', '421303001000')
    >>> widen_code("33010")
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.BadCodeError: 区划代码“33010”不是 2、4、6、9 或 12 位数字...
    """
    if not re.fullmatch(r"[1-9][0-9]*", text) or len(text) not in DIGITS.values():
        raise BadCodeError(
            f"区划代码“{text}”不是 2、4、6、9 或 12 位数字",
            hint="请检查是否丢失前导零或末位，代码列应设为文本",
        )
    return text.ljust(12, "0")


def level_of(code: str) -> str:
    """Return the level of a 12-digit code: its last part that is not zero.

    Examples
    --------
    >>> [level_of(c) for c in ("420000000000", "421303000000", "441900003000")]
    ['province', 'county', 'township']
    >>> level_of("421303001201")
    'community'
    """
    if code[9:12] != "000":
        return "community"
    if code[6:9] != "000":
        return "township"
    if code[4:6] != "00":
        return "county"
    return "prefecture" if code[2:4] != "00" else "province"


def kind_of(code: str) -> str | None:
    """Return the kind of a 12-digit township or community code, None above.

    See :data:`yikezhong_geodata.columns.KINDS`.

    Examples
    --------
    >>> [kind_of(c) for c in ("421303001000", "421303100000", "421303400000")]
    ['subdistrict', 'town', 'township_unit']
    >>> kind_of("421303001001"), kind_of("421303001201"), kind_of("421303000000")
    ('urban_community', 'village', None)
    """
    level = level_of(code)
    if level == "community":
        number = int(code[9:12])
        if number < 200:
            return "urban_community"
        return "village" if number < 400 else "community_unit"
    if level == "township":
        number = int(code[6:9])
        if number < 100:
            return "subdistrict"
        if number < 200:
            return "town"
        return "rural_township" if number < 400 else "township_unit"
    return None


def ancestors_of(code: str) -> tuple[str, ...]:
    """Return the codes above a 12-digit code, nearest first.

    Levels whose part is zero (no county in a prefecture) are left out.

    Examples
    --------
    >>> ancestors_of("421303001201")
    ('421303001000', '421303000000', '421300000000', '420000000000')
    >>> ancestors_of("441900003000")
    ('441900000000', '440000000000')
    """
    found = []
    for digits in sorted(DIGITS.values(), reverse=True):
        above = code[:digits].ljust(12, "0")
        if above != code and above not in found:
            found.append(above)
    return tuple(found)


def parent_of(code: str, present: Container[str]) -> str | None:
    """Return the nearest ancestor of a 12-digit code that is present.

    Examples
    --------
    >>> parent_of("429004001000", {"420000000000", "429004000000"})
    '429004000000'
    >>> parent_of("429004000000", {"420000000000"}), parent_of("420000000000", set())
    ('420000000000', None)
    """
    return next((above for above in ancestors_of(code) if above in present), None)


def area_code(code: str, level: str) -> str | None:
    """Return the code at ``level`` that holds a 12-digit code; None where it has none.

    Examples
    --------
    >>> area_code("421303001201", "township"), area_code("441900003000", "county")
    ('421303001000', None)
    """
    if level_of(code) == level:
        return code
    return next((a for a in ancestors_of(code) if level_of(a) == level), None)


def clean_code(text: object, *, code_system: str) -> tuple[str | None, str | None]:
    """Return one code in full and its problem, as in :class:`CheckedCodes`.

    Examples
    --------
    >>> clean_code("421303001", code_system="cn12")
    ('421303001000', None)
    >>> clean_code(" 421303001.0 ", code_system="cn12")
    ('421303001000', 'code_repaired')
    >>> clean_code("33010", code_system="cn12"), clean_code("-", code_system="free")
    ((None, 'code_malformed'), (None, 'code_missing'))
    >>> clean_code("033010", code_system="free")
    ('033010', None)
    """
    plain = clean_text(text)
    if plain is None or is_missing(plain):
        return None, "code_missing"
    repaired = plain != str(text).strip()
    if code_system == "free":
        if not _FREE.fullmatch(plain):
            return None, "code_malformed"
        return plain, "code_repaired" if repaired else None
    plain = plain.lstrip("'").replace(" ", "")
    match = _FLOAT.fullmatch(plain)
    if match:
        plain = match[1]
    repaired = plain != str(text).strip()
    try:
        code = widen_code(plain)
    except BadCodeError:
        return None, "code_malformed"
    return code, "code_repaired" if repaired else None


def check_codes(texts: Iterable[object], *, code_system: str) -> CheckedCodes:
    """Return all codes of a column in full, with their problems.

    Examples
    --------
    >>> check_codes(["421303", None], code_system="cn12")
    CheckedCodes(code=('421303000000', None), problem=(None, 'code_missing'))
    """
    if code_system not in CODE_SYSTEMS:
        raise BadCodeError(
            f"代码体系“{code_system}”不存在", hint="请写 cn12（12 位区划代码）或 free"
        )
    pairs = [clean_code(text, code_system=code_system) for text in texts]
    return CheckedCodes(tuple(c for c, _ in pairs), tuple(p for _, p in pairs))


def refuse_duplicates(
    keys: Sequence[str | None],
    rows: Sequence[Hashable],
    *,
    file: str,
    column: str,
    layer: str | None = None,
) -> None:
    """Raise where a key stands in several rows; None is passed over.

    Raises
    ------
    DuplicateKeyError
        Naming the first such key and all its rows.

    Examples
    --------
    >>> refuse_duplicates(["a", "b", "a"], [2, 3, 4], file="x.csv", column="代码")
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.DuplicateKeyError: x.csv，第 4 行，列“代码”：“a”重复，见第 2、4 行...
    """
    seen: dict[str, list[Hashable]] = {}
    for key, row in zip(keys, rows, strict=True):
        if key is not None:
            seen.setdefault(key, []).append(row)
    double = {key: at for key, at in seen.items() if len(at) > 1}
    if not double:
        return
    key, at = next(iter(double.items()))
    more = f"；另有 {len(double) - 1} 个重复" if len(double) > 1 else ""
    raise DuplicateKeyError(
        f"“{key}”重复，见第 {'、'.join(str(row) for row in at)} 行{more}",
        file=file,
        layer=layer,
        row=int(str(at[1])),
        column=column,
        hint="请删除或改正其中之一",
    )
