"""Two studies that must be the same, however they were read."""

from __future__ import annotations

from dataclasses import fields

from pandas.testing import assert_frame_equal

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.study import Study


def assert_equal_studies(one: Study, other: Study) -> None:
    """Every table, array, figure and line of the report is the same to the bit."""
    for name in ("divisions", "facilities", "demand"):
        left, right = getattr(one, name), getattr(other, name)
        assert type(left) is type(right)
        assert_frame_equal(left, right, check_exact=True)
        assert [*map(type, left.to_numpy().ravel())] == [
            *map(type, right.to_numpy().ravel())
        ]
    assert one.roads.keys() == other.roads.keys()
    for profile, graph in one.roads.items():
        for field in fields(graph):
            left = getattr(graph, field.name)
            right = getattr(other.roads[profile], field.name)
            assert type(left) is type(right)
            if isinstance(left, str):
                assert left == right
            else:
                assert left.dtype == right.dtype and left.tobytes() == right.tobytes()
    assert one.plan_inputs.plans == other.plan_inputs.plans
    assert one.plan_inputs.statistics == other.plan_inputs.statistics
    assert (one.plan_inputs.zones is None) == (other.plan_inputs.zones is None)
    if one.plan_inputs.zones is not None:
        assert_frame_equal(one.plan_inputs.zones, other.plan_inputs.zones)
    report = DataReport(
        [f for f in other.report.findings if f.problem != "network_not_cut"],
        other.report.counts,
    )
    assert one.report == report
    assert (one.spec, one.name, one.as_of, one.services, one.folder) == (
        other.spec, other.name, other.as_of, other.services, other.folder,
    )  # fmt: skip
