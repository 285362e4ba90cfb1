"""Loading roads in tests, and comparing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.roads import load_roads
from yikezhong_geodata.spec import RoadSpec


def load(path: Path, **options: Any) -> tuple[dict[str, RoadGraph], DataReport]:
    report = DataReport()
    spec = RoadSpec(path.name, **options)
    return load_roads(spec, folder=path.parent, report=report), report


def assert_same_roads(one: RoadGraph, other: RoadGraph) -> None:
    """Two graphs have the same stretches of road with the same times."""

    def stretches(graph: RoadGraph) -> list[tuple[object, ...]]:
        found = []
        for e in range(graph.n_edge):
            part = slice(graph.vertex_start[e], graph.vertex_start[e + 1])
            shape = list(
                zip(
                    graph.vertex_lon[part].round(7).tolist(),
                    graph.vertex_lat[part].round(7).tolist(),
                    strict=True,
                )
            )
            times = (graph.edge_forward_s[e], graph.edge_backward_s[e])
            found.append((shape, times, graph.edge_class[e]))
        return sorted(found)

    assert stretches(one) == stretches(other)


def problems(report: DataReport) -> list[str]:
    return [finding.problem for finding in report.findings]
