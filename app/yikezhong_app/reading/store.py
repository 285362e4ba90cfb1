"""Which version is served: the current one, looked for again when the pointer moves."""

from __future__ import annotations

import gc
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.reading.table_reader import DEFAULT_TABLE_BYTES
from yikezhong_app.snapshots.snapshot import CURRENT, SnapshotMissingError, open_current
from yikezhong_coverage.errors import SourceError

LOG = logging.getLogger("yikezhong.store")

#: Modification time, size and inode of the pointer: an atomic replace changes them.
_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class StoreState:
    """What the store serves, and why the newest version is not served, if so."""

    catalog: Catalog | None
    problem: SourceError | None


class Follower(Protocol):
    """What keeps a result folder up to date with a source elsewhere."""

    def follow(self, *, at_once: bool) -> None:
        """Look for a new version there; raise SourceError where that failed."""


class SnapshotStore:
    """Gives the current catalog; cheap to ask for at every request.

    A version that cannot be read never replaces one that can: the old one goes on
    being served and the reason is logged and shown by ``/readyz``.

    Parameters
    ----------
    out_dir : Path
        Result folder.
    reload_seconds : float
        Shortest time between two looks at the pointer [s].
    table_bytes : int
        Bound on what is kept of large tables [bytes].
    follower : Follower, optional
        Brings the folder up to date before each look.
    """

    def __init__(
        self,
        out_dir: Path,
        *,
        reload_seconds: float,
        table_bytes: int = DEFAULT_TABLE_BYTES,
        follower: Follower | None = None,
    ) -> None:
        self._table_bytes = table_bytes
        self._out_dir = out_dir
        self._reload_seconds = reload_seconds
        self._lock = threading.Lock()
        self._state = StoreState(None, None)
        self._stamp: _Stamp | None = None
        self._looked = float("-inf")
        self._follower = follower
        self._own_problem: SourceError | None = None

    @property
    def state(self) -> StoreState:
        """What is served now, without looking for a new version."""
        return self._state

    def current(self) -> Catalog:
        """Return the catalog of the current version.

        Raises
        ------
        SnapshotMissingError, SnapshotCorruptError
            If there is no version that can be served.
        """
        state = self.look()
        if state.catalog is not None:
            return state.catalog
        if state.problem is not None:
            # the same error is raised again and again: its old frames are let go
            raise state.problem.with_traceback(None)
        raise SnapshotMissingError("还没有可用的成果", hint="请先运行 yikezhong run")

    def at_hand(self) -> Catalog | None:
        """Return the current catalog if nothing has to be read for it, else None."""
        fresh = time.monotonic() - self._looked < self._reload_seconds
        return self._state.catalog if fresh else None

    def look(self) -> StoreState:
        """Return what is served, after loading a new version if there is one."""
        if time.monotonic() - self._looked < self._reload_seconds:
            return self._state
        # while one thread loads a new version the others go on with the old one
        if self._lock.acquire(blocking=self._state.catalog is None):
            try:
                self._reload()
            finally:
                self._lock.release()
        return self._state

    def _reload(self) -> None:
        if time.monotonic() - self._looked < self._reload_seconds:
            return
        problem = self._follow()
        stamp = _stamp(self._out_dir / CURRENT)
        if stamp is None or stamp != self._stamp:
            old = self._state.catalog
            try:
                snapshot = open_current(self._out_dir)
                if old is None or old.version != snapshot.version:
                    old = load_catalog(snapshot, table_bytes=self._table_bytes)
                    LOG.info("serving version %s", old.version)
                    # what was set aside for the version before may go with it
                    gc.unfreeze()
                self._state = StoreState(old, None)
            except SourceError as error:
                if old is not None or stamp is not None:
                    LOG.error("cannot serve the current version: %s", error)
                self._state = StoreState(old, error)
            self._stamp = stamp
            self._own_problem = self._state.problem
        self._state = StoreState(self._state.catalog, problem or self._own_problem)
        self._looked = time.monotonic()

    def _follow(self) -> SourceError | None:
        """Bring the folder up to date with its database; return why that failed."""
        if self._follower is None:
            return None
        try:
            self._follower.follow(at_once=self._state.catalog is None)
        except SourceError as error:
            return error
        return None


def _stamp(path: Path) -> _Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
