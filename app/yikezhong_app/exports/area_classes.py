"""How areas are filled and told in the legend: by rate, or by an indicator's verdict.

The same colours as on the map page (``static/js/classes.js``, ``verdicts.js``).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from yikezhong_app.exports.rate_classes import (
    BREAKS,
    COLOURS,
    NO_DATA,
    class_of,
    class_words,
)
from yikezhong_app.exports.view import MapData
from yikezhong_app.plan_words import STATUS_NAMES

#: Verdict → fill; None is striped, as what is not known.
_VERDICT_FILLS: Final = MappingProxyType(
    {
        "met": "#2b75a3",
        "not_met": "#f2a154",
        "unknown": None,
        "not_applicable": "#dcdedb",
        "no_target": "#c3d0da",
    }
)


@dataclass(frozen=True)
class AreaClass:
    """Areas of one fill.

    Parameters
    ----------
    words : str
        For the legend.
    colour : str or None
        None: striped.
    codes : tuple of str
        Divisions of the class.
    """

    words: str
    colour: str | None
    codes: tuple[str, ...]


def classes_of(data: MapData) -> list[AreaClass]:
    """Return the classes of a map in the order of its legend, empty ones too."""
    if data.verdicts is not None:
        status = {
            code: data.verdicts[code]["status"]
            if code in data.verdicts
            else "not_applicable"
            for code in data.rates
        }
        return [
            AreaClass(
                STATUS_NAMES[verdict],
                fill,
                tuple(code for code, own in status.items() if own == verdict),
            )
            for verdict, fill in _VERDICT_FILLS.items()
        ]
    number = {code: class_of(row["rate"]) for code, row in data.rates.items()}
    return [
        AreaClass(
            class_words(index),
            None if index == NO_DATA else COLOURS[index],
            tuple(code for code, own in number.items() if own == index),
        )
        for index in (*range(len(BREAKS)), NO_DATA)
    ]
