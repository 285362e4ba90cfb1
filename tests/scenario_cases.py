"""Scenarios of the tiny study, and what is asked of every one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from yikezhong_app.scenarios.applying import apply_scenario
from yikezhong_app.scenarios.reading import Scenario, parse_scenario
from yikezhong_app.scenarios.running import Side, compare_sides, make_sides
from yikezhong_coverage.rates import AREA_DENOMINATORS
from yikezhong_geodata.study import Study


def scenario_of(*changes: dict[str, Any], name: str = "试") -> Scenario:
    """Return a scenario of some changes."""
    return parse_scenario({"name": name, "changes": list(changes)})


def sides_of(study: Study, *changes: dict[str, Any]) -> tuple[Side, Side]:
    """Return the baseline and the scenario of some changes."""
    return make_sides(study, apply_scenario(study, scenario_of(*changes)))


def compare(study: Study, *changes: dict[str, Any]) -> pd.DataFrame:
    """Return the comparison of all services, whatever the changes touch."""
    before, after = sides_of(study, *changes)
    present = set(after.study.facilities["category"])
    services = [s for s in study.services if present & set(s.categories)]
    comparison, _ = compare_sides(before, after, services=services)
    assert comparison is not None
    assert_adds_up(comparison)
    return comparison


def assert_adds_up(comparison: pd.DataFrame) -> None:
    """Check what holds of every comparison, exactly."""
    rows = comparison[comparison["total"].notna()]
    change = rows["covered_after"] - rows["covered_before"]
    np.testing.assert_array_equal(rows["gained"] - rows["lost"], change)
    assert (rows[["gained", "lost"]] >= 0).all(axis=None)
    for word in ("before", "after"):
        parts = [f"{name}_{word}" for name in ("covered", "full", "out_of_reach")]
        np.testing.assert_array_equal(rows[parts].sum(axis=1), rows["total"])


def assert_same(comparison: pd.DataFrame) -> None:
    """Check that nothing changed, to the last bit."""
    for name in ("covered", "full", "out_of_reach", "rate"):
        np.testing.assert_array_equal(
            comparison[f"{name}_before"], comparison[f"{name}_after"]
        )
    assert (comparison[["gained", "lost"]].fillna(0) == 0).all(axis=None)


def covered(
    comparison: pd.DataFrame, service: str, *, level: str = "county"
) -> pd.DataFrame:
    """Return the rows of a service's people of 60 and more, by code."""
    rows = comparison[
        (comparison["service"] == service)
        & (comparison["level"] == level)
        & (comparison["denominator"] == "people_60")
        & (comparison["variant"] == "with_neighbours")
    ]
    return rows.set_index(rows["code"].astype(str))


def is_area(comparison: pd.DataFrame) -> pd.Series:
    """Return which rows count communities or townships."""
    found: pd.Series = comparison["denominator"].isin(list(AREA_DENOMINATORS))
    return found
