"""Catchment areas against PySAL's ``access``, the published implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from yikezhong_coverage.access import Decay, banded, floating_catchment, uniform
from yikezhong_coverage.records import Reach

LIMIT_S = 900.0
BANDS = (300.0, 600.0, 900.0)
WEIGHTS = (1.0, 0.68, 0.22)


def _case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw people, capacities and a time matrix (facility × demand)."""
    random = np.random.default_rng(seed)
    people = random.integers(1, 500, size=40).astype(np.float64)
    capacity = random.integers(1, 120, size=7).astype(np.float64)
    time_s = random.uniform(10, 1800, size=(7, 40)).round(1)
    return people, capacity, time_s


def _reach(time_s: np.ndarray) -> Reach:
    facility, demand = np.nonzero(time_s <= LIMIT_S)
    start = np.searchsorted(facility, np.arange(len(time_s) + 1))
    return Reach(
        start.astype(np.int64),
        demand.astype(np.int32),
        time_s[facility, demand],
        n_demand=time_s.shape[1],
        limit_s=LIMIT_S,
    )


def _pysal(
    people: np.ndarray, capacity: np.ndarray, time_s: np.ndarray, *, banded: bool
) -> np.ndarray:
    with warnings.catch_warnings():  # not ours to mend
        warnings.simplefilter("ignore")
        from access import Access
        from access.access import weights

        facility, demand = np.indices(time_s.shape)
        model = Access(
            demand_df=pd.DataFrame({"id": range(len(people)), "people": people}),
            demand_index="id",
            demand_value="people",
            supply_df=pd.DataFrame({"id": range(len(capacity)), "beds": capacity}),
            supply_index="id",
            supply_value="beds",
            cost_df=pd.DataFrame(
                {
                    "demand": demand.ravel(),
                    "supply": facility.ravel(),
                    "time": time_s.ravel(),
                }
            ),
            cost_origin="demand",
            cost_dest="supply",
            cost_name="time",
        )
        if banded:
            decay = weights.step_fn(dict(zip(BANDS, WEIGHTS, strict=True)))
            found = model.enhanced_two_stage_fca(
                cost="time", max_cost=LIMIT_S, weight_fn=decay
            )
        else:
            found = model.two_stage_fca(cost="time", max_cost=LIMIT_S)
    column = found.iloc[:, 0].reindex(range(len(people))).fillna(0.0)
    return column.to_numpy(np.float64)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("decay", "is_banded"), [(uniform(), False), (banded(BANDS, WEIGHTS), True)]
)
def test_catchments_equal_pysal(seed: int, decay: Decay, is_banded: bool) -> None:
    people, capacity, time_s = _case(seed)
    found = floating_catchment(_reach(time_s), people, capacity=capacity, decay=decay)
    expected = _pysal(people, capacity, time_s, banded=is_banded)
    np.testing.assert_allclose(found.access, expected, rtol=1e-12)
    assert expected.max() > 0
