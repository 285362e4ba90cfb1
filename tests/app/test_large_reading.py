"""Reading a large result: only what is asked, and the same answers as from one file."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from parted_cases import PARTED, part_snapshot
from province_cases import write_province
from service_cases import API, assert_problem, make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app.reading import table_reader
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.reading.table_reader import TableReader
from yikezhong_app.snapshots.opening import Snapshot, open_current

ELDERLY = "elderly_circle"


@pytest.fixture(scope="module", autouse=True)
def _every_table_is_large() -> Any:
    """Tables are read in parts however few rows they have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_reader, "MOST_WHOLE_ROWS", dict.fromkeys(PARTED, 0))
        yield


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("province")
    write_province(out, county_rows=3, county_columns=4, n_service=3, n_facility=3000)
    return out


@pytest.fixture(scope="module")
def large(province: Path) -> Any:
    with make_client(province) as client:
        yield client


def _read(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{API}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


ASKED = (
    "study",
    "coverage?level=township&minutes=all&denominator=all&variant=all",
    "coverage?service=elderly_circle&parent=421303",
    "coverage?minutes=7",
    "coverage?service=meal_circle&denominator=nobody",
    "gaps",
    "gaps?service=elderly_circle&minutes=all&format=geojson",
    "gaps?reason=no_route&level=community",
    "gaps?parent=421303001&format=geojson",
    "gaps?minutes=7",
    "gaps?service=meal_circle",
    "circles?format=geojson",
    "circles?union=false&format=geojson",
    "circles?service=elderly_circle&union=false&format=geojson",
    "circles?facility=F1&format=geojson",
    "circles?facility=F1&minutes=15&format=geojson",
    "circles?service=meal_circle",
    "circles?minutes=7",
    "circles?bbox=113,31,113.02,31.1&format=geojson",
    "gap-areas",
    "townships/421303001",
    "townships/421303001/coverage?minutes=all",
    "townships/421303001/gaps",
    "indicators",
)


def _plain(body: Any) -> Any:
    """Return an answer without what names its version or its request."""
    if isinstance(body, dict):
        away = ("version", "trace_id")
        return {k: _plain(v) for k, v in body.items() if k not in away}
    return [_plain(one) for one in body] if isinstance(body, list) else body


@pytest.mark.parametrize("asked", ASKED)
def test_answers_from_parts_are_those_from_one_file(asked: str, tmp_path: Path) -> None:
    write_small_snapshot(tmp_path / "one")
    parted = write_small_snapshot(tmp_path / "parts")
    parted = part_snapshot(parted, tmp_path / "parts")
    assert "parts" in parted.manifest["tables"]["coverage"]
    answers = []
    for name in ("one", "parts"):
        answer = make_client(tmp_path / name).get(f"{API}/{asked}")
        answers.append((answer.status_code, _plain(answer.json())))
    rows = [
        sorted(map(repr, body.pop(key)))
        for _, body in answers
        for key in ("items", "features")
        if key in body
    ]
    assert answers[0] == answers[1]
    assert rows[: len(rows) // 2] == rows[len(rows) // 2 :]


def test_no_large_table_is_read_whole(
    province: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Snapshot.table

    def watched(self: Snapshot, name: str) -> Any:
        assert name not in PARTED, f"{name} is read whole"
        return real(self, name)

    monkeypatch.setattr(Snapshot, "table", watched)
    client = make_client(province)
    township = _read(client, "divisions", level="township", limit=1)["items"][0]
    for path in (
        "study",
        "coverage?level=township&service=elderly_circle",
        "coverage/columns?level=community&service=elderly_circle",
        "coverage?level=county&speed=0.8&service=elderly_circle",
        "gaps?service=elderly_circle&level=township&format=geojson",
        "gap-areas?service=elderly_circle&limit=10&format=geojson",
        "circles?service=elderly_circle&format=geojson",
        "circles?facility=f7&format=geojson",
        "plan-gaps?limit=10",
        "indicators/X-1/columns?level=community",
        f"townships/{township['code']}",
        f"townships/{township['code']}/gaps",
    ):
        answer = client.get(f"{API}/{path}")
        assert answer.status_code == 200, (path, answer.text)


def test_what_is_kept_of_large_tables_is_bounded(province: Path) -> None:
    snapshot = open_current(province)
    one = TableReader(snapshot).where("coverage", {"service": ELDERLY})
    size = int(one.memory_usage(deep=True).sum())
    reader = TableReader(snapshot, limit_bytes=2 * size)
    services = [s["id"] for s in snapshot.manifest["services"]]
    assert len(services) == 3
    for service in services:
        reader.where("coverage", {"service": service})
        assert 0 < reader.n_bytes <= 2 * size
    last = reader.where("coverage", {"service": services[-1]})
    assert reader.where("coverage", {"service": services[-1]}) is last
    first = reader.where("coverage", {"service": services[0]})
    assert reader.where("coverage", {"service": services[0]}) is first
    tiny = TableReader(snapshot, limit_bytes=10)
    assert len(tiny.where("coverage", {"service": ELDERLY})) == len(one)
    assert tiny.n_bytes == 0


def test_the_bound_is_the_setting(province: Path) -> None:
    client = make_client(province, table_bytes=12345)
    _read(client, "study")
    assert client.app.state.store.current().table_bytes == 12345  # type: ignore[attr-defined]
    assert load_catalog(open_current(province)).table_bytes == 256 * 2**20


@pytest.mark.parametrize("level", ["township", "community"])
@pytest.mark.parametrize("speed", [None, 0.8])
def test_rate_columns_are_the_rates_of_the_rows(
    large: TestClient, level: str, speed: float | None
) -> None:
    query = {"level": level, "service": ELDERLY, "minutes": 15}
    if speed is not None:
        query["speed"] = speed
    rows = _read(large, "coverage", **query, limit=100_000)["items"]
    column = _read(large, "coverage/columns", **query)
    divisions = _read(large, "divisions/columns", level=level)
    assert column["denominator"] == rows[0]["denominator"]
    found = dict(zip(divisions["codes"], column["rates"], strict=True))
    assert found == {row["code"]: row["rate"] for row in rows}
    assert None in found.values() and len(found) == column["count"] > 100


def test_division_columns_are_the_divisions(large: TestClient) -> None:
    columns = _read(large, "divisions/columns", level="community")
    rows = _read(large, "divisions", level="community", limit=100_000)["items"]
    assert columns["count"] == len(rows) == 4032
    for name, key in (("codes", "code"), ("names", "name"), ("parents", "parent")):
        assert columns[name] == [row[key] for row in rows]
    assert columns["people"] == [row["people"] for row in rows]
    assert columns["lon"] == pytest.approx([row["lon"] for row in rows], abs=1e-5)


def test_verdict_columns_are_the_verdicts_of_the_rows(large: TestClient) -> None:
    rows = _read(large, "indicators/X-3", level="community", limit=100_000)["items"]
    column = _read(large, "indicators/X-3/columns", level="community")
    codes = _read(large, "divisions/columns", level="community")["codes"]
    own = {row["code"]: (row["status"], row["value"]) for row in rows}
    words = column["words"]
    found = {
        code: (words[status], value)
        for code, status, value in zip(
            codes, column["statuses"], column["values"], strict=True
        )
    }
    assert found == own
    assert len({status for status, _ in found.values()}) == 3


def test_columns_refuse_what_there_is_not(large: TestClient) -> None:
    for path, name in (
        ("coverage/columns?level=community&service=nothing", "parameter"),
        ("coverage/columns?level=community&service=elderly_circle&minutes=7", "parameter"),
        ("coverage/columns?level=community&service=elderly_circle&variant=all", "parameter"),
        ("coverage/columns?level=community", "parameters"),
        ("facilities/clusters?bbox=3,2,1,0&zoom=9", "parameter"),
    ):  # fmt: skip
        answer = large.get(f"{API}/{path}")
        assert answer.status_code == 422, (path, name, answer.text)
    assert large.get(f"{API}/indicators/none/columns?level=county").status_code == 404


@pytest.mark.parametrize(
    ("path", "narrow"),
    [
        ("coverage?level=community", "service"),
        ("coverage?level=community&service=elderly_circle&minutes=all", "parent"),
        ("gaps", "service"),
        ("gaps?service=elderly_circle&minutes=all", "parent"),
        ("gap-areas", "service"),
    ],
)
def test_an_answer_without_end_is_refused_before_it_is_made(
    province: Path, path: str, narrow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_reader, "MOST_ANSWERED_ROWS", 2000)
    client = make_client(province)
    problem = assert_problem(client.get(f"{API}/{path}"), 422, "parameter")
    assert f"请用 {narrow} 缩小范围" in problem["detail"]
    township = _read(client, "divisions", level="township", limit=1)["items"][0]
    mark = "&" if "?" in path else "?"
    asked = f"{API}/{path}{mark}parent={township['code']}&service=elderly_circle"
    answer = client.get(asked.replace("&service=elderly_circle&", "&", 1))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("zoom", [0, 5, 9, 13, 18])
def test_clusters_sum_up_to_the_facilities(large: TestClient, zoom: int) -> None:
    box = "108.5,29.2,110,30.1"
    rows = _read(large, "facilities", bbox=box, limit=100_000)["items"]
    found = _read(large, "facilities/clusters", bbox=box, zoom=zoom)
    clusters = found["clusters"]
    assert found["total"] == len(rows) == sum(one["count"] for one in clusters) > 500
    categories: Counter[str] = Counter()
    for one in clusters:
        assert sum(one["categories"].values()) == one["count"]
        categories.update(one["categories"])
        assert (one["facility"] is None) == (one["count"] > 1)
    assert categories == Counter(row["category"] for row in rows)
    assert 0 < len(clusters) <= len(rows)


def test_clusters_may_be_of_a_service_and_a_county(large: TestClient) -> None:
    box = "100,20,120,40"
    county = _read(large, "divisions", level="county", limit=1)["items"][0]["code"]
    rows = _read(large, "facilities", service=ELDERLY, limit=100_000)["items"]
    own = [row for row in rows if row["county_code"] == county]
    query = {"bbox": box, "zoom": 18, "service": ELDERLY, "parent": county}
    found = _read(large, "facilities/clusters", **query)
    assert found["total"] == len(own) > 3
    off = own[0]["category"]
    fewer = _read(large, "facilities/clusters", **query, off=off)
    assert fewer["total"] == sum(row["category"] != off for row in own)
    assert fewer["categories"] == found["categories"]


def test_a_tile_is_answered_compressed_or_plain(large: TestClient) -> None:
    (tiles,) = _read(large, "study")["tiles"]
    assert tiles["level"] == "community"
    url = tiles["url"].format(z=9, x=411, y=212)
    packed = large.get(url)
    assert packed.status_code == 200
    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in packed.headers["cache-control"]
    plain = large.get(url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(plain.content)
    assert large.get(tiles["url"].format(z=9, x=1, y=1)).status_code == 204
    other = tiles["url"].replace("/tiles/", "/tiles/0")[: -len("/{z}/{x}/{y}") - 1]
    assert_problem(large.get(f"{other}/9/1/1"), 404, "unknown-record")


def test_a_small_study_has_no_tiles(tmp_path: Path) -> None:
    write_small_snapshot(tmp_path)
    client = make_client(tmp_path)
    assert _read(client, "study")["tiles"] == []
    answer = client.get(f"{API}/tiles/{'0' * 20}/9/1/1")
    assert_problem(answer, 404, "unknown-record")
