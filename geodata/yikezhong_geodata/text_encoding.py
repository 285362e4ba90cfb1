"""Judge how text without a label is encoded: UTF-8, GB18030 or Western European."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Final

_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")
#: Of the bytes above ASCII, at least so many must stand in pairs to be Chinese.
_PAIRED: Final = 0.8
_ASCII: Final = bytes(range(32, 127))


def codec_of(name: str) -> str | None:
    r"""Return Python's name of an encoding of text; None where it is none.

    Python also calls ``hex``, ``zlib`` or ``unicode_escape`` encodings: what does not
    read plain ASCII as it stands (but for UTF-16) is none here.

    Examples
    --------
    >>> codec_of("GBK"), codec_of("utf-16"), codec_of("zlib"), codec_of("a\0b")
    ('gbk', 'utf-16', None, None)
    """
    try:
        found = codecs.lookup(name).name
        if found.startswith(("utf-16", "utf_16")):
            return found
        if "escape" in found or _ASCII.decode(found) != _ASCII.decode("ascii"):
            return None
    except (LookupError, ValueError):
        return None
    return found


def looks_chinese(values: Iterable[bytes]) -> bool:
    """Return whether bytes above ASCII stand in pairs, as in GB 2312.

    Western European text has them one by one between letters. GBK's rarer characters
    have a second byte below 0x80, so not all need be paired.

    Examples
    --------
    >>> looks_chinese(["淅河镇".encode("gbk")]), looks_chinese(["España".encode("latin-1")])
    (True, False)
    """
    paired = total = 0
    for value in values:
        for run in _HIGH_RUN.findall(value):
            total += len(run)
            paired += len(run) // 2 * 2 if len(run) > 1 else 0
    return total > 0 and paired >= _PAIRED * total


def decode_cut(value: bytes, encoding: str) -> tuple[str, bool | None]:
    r"""Return text, and whether its last character was cut (None: it does not fit).

    Examples
    --------
    >>> decode_cut("乡镇".encode()[:5], "utf-8")
    ('乡', True)
    >>> decode_cut(b"\xff\xffab", "utf-8")[1] is None
    True
    """
    try:
        return value.decode(encoding), False
    except UnicodeDecodeError as error:
        ends = "end of data" in error.reason or "incomplete multibyte" in error.reason
        if ends and error.start > 0:
            return value[: error.start].decode(encoding), True
        return value.decode(encoding, errors="replace"), None


def fits(values: Iterable[bytes], encoding: str) -> bool:
    """Return whether every text fits, but for a character cut at its end."""
    return all(
        decode_cut(v, encoding)[1] is not None for v in values if not v.isascii()
    )


def judge_encoding(values: Iterable[bytes]) -> str:
    """Return ``utf-8``, ``gb18030`` or ``cp1252``, whichever fits.

    Examples
    --------
    >>> [judge_encoding(["随州".encode(e)]) for e in ("utf-8", "gbk")]
    ['utf-8', 'gb18030']
    >>> judge_encoding(["Schaan, Rüttistraße".encode("cp1252")])
    'cp1252'
    """
    some = list(values)
    if fits(some, "utf-8"):
        return "utf-8"
    if looks_chinese(some) and fits(some, "gb18030"):
        return "gb18030"
    return "cp1252" if fits(some, "cp1252") else "gb18030"
