"""graph-tool, which only Debian's own interpreter can import: asked in a process.

The child builds its graph from a file of arcs, then answers a line with a line; it
measures itself, so that neither starting nor passing answers counts.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Timing
from benchmarks.networks import Case, nodes_of

PYTHON = Path("/usr/bin/python3")

CHILD = """
import json, sys, time
import numpy as np
from graph_tool import Graph
from graph_tool.topology import shortest_distance
folder, n, limit_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
data = np.load(folder + "/arcs.npz")
begin = time.perf_counter()
graph = Graph(directed=True)
graph.add_vertex(n + 1)
weight = graph.new_ep("double")
arcs = np.column_stack((data["u"], data["v"], data["time_s"]))
graph.add_edge_list(arcs, eprops=[weight])
sources = data["sources"]
print(json.dumps({"prepared": time.perf_counter() - begin}), flush=True)
for line in sys.stdin:
    n_source = int(line)
    begin, cpu = time.perf_counter(), time.process_time()
    if n_source == 0:
        found = shortest_distance(graph, n, weights=weight, max_dist=limit_s)
        times = found.a[:n]
    else:
        rows = []
        for source in sources[:n_source]:
            found, near = shortest_distance(
                graph, source, weights=weight, max_dist=limit_s, return_reached=True
            )
            rows.append((near, found.a[near]))
    taken = time.perf_counter() - begin, time.process_time() - cpu
    if n_source == 0:
        np.save(folder + "/times.npy", np.where(times > limit_s, np.inf, times))
    else:
        count = [int((t <= limit_s).sum()) for _, t in rows]
        np.save(folder + "/count.npy", np.array(count))
    print(json.dumps({"wall": taken[0], "cpu": taken[1]}), flush=True)
"""


@cache
def is_installed() -> bool:
    """Whether Debian's interpreter has graph-tool."""
    if not PYTHON.is_file():
        return False
    asked = [str(PYTHON), "-c", "import graph_tool"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


class GraphTool:
    """A child process that holds the graph."""

    def __init__(self, case: Case) -> None:
        from benchmarks.peers import _with_root

        self._folder = tempfile.TemporaryDirectory()
        u, v, time_s = _with_root(case)
        sources = nodes_of(case.graph, case.facility)
        path = Path(self._folder.name) / "arcs.npz"
        np.savez(path, u=u, v=v, time_s=time_s, sources=sources)
        words = [self._folder.name, str(case.graph.n_node), str(case.limit_s)]
        self._child = subprocess.Popen(
            [str(PYTHON), "-c", CHILD, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        )
        self.prepared_s = float(self._line()["prepared"])

    def _line(self) -> dict[str, Any]:
        if self._child.stdout is None:
            raise SystemExit("graph-tool: no answer")
        return dict(json.loads(self._child.stdout.readline()))

    def _ask(self, n_source: int) -> Timing:
        if self._child.stdin is None:
            raise SystemExit("graph-tool: cannot be asked")
        self._child.stdin.write(f"{n_source}\n")
        self._child.stdin.flush()
        answer = self._line()
        return Timing(answer["wall"], answer["cpu"])

    def nearest(self) -> Timing:
        return self._ask(0)

    def pairs(self, n_source: int) -> Timing:
        return self._ask(n_source)

    def times(self) -> np.ndarray:
        """Return the times found last."""
        return np.load(Path(self._folder.name) / "times.npy")

    def counts(self) -> np.ndarray:
        """Return how many nodes were found last from each source."""
        return np.load(Path(self._folder.name) / "count.npy")

    def close(self) -> None:
        """End the child."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait(timeout=20)
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._folder.cleanup()
