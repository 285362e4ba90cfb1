"""The two instructions, compiled and not."""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.machine import fetch_soon, lowest_bit


@njit
def compiled(bits: np.ndarray) -> np.ndarray:
    found = np.empty(len(bits), dtype=np.int64)
    for i in range(len(bits)):
        fetch_soon(bits, i + 1000)
        found[i] = lowest_bit(bits[i])
    return found


def test_the_lowest_bit_compiled_and_not():
    bits = np.array([1, 2, 12, 1 << 63, (1 << 63) | (1 << 40)], dtype=np.uint64)
    before = bits.copy()
    assert compiled(bits).tolist() == [0, 1, 2, 63, 40]
    assert [lowest_bit(int(one)) for one in bits] == [0, 1, 2, 63, 40]
    fetch_soon(bits, 10**6)
    assert (bits == before).all()
