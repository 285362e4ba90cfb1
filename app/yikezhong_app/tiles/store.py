"""The boundary tiles of the version that is served, built where a run has not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.progress import ProgressCall
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.tiles.archive import TileArchive
from yikezhong_app.tiles.building import build_division_tiles
from yikezhong_app.tiles.keys import tiles_path
from yikezhong_app.web.request_errors import UnfinishedError

TILES: Final = "tiles"
#: What the pool runs.
TASKS: Final = {TILES: "yikezhong_app.tiles.store:run_tiles"}


class TileStore:
    """Gives the tiles of boundaries; those of the newest are kept open.

    Tiles that are not there are built in a process of their own, once; who asks waits
    for it.

    Parameters
    ----------
    out_dir : Path
        Result folder.
    limits : PoolLimits
    limit_s : float
        Longest time to build [s].
    """

    def __init__(self, out_dir: Path, *, limits: PoolLimits, limit_s: float) -> None:
        self._out_dir = out_dir
        self._limit_s = limit_s
        self._jobs = LazyPool(TASKS, folder=None, limits=limits)
        self._open: dict[str, TileArchive] = {}
        self._lock = threading.Lock()

    def archive(self, catalog: Catalog) -> TileArchive | None:
        """Return the tiles of a version; None where it needs none.

        Raises
        ------
        UnfinishedError
            If they could not be built.
        """
        key = catalog.tiles_key
        if key is None:
            return None
        found = self._open.get(key)
        if found is not None:
            return found
        with self._lock:
            if key not in self._open:
                path = tiles_path(self._out_dir, key)
                if not path.exists():
                    self._build(catalog, path)
                self._open.clear()
                self._open[key] = TileArchive(path)
            return self._open[key]

    def close(self) -> None:
        """End the process."""
        self._jobs.close()

    def _build(self, catalog: Catalog, path: Path) -> None:
        payload = {
            "out": str(self._out_dir.resolve()),
            "version": catalog.version,
        }
        pool = self._jobs()
        job = pool.submit(TILES, payload, payload=payload, limit_s=self._limit_s)
        pool.wait(job.id, timeout_s=2 * self._limit_s)
        if not path.exists():
            raise UnfinishedError(
                "边界瓦片没有生成",
                hint="请检查成果目录是否可写，或重新运行 yikezhong run",
            )


def run_tiles(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Build the tiles of a version; run by a process of the pool."""
    from yikezhong_app.snapshots.snapshot import open_version

    del progress
    out_dir = Path(payload["out"])
    snapshot = open_version(out_dir, payload["version"])
    path = build_division_tiles(snapshot.geo_table("divisions"), out_dir)
    return {"file": None if path is None else path.name}
