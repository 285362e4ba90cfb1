"""The typeface of maps: one with Chinese characters, found or named.

Matplotlib's own fonts have none, and would draw boxes. So one is looked for among the
installed fonts, the simplified-Chinese forms first, or taken from a file that is
named; without any there is an error that says how to get one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yikezhong_app.exports.export_errors import FontMissingError

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

#: Families with simplified-Chinese forms, the preferred first.
FAMILIES: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Serif CJK SC",
    "SimSun",
    "Droid Sans Fallback",
    # with Japanese or other forms: readable, better than none
    "Noto Sans CJK JP",
)
HINT: Final = (
    "地图图片需要中文字体：Debian/Ubuntu 可用 apt-get install fonts-noto-cjk，"
    "或用 YIKEZHONG_FONT（命令行 --font）指定一个字体文件"
)
_NEEDED: Final = "图例覆盖率人"


@dataclass(frozen=True)
class Typeface:
    """A family and the characters it has.

    Parameters
    ----------
    family : str
    characters : frozenset of int
        Code points.
    """

    family: str
    characters: frozenset[int]

    def font(self, size_pt: float, *, bold: bool = False) -> FontProperties:
        """Return the font of a size [points]."""
        from matplotlib.font_manager import FontProperties

        weight = "bold" if bold else "normal"
        return FontProperties(family=[self.family], size=size_pt, weight=weight)

    def drawable(self, text: str) -> str:
        r"""Return text with what this typeface lacks shown as □, on one line.

        Examples
        --------
        >>> Typeface("x", frozenset(map(ord, "ab □"))).drawable("a\tb字")
        'a b□'
        """
        flat = "".join(
            " " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c
            for c in text
        )
        return "".join(c if ord(c) in self.characters else "□" for c in flat)


def find_typeface(file: Path | None = None) -> Typeface:
    """Return a typeface with Chinese characters.

    Parameters
    ----------
    file : Path or None
        Font file to use; None: the best of those installed.

    Raises
    ------
    FontMissingError
        If there is none, or the file is not one.
    """
    from matplotlib import font_manager

    if file is not None:
        try:
            font_manager.fontManager.addfont(str(file))
            family = font_manager.get_font(str(file)).family_name
        except (OSError, RuntimeError) as error:
            raise FontMissingError(
                "字体文件无法使用", file=file.name, hint=HINT
            ) from error
        wanted: tuple[str, ...] = (family,)
    else:
        installed = {entry.name for entry in font_manager.fontManager.ttflist}
        wanted = tuple(family for family in FAMILIES if family in installed)
    for family in wanted:
        characters = _characters(family)
        if characters.issuperset(map(ord, _NEEDED)):
            return Typeface(family, characters)
    name = None if file is None else file.name
    raise FontMissingError("没有可用的中文字体", file=name, hint=HINT)


def _characters(family: str) -> frozenset[int]:
    from matplotlib import font_manager

    properties = font_manager.FontProperties(family=[family])
    try:
        path = font_manager.findfont(properties, fallback_to_default=False)
    except ValueError:
        return frozenset()
    return frozenset(font_manager.get_font(path).get_charmap())
