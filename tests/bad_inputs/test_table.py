"""The table of cases is whole: every case has a test, and the page says which."""

from __future__ import annotations

import case_table


def test_every_case_has_a_test() -> None:
    cases = [row["case"] for row in case_table.read_catalogue()]
    assert cases[:95] == [str(n) for n in range(1, 96)]
    proofs = case_table.find_proofs()
    assert [case for case in cases if case not in proofs] == []


def test_no_test_names_a_case_that_is_not_there() -> None:
    cases = {row["case"] for row in case_table.read_catalogue()}
    assert set(case_table.find_proofs()) - cases == set()


def test_the_page_is_up_to_date() -> None:
    page = case_table.PAGE.read_text(encoding="utf-8")
    assert page == case_table.build_page(), "run: python tests/case_table.py"
