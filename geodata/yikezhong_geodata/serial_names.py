"""Many names at once, each of a text and a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import IndexArray, IntArray


def serial_names(
    texts: Sequence[str],
    which: IntArray | IndexArray,
    number: IntArray,
    *,
    mark: str,
    digits: int,
) -> NDArray[np.str_]:
    """Return names of a text, a mark and a number with leading zeros.

    Parameters
    ----------
    texts : sequence of str
    which : ndarray of int, shape (n,)
        Index of the text of each name.
    number : ndarray of int64, shape (n,)
        Non-negative.
    mark : str
        One character.
    digits : int
        The number is filled with zeros to so many.

    Returns
    -------
    ndarray of str, shape (n,)

    Examples
    --------
    >>> serial_names(["a", "bcd"], np.array([1, 0]), np.array([7, 12]), mark="-", digits=3)
    array(['bcd-007', 'a-012'], dtype='<U7')
    """
    if len(which) == 0 or int(number.max()) >= 10**digits:
        pairs = zip(which.tolist(), number.tolist(), strict=True)
        return np.array(
            [f"{texts[w]}{mark}{n:0{digits}d}" for w, n in pairs], dtype=np.str_
        )
    names = np.array(texts, dtype=np.str_)
    width = names.dtype.itemsize // 4
    size = np.char.str_len(names)[which]
    # the characters of each text, which may be shorter than the widest
    made = np.zeros((len(which), width + 1 + digits), dtype=np.uint32)
    made[:, :width] = names.view(np.uint32).reshape(len(names), width)[which]
    row = np.arange(len(which))
    made[row, size] = ord(mark)
    for digit in range(digits):
        value = number // 10 ** (digits - 1 - digit) % 10
        made[row, size + 1 + digit] = ord("0") + value
    wide = int(size.max()) + 1 + digits
    found: NDArray[np.str_] = np.ascontiguousarray(made[:, :wide]).view(f"<U{wide}")
    return found.ravel()
