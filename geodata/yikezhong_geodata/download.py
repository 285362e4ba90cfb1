"""Download a study from OpenStreetMap with OSMnx.

This is the only part that goes to the internet, and only when asked. OSMnx keeps its
settings in a module; so that they never change in this process, OSMnx runs in a child
process (:mod:`yikezhong_geodata.download_worker`) with settings of its own, which also
can be stopped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from yikezhong_coverage.errors import InputError, SourceError
from yikezhong_geodata.spec import STUDY_FILE

Progress = Callable[[str, float], None] | None

WORKER: Final = "yikezhong_geodata.download_worker"
_HINT: Final = (
    "请检查网络与服务地址，稍后再试；封闭网络中请改用 import-osm 导入本地文件"
)


class PlaceNotFoundError(InputError):
    """The place is not known, or has no boundary."""

    http_status = 404


def download_study(
    place: str,
    out_dir: Path,
    *,
    overpass_url: str | None = None,
    nominatim_url: str | None = None,
    township_level: int = 8,
    community_level: int = 10,
    buildings: bool = True,
    progress: Progress = None,
) -> None:
    """Download roads, boundaries, facilities and dwellings of a place as a study.

    Parameters
    ----------
    place : str
        Name of a place with a boundary, as Nominatim knows it.
    out_dir : Path
        Folder to write; must not hold a study yet.
    overpass_url, nominatim_url : str, optional
        Services to ask instead of the public ones, e.g. ``http://host/api``.
    township_level, community_level : int
        ``admin_level=`` of townships and communities.
    buildings : bool
        Whether to download buildings, as weights of demand.
    progress : callable, optional
        Called with a step's name and the fraction done.

    Raises
    ------
    InputError
        If a URL is none, the place is not found or the folder holds a study.
    SourceError
        If a service cannot be reached or does not answer as it should.
    """
    if not place.strip():
        raise InputError("没有给出地名")
    for url in (overpass_url, nominatim_url):
        if url is not None:
            _check_url(url)
    if out_dir.exists() and not out_dir.is_dir():
        raise InputError("目标不是文件夹", file=str(out_dir), hint="请换一个名称")
    if (out_dir / STUDY_FILE).exists():
        raise InputError(
            "文件夹中已有一个研究", file=str(out_dir), hint="请换一个空文件夹"
        )
    job = {
        "place": place,
        "out_dir": str(out_dir.absolute()),
        "overpass_url": overpass_url,
        "nominatim_url": nominatim_url,
        "township_level": township_level,
        "community_level": community_level,
        "buildings": buildings,
    }
    _run(job, progress or (lambda step, fraction: None))


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"“{url}”不是服务地址", hint="应以 http:// 或 https:// 开头")


def _run(job: dict[str, Any], say: Callable[[str, float], None]) -> None:
    """Run the worker, pass on its progress, and raise what it reports."""
    command = [sys.executable, "-m", WORKER]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as worker:
        done = False
        try:
            if worker.stdin is None or worker.stdout is None:
                raise SourceError("无法启动下载进程")
            worker.stdin.write(json.dumps(job))
            worker.stdin.close()
            for line in worker.stdout:
                message = json.loads(line)
                if "error" in message:
                    raise _error(message)
                if "step" in message:
                    say(message["step"], message["fraction"])
                done = done or "done" in message
        finally:
            worker.kill()
    if not done:
        raise SourceError("下载进程意外结束", hint=_HINT)


def _error(message: dict[str, str]) -> InputError | SourceError:
    kinds = {"place": PlaceNotFoundError, "input": InputError}
    if message["error"] in kinds:
        return kinds[message["error"]](message["text"], hint=message.get("hint"))
    return SourceError(message["text"], hint=_HINT)
