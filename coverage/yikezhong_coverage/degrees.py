"""Metres in a degree, on the ellipsoid of WGS 84."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from yikezhong_coverage.records import FloatArray

AXIS_M: Final = 6378137.0
"""Semi-major axis of WGS 84 [m]."""

ECCENTRICITY_2: Final = 0.0066943799901413165
"""First eccentricity squared of WGS 84."""


def metres_per_degree(lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return metres in a degree of longitude and of latitude."""
    phi = np.radians(lat)
    bend = 1.0 - ECCENTRICITY_2 * np.sin(phi) ** 2
    across = AXIS_M / np.sqrt(bend)
    east = np.radians(across * np.cos(phi))
    north = np.radians(across * (1.0 - ECCENTRICITY_2) / bend)
    return east, north


@njit(cache=True, nogil=True)
def east_m(lat: float) -> float:
    """Metres in a degree of longitude."""
    phi = math.radians(lat)
    bend = 1.0 - ECCENTRICITY_2 * math.sin(phi) ** 2
    return math.radians(AXIS_M / math.sqrt(bend) * math.cos(phi))


@njit(cache=True, nogil=True)
def north_m(lat: float) -> float:
    """Metres in a degree of latitude."""
    phi = math.radians(lat)
    bend = 1.0 - ECCENTRICITY_2 * math.sin(phi) ** 2
    return math.radians(AXIS_M * (1.0 - ECCENTRICITY_2) / bend**1.5)
