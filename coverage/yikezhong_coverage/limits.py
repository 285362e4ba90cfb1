"""Coverage within several time limits at once: one pass over the demand points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.rates import (
    Coverage,
    any_below,
    build_coverage,
    lost_people,
    sum_up,
)
from yikezhong_coverage.records import BoolArray, Divisions, FloatArray, IndexArray
from yikezhong_coverage.supply import quanta_of


def roll_up_times(
    divisions: Divisions,
    unit: IndexArray,
    people: FloatArray,
    time_s: FloatArray,
    *,
    limits_s: Sequence[float],
    group: str = "people_60",
    estimated: BoolArray | None = None,
) -> list[Coverage]:
    """Add up who is covered within several limits, for a service without capacity.

    The same as :func:`yikezhong_coverage.rates.roll_up` of what
    :func:`yikezhong_coverage.supply.split_by_time` gives at each limit, in one pass.

    Parameters
    ----------
    divisions : Divisions
    unit : ndarray of int32, shape (n_demand,)
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons], multiples of 2⁻²⁰; ``nan`` is unknown.
    time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest facility [s]; ``inf`` where there is none.
    limits_s : sequence of float
        Largest accepted times [s], inclusive, ascending.
    group : str
    estimated : ndarray of bool, shape (n_division,), optional

    Returns
    -------
    list of Coverage
        One for each limit.

    Examples
    --------
    >>> divisions = Divisions(np.array(["T"]), np.array(["township"]),
    ...                       np.array([-1], dtype=np.int32))
    >>> found = roll_up_times(divisions, np.zeros(3, dtype=np.int32),
    ...                       np.array([3.0, 5.0, 4.0]), np.array([300.0, 900.0, np.inf]),
    ...                       limits_s=[300, 900])
    >>> [(c.covered.tolist(), c.out_of_reach.tolist()) for c in found]
    [([3.0], [9.0]), ([8.0], [4.0])]
    """
    if not len(unit) == len(people) == len(time_s):
        raise InputError("需求点各数组的长度不一致")
    limits = np.array(limits_s, dtype=np.float64)
    if (np.diff(limits) <= 0).any():
        raise InputError("时限应由小到大")
    quanta_of(people, name="people")
    own = np.zeros((len(divisions.code), len(limits) + 3))
    _add_times(own, unit, people, time_s, limits)
    total = sum_up(divisions, own)
    # the columns are what each limit adds, what is beyond, and the points
    covered = np.cumsum(total[:, : len(limits)], axis=1)
    everybody = covered[:, -1] + total[:, -3] if len(limits) else total[:, -3]
    lost = lost_people(divisions, own[:, -1] > 0, group)
    words = {}
    if estimated is not None:
        words = {"estimated": any_below(divisions, estimated)}
    return [
        build_coverage(
            group,
            inside,
            np.zeros(len(inside)),
            everybody - inside,
            nothing="no_people",
            lost=("unknown_people", lost),
            known=total[:, -2] > 0,
            words=words,
        )
        for inside in covered.T
    ]


@njit(cache=True, nogil=True)
def _add_times(
    own: FloatArray,
    unit: IndexArray,
    people: FloatArray,
    time_s: FloatArray,
    limits_s: FloatArray,
) -> None:
    """Add people to the first limit they are within, or to those beyond all.

    The last two columns count the points with known and with unknown people.
    """
    n_limit = len(limits_s)
    for i in range(len(unit)):
        at = unit[i]
        if at < 0:
            continue
        if np.isnan(people[i]):
            own[at, n_limit + 2] += 1.0
            continue
        first = 0
        while first < n_limit and not time_s[i] <= limits_s[first]:
            first += 1
        own[at, first] += people[i]
        own[at, n_limit + 1] += 1.0
