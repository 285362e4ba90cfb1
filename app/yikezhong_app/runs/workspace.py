"""The folder beside a result where the tasks of its runs keep what they have made.

Layout::

    OUT/.work/
        .lock          held while a run works here
        run-<random>/  inputs of the tasks of a run under way
        parts/         results of parts, by what decides them
        tables/        tables of services, by what decides them
        layers/        layers of the study as they were read, by what decides them
    OUT/.work-<random>/  the same of a second run at the same time, for as long as it lasts

Everything in it can be deleted at any time between runs.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WORK: Final = ".work"
_LOCK: Final = ".lock"


@dataclass(frozen=True, eq=False)
class Workspace:
    """Where a run works.

    Parameters
    ----------
    folder : Path
    used : set of Path
        What this run has made or used again; the rest is removed once it is published.
    """

    folder: Path
    used: set[Path] = field(default_factory=set)

    @property
    def parts(self) -> Path:
        """Results of parts."""
        return self.folder / "parts"

    @property
    def tables(self) -> Path:
        """Tables of services."""
        return self.folder / "tables"

    @property
    def layers(self) -> Path:
        """Layers of the study."""
        return self.folder / "layers"

    def run_folder(self) -> Path:
        """Return a fresh folder for the inputs of tasks."""
        return self.folder / f"run-{secrets.token_hex(8)}"

    def remove_unused(self) -> None:
        """Remove what this run has not used."""
        for path in (*self.parts.glob("*/*"), *self.tables.glob("*")):
            if path in self.used:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def open_workspace(out_dir: Path | None) -> Iterator[Workspace]:
    """Give a run its workspace: the one beside a result, alone, or a temporary one.

    A second run at the same time works in a temporary folder of its own and keeps
    nothing.
    """
    with ExitStack() as stack:
        folder = None if out_dir is None else out_dir / WORK
        if out_dir is not None and folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if _lock(folder, stack):
                _remove_abandoned(out_dir)
            else:
                folder = None
        if folder is None:
            folder = _temporary(out_dir, stack)
        _remove_half_made(folder)
        try:
            yield Workspace(folder)
        finally:
            _remove_half_made(folder)  # an interrupt may come at any moment


def _remove_half_made(folder: Path) -> None:
    """Remove what tasks had begun and not finished."""
    for left in (*folder.glob("run-*"), *folder.glob("tables/.new-*")):
        shutil.rmtree(left, ignore_errors=True)
    for left in folder.glob("parts/*/.new-*"):
        left.unlink(missing_ok=True)


def _lock(folder: Path, stack: ExitStack) -> bool:
    """Hold the lock of a folder until the end; say whether nobody else does."""
    lock = stack.enter_context((folder / _LOCK).open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _temporary(out_dir: Path | None, stack: ExitStack) -> Path:
    """Return a folder that goes with the run, or with a later one if this is killed."""
    prefix = "yikezhong-" if out_dir is None else f"{WORK}-"
    while True:
        name = tempfile.TemporaryDirectory(
            prefix=prefix, dir=out_dir, ignore_cleanup_errors=True
        )
        folder = Path(stack.enter_context(name))
        if _lock(folder, stack) and (folder / _LOCK).exists():
            return folder


def _remove_abandoned(out_dir: Path) -> None:
    """Remove the temporary folders of runs that were killed."""
    for folder in out_dir.glob(f"{WORK}-*"):
        with ExitStack() as stack, suppress(FileNotFoundError):
            if _lock(folder, stack):
                shutil.rmtree(folder, ignore_errors=True)
