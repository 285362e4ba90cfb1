"""Division codes of twelve digits and free ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_geodata import codes
from yikezhong_geodata.columns import KINDS, LEVELS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import BadCodeError, DuplicateKeyError
from yikezhong_geodata.tables import read_table


@pytest.mark.parametrize(
    "text", ["33010", "0421303", "", "4213030010", "42130a", "４２", "042130300100"]
)
def test_bad_codes(text: str) -> None:
    with pytest.raises(BadCodeError):
        codes.widen_code(text)


@given(st.sampled_from([2, 4, 6, 9, 12]), st.data())
def test_ancestors_are_prefixes_of_higher_levels(
    length: int, data: st.DataObject
) -> None:
    digits = data.draw(st.text("0123456789", min_size=length - 1, max_size=length - 1))
    code = codes.widen_code("4" + digits)
    rank = LEVELS.index(codes.level_of(code))
    for above in codes.ancestors_of(code):
        significant = codes.DIGITS[codes.level_of(above)]
        assert code.startswith(above[:significant])
        assert LEVELS.index(codes.level_of(above)) < rank
        rank = LEVELS.index(codes.level_of(above))
        assert codes.area_code(code, codes.level_of(above)) == above


def test_levels_that_are_absent() -> None:
    # a county under the province, a prefecture without counties
    assert codes.parent_of("429004001000", {"429004000000"}) == "429004000000"
    assert codes.parent_of("429004000000", {"420000000000"}) == "420000000000"
    assert codes.parent_of("441900003001", {"441900003000"}) == "441900003000"
    assert codes.parent_of("441900003000", {"441900000000"}) == "441900000000"
    assert codes.area_code("441900003001", "county") is None
    # a community whose township is not in the study
    assert codes.parent_of("421303001001", {"421300000000"}) == "421300000000"
    assert codes.parent_of("421303001001", set()) is None


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("001", "subdistrict"),
        ("099", "subdistrict"),
        ("100", "town"),
        ("199", "town"),
        ("200", "rural_township"),
        ("399", "rural_township"),
        ("400", "township_unit"),
        ("599", "township_unit"),
    ],
)
def test_kinds_of_townships(number: str, kind: str) -> None:
    assert codes.kind_of(f"421303{number}000") == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("001", "urban_community"),
        ("199", "urban_community"),
        ("200", "village"),
        ("399", "village"),
        ("400", "community_unit"),
        ("498", "community_unit"),
    ],
)
def test_kinds_of_communities(number: str, kind: str) -> None:
    assert codes.kind_of(f"421303001{number}") == kind


@pytest.mark.parametrize(
    ("text", "system", "expected"),
    [
        ("421303001", "cn12", ("421303001000", None)),
        ("421303001.0", "cn12", ("421303001000", "code_repaired")),
        ("'421303001", "cn12", ("421303001000", "code_repaired")),
        ("421303 001", "cn12", ("421303001000", "code_repaired")),
        ("４２１３０３", "cn12", ("421303000000", "code_repaired")),
        ("33010", "cn12", (None, "code_malformed")),
        ("4.21303E+11", "cn12", (None, "code_malformed")),
        (None, "cn12", (None, "code_missing")),
        ("-", "cn12", (None, "code_missing")),
        ("033010", "free", ("033010", None)),
        ("Vaduz_1-a", "free", ("Vaduz_1-a", None)),
        ("a b", "free", (None, "code_malformed")),
        ("x" * 33, "free", (None, "code_malformed")),
        ("{{7*7}}", "free", (None, "code_malformed")),
    ],
)
def test_clean_code(
    text: str | None, system: str, expected: tuple[str | None, str | None]
) -> None:
    assert codes.clean_code(text, code_system=system) == expected


def test_unknown_system() -> None:
    with pytest.raises(BadCodeError):
        codes.check_codes(["1"], code_system="iso")


def test_duplicates_show_all_their_rows() -> None:
    codes.refuse_duplicates(["a", None, None], [2, 3, 4], file="a.csv", column="代码")
    with pytest.raises(
        DuplicateKeyError, match="第 2、5、9 行；另有 1 个重复"
    ) as caught:
        codes.refuse_duplicates(
            ["a", "b", "a", "a", "b"], [2, 3, 5, 9, 10], file="a.csv", column="代码"
        )
    assert caught.value.row == 5


@pytest.mark.real_data
def test_real_kinds_of_suizhou(real_data: Path) -> None:
    found = {}
    for name in ("streets", "villages"):
        path = real_data / "suizhou" / f"{name}_suizhou4213.csv"
        table = read_table(path, report=DataReport(), label="x").frame
        checked = codes.check_codes(table["code"], code_system="cn12")
        assert set(checked.problem) == {None}
        for code in checked.code:
            kind = codes.kind_of(str(code))
            found[kind] = found.get(kind, 0) + 1
    assert found == {
        "subdistrict": 9,
        "town": 37,
        "township_unit": 5,
        "urban_community": 167,
        "village": 842,
    }
