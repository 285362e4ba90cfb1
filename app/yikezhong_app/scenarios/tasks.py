"""What the processes of the pool run: scenarios, and two walking speeds compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yikezhong_app.progress import ProgressCall
from yikezhong_app.scenarios.reading import parse_scenario
from yikezhong_app.scenarios.running import run_kept_scenario
from yikezhong_app.scenarios.speeds import SpeedRequest, compare_speeds
from yikezhong_app.snapshots.snapshot import open_version


def run_scenario(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Compute and keep a scenario; ``payload`` holds out, version and request."""
    scenario = parse_scenario(payload["request"])
    return run_kept_scenario(
        Path(payload["out"]), payload["version"], scenario, progress=progress
    )


def run_speeds(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Compare two walking speeds; ``payload`` as for a scenario."""
    snapshot = open_version(Path(payload["out"]), payload["version"])
    request = SpeedRequest.model_validate(payload["request"])
    return compare_speeds(snapshot, request, progress=progress)
