"""A whole run, cold: from the files of a study to a finished snapshot.

``python -m benchmarks.whole [NAME …]`` prints time, memory and where the time goes.
Each run is a process of its own, as a user starts it; the profile is of a second one.
"""

from __future__ import annotations

import argparse
import math
import os
import pstats
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import Row, Table
from benchmarks.studies import SIZES, make_study

#: Made studies, and the two of the demonstration.
NAMES: Final = ("demo-county", "demo-prefecture", *SIZES)
_OF_SIZE: Final = {
    "county": ("demo-county",),
    "prefecture": ("demo-prefecture", "prefecture"),
    "province": ("province",),
}
#: Functions whose share of the time is told, with what they do.
_STEPS: Final = {
    "load_study": "reading and checking the files",
    "build_network": "putting demand and facilities on the roads",
    "measure_service": "travel times",
    "circles": "circles",
    "result": "waiting for circles to be joined",
    "coverage_rows": "coverage",
    "_add_gaps": "gaps and gap areas",
    "_add_lengths": "road lengths",
    "tables": "indicators of the plans, joining tables",
    "plan_gap_rows": "gaps of the plans",
    "write_snapshot": "writing the snapshot",
}
_PROFILE: Final = """
import cProfile, datetime, sys
from pathlib import Path
from yikezhong_geodata.opening import prepare_gdal
prepare_gdal()
def main(study, out):
    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_geodata.study import load_study
    run_study(load_study(study, as_of=datetime.date(2025, 12, 31)), out)
profile = cProfile.Profile()
profile.runcall(main, Path(sys.argv[1]), Path(sys.argv[2]))
profile.dump_stats(sys.argv[3])
"""


@dataclass(frozen=True)
class Cost:
    """What a process took, with the processes it started: time [s], memory [MB]."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(table: Table, names: tuple[str, ...]) -> None:
    """Run studies whole and add what they took, and where the time went."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            study = prepare(name, Path(folder) / name)
            cost = measure([*_cli("run"), str(study), "--out", f"{study}-out"])
            row = Row("Whole run", name, "yikezhong, cold", cost.wall_s, cost.cpu_s)
            row.peak_mb = cost.peak_mb
            row.ratio = row.cpu_ratio = 1.0
            table.rows.append(row)
            table.remarks.append(f"whole run of {name}: {profile(study)}")


def names_for(sizes: list[str]) -> tuple[str, ...]:
    """Return the studies of some sizes."""
    return tuple(name for size in sizes for name in _OF_SIZE[size])


def prepare(name: str, folder: Path) -> Path:
    """Write a study by name."""
    if name.startswith("demo-"):
        scale = name.removeprefix("demo-")
        subprocess.run(
            [*_cli("demo"), str(folder), "--scale", scale],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return folder
    return make_study(name, folder)


def measure(command: list[str]) -> Cost:
    """Run a command and return what it took."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(
        time.perf_counter() - begin,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


def profile(study: Path) -> str:
    """Return where the time of a run goes: shares of the steps, in words."""
    stats_file = study.with_name(f"{study.name}.stats")
    out = f"{study}-profiled"
    subprocess.run(
        [sys.executable, "-c", _PROFILE, str(study), out, str(stats_file)], check=True
    )
    stats = pstats.Stats(str(stats_file))
    total = math.fsum(row[2] for row in stats.stats.values())
    own: dict[str, float] = {}
    for (file, _, function), row in stats.stats.items():
        if function in _STEPS and ("yikezhong" in file or "futures" in file):
            own[function] = max(own.get(function, 0.0), row[3])
    steps = sorted(own.items(), key=lambda item: -item[1])
    return "; ".join(
        f"{_STEPS[name]} {seconds:.1f} s ({seconds / total:.0%})"
        for name, seconds in steps
    )


def _cli(command: str) -> list[str]:
    return [sys.executable, "-m", "yikezhong_app", command]


def main() -> None:
    """Measure the studies that are named."""
    parser = argparse.ArgumentParser(prog="benchmarks.whole", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], default=list(NAMES[:2])
    )
    table = Table()
    run(table, tuple(parser.parse_args().names))
    for row in table.rows:
        print(
            f"{row.case}: {row.seconds:.1f} s wall, {row.cpu_s:.1f} s CPU, "
            f"peak {row.peak_mb:.0f} MB"
        )
    print(*table.remarks, sep="\n")


if __name__ == "__main__":
    main()
