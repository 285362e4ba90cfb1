"""Cuts of groups of points, against sorting them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yikezhong_coverage.cutting import cut_groups
from yikezhong_coverage.degrees import metres_per_degree
from yikezhong_coverage.records import FloatArray, IntArray


def cut_by_sorting(
    lon: FloatArray, lat: FloatArray, members: IntArray, radius_m: float
) -> list[list[int]]:
    """Return the parts of a group, the western and the southern ones first."""
    x, y = lon[members], lat[members]
    middle = np.array([0.5 * (y.min() + y.max())])
    east, north = metres_per_degree(middle)
    wide, high = np.ptp(x) * east[0], np.ptp(y) * north[0]
    if wide**2 + high**2 <= 4 * radius_m**2:
        return [members.tolist()]
    along = x if wide >= high else y
    order = np.argsort(along, kind="stable")
    values = along[order]
    quarter = 0.25 * (values[-1] - values[0])
    steps = np.minimum(values[1:], values[-1] - quarter) - np.maximum(
        values[:-1], values[0] + quarter
    )
    cut = int(np.argmax(steps)) + 1
    return [
        part
        for half in (members[order[:cut]], members[order[cut:]])
        for part in cut_by_sorting(lon, lat, half, radius_m)
    ]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_point=st.integers(1, 60),
    radius_m=st.sampled_from([40.0, 300.0, 2000.0]),
    digits=st.sampled_from([3, 4, 7]),
)
def test_parts_equal_those_of_sorting(
    seed: int, n_point: int, radius_m: float, digits: int
) -> None:
    random = np.random.default_rng(seed)
    # few digits: many points of the same place, many steps of the same width
    lon = np.round(113 + random.uniform(0, 0.05, n_point), digits)
    lat = np.round(31 + random.uniform(0, 0.05, n_point), digits)
    group = random.integers(0, 3, n_point)
    group = np.unique(group, return_inverse=True)[1].astype(np.int64)
    found = cut_groups(lon, lat, group, radius_m)
    wanted = [
        part
        for one in range(int(group.max()) + 1)
        for part in cut_by_sorting(lon, lat, np.flatnonzero(group == one), radius_m)
    ]
    assert int(found.max()) + 1 == len(wanted)
    for number, part in enumerate(wanted):
        assert sorted(part) == np.flatnonzero(found == number).tolist()
