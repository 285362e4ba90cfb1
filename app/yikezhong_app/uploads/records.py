"""Uploads on the disk: a folder each, with the file, the candidate study, what came.

::

    .uploads/<id>/upload.json    what was brought, by whom, for what
                  study/         the study with the file in it
                  check.json     what the check found
                  done.json      the version that it became
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

CHECK: Final = "upload-check"
UPDATE: Final = "upload-update"
#: What the pool runs.
TASKS: Final = {
    CHECK: "yikezhong_app.uploads.tasks:run_check",
    UPDATE: "yikezhong_app.uploads.tasks:run_update",
}

FOLDER: Final = ".uploads"
STUDY_FOLDER: Final = "study"
UPLOAD_FILE: Final = "upload.json"
CHECK_FILE: Final = "check.json"
DONE_FILE: Final = "done.json"
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Upload:
    """What was brought.

    Parameters
    ----------
    id : str
    name : str
        The file's name as it was given, for show.
    file : str
        Its name in the study.
    layer, source : str
        Which layer, and its place there in the candidate study.
    replaces : str or None
        Name of the file that it stands for.
    bytes : int
        Size [bytes].
    created : float
        Time [s since 1970].
    by : str
        Name of the token.
    base : str or None
        Version of the study that the candidate was made of.
    request : mapping
        The other fields of the form.
    """

    id: str
    name: str
    file: str
    layer: str
    source: str
    replaces: str | None
    bytes: int
    created: float
    by: str
    base: str | None
    request: Mapping[str, Any]


def write_upload(folder: Path, upload: Upload) -> None:
    """Keep what was brought; from then on the upload is there."""
    write_json(folder / UPLOAD_FILE, asdict(upload))


def read_uploads(root: Path) -> list[Upload]:
    """Return all uploads, the oldest first."""
    found = []
    for path in root.glob(f"*/{UPLOAD_FILE}"):
        record = read_json(path)
        if record is not None and _ID.fullmatch(path.parent.name):
            found.append(Upload(**record))
    return sorted(found, key=lambda upload: (upload.created, upload.id))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what such a file holds; None where there is none."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return value
