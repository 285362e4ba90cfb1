"""The few figures a run ends with: each service at the top of the study."""

from __future__ import annotations

from typing import Any

import numpy as np

from yikezhong_app.snapshot import Snapshot
from yikezhong_geodata.columns import GROUP_NAMES, LEVELS


def top_rates(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the rate of each service for the divisions of the highest level.

    At the service's own limit, for its own group, all facilities counted.
    """
    coverage = snapshot.table("coverage")
    divisions = snapshot.table("divisions")
    present = set(divisions["level"])
    top = next(level for level in LEVELS if level in present)
    names = divisions.set_index("code")["name"]
    rates = []
    for service in snapshot.manifest["services"]:
        rows = coverage[
            (coverage["service"] == service["id"])
            & (coverage["limit_s"] == service["limit_s"])
            & (coverage["denominator"] == service["group"])
            & (coverage["variant"] == "with_neighbours")
            & (coverage["level"] == top)
        ]
        rates += [
            {
                "level": top,
                "code": str(row.code),
                "name": names[row.code],
                "service": service["id"],
                "service_name": service["name"],
                "minutes": row.limit_s / 60,
                "denominator": service["group"],
                "denominator_name": GROUP_NAMES[service["group"]],
                "covered": _known(row.covered),
                "total": _known(row.total),
                "rate": _known(row.rate),
            }
            for row in rows.itertuples()
        ]
    return rates


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
