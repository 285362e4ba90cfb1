"""The benchmarks run, compare the answers and write their results."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from benchmarks.__main__ import main
from benchmarks.measure import Row, growth
from benchmarks.networks import at_nodes, make_case, mirrored, nodes_of


def test_quick_benchmarks_print_and_write(tmp_path: Path, capsys):
    out = tmp_path / "RESULTS.md"
    main(["--quick", "--out", str(out)])
    shown = capsys.readouterr().out
    for question in ("Q1", "Q2", "Q3", "Q4"):
        assert f"\n{question} " in shown
    text = out.read_text(encoding="utf-8")
    assert "| Q1 | tiny | " in text
    assert "equal to the last bit" in text
    assert "- pandana: " in text
    assert "cores" in text


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
