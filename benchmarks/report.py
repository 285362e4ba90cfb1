"""The table for the screen, and the file of results."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.aims import list_aims, list_growth
from benchmarks.measure import Row, Table
from benchmarks.peers import is_there, kinds

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
SCALE, NOTES = RESULTS.with_name("SCALE.md"), RESULTS.with_name("NOTES.md")
HEADINGS = (
    "question", "network", "nodes", "who", "time", "× ours", "CPU", "× ours", "prepared",
    "peak", "answer",
)  # fmt: skip
VERSIONS = (
    "numpy", "scipy", "numba", "networkx", "shapely", "geopandas", "osmnx", "rustworkx",
    "networkit", "igraph", "pandana", "spopt", "highspy",
)  # fmt: skip


def print_table(table: Table) -> None:
    """Print all rows, columns in line, then what else is to be said."""
    lines = [HEADINGS, *(_cells(row) for row in table.rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
    for line in lines:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())
    told = (*list_growth(table), *list_aims(table))
    for line in (*table.remarks, *told):
        print(line)


def print_rows(rows: list[Row]) -> None:
    """Print rows as soon as they are there, for a run that may not come to its end."""
    for row in rows:
        print("  " + " | ".join(cell for cell in _cells(row) if cell), flush=True)


def write_results(table: Table, path: Path, *, today: dt.date, load: float) -> None:
    """Write machine, versions, date, the aims, the table and the notes."""
    lines = [
        "# Results of `make bench`",
        "",
        f"{today.isoformat()} · {_machine()} · load at the start {load:.1f} · "
        f"Python {platform.python_version()} · " + " · ".join(_versions()),
        "",
        "Runs in turn, medians; what takes less than 0.1 s runs three times in its turn,",
        "the least counts. Time is wall time, CPU the processor time of the",
        "process; × is the row's over that of the first row of the same question and",
        "network. Prepared: what the peer's graph took before. Peak is what the call adds",
        "to the memory of a process that holds the prepared network (for Q5: the whole",
        "process). On a machine with other work ratios below 1.5 mean nothing.",
        "",
        "## Aims",
        "",
        "| question | network | against | by time | by CPU | reach | go on to | met |",
        "|---|---|---|---|---|---|---|---|",
        *list_aims(table),
        "",
        *(f"- {line}" for line in list_growth(table)),
        "",
        "## Measured",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---" * len(HEADINGS) + "|",
        *("| " + " | ".join(_cells(row)) + " |" for row in table.rows),
        "",
        "Peers:",
        "",
        *_peers(),
        "",
        *table.remarks,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    renew_results(path)


def renew_results(path: Path = RESULTS) -> None:
    """Put the sizes and the notes, as they are now, behind the questions' results."""
    text = path.read_text(encoding="utf-8")
    for file in (SCALE, NOTES):
        heading = file.read_text(encoding="utf-8").splitlines()[0]
        text = text.partition(f"\n{heading}\n")[0]
    parts = [text.rstrip(), *(f.read_text("utf-8").rstrip() for f in (SCALE, NOTES))]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.question,
        row.case,
        f"{row.size:,}" if row.size else "",
        row.who,
        _time(row.seconds),
        _ratio(row.ratio),
        _time(row.cpu_s),
        _ratio(row.cpu_ratio),
        _time(row.prepared_s),
        "" if math.isnan(row.peak_mb) else f"{row.peak_mb:.0f} MB",
        row.agrees,
    )


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    if seconds < 0.1:
        return f"{1000 * seconds:.2f} ms"
    return f"{seconds:.3g} s"


def _ratio(ratio: float) -> str:
    return f"{ratio:,.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.is_file():
        for line in cpus.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def _versions() -> list[str]:
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _peers() -> list[str]:
    """Say of each peer whether it is there."""
    lines = []
    for kind in kinds():
        state = "there" if is_there(kind) else "not installed: not measured"
        note = f" ({kind.remark})" if kind.remark else ""
        lines.append(f"- {kind.name}: {state}{note}")
    lines.append(
        "- r5py: not measured; it fetches its engine from the internet when imported"
    )
    return lines
