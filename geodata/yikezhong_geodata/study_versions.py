"""Versions of a study: immutable folders beside each other, one of them current.

Layout of a study folder that has been changed by the service::

    study.toml …             the study as it was set up: never touched
    versions/<version>/      the study with a file exchanged, whole
    current.json             {"version": …}: replaced atomically, last of all
    pending.json             a version whose result is being computed
    .lock                    held while a version is made
    .uploads/                files that nobody has confirmed

A version becomes current when its result has been published. What dies before that is
put right by :func:`recover`.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from yikezhong_coverage.errors import PlannerError, SourceError
from yikezhong_geodata.durable import replace_json, sync
from yikezhong_geodata.spec import STUDY_FILE

VERSIONS: Final = "versions"
CURRENT: Final = "current.json"
PENDING: Final = "pending.json"
#: In each version: who made it of what.
NOTE: Final = ".version.json"
_LOCK: Final = ".lock"
_NAME: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class StudyBusyError(PlannerError):
    """Another change of the study is under way."""

    http_status: ClassVar[int] = 409


class StudyVersionError(SourceError):
    """The pointer to the current version cannot be followed."""


def current_version(root: Path) -> str | None:
    """Return the name of the current version; None where none was made.

    Raises
    ------
    StudyVersionError
        If the pointer is damaged or its version is gone.
    """
    version = _pointer(root / CURRENT, "version")
    if version is not None and not (root / VERSIONS / version / STUDY_FILE).is_file():
        raise StudyVersionError(
            "研究的当前版本不在了", file=version, hint=f"请恢复它，或删去 {CURRENT}"
        )
    return version


def current_study(root: Path) -> Path:
    """Return the folder to read a study from: its current version, or itself.

    ``root`` may be the path of a ``study.toml``, which is then meant itself.
    """
    if root.name == STUDY_FILE:
        return root
    version = current_version(root)
    return root if version is None else root / VERSIONS / version


@contextmanager
def changing(root: Path) -> Iterator[None]:
    """Keep all others from making a version meanwhile.

    Raises
    ------
    StudyBusyError
        If another is at it.
    """
    with (root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyBusyError(
                "另一次数据更新正在进行", hint="请等它结束后再试"
            ) from None
        yield


def study_files(folder: Path) -> list[Path]:
    """Return the files that make up a study, without its versions and uploads."""
    own = {VERSIONS, CURRENT, PENDING}
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if parts[0] in own or any(part.startswith(".") for part in parts):
            continue
        if path.is_file():
            found.append(path)
    return found


def copy_study(source: Path, target: Path, *, without: str | None, link: bool) -> None:
    """Copy a study's files into a new folder.

    Parameters
    ----------
    source, target : Path
    without : str or None
        A file to leave out, by its path in the study.
    link : bool
        Share the files on the disk where that is possible, which is safe as long as
        nobody writes into them.
    """
    target.mkdir(parents=True)
    for path in study_files(source):
        name = path.relative_to(source)
        if name.as_posix() == without:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if link:
            with suppress(OSError):
                os.link(path.resolve(), target / name)
                continue
        shutil.copyfile(path, target / name)


def add_version(root: Path, candidate: Path, *, note: Mapping[str, Any]) -> str:
    """Keep a candidate study as a new version that is not current yet; return its name.

    To be called within :func:`changing`. Files shared with another version stay so;
    those of the study as it was set up can still be edited there, and are copied.
    """
    now = dt.datetime.now(dt.UTC)
    version = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    folder = root / VERSIONS
    folder.mkdir(exist_ok=True)
    work = folder / f".new-{version}"
    try:
        copy_study(
            candidate, work, without=None, link=current_version(root) is not None
        )
        text = json.dumps(
            {"version": version, "created": now.isoformat(timespec="seconds"), **note},
            ensure_ascii=False,
            indent=1,
        )
        (work / NOTE).write_text(text + "\n", encoding="utf-8")
        for path in [*work.rglob("*"), work]:
            sync(path)
        work.rename(folder / version)
        sync(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return version


@contextmanager
def pending(root: Path, version: str, *, run_key: str) -> Iterator[None]:
    """Make a version current if the block ends well, else remove it.

    Parameters
    ----------
    root : Path
    version : str
        From :func:`add_version`.
    run_key : str
        Of the result that the block publishes: by it :func:`recover` sees whether a
        process that died had published.
    """
    replace_json(root / PENDING, {"version": version, "run_key": run_key})
    ended_well = False
    try:
        yield
        ended_well = True
        replace_json(root / CURRENT, {"version": version})
    finally:
        if not ended_well:
            shutil.rmtree(root / VERSIONS / version, ignore_errors=True)
        (root / PENDING).unlink(missing_ok=True)


def recover(root: Path, *, is_published: Callable[[str], bool]) -> None:
    """Finish, or take back, a version whose process died; within :func:`changing`.

    Parameters
    ----------
    root : Path
    is_published : callable
        Says whether the current result has this run key.
    """
    version, run_key = (_pointer(root / PENDING, k) for k in ("version", "run_key"))
    if version is not None:
        folder = root / VERSIONS / version
        if run_key and folder.is_dir() and is_published(run_key):
            replace_json(root / CURRENT, {"version": version})
        elif version != current_version(root):
            shutil.rmtree(folder, ignore_errors=True)
    (root / PENDING).unlink(missing_ok=True)
    for left in (root / VERSIONS).glob(".new-*"):
        shutil.rmtree(left, ignore_errors=True)


def _pointer(path: Path, key: str) -> str | None:
    """Return a name that stands in a small file; None where there is no file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))[key]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StudyVersionError("版本指针已损坏", file=path.name) from error
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        raise StudyVersionError("版本指针已损坏", file=path.name)
    return found
