"""Give memory back to the system: allocators keep what was freed for later."""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa


def share_memory() -> None:
    """Let Arrow take memory where everybody else does, not from a hoard of its own."""
    pa.set_memory_pool(pa.system_memory_pool())


def release_memory() -> None:
    """Return what is free to the system, between pieces of work that need much."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
