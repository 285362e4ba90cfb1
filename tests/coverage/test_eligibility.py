from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_coverage.eligibility import judge_eligibility
from yikezhong_coverage.records import Service

WORDS = ("meal", "medical", "bathing")
FACILITY = st.tuples(
    st.sampled_from(["day_care", "mutual_aid", "school"]),
    st.none() | st.frozensets(st.sampled_from(WORDS)),
    st.sampled_from(["open", "planned", "closed", "unknown"]),
)


def _judge(service: Service, rows: list[tuple]):
    return judge_eligibility(
        service,
        category=np.array([r[0] for r in rows], dtype=object),
        functions=[r[1] for r in rows],
        status=np.array([r[2] for r in rows], dtype=object),
    )


@given(st.lists(FACILITY, max_size=12), st.sets(st.sampled_from(WORDS)))
def test_groups_are_disjoint_and_follow_the_definition(rows, asked) -> None:
    service = Service("s", "服务", ("day_care", "mutual_aid"), tuple(sorted(asked)))
    found = _judge(service, rows)
    groups = np.array(
        [
            found.eligible,
            found.lacks_function,
            found.not_open,
            found.unknown_functions,
        ]
    ).reshape(4, len(rows))
    assert (groups.sum(axis=0) <= 1).all()
    for index, (category, functions, status) in enumerate(rows):
        offered = not asked or (functions is not None and asked <= functions)
        expected = category != "school" and status == "open" and offered
        assert found.eligible[index] == expected


def test_without_functions_asked_unknown_functions_do_not_matter() -> None:
    service = Service("s", "服务", ("day_care",))
    found = _judge(service, [("day_care", None, "open")])
    assert found.eligible.tolist() == [True]


def test_a_planned_facility_with_the_function_is_not_open() -> None:
    service = Service("s", "服务", ("day_care",), ("meal",))
    found = _judge(service, [("day_care", frozenset({"meal"}), "planned")])
    assert found.not_open.tolist() == [True]
