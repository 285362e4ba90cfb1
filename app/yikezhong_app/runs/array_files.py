"""Arrays as files: a folder of ``.npy`` files to map, or one ``.npz`` of a result.

Neither can hold objects, so nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def save_arrays(folder: Path, arrays: Arrays) -> None:
    """Write each array as a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


def map_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a folder, mapped: processes share them."""
    return {
        path.name.removesuffix(".npy"): np.asarray(
            np.load(path, mmap_mode="r", allow_pickle=False)
        )
        for path in sorted(folder.glob("*.npy"))
    }


def write_result(path: Path, arrays: Arrays) -> None:
    """Write the arrays of a result whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".new-{secrets.token_hex(8)}")
    try:
        with fresh.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_result(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a result; their checksums are looked at.

    Raises
    ------
    OSError, ValueError, zipfile.BadZipFile
        If it is not there, or damaged.
    """
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def is_whole(path: Path) -> bool:
    """Say whether a result is there, with the checksums it was written with."""
    try:
        with zipfile.ZipFile(path) as found:
            return found.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def digest(*parts: object) -> str:
    """Return a hash of arrays and of texts and numbers as they are written.

    Examples
    --------
    >>> digest(np.arange(3)) == digest(np.arange(3)), digest("a") == digest("b")
    (True, False)
    """
    found = hashlib.sha256()
    for value in parts:
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype.str}{value.shape}".encode())
            found.update(np.ascontiguousarray(value).data)
        else:
            found.update(repr(value).encode())
        found.update(b"\0")
    return found.hexdigest()
