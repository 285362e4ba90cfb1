"""The service and the command line: pipeline, snapshots, API, maps."""

from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import Snapshot, open_current, write_snapshot

__all__ = [
    "Settings",
    "Snapshot",
    "create_app",
    "open_current",
    "run_study",
    "write_snapshot",
]
