"""Alive, ready, and which version: the store behind every answer."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from service_cases import API, assert_problem, make_client
from snapshot_cases import AS_OF, write_small_snapshot
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.snapshots.snapshot import CURRENT, SnapshotMissingError


def test_without_a_snapshot_the_service_is_alive_but_not_ready(tmp_path: Path) -> None:
    with make_client(tmp_path / "nothing") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert response.json()["problem"] == "no-snapshot"
        problem = assert_problem(client.get(f"{API}/study"), 503, "no-snapshot")
        assert "yikezhong run" in problem["detail"]
        assert "nothing" not in json.dumps(problem)
        write_small_snapshot(tmp_path / "nothing")
        assert client.get("/readyz").status_code == 200
        assert client.get(f"{API}/study").status_code == 200


def test_ready_names_the_version(tmp_path: Path) -> None:
    written = write_small_snapshot(tmp_path)
    with make_client(tmp_path) as client:
        body = client.get("/readyz").json()
    assert body == {
        "status": "ready",
        "version": written.version,
        "as_of": AS_OF,
        "problem": None,
    }


@pytest.mark.parametrize("damage", ["pointer", "table", "manifest"])
def test_a_damaged_version_never_replaces_a_whole_one(
    tmp_path: Path, damage: str
) -> None:
    old = write_small_snapshot(tmp_path)
    with make_client(tmp_path) as client:
        assert client.get("/readyz").json()["version"] == old.version
        new = write_small_snapshot(tmp_path, name="大城")
        path = {
            "pointer": tmp_path / CURRENT,
            "table": new.folder / "coverage.parquet",
            "manifest": new.folder / "manifest.json",
        }[damage]
        path.write_bytes(path.read_bytes()[:-20])
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["version"] == old.version
        assert ready.json()["problem"] == "snapshot-corrupt"
        assert client.get(f"{API}/study").json()["name"] == "小城"


def test_a_damaged_version_alone_is_503(tmp_path: Path) -> None:
    written = write_small_snapshot(tmp_path)
    path = written.folder / "divisions.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with make_client(tmp_path) as client:
        assert client.get("/readyz").status_code == 503
        assert_problem(client.get(f"{API}/study"), 503, "snapshot-corrupt")


def test_the_pointer_is_not_looked_at_too_often(tmp_path: Path) -> None:
    first = write_small_snapshot(tmp_path)
    store = SnapshotStore(tmp_path, reload_seconds=3600)
    assert store.current().version == first.version
    write_small_snapshot(tmp_path, name="大城")
    assert store.current().version == first.version


def test_a_store_without_a_snapshot_raises(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, reload_seconds=3600)
    for _ in range(2):
        with pytest.raises(SnapshotMissingError):
            store.current()


@pytest.mark.case("swap")
def test_every_answer_is_of_one_version_while_versions_change(tmp_path: Path) -> None:
    """Eight readers while two results take turns; five minutes in the long form."""
    names = {
        write_small_snapshot(tmp_path, name=n).version: n for n in ("小城", "大城")
    }
    paths = ("study", "divisions?level=community", "coverage?level=township")
    length_s = 300.0 if os.environ.get("YIKEZHONG_SOAK") else 3.0
    wrong: list[object] = []
    seen: Counter[str] = Counter()
    stop = threading.Event()
    with make_client(tmp_path) as client:
        totals = {p: client.get(f"{API}/{p}").json().get("total") for p in paths}

        def read(path: str) -> None:
            while not stop.is_set():
                answer = client.get(f"{API}/{path}")
                body = answer.json()
                version = answer.headers.get("x-snapshot-version")
                name = body.get("name", names.get(version))
                whole = len(body["items"]) == body["total"] if "items" in body else True
                same = body.get("version") == version and names.get(version) == name
                if not (same and whole and body.get("total") == totals[path]):
                    wrong.append(body)
                seen[version] += 1

        readers = [
            threading.Thread(target=read, args=(paths[n % len(paths)],))
            for n in range(8)
        ]
        for reader in readers:
            reader.start()
        end, turn = time.monotonic() + length_s, 0
        while time.monotonic() < end:
            write_small_snapshot(tmp_path, name=("小城", "大城")[turn % 2])
            turn += 1
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert set(seen) == set(names) and turn >= 2
