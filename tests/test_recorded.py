"""The figures of the small demonstration study, bit by bit as they were recorded.

They are recorded where a figure is meant to change:
``python tests/recorded_cases.py OUT`` prints the digests of a result. A guard against
bad input must change none of them.
"""

from __future__ import annotations

import pytest

from indicator_cases import DemoRun
from recorded_cases import assert_recorded
from yikezhong_app.snapshots.snapshot import open_current


@pytest.mark.case("guards")
def test_the_county_has_its_recorded_figures(county_run: DemoRun) -> None:
    assert_recorded(open_current(county_run.out), "county")
