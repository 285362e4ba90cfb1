"""Roads of a study: from a file to the walking and the driving graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from yikezhong_coverage.errors import GraphError, InputError
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import NoFeaturesError
from yikezhong_geodata.graphml import read_graphml
from yikezhong_geodata.graphml_network import (
    made_for_driving,
    network_of_graphml,
    stated_of_graphml,
)
from yikezhong_geodata.lines import read_lines
from yikezhong_geodata.network import (
    Network,
    Stated,
    graph_of_network,
    network_of_ways,
    ways_in_profile,
)
from yikezhong_geodata.opening import announce_file
from yikezhong_geodata.osm import check_xml_head
from yikezhong_geodata.osm_ways import read_ways
from yikezhong_geodata.profiles import load_rules
from yikezhong_geodata.road_findings import (
    LAYER,
    PROFILE_NAMES,
    report_holes,
    report_network,
    report_unused,
)
from yikezhong_geodata.spec import RoadSpec

#: The ``[roads]`` part of ``study.toml``; ``columns`` tells where a line layer has
#: the tags (``highway``, ``oneway``, ``maxspeed`` …) and the ``id``.
RoadsSpec = RoadSpec


def load_roads(
    spec: RoadsSpec,
    *,
    folder: Path,
    report: DataReport,
    profiles: Sequence[str] = ("walking", "driving"),
    walk_speed_mps: float = 1.0,
) -> dict[str, RoadGraph]:
    """Read the roads once and build the graph of each profile.

    Parameters
    ----------
    spec : RoadsSpec
    folder : Path
        The study's folder.
    report : DataReport
        Takes what was found and assumed, and the account of the rows.
    profiles : sequence of str
        Any of ``"walking"`` and ``"driving"``.
    walk_speed_mps : float
        Walking speed [m/s], positive.

    Returns
    -------
    dict of str to RoadGraph

    Raises
    ------
    InputError
        If the file is missing, broken, unsafe or holds no roads.
    MissingWeightError, BadWeightError
        If a stated length or time is missing or cannot be.
    """
    path = folder / spec.file
    if not path.is_file():
        raise InputError(
            "找不到路网文件",
            file=spec.file,
            hint="请检查 study.toml 中 [roads] 的 file",
        )
    announce_file(path)
    if _is_graphml(path):
        return _from_graphml(path, spec, report, profiles, walk_speed_mps)
    return _from_ways(path, spec, report, profiles, walk_speed_mps)


def _is_graphml(path: Path) -> bool:
    if path.suffix.lower() == ".graphml":
        return True
    return path.suffix.lower() == ".xml" and check_xml_head(path) == "graphml"


def _is_osm(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".pbf", ".osm", ".osm.xml"))


def _from_ways(
    path: Path,
    spec: RoadSpec,
    report: DataReport,
    profiles: Sequence[str],
    walk_speed_mps: float,
) -> dict[str, RoadGraph]:
    stated: Stated | None = None
    if _is_osm(path):
        ways = read_ways(path, keys=load_rules().keys, report=report)
    else:
        ways, stated = read_lines(path, spec, report=report)
    chosen = {profile: ways_in_profile(ways, profile) for profile in profiles}
    if _is_osm(path):
        in_any = np.logical_or.reduce([*chosen.values()])
        report_holes(ways, in_any, file=path.name, report=report)
        report_unused(ways, chosen, file=path.name, report=report)
        report.close_layer(LAYER, path.name, read=len(ways))
    graphs = {}
    for profile in profiles:
        network = network_of_ways(ways, profile, chosen=chosen[profile])
        graphs[profile] = _graph(network, path, walk_speed_mps, stated, report)
    return graphs


def _from_graphml(
    path: Path,
    spec: RoadSpec,
    report: DataReport,
    profiles: Sequence[str],
    walk_speed_mps: float,
) -> dict[str, RoadGraph]:
    roads = read_graphml(path, spec)
    stated = stated_of_graphml(roads, spec)
    if made_for_driving(roads):
        report.add(
            LAYER,
            path.name,
            None,
            None,
            "driving_graph",
            message="路网文件中没有步行道，视为行车路网：全部道路可行车，步行时间可能偏长",
        )
    report.close_layer(LAYER, path.name, read=roads.n_edge)
    graphs = {}
    for profile in profiles:
        network = network_of_graphml(roads, profile)
        graphs[profile] = _graph(network, path, walk_speed_mps, stated, report)
    return graphs


def _graph(
    network: Network,
    path: Path,
    walk_speed_mps: float,
    stated: Stated | None,
    report: DataReport,
) -> RoadGraph:
    if len(network.edges) == 0:
        raise NoFeaturesError(
            f"没有可供{PROFILE_NAMES[network.profile]}的道路",
            file=path.name,
            hint="请检查道路等级（highway）等字段，或换用完整的路网文件",
        )
    try:
        graph = graph_of_network(network, walk_speed_mps=walk_speed_mps, stated=stated)
    except GraphError as error:
        error.file = error.file or path.name
        raise
    report_network(network, graph, file=path.name, report=report)
    return graph
