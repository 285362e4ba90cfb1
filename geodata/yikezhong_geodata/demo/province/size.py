"""How large the schematic province is, and its sources of chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

#: One number decides everything that chance decides.
SEED: Final = 20_251_231


@dataclass(frozen=True)
class Size:
    """How large a province is.

    Parameters
    ----------
    n_prefecture, n_county, n_township : int
        Divisions; a township has 21 communities on average.
    people : int
        All of them, exactly.
    n_river, n_expressway : int
        Tributaries of the main river, and expressways.
    """

    n_prefecture: int = 15
    n_county: int = 103
    n_township: int = 1_300
    people: int = 58_000_000
    n_river: int = 11
    n_expressway: int = 7


#: The shape of numbers of Hubei.
FULL: Final = Size()


def chance(*key: int) -> np.random.Generator:
    """Return the source of chance of a part: the same whatever came before."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([SEED, *key])))


def shares(total: int, weight: np.ndarray, *, least: int) -> np.ndarray:
    """Split a total by weights into whole numbers of at least ``least``.

    Examples
    --------
    >>> shares(10, np.array([1.0, 2.0, 5.0]), least=1).tolist()
    [2, 3, 5]
    """
    rest = total - least * len(weight)
    exact = rest * weight / weight.sum()
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: rest - int(whole.sum())]] += 1
    return np.asarray(whole + least)
