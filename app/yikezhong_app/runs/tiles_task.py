"""The task that builds the boundary tiles of a study with very many divisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yikezhong_app.runs.opened import opened_run
from yikezhong_app.tiles.building import build_division_tiles


def build_tiles(payload: dict[str, Any], tell: Any) -> dict[str, Any]:
    """Build the tiles beside the results, unless they are there.

    Parameters
    ----------
    payload : dict
        ``run`` and ``out`` (result folder).
    tell : callable
        Takes a step and the share that is done.
    """
    tell("边界切片", 0.0)
    path = build_division_tiles(opened_run(payload).divisions, Path(payload["out"]))
    return {"tiles": None if path is None else path.name}
