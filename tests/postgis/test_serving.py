"""A service of a database answers as one of the result that was published there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pandas.testing import assert_frame_equal

from postgis_cases import Server, new_database
from publish_cases import Make
from service_cases import API, make_client
from yikezhong_app.publishing.copies import NotACopyError, fetch_current
from yikezhong_app.publishing.following import DatabaseFollower
from yikezhong_app.publishing.publish import PublishOptions, publish_snapshot
from yikezhong_app.publishing.registry import NothingPublishedError
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import (
    Snapshot,
    SnapshotCorruptError,
    find_damage,
    list_versions,
    open_current,
)
from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.databases.connecting import DatabaseUnreachableError, place_of

if TYPE_CHECKING:
    from indicator_cases import DemoRun

NO_SERVER = "postgresql://nobody@127.0.0.1:1/x"


def quiet(step: str, share: float) -> None:
    """Say nothing of progress."""


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return server.url(new_database(server, "serving"))


def publish(url: str, snapshot: Snapshot, **options: Any) -> None:
    publish_snapshot(snapshot, place_of(url), PublishOptions(**options), progress=quiet)


def fetch(url: str, out: Path, schema: str) -> Snapshot:
    return fetch_current(place_of(url), schema, out, progress=quiet)


def check_same(one: Snapshot, other: Snapshot) -> None:
    assert one.version == other.version
    assert set(one.table_names) == set(other.table_names) - {"times"}
    for name in one.table_names:
        found, expected = one.table(name), other.table(name)
        assert type(found) is type(expected)
        assert_frame_equal(found, expected, check_exact=True)


#: What is asked of both; ``{county}``, ``{township}`` and ``{service}`` are filled in.
ADDRESSES = (
    "/study",
    "/divisions?level=township",
    "/divisions?level=township&format=geojson",
    "/divisions?level=county&format=geojson",
    "/divisions?q=东",
    "/townships/{township}",
    "/townships/{township}/coverage",
    "/townships/{township}/gaps",
    "/coverage?level=township&service={service}&minutes=15",
    "/coverage?level=county&service={service}&format=csv",
    "/gaps?level=township",
    "/gaps?level=community&format=geojson",
    "/gap-areas",
    "/indicators",
    "/indicators/{indicator}?level=township",
    "/townships/{township}/scorecard",
    "/facilities?format=geojson",
    "/facilities?format=csv",
    "/access?level=township",
    "/equity",
    "/robustness",
    "/data-report?format=csv",
)


def answers(client: Any, places: dict[str, str]) -> dict[str, tuple[int, bytes, Any]]:
    found = {}
    for address in ADDRESSES:
        answer = client.get(API + address.format(**places))
        found[address] = (
            answer.status_code,
            answer.content,
            answer.headers.get("etag"),
        )
    return found


def test_answers_are_those_of_the_folder(
    tmp_path: Path, url: str, county_run: DemoRun
) -> None:
    snapshot = open_current(county_run.out)
    publish(url, snapshot, schema="county")
    divisions = snapshot.table("divisions")
    codes = {
        level: divisions[divisions["level"] == level]["code"].iloc[0]
        for level in ("county", "township")
    }
    indicators = snapshot.table("indicators")
    places = {
        **codes,
        "service": str(snapshot.manifest["services"][0]["id"]),
        "indicator": indicators["indicator_id"].iloc[0],
    }
    # an empty folder: all of it comes from the database
    with (
        make_client(county_run.out) as plain,
        make_client(tmp_path, database=url, database_schema="county") as served,
    ):
        expected, found = answers(plain, places), answers(served, places)
        circle = {"lon": 113.37, "lat": 31.71, "minutes": 15}
        for client, kept in ((plain, expected), (served, found)):
            answer = client.get(f"{API}/circles", params=circle)
            kept["circles"] = (answer.status_code, answer.content, None)
    assert found == expected
    statuses = {address: status for address, (status, _, _) in found.items()}
    assert set(statuses.values()) == {200}, statuses
    check_same(open_current(tmp_path), snapshot)
    assert find_damage(open_current(tmp_path)) is None


def test_parts_and_odd_values_come_back(tmp_path: Path, url: str, make: Make) -> None:
    snapshot = make("件")
    publish(url, snapshot, schema="parts", with_times=True)
    copy = fetch(url, tmp_path, "parts")
    check_same(copy, snapshot)
    assert "parts" in copy.manifest["tables"]["coverage"]
    asked = {"service": "meal_circle", "level": "township"}
    one, other = (s.select("coverage", **asked) for s in (copy, snapshot))
    assert len(one) > 0
    assert_frame_equal(one, other, check_exact=True)
    # asked again, nothing is fetched
    before = {p: p.stat().st_mtime_ns for p in copy.folder.rglob("*")}
    assert fetch(url, tmp_path, "parts").version == copy.version
    assert {p: p.stat().st_mtime_ns for p in copy.folder.rglob("*")} == before


def test_a_new_version_is_noticed(tmp_path: Path, url: str, make: Make) -> None:
    first, second = make("一"), make("二")
    publish(url, first, schema="news")
    follower = DatabaseFollower(url, "news", tmp_path, look_s=0)
    store = SnapshotStore(tmp_path, reload_seconds=0, follower=follower)
    kept = store.current()
    assert kept.version == first.version
    publish(url, second, schema="news", keep=1)
    # fetched beside the requests: they go on with the old one meanwhile
    assert store.current().version in (first.version, second.version)
    follower.wait()
    assert store.current().version == second.version
    assert store.state.problem is None
    assert list_versions(tmp_path) == sorted([first.version, second.version])
    # who began with the old version can still read it
    assert len(kept.snapshot.table("roads")) == 3


def test_a_server_that_is_gone_leaves_the_copy(
    tmp_path: Path, url: str, make: Make
) -> None:
    snapshot = make("留")
    publish(url, snapshot, schema="gone")
    fetch(url, tmp_path, "gone")
    follower = DatabaseFollower(NO_SERVER, "gone", tmp_path, retry_s=0)
    assert follower.begin(quiet).version == snapshot.version
    store = SnapshotStore(tmp_path, reload_seconds=0, follower=follower)
    assert store.current().version == snapshot.version
    assert isinstance(store.state.problem, DatabaseUnreachableError)
    with make_client(tmp_path, database=NO_SERVER) as client:
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["problem"]) == ("ready", "source")
        assert client.get(f"{API}/study").status_code == 200
    empty = DatabaseFollower(NO_SERVER, "gone", tmp_path / "empty")
    with pytest.raises(DatabaseUnreachableError):
        empty.begin(quiet)


def test_a_server_that_comes_back_is_followed_again(
    tmp_path: Path, url: str, make: Make, server: Server
) -> None:
    first, second = make("甲"), make("乙")
    publish(url, first, schema="back")
    follower = DatabaseFollower(url, "back", tmp_path, look_s=0, retry_s=0)
    store = SnapshotStore(tmp_path, reload_seconds=0, follower=follower)
    assert store.current().version == first.version
    server.run("alter schema back rename to away", "serving")
    assert store.current().version == first.version
    assert isinstance(store.state.problem, NothingPublishedError)
    server.run("alter schema away rename to back", "serving")
    publish(url, second, schema="back")
    store.current()
    follower.wait()
    assert store.current().version == second.version
    assert store.state.problem is None


@pytest.mark.parametrize(
    "statement",
    [
        "update {}.facilities set name = name || 'x' where ykz_row = 0",
        "update {}.coverage set total = total + 1e-12 where ykz_row = 0",
        "delete from {}.gaps where ykz_row = 1",
        "update {}.roads set geometry = st_reverse(geometry)",
    ],
)
def test_a_table_that_was_changed_is_not_served(
    tmp_path: Path,
    url: str,
    server: Server,
    make: Make,
    statement: str,
) -> None:
    snapshot = make(statement)
    publish(url, snapshot, schema="changed")
    query = "select version_schema::text from changed.versions where is_current"
    ((stored,),) = server.rows(query, "serving")
    server.run(statement.format(stored), "serving")
    with pytest.raises(SnapshotCorruptError, match="与发布时不同"):
        fetch(url, tmp_path, "changed")
    assert list_versions(tmp_path) == []
    publish(url, snapshot, schema="changed", again=True)
    check_same(fetch(url, tmp_path, "changed"), snapshot)


def test_nothing_published_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(NothingPublishedError, match="yikezhong publish"):
        fetch(url, tmp_path, "nothing_here")
    with make_client(tmp_path, database=url, database_schema="nothing_here") as client:
        assert client.get("/readyz").status_code == 503


def test_results_of_this_machine_are_not_mixed_with_copies(
    url: str, make: Make
) -> None:
    snapshot = make("自")
    publish(url, snapshot, schema="mixed")
    with pytest.raises(NotACopyError, match="另选一个空目录"):
        fetch(url, snapshot.folder.parent.parent, "mixed")


def test_a_file_of_a_copy_stays_in_its_folder(
    tmp_path: Path, url: str, server: Server, make: Make
) -> None:
    publish(url, make("路"), schema="paths")
    server.run(
        "update paths.version_tables set layout = "
        "replace(layout, 'roads.parquet', '../../../evil.parquet')",
        "serving",
    )
    with pytest.raises(PlannerError, match="文件名有误"):
        fetch(url, tmp_path / "a" / "b", "paths")
    assert not list(tmp_path.rglob("evil*"))


def test_the_secret_of_the_address_is_not_shown(tmp_path: Path) -> None:
    settings = Settings(out=tmp_path, database="postgresql://a:geheim@b/c")
    assert "geheim" not in repr(settings)
    assert Settings(database="").database is None
    with pytest.raises(ValueError, match="YIKEZHONG_STUDY"):
        Settings(database="service=x", study=tmp_path)


def test_what_is_refused_is_not_fetched_again_and_again(
    tmp_path: Path,
    url: str,
    server: Server,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from yikezhong_app.publishing import following

    fetched = []

    def counted(*args: Any, **kwargs: Any) -> Snapshot:
        fetched.append(args)
        return fetch_current(*args, **kwargs)

    monkeypatch.setattr(following, "fetch_current", counted)
    first, second = make("好"), make("坏")
    publish(url, first, schema="refused")
    follower = DatabaseFollower(url, "refused", tmp_path, look_s=0, retry_s=0)
    store = SnapshotStore(tmp_path, reload_seconds=0, follower=follower)
    assert store.current().version == first.version
    publish(url, second, schema="refused")
    query = "select version_schema::text from refused.versions where is_current"
    ((stored,),) = server.rows(query, "serving")
    server.run(f"delete from {stored}.roads", "serving")
    for _ in range(4):
        assert store.current().version == first.version
        follower.wait()
    assert isinstance(store.look().problem, SnapshotCorruptError)
    assert len(fetched) == 2
    publish(url, second, schema="refused", again=True)
    store.current()
    follower.wait()
    assert store.current().version == second.version
    assert store.state.problem is None


def test_a_manifest_of_another_program_is_refused_before_it_is_fetched(
    tmp_path: Path, url: str, server: Server, make: Make
) -> None:
    publish(url, make("清单"), schema="manifests")
    for changed in ("replace(manifest, '清单', '表单')", "'[]'", "'{'"):
        server.run(f"update manifests.versions set manifest = {changed}", "serving")
        with pytest.raises(SnapshotCorruptError, match="成果清单有误"):
            fetch(url, tmp_path, "manifests")
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_reading_role_is_enough(
    tmp_path: Path, url: str, server: Server, make: Make
) -> None:
    snapshot = make("读")
    publish(url, snapshot, schema="roles", reader="readers")
    server.run("create role web login; grant readers to web")
    fetched = fetch(server.url("serving", "web"), tmp_path, "roles")
    check_same(fetched, snapshot)
