"""What lies so deep inside a circle that nothing of its outline comes from it.

One reached node is taken for each cell of the raster that has any. Of a cell around
which all points of the raster are covered by these, as far as a road in it can cover
any and one point more, every other road may be left out: whatever it covers is covered,
and no outline passes there. The outline is the same to the last bit.
"""

from __future__ import annotations

import math

import numpy as np

from yikezhong_coverage.lattice import step_lat, step_lon
from yikezhong_coverage.outlines import LocalPlane, in_units, lay_raster
from yikezhong_coverage.reached import Depth, no_depth
from yikezhong_coverage.records import FloatArray, IntArray
from yikezhong_coverage.stamping import Sheet, cover_raster, make_sheet


def find_depth(
    places: FloatArray, *, plane: LocalPlane, buffer_m: float, cell_m: float
) -> Depth:
    """Return the cells of the raster that lie deep inside.

    Parameters
    ----------
    places : ndarray of float64, shape (n, 4)
        Some reached places, as segments without length [degrees].
    plane : LocalPlane
    buffer_m, cell_m : float
        Of the circle, see :func:`yikezhong_coverage.outlines.draw_outline`.
    """
    if not len(places):
        return no_depth()
    segments = in_units(places, plane)
    raster = lay_raster(segments, plane, buffer_m=buffer_m, cell_m=cell_m)
    if raster.step_y != step_lat(cell_m) or raster.step_x != step_lon(
        cell_m, plane.lat
    ):
        return no_depth()  # the circle's raster will be coarser
    sheet: Sheet = make_sheet((raster.n_x + 2) * (raster.n_y + 2))
    cover = cover_raster(segments, np.arange(len(places)), buffer_m, raster, sheet)
    free = cover.inside[1:-1, 1:-1] == 0
    before: IntArray = np.zeros((raster.n_y + 1, raster.n_x + 1), dtype=np.int64)
    np.cumsum(np.cumsum(free, axis=0), axis=1, out=before[1:, 1:])
    wide = math.ceil(buffer_m / segments.east[0] / raster.step_x) + 1
    high = math.ceil(buffer_m / segments.north[0] / raster.step_y) + 1
    across, along = 2 * wide + 2, 2 * high + 2  # points around a cell and its own
    if raster.n_x < across or raster.n_y < along:
        return no_depth()
    count = (
        before[along:, across:]
        - before[:-along, across:]
        - before[along:, :-across]
        + before[:-along, :-across]
    )
    return Depth(count == 0, raster.column + wide, raster.row + high)
