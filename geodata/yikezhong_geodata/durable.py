"""Files that are on the disk when a call returns, and pointers that are never half."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def sync(path: Path) -> None:
    """Have the system write a file, or the entries of a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_json(path: Path, content: Mapping[str, str]) -> None:
    """Replace a small JSON file by one atomic step, on the disk when it returns."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)
