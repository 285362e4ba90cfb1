"""The service and the command line: pipeline, snapshots, API, maps.

The public names are imported when they are first asked for: a process of a pool that
needs one module does not wait for all the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_app.service import create_app
    from yikezhong_app.settings import Settings
    from yikezhong_app.snapshots.snapshot import (
        Snapshot,
        open_current,
        write_snapshot,
    )

__all__ = [
    "Settings",
    "Snapshot",
    "create_app",
    "open_current",
    "run_study",
    "write_snapshot",
]

_HOMES: Final = {
    "Settings": "settings",
    "Snapshot": "snapshots.snapshot",
    "create_app": "service",
    "open_current": "snapshots.snapshot",
    "run_study": "runs.pipeline",
    "write_snapshot": "snapshots.snapshot",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
