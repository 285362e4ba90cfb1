"""Uploads: roles and bounds, one version after another, failures, what is left over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service_cases import API, ORIGIN, assert_problem, make_client
from study_cases import FACILITIES, FACILITY_HEADER, write_csv
from upload_cases import EDITOR, HEADERS, PLANNER, Ground, bring, confirm, make_ground
from upload_cases import settle as settled
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.uploads import tasks
from yikezhong_app.uploads.records import FOLDER, STUDY_FOLDER
from yikezhong_app.uploads.recovery import put_right
from yikezhong_app.web.access import parse_tokens
from yikezhong_geodata.study_sources import list_sources
from yikezhong_geodata.study_versions import (
    changing,
    current_study,
    current_version,
    study_files,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Return a study with its result, made once."""
    return make_ground(tmp_path_factory.mktemp("template"))


@pytest.fixture
def ground(template: Ground, tmp_path: Path) -> Ground:
    """Return a copy to change."""
    shutil.copytree(template.study, tmp_path / "study")
    shutil.copytree(template.out, tmp_path / "out")
    return Ground(tmp_path / "study", tmp_path / "out")


@pytest.fixture
def client(ground: Ground) -> Iterator[Any]:
    with ground.client() as opened:
        yield opened


def write_list(folder: Path, *, beds: int = 99, name: str = "新台账.csv") -> Path:
    """Write the facility list with the beds of the first facility changed."""
    first = (*FACILITIES[0][:4], str(beds), *FACILITIES[0][5:])
    return write_csv(folder / name, FACILITY_HEADER, [first, *FACILITIES[1:]])


def beds(ground: Ground) -> float:
    table = open_current(ground.out).table("facilities").set_index("id")
    return float(table.loc["F1", "beds"])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in study_files(folder)
    }


def test_a_confirmed_list_is_the_next_version(
    ground: Ground, client: Any, tmp_path: Path
) -> None:
    original, old = files_of(ground.study), open_current(ground.out)
    found = settled(client, bring(client, write_list(tmp_path), "facilities").json())
    assert found["status"] == "ready" and found["replaces"] == "facilities.csv"
    assert found["preview"]["columns"]["beds"] == "床位数"
    # nothing has changed yet
    assert current_version(ground.study) is None and beds(ground) == 30.0
    answer = confirm(client, found)
    assert answer.status_code == 202
    assert answer.headers["location"] == found["links"]["self"]
    done = settled(client, found)
    assert done["status"] == "published", done["error"]
    assert beds(ground) == 99.0
    assert done["snapshot_version"] == open_current(ground.out).version
    assert client.get(f"{API}/study").json()["version"] == done["snapshot_version"]
    # the new version is whole; the study as it was set up and its result are kept
    new = current_study(ground.study)
    assert new.name == done["study_version"] == current_version(ground.study)
    assert set(files_of(new)) == {*original} - {"facilities.csv"} | {"新台账.csv"}
    assert files_of(ground.study) == original
    assert (ground.out / "versions" / old.version).is_dir()
    note = json.loads((new / ".version.json").read_text("utf-8"))
    assert (note["by"], note["file"], note["base"]) == ("zhao", "新台账.csv", None)
    # a second one builds on the first
    path = write_list(tmp_path, beds=7, name="再新.csv")
    second = settled(client, bring(client, path, "facilities").json())
    assert second["replaces"] == "新台账.csv"
    confirm(client, second)
    assert settled(client, second)["status"] == "published"
    assert beds(ground) == 7.0 and new.is_dir()
    assert_problem(confirm(client, second), 409, "upload-state")


def test_the_result_is_that_of_the_command_line(
    ground: Ground, client: Any, tmp_path: Path
) -> None:
    """The run key and every table equal those of ``yikezhong run`` on the version."""
    from yikezhong_app.cli import main

    found = settled(client, bring(client, write_list(tmp_path), "facilities").json())
    confirm(client, found)
    assert settled(client, found)["status"] == "published"
    with pytest.raises(SystemExit) as ended:
        main(["run", str(ground.study), "--out", str(tmp_path / "other"), "--json"])
    assert ended.value.code in (0, None)
    one, other = open_current(ground.out), open_current(tmp_path / "other")
    assert one.manifest["run_key"] == other.manifest["run_key"]
    assert one.manifest["tables"] == other.manifest["tables"]


def test_of_two_confirmed_at_once_the_second_is_refused(
    ground: Ground, client: Any, tmp_path: Path
) -> None:
    rows = [
        bring(
            client, write_list(tmp_path, beds=n, name=f"{n}.csv"), "facilities"
        ).json()
        for n in (11, 12)
    ]
    ready = [settled(client, row) for row in rows]
    assert [confirm(client, row).status_code for row in ready] == [202, 202]
    first, second = (settled(client, row) for row in ready)
    assert first["status"] == "published"
    assert second["status"] == "ready" and second["error"]["code"] == "StaleUpload"
    assert second["error"]["status"] == 409 and "重新上传" in second["error"]["text"]
    assert beds(ground) == 11.0
    assert current_study(ground.study).name == first["study_version"]
    assert len([*(ground.study / "versions").iterdir()]) == 1


