"""Roads of a study: from a file to the walking and the driving graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import NoFeaturesError
from yikezhong_geodata.network import (
    Stated,
    graph_of_network,
    network_of_ways,
)
from yikezhong_geodata.profiles import load_rules
from yikezhong_geodata.spec import RoadSpec
from yikezhong_geodata.ways import Ways

LAYER = "roads"


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
    ways, stated = _read(path, spec, report)
    graphs = {}
    for profile in profiles:
        network = network_of_ways(ways, profile)
        if len(network.edges) == 0:
            raise NoFeaturesError(
                f"没有可供{_PROFILE_NAMES[profile]}的道路",
                file=spec.file,
                hint="请检查道路等级（highway）等字段，或换用完整的路网文件",
            )
        graph = graph_of_network(network, walk_speed_mps=walk_speed_mps, stated=stated)
        graphs[profile] = graph
    return graphs


_PROFILE_NAMES = {"walking": "步行", "driving": "驾车"}


def _read(path: Path, spec: RoadSpec, report: DataReport) -> tuple[Ways, Stated | None]:
    from yikezhong_geodata.lines import read_lines
    from yikezhong_geodata.osm_ways import read_ways

    if path.name.lower().endswith((".pbf", ".osm")):
        return read_ways(path, keys=load_rules().keys), None
    return read_lines(path, spec, report=report)
