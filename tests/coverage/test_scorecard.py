"""The scorecard: order, conflicts, summaries, verdicts that flip."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rule_cases import AREAS, KINDS, PLACES, area_array, asked
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.rules.records import (
    Areas,
    Indicator,
    Places,
    RunFacts,
    ServiceCoverage,
    Target,
)
from yikezhong_coverage.scorecard import Scorecard, flips, score

STATION = {"any_of": [{"categories": ["station"]}]}


def register() -> list[Indicator]:
    half = asked("presence", "township", kinds=KINDS, target="0.4", with_=STATION)
    whole = asked("presence", "township", kinds=KINDS, target="1", with_=STATION)
    beds = asked(
        "count", "county", with_={"of": {"categories": ["home"]}, "column": "beds"}
    )
    return [
        replace(half, id="half"),
        replace(whole, id="whole", conflicts_with=("half", "elsewhere")),
        replace(beds, id="beds"),
    ]


def test_lines_of_a_division_stand_in_the_order_of_the_register() -> None:
    card = score(register(), AREAS, places=PLACES)
    lines = card.lines("P")
    assert [line.indicator.id for line in lines] == ["half", "whole", "beds"]
    assert [line.result.status for line in lines] == ["met", "not_met", "no_target"]
    assert card.lines("nowhere") == ()
    assert [line.indicator.id for line in card.lines("A1")] == ["half", "whole"]


def test_conflicting_targets_stand_side_by_side_on_both_sides() -> None:
    lines = {
        line.indicator.id: line
        for line in score(register(), AREAS, places=PLACES).lines("P")
    }
    assert [r.indicator_id for r in lines["half"].conflicts] == ["whole"]
    assert [r.indicator_id for r in lines["whole"].conflicts] == ["half"]
    assert lines["beds"].conflicts == ()
    assert lines["half"].disputed and lines["whole"].disputed
    assert not lines["beds"].disputed


def test_summary_counts_every_status() -> None:
    card = score(register(), AREAS, places=PLACES)
    assert card.summary("P") == {
        "met": 1,
        "not_met": 1,
        "unknown": 0,
        "not_applicable": 0,
        "no_target": 1,
    }
    assert card.summary("B3")["not_applicable"] == 2
    assert sum(card.summary("nowhere").values()) == 0


def test_ids_are_unique_and_progress_is_told() -> None:
    told: list[float] = []
    score(
        register(),
        AREAS,
        places=PLACES,
        progress=lambda step, share: told.append(share),
    )
    assert told == sorted(told) and (told[0], told[-1]) == (0.0, 1.0)
    with pytest.raises(InputError, match="half 重复"):
        score([register()[0]] * 2, AREAS, places=PLACES)


def test_verdicts_that_depend_on_the_speed_are_marked() -> None:
    with_ = {"services": ["meal"], "limit_min": 15, "count": "people"}
    indicator = asked("network_time", "county", target="0.8", with_=with_)

    def card(covered: dict[str, float], speed: float) -> Scorecard:
        table = ServiceCoverage(
            area_array({}, default=10.0),
            area_array(covered, default=9.0),
            np.zeros(len(AREAS), dtype=bool),
        )
        facts = RunFacts(
            coverage={("meal", 900.0, "people_60"): table}, speed_mps=speed
        )
        return score([indicator], AREAS, places=PLACES, extra=facts)

    base = card({"B": 8.0}, 1.0)
    slow = card({"B": 7.0}, 0.8)
    found = flips(base, {"0.8": slow, "1.2": base})
    assert found == {("I", "B"): {"base": "met", "0.8": "not_met", "1.2": "met"}}


def test_rules_know_no_indicator() -> None:
    """No id of a register stands in the code of the rules."""
    root = Path(__file__).resolve().parents[2] / "coverage" / "yikezhong_coverage"
    files = [*root.glob("rules/*.py"), root / "scorecard.py"]
    assert len(files) > 10
    for path in files:
        assert not re.search(r"\b(HB|SZ)-[A-Z]?\d", path.read_text("utf-8")), path


def test_a_prefecture_is_scored_quickly() -> None:
    """150 indicators, 1,064 divisions, 1,400 facilities: seconds, not minutes."""
    random = np.random.default_rng(1)
    level = ["prefecture", *["county"] * 3, *["township"] * 51, *["community"] * 1009]
    parent = [-1, 0, 0, 0, *random.integers(1, 4, 51), *random.integers(4, 55, 1009)]
    n, n_place = len(level), 1400
    areas = Areas(
        np.array([f"{i:012d}" for i in range(n)]),
        np.array(level),
        np.array([""] * n),
        np.array(parent, dtype=np.int32),
        {"people": random.integers(0, 2**30, n) / 2**20},
    )
    beds = np.empty(n_place, dtype=object)
    beds[:] = [
        float(k) / 10 if k > 40 else None for k in random.integers(0, 900, n_place)
    ]
    places = Places(
        np.array([f"f{i}" for i in range(n_place)]),
        random.choice([f"c{i}" for i in range(20)], n_place),
        [frozenset({"day"})] * n_place,
        random.choice(["open", "planned"], n_place),
        random.integers(55, n, n_place).astype(np.int32),
        (),
        {"beds": beds},
    )
    indicators = []
    for i in range(150):
        of = {"categories": [f"c{i % 20}"], "functions": ["day"]}
        rule, with_ = (
            ("presence", {"any_of": [of]}),
            (
                "facility_share",
                {"of": of, "having": [{"attribute": "beds", "at_least": "30"}]},
            ),
            ("per_capita", {"amount": {"column": "beds", "of": of}, "per": "people"}),
            ("count", {"of": of}),
        )[i % 4]
        indicators.append(
            Indicator(
                f"i{i}",
                "指标",
                "community",
                rule,
                with_=with_,
                target=Target(">=", Fraction(3, 5)),
            )
        )
    start = time.process_time()
    card = score(indicators, areas, places=places)
    assert time.process_time() - start < 10
    assert len(card.results) == 150 * n
