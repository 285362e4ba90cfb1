"""How a run is cut: every row has one owner, however the groups are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_app.commands.run import read_cut
from yikezhong_app.runs import cutting
from yikezhong_app.runs.cutting import Part, cut_run, listed_groups, usual_groups
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import Divisions

#: P has the counties A and B; A the townships A1 (with a and b) and A2, B has B1.
DIVISIONS = Divisions(
    code=np.array(["P", "A", "B", "A1", "A2", "B1", "A1a", "A1b"]),
    level=np.array(
        ["prefecture", "county", "county", *["township"] * 3, *["community"] * 2]
    ),
    parent=np.array([-1, 0, 0, 1, 1, 2, 3, 3], dtype=np.int32),
)
NAMES = list("省甲乙子丑寅卯辰")
FINEST = {4, 5, 6, 7}


def points(*units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points in some divisions, each at a longitude of its own."""
    at = np.arange(len(units), dtype=np.float64)
    return np.array(units, dtype=np.int32), at, np.zeros(len(units))


def cut(*groups: list[int], demand: tuple[int, ...] = (6, 7, 4, 5)) -> tuple[Part, ...]:
    return cut_run(
        DIVISIONS, NAMES, demand=points(*demand), facilities=points(5, 4), groups=groups
    )


def rows(part: Part) -> tuple[list[int], list[int], list[int]]:
    return tuple(  # type: ignore[return-value]
        getattr(part, of).tolist() for of in ("divisions", "demand", "facilities")
    )


@given(st.lists(st.sets(st.integers(0, 7), min_size=1), max_size=6), st.data())
def test_every_row_is_owned_once(found: list[set[int]], data: st.DataObject) -> None:
    seen: set[int] = set()
    groups = []
    for group in found:  # a division stands in one group at most
        groups.append(sorted(group - seen))
        seen |= group
    groups = [g for g in groups if g]
    units = st.lists(st.sampled_from([-1, *range(8)]), max_size=20)
    demand, facilities = data.draw(units), data.draw(units)
    parts = cut_run(
        DIVISIONS,
        NAMES,
        demand=points(*demand),
        facilities=points(*facilities),
        groups=groups,
    )
    for kind, expected in (
        ("divisions", sorted(FINEST)),
        ("demand", list(range(len(demand)))),
        ("facilities", list(range(len(facilities)))),
    ):
        owned = [row for part in parts for row in getattr(part, kind).tolist()]
        assert sorted(owned) == expected
        assert all((np.diff(getattr(part, kind)) > 0).all() for part in parts)
    assert all(sum(map(len, rows(part))) for part in parts)


def test_parts_own_what_lies_in_their_divisions() -> None:
    a, b = cut([1], [2])
    assert (a.name, b.name) == ("甲", "乙")
    assert rows(a) == ([4, 6, 7], [0, 1, 2], [1])
    assert rows(b) == ([5], [3], [0])


def test_a_division_of_its_own_is_taken_out_of_the_one_around_it() -> None:
    around, own = cut([0], [3])
    assert rows(own) == ([6, 7], [0, 1], [])
    assert rows(around) == ([4, 5], [2, 3], [0, 1])


def test_what_nobody_lists_goes_to_the_nearest() -> None:
    # A1 lies at 0 and 1, B at 9; the point of A2 at 2 is nearer to A1
    demand = (6, 7, 4, *[5] * 7)
    of_a, of_b = cut([3], [2], demand=demand)
    assert of_a.demand.tolist() == [0, 1, 2]
    assert of_b.demand.tolist() == [3, 4, 5, 6, 7, 8, 9]
    nowhere, _ = cut([3], [2], demand=(6, 7, -1, *[5] * 7))
    assert nowhere.demand.tolist() == [0, 1, 2]


def test_a_group_that_owns_nothing_is_no_part() -> None:
    assert [part.name for part in cut([0], [1], [2])] == ["甲", "乙"]
    assert [part.name for part in cut([1, 2], [])] == ["甲等 2 个区划"]


def test_without_groups_there_is_one_part() -> None:
    (part,) = cut()
    assert part.name == "全部"
    assert rows(part) == ([4, 5, 6, 7], [0, 1, 2, 3], [0, 1])


def test_counties_are_joined_until_they_have_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unit = np.array([6, 7, 5, -1], dtype=np.int32)
    assert usual_groups(DIVISIONS, unit) == [[1, 2]]
    monkeypatch.setattr(cutting, "POINTS_PER_PART", 2)
    assert usual_groups(DIVISIONS, unit) == [[1], [2]]
    monkeypatch.setattr(cutting, "POINTS_PER_PART", 3)
    assert usual_groups(DIVISIONS, unit) == [[1, 2]]


def test_a_level_is_cut_division_by_division() -> None:
    unit = np.array([6], dtype=np.int32)
    assert usual_groups(DIVISIONS, unit, level="township") == [[3], [4], [5]]


def test_a_level_that_is_not_there() -> None:
    with pytest.raises(InputError, match="“省”这一级，不能按它分块") as error:
        usual_groups(DIVISIONS, np.array([6], dtype=np.int32), level="province")
    assert "市州" in str(error.value)


def test_listed_codes_may_be_short() -> None:
    whole = Divisions(
        code=np.array(["421303000000", "421303001000"]),
        level=np.array(["county", "township"]),
        parent=np.array([-1, 0], dtype=np.int32),
    )
    assert listed_groups(whole, [["421303001"], ["421303"]]) == [[1], [0]]


@pytest.mark.parametrize(
    ("codes", "said"),
    [([["A"], ["Q"]], "“Q”不是"), ([["A", "B"], ["A"]], "“A”出现两次")],
)
def test_a_list_that_does_not_fit(codes: list[list[str]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        listed_groups(DIVISIONS, codes)


def test_a_file_lists_a_part_on_each_line(tmp_path: Path) -> None:
    file = tmp_path / "parts.txt"
    file.write_text("\ufeff421303 421321\n\n421381\t421302 \n", encoding="utf-8")
    assert read_cut(str(file)) == [["421303", "421321"], ["421381", "421302"]]
    assert read_cut("county") == "county"
    assert read_cut(None) is None


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", None])
def test_a_file_that_lists_nothing(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "parts.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="分块"):
        read_cut(str(file))
