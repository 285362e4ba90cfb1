"""An update whose process died is finished or taken back, never left half done."""

from __future__ import annotations

from pathlib import Path

from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.study_versions import recover


def put_right(root: Path, out: Path) -> None:
    """Make the study's current version that of the current result.

    To be called within :func:`~yikezhong_geodata.study_versions.changing`.

    Parameters
    ----------
    root : Path
        Study folder with its versions.
    out : Path
        Result folder.
    """

    def is_published(key: str) -> bool:
        try:
            return open_current(out).manifest.get("run_key") == key
        except SourceError:
            return False

    recover(root, is_published=is_published)
