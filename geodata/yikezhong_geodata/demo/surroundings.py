"""What lies on, around and across a piece of schematic land: hills, main roads.

The prefecture of the demonstration stands alone; a county of the province has
neighbours, to which roads go on through the gates in its border.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yikezhong_geodata.demo.terrain import FloatArray, Hill


@dataclass(frozen=True)
class Through:
    """A main road: name, class, and what it passes, parted by spaces.

    A stop is the 9-digit code of a township or ``gate:`` and the number of a gate.
    """

    name: str
    highway: str
    stops: str


@dataclass(frozen=True)
class Expressway:
    """An expressway: the points (lon, lat) it passes, townships with interchanges."""

    name: str
    ref: str
    points: tuple[tuple[float, float], ...]
    exits: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Carriageways:
    """A stretch of expressway in the plane [m], both directions, each as driven."""

    name: str
    ref: str
    forth: FloatArray
    back: FloatArray
    exits: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a piece of land takes from its surroundings.

    Parameters
    ----------
    hills : tuple of Hill
    through : tuple of Through
        Main roads.
    expressways : tuple of Expressway
        Drawn inside the land.
    carriageways : tuple of Carriageways
        Drawn already, ending where the neighbours' begin.
    gates : ndarray of float64, shape (n_gate, 2)
        Points on the border [m] where roads go on in the neighbour's land.
    n_path : int
        Mountain paths that touch no other road.
    hamlets : int
        Most hamlets of a community.
    """

    hills: tuple[Hill, ...]
    through: tuple[Through, ...] = ()
    expressways: tuple[Expressway, ...] = ()
    carriageways: tuple[Carriageways, ...] = ()
    gates: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    n_path: int = 5
    hamlets: int = 6
