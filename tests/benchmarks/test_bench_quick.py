"""The benchmarks run, compare the answers and write their results."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import main
from benchmarks.aims import list_aims
from benchmarks.bounds import NearestBound, ReachBound, steps_of
from benchmarks.measure import Row, Table, Timing, growth
from benchmarks.networks import at_nodes, make_case, mirrored, nodes_of
from benchmarks.studies import SIZES, make_study

from benchmarks import scale as scale_runs
from yikezhong_coverage.travel import nearest_at_nodes, reach
from yikezhong_geodata.study import load_study


def test_quick_benchmarks_print_and_write(tmp_path: Path, capsys):
    out = tmp_path / "RESULTS.md"
    main(["--quick", "--out", str(out)])
    shown = capsys.readouterr().out
    for question in ("Q1", "Q2", "Q3", "Q4", "Q5 p-median", "preparation", "snapping"):
        assert f"\n{question} " in shown
    text = out.read_text(encoding="utf-8")
    assert "| Q1 | tiny | " in text
    assert "equal to the last bit" in text
    assert "| yikezhong | " in text and "| lower bound (breadth first) | " in text
    assert "- pandana: " in text
    assert "cores" in text


def test_an_aim_is_met_reached_or_told_how_far():
    table = Table()
    for peer_s, line in (
        (0.9, "yes"),
        (0.5, "reached; 62% of the next"),
        (0.2, "no, 50% of it"),
    ):
        table.rows.clear()
        timings = {"yikezhong": Timing(0.1, 0.1), "scipy": Timing(peer_s, peer_s)}
        table.add("Q1", "porto_alegre", timings, size=10)
        assert list_aims(table)[0].endswith(f"| 4 × | 8 × | {line} |")
    bound = {"yikezhong": Timing(0.3, 0.3), "lower bound (x)": Timing(0.1, 0.1)}
    table.rows.clear()
    table.add("Q1", "porto_alegre", bound, size=10)
    assert list_aims(table)[-1].endswith("| ≤ 1.5 × | ≤ 1.5 × | no, 2.0 × too slow |")


def test_the_bound_visits_what_is_reached_and_no_more():
    case = make_case("tiny")
    terms = {"leg_speed_mps": 1.0}
    nodes, steps = nodes_of(case.graph, case.facility), steps_of(case.graph)
    found = nearest_at_nodes(case.graph, case.facility, max_time_s=900.0, **terms)
    reached = np.count_nonzero(found.facility >= 0)
    assert 0.9 * reached <= NearestBound(steps, nodes, found)() <= reached
    every = at_nodes(case.graph, np.unique(case.graph.edge_u))
    pairs = reach(case.graph, every, case.facility, limit_s=900.0, **terms)
    visited = ReachBound(steps, nodes, pairs)()
    assert 0.9 * len(pairs.demand) <= len(visited) <= len(pairs.demand)


def test_networks_are_the_same_every_time_and_tiles_are_joined():
    case, again = make_case("tiny"), make_case("tiny")
    np.testing.assert_array_equal(case.graph.edge_u, again.graph.edge_u)
    np.testing.assert_array_equal(case.facility.edge, again.facility.edge)
    tiles = mirrored(case.graph, 2, 2, joints=5)
    assert tiles.n_node == 4 * case.graph.n_node
    assert tiles.n_edge == 4 * case.graph.n_edge + 4 * 5
    across = tiles.edge_u // case.graph.n_node != tiles.edge_v // case.graph.n_node
    assert across.sum() == 4 * 5


def test_points_at_nodes_are_at_these_nodes():
    graph = make_case("tiny").graph
    nodes = np.arange(0, graph.n_node, 3)
    np.testing.assert_array_equal(nodes_of(graph, at_nodes(graph, nodes)), nodes)


def test_growth_is_the_exponent():
    rows = [Row("Q1", "a", "x", 1.0, size=100), Row("Q1", "b", "x", 8.0, size=400)]
    assert math.isclose(growth(rows), 1.5)


def test_runs_are_told_with_their_limits_and_the_growth(tmp_path: Path):
    def run(scale: str, workers: str, seconds: float, points: int) -> scale_runs.Run:
        return scale_runs.Run(
            scale=scale, workers=workers, seconds=seconds, cpu_s=seconds, peak_mb=5000.0,
            largest_mb=3000.0, steps={"reading": 1.0}, version="v", disk_mb=10.0,
            tables={"divisions": 10, "demand": points, "facilities": 3},
        )  # fmt: skip

    runs = [
        run("county", "1", 10.0, 1000),
        run("province", "1", 320.0, 32_000),
        run("province", "2", 200.0, 32_000),
    ]
    scale_runs.write(runs, tmp_path / "SCALE.md")
    text = (tmp_path / "SCALE.md").read_text(encoding="utf-8")
    assert "| county | 1 | 10.0 s | ≤ 5 s | no, 2.0 × |" in text
    assert "| province | 2 | 200.0 s | ≤ 180 s | no, 1.1 ×; 5,000 MB of 4,096 |" in text
    assert "points^1.00" in text
    assert "| 1.60 |" in text  # two workers against one


def test_steps_last_until_the_next_begins():
    steps = [["读取", 0.0], ["连接道路", 2.0], ["计算分块", 3.0], ["计算分块", 4.0]]
    assert scale_runs._durations(steps, 10.0) == {
        "reading": 2.0,
        "points put on the roads, inputs of the tasks": 1.0,
        "parts": 7.0,
    }


def test_a_made_study_is_whole_and_the_same_every_time(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("YIKEZHONG_TEST_DATA", str(real_data))
    one, other = (make_study("tiny", tmp_path / name) for name in ("one", "other"))
    for file in one.iterdir():
        if file.suffix != ".pbf":  # holds the time of its writing
            assert file.read_bytes() == (other / file.name).read_bytes()
    study = load_study(one, as_of=dt.date(2025, 12, 31))
    levels = study.divisions["level"].value_counts().to_dict()
    assert levels == {"county": 1, "township": 12, "community": 252}
    assert len(study.facilities) == SIZES["tiny"].n_facility
    assert len(study.demand) >= SIZES["tiny"].n_point
    assert study.roads["walking"].n_node > 10_000
