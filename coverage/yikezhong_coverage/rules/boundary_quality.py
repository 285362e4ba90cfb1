"""Boundary quality: divisions without gaps, overlaps, nesting or code findings."""

from __future__ import annotations

import numpy as np

from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items, clean
from yikezhong_coverage.rules.numbers import Amounts, ones
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import Lacks, certain


def boundary_quality(
    indicator: Indicator, ground: Ground, *, facts: RunFacts
) -> Counted:
    """Count the divisions whose boundaries are in order.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``levels`` whose divisions are counted. ``kinds`` choose among
        those at the unit's level.
    ground : Ground
    facts : RunFacts
        ``boundary_findings`` by code; None: not checked.

    Returns
    -------
    Counted
        One item per division, each counted in itself and in all above it; numerator
        1 without findings.
    """
    areas = ground.areas
    lacks = Lacks()
    n = len(areas)
    member = np.isin(areas.level, list(indicator.with_["levels"]))
    if indicator.kinds is not None:
        at_unit = areas.level == indicator.unit
        member &= ~at_unit | np.isin(areas.kind, list(indicator.kinds))
    counted = certain(member, known=np.ones(n, dtype=np.bool_), bit=0)
    findings = facts.boundary_findings
    known = np.full(n, findings is not None)
    bad = {code for code, found in (findings or {}).items() if len(found)}
    fine = np.array([code not in bad for code in areas.code.tolist()], dtype=np.int64)
    items = Items(
        np.arange(n, dtype=np.int32),
        counted,
        Amounts(fine * known, 1, known),
        ones(n),
        np.where(known, 0, lacks.bit("boundary_findings")).astype(np.int64),
        areas.code,
    )
    return Counted(
        clean(items),
        part=True,
        whole=True,
        words=lacks.names,
        failing="zero",
        areas_named=True,
    )
