"""Layers of a study that are kept from run to run, by the hash of what made them.

Each layer is a folder named by the layer and its key, with a list of its files and
their hashes. It comes into being by one rename, is checked whenever it is taken, and
goes when the last run did without it. What is damaged, or not ours, is passed over.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from yikezhong_geodata.layer_keys import file_digest
from yikezhong_geodata.study_layers import LAYER_NAMES

_LIST: Final = "layer.json"
_WORKING: Final = "reading-"
#: Working folders older than this were left by a process that was ended [s].
_LEFT_S: Final = 24 * 3600.0
_ENTRY: Final = re.compile(f"({'|'.join(LAYER_NAMES)})-[0-9a-f]{{64}}")
_THREADS: Final = 2


@dataclass(frozen=True)
class KeptLayer:
    """A layer that was found, and whether it was read without a network."""

    folder: Path
    isolated: bool


@dataclass(frozen=True)
class LayerCache:
    """A folder of kept layers.

    Parameters
    ----------
    folder : Path
        Made where it is not there. Nothing but our own layers is removed from it.
    """

    folder: Path

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """Give a folder for a child, from where layers can be moved in at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(
            prefix=_WORKING, dir=self.folder, ignore_cleanup_errors=True
        ) as name:
            yield Path(name)

    def find(self, keys: Mapping[str, str]) -> dict[str, KeptLayer]:
        """Return the layers that are there and whole, by name."""
        with ThreadPoolExecutor(_THREADS) as pool:
            found = pool.map(lambda pair: self._checked(*pair), keys.items())
        return {
            name: kept
            for name, kept in zip(keys, found, strict=True)
            if kept is not None
        }

    def _checked(self, name: str, key: str) -> KeptLayer | None:
        """Return a layer if all of its files are what they were."""
        folder = self.folder / f"{name}-{key}"
        try:
            about = json.loads((folder / _LIST).read_text(encoding="utf-8"))
            files, isolated = dict(about["files"]), bool(about["isolated"])
            there = {path.name for path in folder.iterdir()} - {_LIST}
            whole = about["key"] == key and there == set(files)
            if not whole or any(path.is_symlink() for path in folder.iterdir()):
                return None
            if any(file_digest(folder / file) != files[file] for file in files):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return KeptLayer(folder, isolated)

    def keep(self, name: str, key: str, made: Path, *, isolated: bool) -> Path:
        """Take in a layer that a child has written; return where it is now."""
        files = {path.name: file_digest(path) for path in sorted(made.iterdir())}
        about = {"key": key, "isolated": isolated, "files": files}
        (made / _LIST).write_text(json.dumps(about), encoding="utf-8")
        target = self.folder / f"{name}-{key}"
        if target.exists():  # damaged: it was not found
            shutil.rmtree(target, ignore_errors=True)
        try:
            made.rename(target)
        except OSError:  # another run was as quick; ours serves this one
            return made
        return target

    def prune(self, used: Collection[Path]) -> None:
        """Remove our layers but those used, and what ended runs have left."""
        kept = {path.name for path in used}
        for path in self.folder.iterdir():
            if path.is_symlink() or not path.is_dir():
                continue
            ours = _ENTRY.fullmatch(path.name) and path.name not in kept
            if ours or (path.name.startswith(_WORKING) and _is_left(path)):
                shutil.rmtree(path, ignore_errors=True)


def _is_left(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _LEFT_S
    except OSError:
        return False
