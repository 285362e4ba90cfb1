"""Make a study of an OSM extract in a child."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from yikezhong_geodata.osm_study import Progress, import_osm
from yikezhong_geodata.sandbox.call import SandboxLimits, run_apart

_TASK: Final = "yikezhong_geodata.sandbox.importing:import_into"


def import_osm_apart(
    path: Path,
    out_dir: Path,
    *,
    township_level: int = 8,
    community_level: int = 10,
    boundaries: Sequence[tuple[Path, str]] = (),
    progress: Progress = None,
    limits: SandboxLimits | None = None,
) -> bool:
    """Write a study folder in a child process with bounds and without network.

    The arguments are those of :func:`~yikezhong_geodata.osm_study.import_osm`, and so
    are the files.

    Parameters
    ----------
    limits : SandboxLimits, optional
        What the child may take.

    Returns
    -------
    bool
        Whether the system let the child leave the network.

    Raises
    ------
    InputError
        If the extract cannot be used, or the child died of it.
    """
    payload = {
        "path": str(path.resolve()),
        "out_dir": str(out_dir.resolve()),
        "township_level": township_level,
        "community_level": community_level,
        "boundaries": [[str(file.resolve()), level] for file, level in boundaries],
    }
    with tempfile.TemporaryDirectory(prefix="yikezhong-") as name:
        return run_apart(
            _TASK,
            payload,
            folder=Path(name),
            limits=limits or SandboxLimits(),
            progress=progress,
        ).isolated


def import_into(
    payload: dict[str, Any], folder: Path, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Write the study; the child's part."""
    import_osm(
        Path(payload["path"]),
        Path(payload["out_dir"]),
        township_level=payload["township_level"],
        community_level=payload["community_level"],
        boundaries=[(Path(file), level) for file, level in payload["boundaries"]],
        progress=tell,
    )
    return {}
