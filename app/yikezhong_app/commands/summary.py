"""The few figures a run ends with: each service for the whole study."""

from __future__ import annotations

from typing import Any

from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.words import denominator_names


def top_rates(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the rate of each service for the whole study.

    At the service's own limit, for its own group, all facilities counted. Where the
    study has several divisions at its top, their counts are added.
    """
    coverage = snapshot.table("coverage")
    divisions = snapshot.table("divisions")
    tops = divisions[divisions["parent"].isna()]
    place = tops["name"].iloc[0] if len(tops) == 1 else f"全部 {len(tops)} 个区划"
    names = denominator_names(set(divisions["population_basis"].dropna()))
    rates = []
    for service in snapshot.manifest["services"]:
        rows = coverage[
            (coverage["service"] == service["id"])
            & (coverage["limit_s"] == service["limit_s"])
            & (coverage["denominator"] == service["group"])
            & (coverage["variant"] == "with_neighbours")
            & coverage["code"].isin(tops["code"])
        ].dropna(subset=["total"])
        total, covered = float(rows["total"].sum()), float(rows["covered"].sum())
        rates.append(
            {
                "name": place,
                "service": service["id"],
                "service_name": service["name"],
                "minutes": service["limit_s"] / 60,
                "denominator": service["group"],
                "denominator_name": names[service["group"]],
                "covered": covered,
                "total": total,
                "rate": covered / total if total else None,
            }
        )
    return rates
