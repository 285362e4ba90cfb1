"""Whole runs from a county to a province: time, memory, workers, and what grows how.

``python -m benchmarks.scale [county prefecture province] [--dask]`` makes the
demonstration studies, runs each with one worker and with two, and writes
``benchmarks/SCALE.md``, a part of ``RESULTS.md``. Each run is cold and a session of its
own; memory is the proportional share of all its processes, so that what they map
together counts once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.report import SCALE, renew_results
from benchmarks.studies import SIZES, make_study

SCALES: Final = ("county", "prefecture", "province")
#: Longest runs [s]: to reach, and then. What is made of a real city's tiles has as many
#: road nodes as the aim says; the demonstration looks more like the country.
LIMITS: Final = {
    "county": (5, 2),
    "prefecture": (20, 10),
    "city-prefecture": (20, 10),
    "province": (180, 90),
    "city-province": (180, 90),
}
#: Most memory of a run [MB].
MEMORY_MB: Final = {"province": 4096, "city-province": 4096}
_TICK_S: Final = 0.5
#: Runs a study as the command does and prints when each step began.
_RUN: Final = """
import datetime, json, sys, time
from pathlib import Path
from yikezhong_geodata.opening import prepare_gdal

def main():
    prepare_gdal()
    from yikezhong_app.commands.run import compute
    study, out, workers, scheduler = sys.argv[1:]
    begin, steps = time.perf_counter(), []
    def tell(step, fraction):
        word = step.split(" ")[0].split("：")[0]
        if not steps or steps[-1][0] != word:
            steps.append([word, time.perf_counter() - begin])
    snapshot = compute(
        Path(study), Path(out), day=datetime.date(2025, 12, 31), accept_datum=False,
        accept_repairs=False, key="", workers=int(workers) or None,
        scheduler=scheduler or None, cut=None, force=False, progress=tell,
    )
    tables = {name: entry["rows"] for name, entry in snapshot.manifest["tables"].items()}
    print(json.dumps({"steps": steps, "tables": tables, "version": snapshot.version}))

if __name__ == "__main__":
    main()
"""
#: First words of the steps of a run, and what is told of them.
_STEPS: Final = {
    "连接道路": "points put on the roads, inputs of the tasks",
    "计算分块": "parts",
    "汇总服务": "services",
    "计算规划指标": "plans",
    "写入成果": "writing",
}
#: The nation, by its yearbooks: townships, communities; and road nodes as estimated.
NATION: Final = {"divisions": 665_000, "points": 35_000_000, "nodes": 100_000_000}


@dataclass
class Run:
    """What one run took."""

    scale: str
    workers: str
    seconds: float
    cpu_s: float
    peak_mb: float
    largest_mb: float
    steps: dict[str, float]
    tables: dict[str, int]
    version: str
    disk_mb: float


@dataclass
class Watch:
    """Memory and processor time of all processes of a session, by looking again."""

    session: int
    peak_mb: float = 0.0
    largest_mb: float = 0.0
    _cpu: dict[int, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def cpu_s(self) -> float:
        """Processor time of all processes seen [s]."""
        return math.fsum(self._cpu.values())

    def look(self) -> None:
        """Look once."""
        sizes = []
        for pid in _members(self.session):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text("ascii")
                smaps = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            except OSError:
                continue
            ticks = stat.rpartition(")")[2].split()[11:13]
            self._cpu[pid] = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            lines = dict(
                line.split(":", 1) for line in smaps.splitlines() if ":" in line
            )
            sizes.append(int(lines.get("Pss", "0 kB").split()[0]) / 1024)
        self.peak_mb = max(self.peak_mb, math.fsum(sizes))
        self.largest_mb = max(self.largest_mb, max(sizes, default=0.0))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look again and again."""

        def repeat() -> None:
            while not self._over.wait(_TICK_S):
                self.look()

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def _members(session: int) -> Iterator[int]:
    """Yield the processes of a session, and those that they have started elsewhere."""
    parents: dict[int, int] = {}
    found = set()
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                stat = (path / "stat").read_text("ascii")
            except OSError:
                continue
            _, parent, _, own = stat.rpartition(")")[2].split()[:4]
            parents[int(path.name)] = int(parent)
            if int(own) == session:
                found.add(int(path.name))
    for pid in parents:
        line = [pid]
        while line[-1] not in found and parents.get(line[-1], 0) > 1:
            line.append(parents[line[-1]])
        if line[-1] in found:
            found.update(line)
    yield from found


