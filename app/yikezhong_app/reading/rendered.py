"""Ready answers, kept in memory up to a bound, each made once."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: Smaller bodies are not worth compressing.
_LEAST_GZIP_BYTES = 1024


@dataclass(frozen=True)
class Rendered:
    """The bytes of an answer.

    Parameters
    ----------
    body : bytes
    media_type : str
        With charset.
    packed : bytes or None
        The body compressed with gzip; None where that does not pay.
    file_name : str or None
        Name to save it under; None: shown, not saved.
    link : str
        ``Link`` header; empty: none.
    """

    body: bytes
    media_type: str
    packed: bytes | None = None
    file_name: str | None = None
    link: str = ""

    @property
    def n_bytes(self) -> int:
        """Memory it takes [bytes]."""
        return len(self.body) + len(self.packed or b"")


def render(
    body: bytes,
    media_type: str,
    *,
    file_name: str | None = None,
    pack: bool = True,
    link: str = "",
) -> Rendered:
    """Return the answer with its compressed form where that is smaller."""
    packed = None
    if pack and len(body) >= _LEAST_GZIP_BYTES:
        packed = gzip.compress(body, compresslevel=5, mtime=0)
        if len(packed) >= len(body):
            packed = None
    return Rendered(body, media_type, packed, file_name, link)


class RenderedCache:
    """Least recently used answers, bounded in bytes; equal requests render once.

    Parameters
    ----------
    limit_bytes : int
        Bound on the bytes kept; a larger answer is given but not kept.

    Examples
    --------
    >>> cache = RenderedCache(1000)
    >>> cache.get(("a",), lambda: Rendered(b"x", "text/plain")).body
    b'x'
    >>> cache.get(("a",), lambda: Rendered(b"never made", "text/plain")).body
    b'x'
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        #: Memory that the kept answers take [bytes].
        self.n_bytes = 0
        #: How often an answer was found, and how often it had to be made.
        self.n_hits = 0
        self.n_misses = 0
        self._kept: OrderedDict[tuple[object, ...], Rendered] = OrderedDict()
        self._making: dict[tuple[object, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def find(self, key: tuple[object, ...]) -> Rendered | None:
        """Return the answer of a key if it is kept, else None."""
        with self._lock:
            return self._find(key)

    def get(self, key: tuple[object, ...], make: Callable[[], Rendered]) -> Rendered:
        """Return the answer of a key, made by ``make`` unless it is kept."""
        with self._lock:
            found = self._find(key)
            if found is not None:
                return found
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._find(key)
                self.n_misses += found is None
            if found is None:
                try:
                    found = make()
                    self._keep(key, found)
                finally:
                    with self._lock:
                        self._making.pop(key, None)
            return found

    def _find(self, key: tuple[object, ...]) -> Rendered | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            self.n_hits += 1
        return found

    def _keep(self, key: tuple[object, ...], made: Rendered) -> None:
        with self._lock:
            if made.n_bytes > self._limit_bytes or key in self._kept:
                return
            self._kept[key] = made
            self.n_bytes += made.n_bytes
            while self.n_bytes > self._limit_bytes:
                _, dropped = self._kept.popitem(last=False)
                self.n_bytes -= dropped.n_bytes
