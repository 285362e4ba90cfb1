"""The table for the screen, and the file of results."""

from __future__ import annotations

import datetime as dt
import importlib.util
import math
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import OUTSIDE, Row, Table, growth

NOTES = Path(__file__).resolve().parent / "NOTES.md"
HEADINGS = ("question", "network", "nodes", "who", "time", "× ours", "peak", "answer")
VERSIONS = ("numpy", "scipy", "numba", "networkx", "shapely", "geopandas")

#: (question, case, peer, ratio to reach, ratio to go on to); by PERFORMANCE aims.
AIMS = (
    ("Q1", "porto_alegre", "scipy", 4, 8),
    ("Q1", "prefecture", "scipy", 8, 12),
    ("Q1", "province", "scipy", 15, 30),
    ("Q2", "porto_alegre", "best peer", 10, 25),
    ("Q2", "prefecture", "best peer", 40, 100),
    ("Q3", "porto_alegre", "OSMnx recipe", 100, 500),
    ("Q3", "porto_alegre", "GEOS, each edge", 10, 10),
    ("Q4", "porto_alegre", "geopandas overlay", 10_000, 10_000),
    ("Q4", "porto_alegre", "numpy, by hand", 2, 2),
)


def print_table(table: Table) -> None:
    """Print all rows, columns in line."""
    lines = [HEADINGS, *(_cells(row) for row in table.rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
    for line in lines:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def write_results(table: Table, path: Path, *, today: dt.date) -> None:
    """Write machine, versions, date, the table, the aims and the notes."""
    lines = [
        "# Results of `make bench`",
        "",
        f"{today.isoformat()} · {_machine()} · Python {platform.python_version()} · "
        + " · ".join(f"{name} {version(name)}" for name in VERSIONS),
        "",
        "Runs in turn, medians of wall time; × is the row's time over the first row of",
        "the same question and network. Peak is what the call adds to the memory of a",
        "process that holds the prepared network. The machine was busy with other work:",
        "ratios below 1.5 mean nothing.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---" * len(HEADINGS) + "|",
        *("| " + " | ".join(_cells(row)) + " |" for row in table.rows),
        "",
        *_peers(),
        "",
        *_growth(table),
        "",
        "## Aims",
        "",
        "| question | network | against | measured | reach | then |",
        "|---|---|---|---|---|---|",
        *_aims(table),
    ]
    if NOTES.is_file():
        lines += ["", NOTES.read_text(encoding="utf-8").rstrip()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    peak = "" if math.isnan(row.peak_mb) else f"{row.peak_mb:.0f} MB"
    return (
        row.question,
        row.case,
        f"{row.size:,}",
        row.who,
        _time(row.seconds),
        f"{row.ratio:,.2f}" if row.ratio < 10 else f"{row.ratio:,.0f}",
        peak,
        row.agrees,
    )


def _time(seconds: float) -> str:
    if seconds < 0.1:
        return f"{1000 * seconds:.2f} ms"
    return f"{seconds:.3g} s"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.is_file():
        for line in cpus.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def _peers() -> list[str]:
    """Say of each peer that is not measured why."""
    lines = []
    for name, module in OUTSIDE.items():
        there = importlib.util.find_spec(module) is not None
        state = "installed, but not measured here" if there else "not installed"
        lines.append(f"- {name}: {state}")
    return ["Peers outside the locked environment:", "", *lines]


def _growth(table: Table) -> list[str]:
    lines = []
    for question in ("Q1", "Q2", "Q4"):
        for who in ("yikezhong", "scipy"):
            rows = [
                row
                for row in table.rows
                if row.question == question
                and row.who == who
                and row.case in ("porto_alegre", "prefecture", "province")
            ]
            if len(rows) > 1:
                lines.append(
                    f"- {question}, {who}: time grows with nodes^{growth(rows):.2f} "
                    f"from {rows[0].case} to {rows[-1].case}"
                )
    return ["Growth:", "", *lines] if lines else []


def _aims(table: Table) -> list[str]:
    lines = []
    for question, case, peer, reach, more in AIMS:
        rows = [r for r in table.rows if (r.question, r.case) == (question, case)]
        peers = [r for r in rows if not r.who.startswith("yikezhong")]
        if peer != "best peer":
            peers = [r for r in peers if r.who == peer]
        if not peers:
            continue
        own = [r for r in rows if r.who.startswith("yikezhong")]
        ours = own[0] if question == "Q3" else min(own, key=lambda r: r.seconds)
        best = min(peers, key=lambda r: r.seconds)
        ratio = best.seconds / ours.seconds
        met = "then: met" if ratio >= more else "reach: met" if ratio >= reach else "no"
        lines.append(
            f"| {question} | {case} | {best.who} | {ratio:,.1f} × ({met}) "
            f"| {reach:,} × | {more:,} × |"
        )
    return lines