def measure(
    study: Path, out: Path, *, scale: str, workers: int, scheduler: str = ""
) -> Run:
    """Run a study and return what it took."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(study), str(out), str(workers), scheduler],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    watch = Watch(process.pid)
    with watch.looking():
        told, _ = process.communicate()
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, f"run of {study}")
    answer: dict[str, Any] = json.loads(told.splitlines()[-1])
    return Run(
        scale=scale,
        workers="Dask, 2" if scheduler else str(workers),
        seconds=seconds,
        cpu_s=watch.cpu_s,
        peak_mb=watch.peak_mb,
        largest_mb=watch.largest_mb,
        steps=_durations(answer["steps"], seconds),
        tables=answer["tables"],
        version=answer["version"],
        disk_mb=_size_mb(out),
    )


def _durations(steps: list[list[Any]], end_s: float) -> dict[str, float]:
    """Return how long each step took [s]; what comes before the first is reading."""
    known = [(word, at) for word, at in steps if word in _STEPS]
    known = [(w, at) for k, (w, at) in enumerate(known) if w not in dict(known[:k])]
    found = {"reading": known[0][1]}
    for (word, at), (_, then) in zip(known, [*known[1:], ("", end_s)], strict=True):
        found[_STEPS[word]] = then - at
    return found


def _size_mb(folder: Path) -> float:
    seen: dict[int, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            stat = path.stat()
            seen[stat.st_ino] = stat.st_size  # what is linked counts once
    return sum(seen.values()) / 2**20


def prepare(scale: str, study: Path) -> None:
    """Make a study, unless it is there: a demonstration, or one of city tiles."""
    if study.exists():
        return
    name = scale.removeprefix("city-")
    if name != scale and name in SIZES:
        make_study(name, study)
        return
    cli = [sys.executable, "-m", "yikezhong_app", "demo", str(study)]
    subprocess.run([*cli, "--scale", scale], check=True)


@contextmanager
def dask_cluster() -> Iterator[str]:
    """Start a scheduler and two workers on loopback; yield the address."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def growth(runs: list[Run], of: str) -> float:
    """Return the exponent by which a measure grows with the demand points."""
    first, last = runs[0], runs[-1]
    ratio = last.tables["demand"] / first.tables["demand"]
    return math.log(getattr(last, of) / getattr(first, of)) / math.log(ratio)


