"""The benchmark of the service measures a live server and prints its ratios."""

from __future__ import annotations

import pytest
from benchmarks.service import Figures, measure, print_figures

from indicator_cases import DemoRun


def test_a_short_run_measures_and_prints(
    county_run: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measure(county_run.out, rounds=1, seconds=0.3, circles=3)
    assert set(figures.rate_per_s) == {"empty", "coverage"}
    assert min(figures.rate_per_s.values()) > 1
    # a repeated answer costs about what nothing costs; clocks tick every 10 ms
    assert 0 < figures.cpu_ms["coverage"] < 3 * figures.cpu_ms["empty"] + 1
    assert figures.median_ms["circle, fresh"] > figures.median_ms["circle, kept"]
    print_figures(figures)
    shown = capsys.readouterr().out
    assert "coverage / empty: " in shown and "fresh circle / empty: " in shown


def test_the_ratios_are_those_of_the_medians() -> None:
    figures = Figures(
        rate_per_s={"empty": 1000.0, "coverage": 800.0},
        cpu_ms={"empty": 0.2, "coverage": 0.25},
        median_ms={"empty": 0.5, "coverage": 0.6, "circle, fresh": 5.0},
    )
    assert figures.rate_ratio == 0.8 and figures.circle_ratio == 10.0
