"""What is aimed at, and how far the measured rows are from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.measure import Row, Table, growth, memory_growth

OURS = "yikezhong"
BOUND = "lower bound"
GROWTH_AIM = 1.1


@dataclass(frozen=True)
class Aim:
    """A ratio of a peer's time over ours; against the bound, of ours over it."""

    question: str
    case: str
    peer: str
    reach: float
    then: float


AIMS = (
    Aim("Q1", "porto_alegre", "scipy", 4, 8),
    Aim("Q1", "prefecture", "scipy", 8, 12),
    Aim("Q1", "province", "scipy", 15, 30),
    Aim("Q1", "porto_alegre", BOUND, 1.5, 1.5),
    Aim("Q1", "prefecture", BOUND, 1.5, 1.5),
    Aim("Q1", "province", BOUND, 1.5, 1.5),
    Aim("Q2", "porto_alegre", "best peer", 10, 25),
    Aim("Q2", "prefecture", "best peer", 40, 100),
    Aim("Q3", "porto_alegre", "OSMnx recipe", 100, 500),
    Aim("Q3", "porto_alegre", "GEOS, each edge", 10, 10),
    Aim("Q4", "porto_alegre", "geopandas overlay", 10_000, 10_000),
    Aim("Q4", "porto_alegre", "numpy, by hand", 2, 2),
    Aim("Q5 max-cover", "", "spopt", 20, 60),
    Aim("Q5 max-cover", "", "scipy.milp", 2.5, 5),
    Aim("Q5 p-median", "", "spopt", 8, 50),
)


def list_aims(table: Table) -> list[str]:
    """Return a line for each aim that was measured."""
    lines = []
    for aim in AIMS:
        rows = [r for r in table.rows if r.question == aim.question]
        rows = [r for r in rows if r.case == aim.case or not aim.case]
        pair = _pair(aim, rows)
        if pair is None:
            continue
        ours, peer = pair
        turned = aim.peer == BOUND
        ratios = (peer.seconds / ours.seconds, peer.cpu_s / max(ours.cpu_s, 1e-9))
        if turned:
            ratios = 1 / ratios[0], 1 / ratios[1]
        lines.append(
            f"| {aim.question} | {ours.case} | {peer.who} | {_shown(ratios[0])} "
            f"| {_shown(ratios[1])} | {_aim(aim.reach, turned)} "
            f"| {_aim(aim.then, turned)} | {_met(aim, ratios[0])} |"
        )
    return lines


def _pair(aim: Aim, rows: list[Row]) -> tuple[Row, Row] | None:
    """Return our row and the peer's."""
    own = [r for r in rows if r.who.startswith(OURS)]
    others = [r for r in rows if not r.who.startswith((OURS, BOUND))]
    if aim.peer == BOUND:
        others = [r for r in rows if r.who.startswith(BOUND)]
    elif aim.peer != "best peer":
        others = [r for r in others if r.who == aim.peer]
    if not own or not others:
        return None
    # of circles the first row is the default, of the others the fastest is taken
    ours = own[0] if aim.question == "Q3" else min(own, key=lambda r: r.seconds)
    return ours, min(others, key=lambda r: r.seconds)


def _shown(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 100 else f"{ratio:.1f} ×"


def _aim(ratio: float, turned: bool) -> str:
    return f"≤ {ratio:g} ×" if turned else f"{ratio:,g} ×"


def _met(aim: Aim, ratio: float) -> str:
    if aim.peer == BOUND:
        return "yes" if ratio <= aim.then else f"no, {ratio / aim.then:.1f} × too slow"
    if ratio >= aim.then:
        return "yes"
    if ratio >= aim.reach:
        return f"reached; {ratio / aim.then:.0%} of the next"
    return f"no, {ratio / aim.reach:.0%} of it"


def list_growth(table: Table) -> list[str]:
    """Return the exponents of time and memory from county to province."""
    lines = []
    for question in ("Q1", "Q2", "Q4"):
        for who in (OURS, "scipy"):
            rows = [
                row
                for row in table.rows
                if row.question == question
                and row.who == who
                and row.case in ("porto_alegre", "prefecture", "province")
            ]
            if len(rows) < 2:
                continue
            memory = memory_growth(rows)
            text = "" if math.isnan(memory) else f", memory with nodes^{memory:.2f}"
            met = ""
            if who == OURS:
                within = growth(rows) <= GROWTH_AIM
                met = f" (aim {GROWTH_AIM}: {'met' if within else 'not met'})"
            lines.append(
                f"{question}, {who}, from {rows[0].case} to {rows[-1].case}: time grows "
                f"with nodes^{growth(rows):.2f}{text}{met}"
            )
    return lines
