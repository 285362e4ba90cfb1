"""Siting in one division: its people, its candidates, everybody's facilities."""

from __future__ import annotations

from typing import Any

import pytest

from indicator_cases import DemoRun
from yikezhong_app.siting.tasks import run_siting
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.web.request_errors import ParameterError


def _site(run: DemoRun, **request: Any) -> dict[str, Any]:
    payload = {
        "out": str(run.out),
        "version": open_current(run.out).version,
        "request": {
            "service": "elderly_circle",
            "goal": "max_people",
            "n": 2,
            "candidates": "community_centres",
            **request,
        },
    }
    return run_siting(payload, lambda step, fraction: None)


def test_only_the_people_and_the_candidates_of_the_area_count(
    county_run: DemoRun,
) -> None:
    snapshot = open_current(county_run.out)
    rows = snapshot.select("coverage", service="elderly_circle", level="township")
    rows = rows[
        (rows["limit_s"] == 900)
        & (rows["denominator"].astype(str) == "people_60")
        & (rows["variant"].astype(str) == "with_neighbours")
    ]
    worst = rows.sort_values("out_of_reach").iloc[-1]
    code = str(worst["code"])
    plan = _site(county_run, area=code[:9])
    assert plan["baseline"]["covered"] == worst["covered"]
    assert plan["baseline"]["total"] == worst["total"]
    assert plan["after"]["covered"] > worst["covered"]
    assert len(plan["sites"]) == 2
    assert {site["township_code"] for site in plan["sites"]} == {code}
    assert [row["code"] for row in plan["townships"]] == [code]
    everywhere = _site(county_run)
    assert everywhere["baseline"]["total"] > worst["total"]


def test_an_area_that_is_not_there_is_refused(county_run: DemoRun) -> None:
    with pytest.raises(ParameterError, match="没有区划"):
        _site(county_run, area="999999")
