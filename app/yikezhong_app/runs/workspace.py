"""The folder beside a result where the tasks of its runs keep what they have made.

Layout::

    OUT/.work/
        .lock          held while a run works here
        run-<random>/  inputs of the tasks of a run under way
        parts/         results of parts, by what decides them
        tables/        tables of services, by what decides them
        layers/        layers of the study as they were read, by what decides them

Everything in it can be deleted at any time between runs.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WORK: Final = ".work"


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
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / ".lock").open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                folder = None
        if folder is None:
            name = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="yikezhong-", dir=out_dir)
            )
            folder = Path(name)
        for left in (*folder.glob("run-*"), *folder.glob("tables/.new-*")):
            shutil.rmtree(left, ignore_errors=True)
        for left in folder.glob("parts/*/.new-*"):
            left.unlink(missing_ok=True)
        yield Workspace(folder)
