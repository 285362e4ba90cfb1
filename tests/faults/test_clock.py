"""A clock that jumps changes no number, no tag and no job."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service_cases import API, make_client
from snapshot_cases import write_small_snapshot
from study_cases import write_study
from yikezhong_app.cli import evaluation_date
from yikezhong_app.snapshots.snapshot import open_current, write_snapshot

FAR = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2099, 12, 31, tzinfo=dt.UTC))


@contextmanager
def clock_at(monkeypatch: pytest.MonkeyPatch, moment: dt.datetime) -> Iterator[None]:
    """Set the wall clock of this process; the steady clock goes on as it was."""

    class Moment(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Moment:
            return cls.fromtimestamp(moment.timestamp(), tz)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", moment.timestamp)  # date.today() asks it
        patch.setattr(time, "time_ns", lambda: int(moment.timestamp() * 1e9))
        patch.setattr(dt, "datetime", Moment)
        yield


@pytest.mark.case("clock")
@pytest.mark.parametrize("moment", FAR, ids=lambda m: str(m.year))
def test_answers_and_tags_do_not_depend_on_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: dt.datetime
) -> None:
    write_small_snapshot(tmp_path)
    with make_client(tmp_path) as client:
        before = client.get(f"{API}/coverage")
        tag = before.headers["etag"]
        with clock_at(monkeypatch, moment):
            after = client.get(f"{API}/coverage")
            same = client.get(f"{API}/coverage", headers={"If-None-Match": tag})
            ready = client.get("/readyz")
        assert after.headers["etag"] == tag
        assert after.content == before.content
        assert same.status_code == 304
        assert ready.status_code == 200
        # no date stands in the way of the tag
        assert "last-modified" not in before.headers
        assert "expires" not in before.headers


@pytest.mark.case("clock")
def test_a_result_made_by_a_wrong_clock_is_the_same_and_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is current is what was published last, not what has the latest date."""
    first = write_small_snapshot(tmp_path)
    tables = {name: first.table(name) for name in first.table_names}
    added = ("schema", "version", "tables", "geopackage_sha256")
    manifest = {k: v for k, v in first.manifest.items() if k not in added}
    late = {**manifest, "created": "2099-12-31T00:00:00+00:00"}
    assert write_snapshot(tmp_path, tables, manifest=late).version == first.version
    other = {**manifest, "name": "乙", "created": "1970-01-01T00:00:00+00:00"}
    for moment in FAR:
        with clock_at(monkeypatch, moment):
            second = write_snapshot(tmp_path, tables, manifest=other)
        assert open_current(tmp_path).version == second.version != first.version


@pytest.mark.case("clock")
def test_the_evaluation_day_is_the_studys_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path / "study")
    for moment in FAR:
        with clock_at(monkeypatch, moment):
            assert evaluation_date(None, study) == dt.datetime(2023, 12, 31).date()
            assert evaluation_date("2025-12-31", study).isoformat() == "2025-12-31"
