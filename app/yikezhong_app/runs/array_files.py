"""Arrays as files: a folder of ``.npy`` files to map, or one ``.npz`` of a result.

Neither can hold objects, so nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
_SEAL_BYTES: Final = 64
_PIECE_BYTES: Final = 1 << 20


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
    """Write the arrays of a result whole or not at all.

    The file ends with the hash of all before it, as the comment of an archive.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".new-{secrets.token_hex(8)}")
    try:
        with fresh.open("w+b") as file:
            np.savez(file, allow_pickle=False, **arrays)
            with zipfile.ZipFile(file, "a") as archive:
                archive.comment = b"0" * _SEAL_BYTES
            seal = _seal(file)
            file.seek(-_SEAL_BYTES, os.SEEK_END)
            file.write(seal)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_result(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a result.

    Raises
    ------
    OSError, ValueError, zipfile.BadZipFile
        If it is not there, or damaged.
    """
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def is_whole(path: Path) -> bool:
    """Say whether a result is there as it was written."""
    try:
        with path.open("rb") as file:
            seal = _seal(file)
            return file.read() == seal
    except OSError:
        return False


def _seal(file: IO[bytes]) -> bytes:
    """Return the hash of a file but for its last bytes, which hold it."""
    left = file.seek(0, os.SEEK_END) - _SEAL_BYTES
    if left < 0:
        return b"too short"
    found = hashlib.sha256()
    file.seek(0)
    while left:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:  # somebody else has cut it short
            break
        found.update(piece)
        left -= len(piece)
    return found.hexdigest().encode()


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


def as_bytes(shapes: Sequence[shapely.Geometry]) -> dict[str, NDArray[Any]]:
    """Return shapes as one array of bytes, and where each one ends."""
    found = [shapely.to_wkb(shape) for shape in shapes]
    ends = np.cumsum([len(wkb) for wkb in found], dtype=np.int64)
    return {"wkb": np.frombuffer(b"".join(found), dtype=np.uint8), "ends": ends}


def of_bytes(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    """Return the shapes that :func:`as_bytes` has written."""
    wkb, ends = arrays["wkb"].tobytes(), arrays["ends"].tolist()
    starts = [0, *ends][: len(ends)]
    found: NDArray[np.object_] = np.empty(len(ends), dtype=object)
    found[:] = shapely.from_wkb([wkb[a:b] for a, b in zip(starts, ends, strict=True)])
    return found
