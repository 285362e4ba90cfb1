"""From degrees to the paper: projection, extent, and shapes as drawable paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from yikezhong_app.reading.shapes import Geometries

if TYPE_CHECKING:
    from matplotlib.path import Path
    from pyproj import Transformer

#: Share of the extent left free at each side.
_MARGIN: Final = 0.035
#: Least width of a map [m].
_LEAST_M: Final = 500.0


@dataclass(frozen=True, eq=False)
class Ground:
    """A local equal-area plane around the middle of what is shown, in metres.

    Parameters
    ----------
    to_plane : Transformer
    west, south, east, north : float
        Extent on the plane [m], already of the shape of the paper.
    """

    to_plane: Transformer
    west: float
    south: float
    east: float
    north: float

    @property
    def width_m(self) -> float:
        """Width of the extent [m]."""
        return self.east - self.west

    def flat(self, geometries: Geometries) -> Geometries:
        """Return geometries on the plane; None stays."""

        def move(xy: np.ndarray) -> np.ndarray:
            x, y = self.to_plane.transform(xy[:, 0], xy[:, 1])
            return np.column_stack([x, y])

        moved: Geometries = shapely.transform(geometries, move)
        return moved

    def inside(self, geometries: Geometries) -> np.ndarray:
        """Say which flat geometries meet the extent."""
        frame = shapely.box(self.west, self.south, self.east, self.north)
        found: np.ndarray = shapely.intersects(geometries, frame)
        return found


def lay_ground(geometries: Geometries, *, aspect: float) -> Ground:
    """Return the ground for geometries in degrees.

    Parameters
    ----------
    geometries : ndarray of object
        What must be inside.
    aspect : float
        Width of the paper over its height.
    """
    from pyproj import Transformer

    bounds = shapely.total_bounds(geometries)
    if not np.isfinite(bounds).all():
        bounds = np.array([113.0, 31.0, 114.0, 32.0])
    lon, lat = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    plane = f"+proj=laea +lat_0={lat:.6f} +lon_0={lon:.6f} +ellps=WGS84 +units=m"
    to_plane = Transformer.from_crs("EPSG:4326", plane, always_xy=True)
    rough = Ground(to_plane, -1.0, -1.0, 1.0, 1.0)
    west, south, east, north = shapely.total_bounds(rough.flat(geometries))
    if not np.isfinite([west, south, east, north]).all():
        west, south, east, north = -1e4, -1e4, 1e4, 1e4
    width = max((east - west) * (1 + 2 * _MARGIN), _LEAST_M)
    height = max((north - south) * (1 + 2 * _MARGIN), _LEAST_M)
    width, height = max(width, height * aspect), max(height, width / aspect)
    x, y = (west + east) / 2, (south + north) / 2
    return Ground(
        to_plane, x - width / 2, y - height / 2, x + width / 2, y + height / 2
    )


def polygon_path(geometry: shapely.Geometry | None) -> Path | None:
    """Return a polygon, with its holes, as one path; None where there is none.

    Examples
    --------
    >>> len(polygon_path(shapely.box(0, 0, 1, 1)).vertices)
    5
    >>> polygon_path(None) is None
    True
    """
    from matplotlib.path import Path

    polygons = shapely.get_parts(geometry) if geometry is not None else []
    rings = [
        np.asarray(ring.coords)[:, :2]
        for polygon in polygons
        if polygon.geom_type == "Polygon" and not polygon.is_empty
        for ring in (polygon.exterior, *polygon.interiors)
    ]
    if not rings:
        return None
    codes = [
        np.r_[Path.MOVETO, np.full(len(r) - 2, Path.LINETO), Path.CLOSEPOLY]
        for r in rings
    ]
    return Path(np.concatenate(rings), np.concatenate(codes).astype(np.uint8))


def round_length(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above ``most``.

    Examples
    --------
    >>> round_length(730), round_length(24)
    (500.0, 20.0)
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most))
