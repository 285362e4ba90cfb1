"""What belongs to no question: preparing, compiling, reading PBF, snapping, serving."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measure import Call, Table, Timing, once, run_in_turn
from benchmarks.networks import Case, data_folder
from benchmarks.peers import csr_of
from yikezhong_coverage.prepared import prepare
from yikezhong_coverage.snap import snap_points

N_POINT = 100_000
#: Runs in a process of its own: what the first question costs on a machine.
FIRST = """
import time
def tell():
    print(time.perf_counter() - began[0], time.process_time() - began[1])
    began[:] = time.perf_counter(), time.process_time()
began = [time.perf_counter(), time.process_time()]
from benchmarks.networks import make_case
from yikezhong_coverage.travel import nearest_at_nodes, nearest_facility, reach
case = make_case("tiny")
tell()
terms = {"leg_speed_mps": 1.0}
nearest_at_nodes(case.graph, case.facility, max_time_s=900.0, **terms)
tell()
nearest_facility(case.graph, case.facility, case.facility, max_time_s=900.0, **terms)
tell()
reach(case.graph, case.facility, case.facility, limit_s=900.0, **terms)
tell()
"""


def run_preparation(case: Case, table: Table) -> None:
    """Measure what a network costs once, before the first question."""
    timings = {}
    for name, call in (
        ("yikezhong", lambda: prepare(replace(case.graph))),
        ("scipy, matrix", lambda: csr_of(case.graph)),
    ):
        timings[name] = once(call)[0]
    table.add("preparation", case.name, timings, size=case.graph.n_node)


def run_snapping(case: Case, table: Table, *, repeats: int) -> None:
    """Snap points spread over the network, beside the nearest nodes by a tree."""
    from scipy.spatial import cKDTree

    graph = case.graph
    random = np.random.default_rng(5)
    near = random.integers(0, graph.n_node, N_POINT)
    lon = graph.node_lon[near] + random.normal(0, 5e-4, N_POINT)
    lat = graph.node_lat[near] + random.normal(0, 5e-4, N_POINT)
    nodes = np.stack((graph.node_lon, graph.node_lat), axis=1)
    calls: dict[str, Call] = {
        "yikezhong, edges": lambda: snap_points(graph, lon, lat),
        "scipy, nodes only": lambda: cKDTree(nodes).query(np.stack((lon, lat), axis=1)),
    }
    timings = run_in_turn(calls, repeats=min(repeats, 3))
    table.add("snapping 100,000 points", case.name, timings, size=graph.n_node)


def run_compiling(table: Table) -> None:
    """Measure the first questions with kernels to be compiled, and with kept ones."""
    names = ("start", "nearest at nodes", "nearest facility", "reach")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        cold, warm = _first(environment), _first(environment)
    for name, on_the_spot, kept in zip(names, cold, warm, strict=True):
        timings = {"kept": kept, "compiled on the spot": on_the_spot}
        table.add(f"first run, {name}", "tiny", timings)


def _first(environment: dict[str, str]) -> list[Timing]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    numbers = [float(word) for word in done.stdout.split()]
    return [Timing(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def run_reading(table: Table, *, repeats: int) -> None:
    """Read the ways of an extract, beside a bare loop of pyosmium over the same."""
    import osmium

    from yikezhong_geodata.data_report import DataReport
    from yikezhong_geodata.osm_ways import read_ways

    path = data_folder() / "porto_alegre" / "poa_osm.pbf"
    if not path.is_file():
        table.remarks.append("PBF: the extract is not there")
        return

    def loop() -> int:
        ways = osmium.FileProcessor(str(path)).with_locations()
        count = 0
        for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
            if way.is_way():
                count += sum(1 for node in way.nodes if node.location.valid())
        return count

    calls: dict[str, Call] = {
        "yikezhong": lambda: read_ways(
            path, keys=("highway", "maxspeed", "oneway"), report=DataReport()
        ),
        "pyosmium FileProcessor": loop,
    }
    timings = run_in_turn(calls, repeats=min(repeats, 3))
    megabytes = path.stat().st_size / 1e6
    agrees = {
        who: f"{timing.cpu_s / megabytes:.2f} CPU s per MB"
        for who, timing in timings.items()
    }
    table.add(
        "reading PBF", f"porto_alegre, {megabytes:.1f} MB", timings, agrees=agrees
    )


def run_service(table: Table, result: Path | None) -> None:
    """Let the service's own benchmark speak, where there is a result to serve."""
    if result is None:
        table.remarks.append(
            "Service: no result given (`--result DIR`, a folder of `yikezhong run --out`)"
        )
        return
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.service", str(result), "--rounds", "5"],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode:
        table.remarks.append(f"Service: {done.stderr.strip().splitlines()[-1]}")
        return
    table.remarks.append("Service:\n\n" + done.stdout.strip())


def run(
    table: Table, case: Case, *, repeats: int, result: Path | None, quick: bool
) -> None:
    """Measure all of it; snapping on the network given."""
    run_snapping(case, table, repeats=repeats)
    run_reading(table, repeats=repeats)
    if not quick:
        run_compiling(table)
        run_service(table, result)