def test_a_study_that_another_changes_is_left_alone(
    ground: Ground, client: Any, tmp_path: Path
) -> None:
    found = settled(client, bring(client, write_list(tmp_path), "facilities").json())
    with changing(ground.study):
        confirm(client, found)
        busy = settled(client, found)
    assert busy["status"] == "ready" and busy["error"]["code"] == "StudyBusy"
    # edited by hand after the check
    (ground.study / "roads.geojson").write_text("{}", encoding="utf-8")
    confirm(client, found)
    stale = settled(client, found)
    assert stale["error"]["code"] == "StaleUpload"
    assert current_version(ground.study) is None and beds(ground) == 30.0


def test_a_run_that_fails_leaves_the_old_version(
    ground: Ground, tmp_path: Path
) -> None:
    old = open_current(ground.out).version
    (ground.out / ".lock").touch()
    with ground.client() as client:
        row = bring(client, write_list(tmp_path), "facilities").json()
        found = settled(client, row)
        # nobody can publish into a folder that another publishes into
        code = (
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2);"
            "print('held', flush=True); sys.stdin.read()"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(ground.out / ".lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with holder:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            confirm(client, found)
            failed = settled(client, found)
            holder.communicate(b"")
        assert failed["status"] == "ready" and failed["error"]["status"] == 500
        assert open_current(ground.out).version == old
        assert current_version(ground.study) is None
        assert [*(ground.study / "versions").iterdir()] == []
        assert not (ground.study / "pending.json").exists()
        # and can be confirmed again
        assert confirm(client, found).status_code == 202
        done = settled(client, found)
        assert done["status"] == "published", done["error"]


@pytest.mark.parametrize("has_published", [False, True])
def test_a_service_that_died_in_an_update_is_put_right(
    ground: Ground, has_published: bool
) -> None:
    version = ground.study / "versions" / "20260101T000000Z-00000000"
    shutil.copytree(current_study(ground.study), version)
    key = open_current(ground.out).manifest["run_key"] if has_published else "k" * 64
    note = json.dumps({"version": version.name, "run_key": key})
    (ground.study / "pending.json").write_text(note, encoding="utf-8")
    (ground.study / "versions" / ".new-x").mkdir()
    with ground.client():
        pass
    assert version.is_dir() == has_published
    assert current_version(ground.study) == (version.name if has_published else None)
    assert not (ground.study / "pending.json").exists()
    assert not (ground.study / "versions" / ".new-x").exists()
    with changing(ground.study):
        put_right(ground.study, ground.out)  # nothing is left to be put right
    assert version.is_dir() == has_published


def test_a_check_that_was_interrupted_says_so(ground: Ground, tmp_path: Path) -> None:
    with ground.client() as client:
        row = bring(client, write_list(tmp_path), "facilities").json()
        # the service stops before the check is over
    with ground.client() as client:
        found = settled(client, row)
        if found["status"] == "refused":
            assert "重新上传" in found["error"]["text"]
            assert_problem(
                client.get(found["links"]["report"], headers=HEADERS), 503, "input"
            )
        else:  # it was quick enough
            assert found["status"] == "ready"


# --- who may, how much, how long -------------------------------------------------


def test_only_an_editor_sees_and_brings(client: Any, tmp_path: Path) -> None:
    path = write_list(tmp_path)
    planner = {"Authorization": f"Bearer {PLANNER}"}
    assert_problem(bring(client, path, "facilities", headers={}), 401, "http-401")
    assert_problem(bring(client, path, "facilities", headers=planner), 403, "http-403")
    assert_problem(client.get(f"{API}/uploads"), 401, "http-401")
    assert_problem(client.get(f"{API}/uploads", headers=planner), 403, "http-403")
    foreign = {**HEADERS, "Origin": "http://evil.example"}
    assert_problem(bring(client, path, "facilities", headers=foreign), 403, "http-403")
    own = {**HEADERS, "Origin": ORIGIN}
    row = bring(client, path, "facilities", headers=own).json()
    assert settled(client, row)["by"] == "zhao"
    session = client.get(f"{API}/session", headers=HEADERS).json()
    assert session["can_upload"] is True
    assert client.get(f"{API}/session", headers=planner).json()["can_upload"] is False


def test_without_a_study_there_are_no_uploads(ground: Ground, tmp_path: Path) -> None:
    tokens = parse_tokens(f"zhao:editor:{EDITOR}")
    with make_client(ground.out, tokens=tokens) as client:
        answer = bring(client, write_list(tmp_path), "facilities")
        problem = assert_problem(answer, 404, "uploads-off")
        assert "YIKEZHONG_STUDY" in problem["detail"]
        session = client.get(f"{API}/session", headers=HEADERS).json()
        assert session["can_upload"] is False


@pytest.mark.parametrize("stated", [True, False], ids=["length", "chunked"])
def test_a_file_over_the_limit_is_refused_and_gone(
    ground: Ground, tmp_path: Path, stated: bool
) -> None:
    """Case 88, with and without a Content-Length."""
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield (
            b'--b\r\nContent-Disposition: form-data; name="layer"\r\n\r\nfacilities\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        )
        for _ in range(600):
            sent += 1
            yield bytes(2**16)

    headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=b"}
    if stated:
        headers["Content-Length"] = str(600 * 2**16)
    before = files_of(ground.study)
    with ground.client(upload_bytes=2**20) as client:
        answer = client.post(f"{API}/uploads", content=body(), headers=headers)
        problem = assert_problem(answer, 413, "http-413")
        assert "超过" in problem["detail"]
        assert client.get(f"{API}/uploads", headers=HEADERS).json()["total"] == 0
    assert files_of(ground.study) == before
    assert [*(ground.study / FOLDER).glob("*")] == []


def test_fields_are_checked(client: Any, tmp_path: Path) -> None:
    path = write_list(tmp_path)

    def refused(**fields: Any) -> str:
        layer = fields.pop("layer", "facilities")
        problem = assert_problem(
            bring(client, path, layer, **fields), 422, "validation"
        )
        return str(problem["errors"][0]["parameter"])

    assert refused(layer="zones") == "layer"
    assert refused(datum="mars") == "datum"
    assert refused(nonsense="1") == "nonsense"
    assert refused(level="county") == "level"  # of boundaries, not of facilities
    assert refused(columns="{") == "columns"
    assert refused(crs="x" * 100) == "crs"
    without = client.post(
        f"{API}/uploads", data={"layer": "facilities"}, headers=HEADERS
    )
    assert without.status_code in (400, 422)
    several = bring(client, path, "boundaries")
    assert several.status_code == 422 and "boundaries-2" in several.json()["detail"]
    only_one = bring(client, path, "roads", source="new")
    assert only_one.status_code == 422 and "只能有一个" in only_one.json()["detail"]
    assert client.get(f"{API}/uploads", headers=HEADERS).json()["total"] == 0
    dots = client.get(f"{API}/uploads/%2e%2e", headers=HEADERS)
    assert_problem(dots, 422, "validation")
    unknown = client.get(f"{API}/uploads/{'0' * 16}", headers=HEADERS)
    assert_problem(unknown, 404, "unknown-record")


def test_what_is_not_decided_on_expires_and_is_bounded(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ground.client(upload_limit=2, upload_keep_seconds=3600) as client:
        rows = [bring(client, write_list(tmp_path), "facilities").json() for _ in "12"]
        full = assert_problem(
            bring(client, write_list(tmp_path), "facilities"), 503, "uploads-full"
        )
        assert "放弃已有的上传" in full["detail"]
        for row in rows:
            settled(client, row)
        gone = client.delete(rows[0]["links"]["self"], headers=HEADERS)
        assert gone.status_code == 204
        assert len([*(ground.study / FOLDER).iterdir()]) == 1
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3700)
        assert client.get(f"{API}/uploads", headers=HEADERS).json()["total"] == 0
        assert [*(ground.study / FOLDER).iterdir()] == []
        assert_problem(
            client.get(rows[1]["links"]["self"], headers=HEADERS), 404, "unknown-record"
        )


def test_a_killing_file_is_an_error_of_the_upload(
    ground: Ground, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that dies of a file is told as such; the next file is read."""
    row = bring(client, write_list(tmp_path), "facilities").json()
    settled(client, row)
    payload = {
        "folder": str(ground.study / FOLDER / row["id"]),
        "root": str(ground.study),
        "limits": {
            "memory_bytes": 2**33, "cpu_s": 60, "wall_s": 60.0, "file_bytes": 2**30,
        },
        "check": {"accept_datum": False, "accept_repairs": False, "how": "segfault"},
    }  # fmt: skip
    monkeypatch.setattr(tasks.check, "TASK", "sandbox_tasks:die")
    tasks.run_check(payload, lambda step, share: None)
    found = client.get(row["links"]["self"], headers=HEADERS).json()
    assert found["status"] == "refused"
    assert found["error"]["code"] == "ReaderCrashed"
    assert "甲.shp" in found["error"]["text"]
    assert not (ground.study / FOLDER / row["id"] / "work").exists()
    assert_problem(client.get(found["links"]["report"], headers=HEADERS), 422, "input")
    again = settled(client, bring(client, write_list(tmp_path), "facilities").json())
    assert again["status"] == "ready"


def test_hard_links_do_not_reach_the_study(
    ground: Ground, client: Any, tmp_path: Path
) -> None:
    """The candidate shares files with the study until it is confirmed, never after."""
    found = settled(client, bring(client, write_list(tmp_path), "facilities").json())
    shared = ground.study / FOLDER / found["id"] / STUDY_FOLDER / "roads.geojson"
    assert shared.stat().st_nlink == 2
    assert (shared.parent / "study.toml").stat().st_nlink == 1
    confirm(client, found)
    assert settled(client, found)["status"] == "published"
    assert not shared.parent.exists()
    kept = current_study(ground.study) / "roads.geojson"
    assert kept.stat().st_nlink == 1  # edited in the folder, the version stays
    assert list_sources(current_study(ground.study))[0].file == "新台账.csv"
