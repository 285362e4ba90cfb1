"""Read single tiles out of a PMTiles file."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Zoom, column, row.
TileAddress = tuple[int, int, int]


class TileArchive:
    """The tiles of a PMTiles file; its directory is read once.

    Parameters
    ----------
    path : Path
        It may be unlinked or replaced later: what was opened goes on being read.
    """

    def __init__(self, path: Path) -> None:
        from pmtiles.tile import deserialize_header

        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header: Any = deserialize_header(self._bytes[:127])
        self._begin = int(header["tile_data_offset"])
        #: Zooms there are.
        self.min_zoom = int(header["min_zoom"])
        self.max_zoom = int(header["max_zoom"])
        directory = (header["root_offset"], header["root_length"])
        self._places = dict(self._entries(header, *directory))

    def __len__(self) -> int:
        """Return how many tiles there are."""
        return len(self._places)

    def addresses(self) -> list[TileAddress]:
        """Return the addresses of all tiles."""
        return list(self._places)

    def find(self, zoom: int, column: int, row: int) -> bytes | None:
        """Return a tile, compressed with gzip; None where nothing is drawn there."""
        place = self._places.get((zoom, column, row))
        if place is None:
            return None
        begin, length = place
        return self._bytes[self._begin + begin : self._begin + begin + length]

    def _entries(
        self, header: Any, begin: int, length: int
    ) -> Iterator[tuple[TileAddress, tuple[int, int]]]:
        from pmtiles.tile import deserialize_directory, tileid_to_zxy

        for entry in deserialize_directory(self._bytes[begin : begin + length]):
            if entry.run_length == 0:
                leaf = header["leaf_directory_offset"] + entry.offset
                yield from self._entries(header, leaf, entry.length)
            for i in range(entry.run_length):
                address = tileid_to_zxy(entry.tile_id + i)
                yield address, (entry.offset, entry.length)