def write(runs: list[Run], path: Path) -> None:
    """Write what was measured, and what follows for the nation."""
    ones = [r for r in runs if r.workers == "1"]
    every = [run for run in runs if not run.scale.startswith("city-")]
    largest = max(every, key=lambda run: run.tables["demand"])
    # of equal workers, those that did the largest study too
    demos = [run for run in every if run.workers == largest.workers]
    lines = [
        "## Sizes",
        "",
        (
            f"{dt.date.today().isoformat()} · `python -m benchmarks.scale` · the "
            "demonstration studies, cold runs; memory is the proportional share of all "
            "processes together (with Dask, as processor time, of the driver and what it "
            "starts: the cluster is not its own), disk what lies in the result folder with "
            "what tasks keep."
        ),
        "",
        (
            "| study | divisions | demand points | facilities | workers | time | CPU "
            "| memory | largest process | disk | × one worker |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        one = next((r for r in ones if r.scale == run.scale), None)
        ratio = "" if one is None else f"{one.seconds / run.seconds:.2f}"
        lines.append(
            f"| {run.scale} | {run.tables['divisions']:,} | {run.tables['demand']:,} "
            f"| {run.tables['facilities']:,} | {run.workers} | {run.seconds:.1f} s "
            f"| {run.cpu_s:.1f} s | {run.peak_mb:,.0f} MB | {run.largest_mb:,.0f} MB "
            f"| {run.disk_mb:,.0f} MB | {ratio} |"
        )
    lines += [
        "", "| study | workers | time | limit | met |", "|---|---|---|---|---|",
        *(line for run in runs for line in _limit(run)),
        "", "Where the time goes:", "",
    ]  # fmt: skip
    for run in runs:
        steps = "; ".join(f"{w} {s:.1f} s" for w, s in run.steps.items())
        lines.append(f"- {run.scale}, {run.workers}: {steps}.")
    if len(demos) > 1:
        lines += [
            "",
            (
                f"From {demos[0].scale} to {demos[-1].scale}, workers: {demos[0].workers}; time grows with "
                f"points^{growth(demos, 'seconds'):.2f}, processor time with "
                f"points^{growth(demos, 'cpu_s'):.2f}, memory with "
                f"points^{growth(demos, 'peak_mb'):.2f} (aim: 1.1)."
            ),
            "",
            *nation(largest),
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _limit(run: Run) -> Iterator[str]:
    """Yield a line where there is an aim for a run."""
    if run.scale not in LIMITS:
        return
    reach, then = LIMITS[run.scale]
    met = "yes" if run.seconds <= then else f"reached (next: {then} s)"
    if run.seconds > reach:
        met = f"no, {run.seconds / reach:.1f} ×"
    most = MEMORY_MB.get(run.scale)
    if most is not None:
        met += f"; {run.peak_mb:,.0f} MB of {most:,}"
    yield f"| {run.scale} | {run.workers} | {run.seconds:.1f} s | ≤ {reach} s | {met} |"


def nation(run: Run) -> list[str]:
    """Return what the nation would need, from the largest run measured."""
    factor = NATION["points"] / run.tables["demand"]
    tasks_s = run.cpu_s - run.steps["reading"] - run.steps.get("writing", 0.0)
    hours = tasks_s * factor / 3600
    reading_h = (run.steps["reading"] + run.steps.get("writing", 0.0)) * factor / 3600
    return [
        (
            f"**The nation, on paper** ({NATION['divisions']:,} divisions, "
            f"{NATION['points']:,} demand points, {NATION['nodes']:,} road nodes: "
            f"{factor:.0f} × the {run.scale}, if all grows in proportion): "
            f"{hours:.1f} core hours for the tasks, that is {hours / 64 * 60:.0f} minutes "
            f"on four machines of 16 cores; {reading_h:.1f} hours of one core to read the "
            f"layers and write the result, which one process does today; "
            f"{run.disk_mb * factor / 2**20:.2f} TB of disk. One process that holds the "
            f"study would need {run.largest_mb * factor / 1024:.0f} GB, more than a machine "
            "has: the nation is run province by province (each a study of its own, with its "
            "neighbours' roads and facilities around it), and the counts are added. "
            f"Measured are the runs above, up to the {run.scale}; everything in this "
            "paragraph is extrapolated."
        ),
    ]


def main() -> None:
    """Measure the scales that are named."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("scales", nargs="*", default=list(SCALES))
    parser.add_argument("--dask", action="store_true", help="a cluster of two as well")
    parser.add_argument("--folder", type=Path, help="where the studies are kept")
    terms = parser.parse_args()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = terms.folder or Path(temporary)
        for scale in terms.scales:
            study = folder / f"study-{scale}"
            prepare(scale, study)
            for workers in (1, 2):
                out = Path(temporary) / f"out-{scale}-{workers}"
                runs.append(measure(study, out, scale=scale, workers=workers))
                print(runs[-1], flush=True)
            if terms.dask:
                with dask_cluster() as address:
                    out = Path(temporary) / f"out-{scale}-dask"
                    runs.append(
                        measure(study, out, scale=scale, workers=2, scheduler=address)
                    )
                print(runs[-1], flush=True)
            same = {run.version for run in runs if run.scale == scale}
            if len(same) != 1:
                raise SystemExit(f"{scale}: the results differ: {sorted(same)}")
    write(runs, SCALE)
    renew_results()


if __name__ == "__main__":
    main()
