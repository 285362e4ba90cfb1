"""``access``, ``equity`` and ``robustness``: the rows of the tables, filtered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

from indicator_cases import DemoRun
from service_cases import API, assert_problem, make_client
from yikezhong_app.snapshots.snapshot import open_current

KEYS = {
    "access": ["level", "code", "service", "method"],
    "equity": ["level", "code", "service", "limit_s", "denominator", "variant"],
    "robustness": ["indicator_id", "level", "code", "variant", "speed_mps"],
}


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> Iterator[TestClient]:
    with make_client(county_run.out) as opened:
        yield opened


@pytest.fixture(scope="module")
def tables(county_run: DemoRun) -> dict[str, pd.DataFrame]:
    snapshot = open_current(county_run.out)
    return {name: snapshot.table(name) for name in KEYS}


def rows(client: TestClient, name: str, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/{name}", params={"limit": 100_000, **asked})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.parametrize("name", KEYS)
def test_every_row_of_the_table_is_answered(
    client: TestClient, tables: dict[str, pd.DataFrame], name: str
) -> None:
    table = tables[name]
    variant = {} if name == "access" else {"variant": "all"}
    found = {tuple(r[k] for k in KEYS[name]): r for r in rows(client, name, **variant)}
    assert len(found) == len(table) > 0
    for want in table.to_dict("records"):
        row = found[tuple(want[k] for k in KEYS[name])]
        for column, value in want.items():
            if isinstance(value, float) and math.isnan(value):
                assert row[column] is None
            else:
                assert row[column] == value, (column, row)


@pytest.mark.parametrize(
    ("name", "value_of"),
    [("access", "access"), ("equity", "gini")],
)
def test_what_is_not_known_has_a_reason(
    client: TestClient, name: str, value_of: str
) -> None:
    for row in rows(client, name):
        assert row[value_of] is not None or row["note"], row
        assert row["name"]


def test_filters_and_faces(client: TestClient, tables: dict[str, pd.DataFrame]) -> None:
    access = tables["access"]
    one = rows(client, "access", method="e2sfca", level="township")
    want = (access["method"] == "e2sfca") & (access["level"] == "township")
    assert len(one) == want.sum() > 0
    parent = one[0]["code"]
    below = rows(client, "access", parent=parent[:9], method="e2sfca")
    assert {row["code"][:9] for row in below} == {parent[:9]}
    flipped = rows(client, "robustness", flips=True)
    assert len(flipped) == tables["robustness"]["flips"].sum()
    shapes = client.get(f"{API}/access?method=2sfca&level=county&format=geojson")
    assert shapes.json()["features"][0]["geometry"]["type"].endswith("Polygon")
    for bad in (
        "access?service=nothing",
        "equity?minutes=7",
        "equity?denominator=nothing",
        "access?level=province",
    ):
        assert_problem(client.get(f"{API}/{bad}"), 422, "parameter")
    unknown = client.get(f"{API}/robustness?indicator=nothing")
    assert_problem(unknown, 404, "unknown-record")
