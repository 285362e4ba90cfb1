"""A service that serves what is published: its folder follows the database."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from yikezhong_app.progress import ProgressCall
from yikezhong_app.publishing.copies import fetch_current, published_version
from yikezhong_app.snapshots.opening import Snapshot, open_current
from yikezhong_app.snapshots.snapshot import SnapshotBusyError, SnapshotCorruptError
from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.databases.connecting import (
    DatabaseUnreachableError,
    place_of,
)

LOG = logging.getLogger("yikezhong.database")


class DatabaseFollower:
    """Makes the current version of a database that of a folder, again and again.

    Asking is cheap and rare; a new version is fetched beside the requests, unless
    there is none to serve yet.

    Parameters
    ----------
    address : str
        Of the database.
    schema : str
        Schema of the views.
    out_dir : Path
        Folder for the copies.
    look_s : float
        Shortest time between two looks [s].
    retry_s : float
        Time after a failure before the next look [s].
    """

    def __init__(
        self,
        address: str,
        schema: str,
        out_dir: Path,
        *,
        look_s: float = 5.0,
        retry_s: float = 30.0,
    ) -> None:
        self._place = place_of(address)
        self._schema, self._out_dir = schema, out_dir
        self._look_s, self._retry_s = look_s, retry_s
        self._next = float("-inf")
        self._problem: SourceError | None = None
        # what was looked at last, and what of it cannot be served
        self._found: tuple[str, str] | None = None
        self._refused: tuple[str, str] | None = None
        self._thread: threading.Thread | None = None

    def begin(self, progress: ProgressCall) -> Snapshot:
        """Fetch what is current, before anything is served.

        Where the server cannot be reached an earlier copy is returned.

        Raises
        ------
        PlannerError
            If there is no version to serve.
        """
        try:
            return fetch_current(
                self._place, self._schema, self._out_dir, progress=progress
            )
        except DatabaseUnreachableError as error:
            try:
                snapshot = open_current(self._out_dir)
            except SourceError:
                raise error from None
            LOG.error("serving the last copy: %s", error)
            return snapshot

    def follow(self, *, at_once: bool) -> None:
        """Look for a new version if it is time to.

        Parameters
        ----------
        at_once : bool
            Fetch it before returning; else it is fetched in a thread, and taken from
            the folder later.

        Raises
        ------
        SourceError
            If the last look, or the last fetching, failed.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._look_s
            try:
                self._look(at_once=at_once)
            except SourceError as error:
                self._fail(error)
        if self._problem is not None:
            raise self._problem.with_traceback(None)

    def wait(self) -> None:
        """Wait for what is being fetched."""
        if self._thread is not None:
            self._thread.join()

    def _look(self, *, at_once: bool) -> None:
        """Have fetched what is current in the database, if it is not here."""
        self._found = published_version(self._place, self._schema)
        if self._found == self._refused:
            return  # it would be refused again; the reason stands
        self._problem = None
        if self._found[0] != self._own_version():
            self._start(at_once=at_once)

    def _own_version(self) -> str | None:
        try:
            return open_current(self._out_dir).version
        except SourceError:
            return None

    def _start(self, *, at_once: bool) -> None:
        if at_once:
            self._fetch()
            return
        self._thread = threading.Thread(target=self._fetch, daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        try:
            snapshot = fetch_current(
                self._place, self._schema, self._out_dir, progress=lambda *_: None
            )
            LOG.info("fetched version %s", snapshot.version)
        except SnapshotBusyError:
            LOG.info("another process is fetching into the same folder")
        except SnapshotCorruptError as error:
            self._refused = self._found
            self._fail(error)
        except SourceError as error:
            self._fail(error)
        except OSError as error:
            self._fail(SourceError(f"副本写不进磁盘（{error.strerror}）"))

    def _fail(self, error: SourceError) -> None:
        LOG.error("cannot follow the database: %s", error)
        self._problem = error
        self._next = time.monotonic() + self._retry_s
