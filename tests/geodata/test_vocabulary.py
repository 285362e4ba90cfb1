"""Words of bureau lists become categories and functions."""

from __future__ import annotations

import pytest

from yikezhong_geodata.vocabulary import load_vocabulary


@pytest.mark.parametrize(
    ("text", "category", "guessed"),
    [
        ("日间照料", "day_care", False),
        (" 日间照料 中心 ", "day_care", False),
        ("日间照料中心（社区）", "day_care", False),
        ("DAY_CARE", "day_care", False),
        ("随县儿童福利院", "child_welfare_home", True),  # not 福利院
        ("某某福利院", "elderly_institution", True),
        ("未成年人救助保护中心", "minor_protection_center", False),
        ("农村公益性公墓", "public_cemetery", False),
        ("加油站", None, False),
        ("其他", "other", False),
        ("", None, False),
        (None, None, False),
        ("{{7*7}}", None, False),
    ],
)
def test_categories(text: str | None, category: str | None, guessed: bool) -> None:
    assert load_vocabulary().category_of(text) == (category, guessed)


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("助餐、助洁，日托;护理；上门 失智", ("cleaning", "day", "dementia", "home_visit", "meal", "nursing")),
        ("助餐/助浴/助行", ("bathing", "meal", "mobility")),
        ("助餐服务等", ("meal",)),
        ("提供助餐和助医", ("meal", "medical")),
        ("助餐（送餐）", ("meal",)),
        ("全托", ("residential",)),
        ("MEAL", ("meal",)),
        ("无", ()),
        ("暂无", ()),
        ("-", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_functions(text: str | None, functions: tuple[str, ...] | None) -> None:
    assert load_vocabulary().functions_of(text) == (functions, ())


def test_words_not_understood_are_returned() -> None:
    assert load_vocabulary().functions_of("助餐、理发") == (("meal",), ("理发",))
    assert load_vocabulary().functions_of("理发") == (None, ("理发",))


def test_every_name_is_recognised_as_itself() -> None:
    vocabulary = load_vocabulary()
    for id_, name in vocabulary.categories.names.items():
        assert vocabulary.category_of(name) == (id_, False)
        assert vocabulary.category_of(id_) == (id_, False)
    for id_, name in vocabulary.functions.names.items():
        assert vocabulary.functions_of(name) == ((id_,), ())
