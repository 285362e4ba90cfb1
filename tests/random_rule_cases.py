"""Small random studies for the rules: two counties, five townships."""

from __future__ import annotations

from typing import Any

import numpy as np

from rule_cases import asked
from yikezhong_coverage.rules.records import Areas, Indicator, Places

FULL = frozenset({"day", "night"})


CODES = ["P", "A", "B", "A1", "A2", "A3", "B1", "B2"]


LEVELS = ["prefecture", "county", "county", *["township"] * 5]


PARENTS = [-1, 0, 0, 1, 1, 1, 2, 2]


BELOW = {
    "P": ["A1", "A2", "A3", "B1", "B2"],
    "A": ["A1", "A2", "A3"],
    "B": ["B1", "B2"],
    **{code: [code] for code in CODES[3:]},
}


def column(values: list[Any]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def areas_of(rows: dict[str, list[Any]]) -> Areas:
    """Build the tree; every attribute is a list over the five townships."""
    pad: list[Any] = [None] * 3
    people = [float("nan")] * 3 + [
        float("nan") if n is None else float(n) for n in rows.get("people", [1] * 5)
    ]
    return Areas(
        np.array(CODES),
        np.array(LEVELS),
        np.array([""] * 8),
        np.array(PARENTS, dtype=np.int32),
        {"people": np.array(people)},
        {
            name: column(pad + values)
            for name, values in rows.items()
            if name != "people"
        },
    )


def places_of(rows: list[dict[str, Any]]) -> Places:
    """Build facilities from rows: unit 0 to 4, functions, beds, nursing, good."""
    return Places(
        np.array([f"f{i:03d}" for i in range(len(rows))], dtype=str),
        np.array(["home"] * len(rows), dtype=str),
        [row.get("functions", FULL) for row in rows],
        np.array([row.get("status", "open") for row in rows], dtype=str),
        np.array([3 + row["unit"] for row in rows], dtype=np.int32),
        (),
        {
            name: column([row.get(name) for row in rows])
            for name in ("beds", "nursing", "good")
        },
    )


def pick(random: np.random.Generator, *choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


def random_study(random: np.random.Generator) -> tuple[Areas, Places]:
    known = [
        None if random.random() < 0.1 else int(n) for n in random.integers(0, 9, 5)
    ]
    areas = areas_of(
        {
            "people": [int(n) * 2.0**-20 for n in random.integers(0, 2**30, 5)],
            "posts": known,
        }
    )
    rows = [
        {
            "unit": int(random.integers(5)),
            "functions": pick(random, FULL, FULL, frozenset(), None),
            "status": pick(random, "open", "open", "planned"),
            "beds": pick(random, 7, 0.1, 12.5, None),
            "nursing": pick(random, 0, 0.1, None),
            "good": pick(random, True, False, None),
        }
        for _ in range(int(random.integers(0, 12)))
    ]
    return areas, places_of(rows)


def random_indicator(random: np.random.Generator) -> Indicator:
    of = {"categories": ["home"]}
    rule, with_ = pick(
        random,
        ("presence", {"any_of": [{**of, "functions": ["day"]}]}),
        ("facility_share", {"of": of, "having": {"functions": ["day"]}}),
        (
            "ratio",
            {
                "numerator": {"column": "nursing", "of": of},
                "denominator": {"column": "beds", "of": of},
            },
        ),
        (
            "per_capita",
            {"amount": {"column": "beds", "of": of}, "per": "people", "scale": "100"},
        ),
        ("per_capita", {"amount": {"count": True, "of": of}, "per": "people"}),
        (
            "step_standard",
            {
                "attribute": "posts",
                "by": "people",
                "steps": [{"below": 500, "need": 3}, {"need": 6}],
            },
        ),
        ("count", {"of": of}),
        ("count", {"of": of, "column": "beds"}),
    )
    comparison = pick(random, ">=", ">=", ">", "<=", "<")
    target = pick(random, "0", "0.1", "0.55", "0.6", "1", "3")
    return asked(rule, "township", target=target, comparison=comparison, with_=with_)
