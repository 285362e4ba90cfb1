"""What boundaries are served as tiles, and what their tiles are called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

#: A level with more divisions than this is served as tiles.
MOST_PLAIN: Final = 3000
#: Folder of the tiles in a result folder.
FOLDER: Final = "tiles"
#: Counts up when tiles are made in another way.
_FORMAT: Final = 1


@dataclass(frozen=True)
class Step:
    """Zooms drawn with the same details."""

    zooms: tuple[int, int]
    tolerance_m: float


#: From the finest, so that each is simplified from the one before.
STEPS: Final = (Step((12, 13), 5.0), Step((11, 11), 20.0), Step((9, 10), 50.0))
MIN_ZOOM: Final = min(step.zooms[0] for step in STEPS)
MAX_ZOOM: Final = max(step.zooms[1] for step in STEPS)


def tiled_levels(divisions: gpd.GeoDataFrame) -> list[str]:
    """Return the levels of a table of divisions that are served as tiles."""
    counts = divisions["level"].value_counts()
    return [str(level) for level, n in counts.items() if n > MOST_PLAIN]


def tiles_key(divisions: gpd.GeoDataFrame) -> str:
    """Return the name of the boundaries: a hash of all that the tiles are made of."""
    chosen = tiled(divisions)
    digest = hashlib.sha256(f"{_FORMAT} {STEPS}".encode())
    for name in ("level", "code", "name"):
        digest.update("\n".join(chosen[name].astype(str)).encode())
    for shape in shapely.to_wkb(np.asarray(chosen.geometry.array, dtype=object)):
        digest.update(shape or b"-")
    return digest.hexdigest()[:20]


def tiles_path(out_dir: Path, key: str) -> Path:
    """Return where the tiles of some boundaries lie in a result folder."""
    return out_dir / FOLDER / f"divisions-{key}.pmtiles"


def tiled(divisions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the divisions that are served as tiles."""
    return divisions[divisions["level"].isin(tiled_levels(divisions))]
