"""Publishers that die or meet, and readers that stay: the old version stays whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from postgis_cases import Server
from publish_cases import Make, current, publish, schemas
from yikezhong_app.publishing.registry import PublishBusyError
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_geodata.databases.connecting import DatabaseTimeoutError


@contextlib.contextmanager
def publishing_process(
    server: Server, base: str, snapshot: Snapshot
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command; end it if it still runs."""
    out = snapshot.folder.parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "yikezhong_app", "publish", str(out)],
        env={**os.environ, "YIKEZHONG_DATABASE": server.url(base)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(is_so: Callable[[], bool], *, patience_s: float = 60) -> None:
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def publishers(server: Server, base: str, *, waiting: bool = False) -> int:
    """Return how many publishers are connected, or wait for a lock."""
    lock = " and wait_event_type = 'Lock'" if waiting else ""
    query = (
        "select count(*) from pg_stat_activity where application_name = "
        f"'yikezhong publish' and datname = '{base}'{lock}"
    )
    ((count,),) = server.rows(query, "postgres")
    return int(count)


#: A lock that stops a publisher, and what is found of its version after its death.
STOPS = {
    # at the end of loading, before anything of it can be seen
    "loading": "lock table yikezhong.versions in share mode",
    # when the views are switched
    "switching": "lock table yikezhong.roads in access share mode",
}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("stop", STOPS)
def test_a_publisher_that_dies_leaves_the_old_version(
    make: Make, server: Server, base: str, stop: str, how: signal.Signals
) -> None:
    first, second = (make(name) for name in "ab")
    old = publish(server, base, first)
    with psycopg.connect(server.url(base)) as holding:
        if stop == "switching":
            holding.execute(b"select * from yikezhong.roads limit 1")
        else:
            holding.execute(STOPS[stop].encode())
        with publishing_process(server, base, second) as process:
            wait_until(lambda: publishers(server, base, waiting=True) == 1)
            process.send_signal(how)
            process.wait(30)
            assert process.returncode != 0
            assert current(server, base) == first.version
            count = "select count(*) from yikezhong.divisions"
            assert server.rows(count, base) == [(10,)]
    wait_until(lambda: publishers(server, base) == 0)
    assert len(schemas(server, base)) == (1 if stop == "loading" else 2)
    result = publish(server, base, second, keep=1)
    assert result.loaded == (stop == "loading")
    assert current(server, base) == second.version
    assert schemas(server, base) == [result.schema]
    assert result.dropped == [old.schema]


def test_a_second_publisher_is_sent_away(make: Make, server: Server, base: str) -> None:
    first, second = (make(name) for name in "ab")
    publish(server, base, first)
    with psycopg.connect(server.url(base)) as holding:
        holding.execute(STOPS["loading"].encode())
        thread = threading.Thread(target=publish, args=(server, base, second))
        thread.start()
        wait_until(lambda: publishers(server, base, waiting=True) == 1)
        with pytest.raises(PublishBusyError, match="另一个发布"):
            publish(server, base, first)
        # another schema of the same database is another matter
        assert publish(server, base, first, schema="other").switched
        holding.rollback()
        thread.join()
    assert current(server, base) == second.version


def test_readers_that_never_end_are_told(
    make: Make, server: Server, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yikezhong_app.publishing import publish as module

    first, second = (make(name) for name in "ab")
    publish(server, base, first)
    monkeypatch.setattr(module, "_LOCK_S", 0.2)
    with psycopg.connect(server.url(base)) as holding:
        holding.execute(b"select * from yikezhong.roads limit 1")
        with pytest.raises(DatabaseTimeoutError):
            publish(server, base, second)
        assert current(server, base) == first.version
    result = publish(server, base, second)
    assert (result.loaded, result.switched) == (False, True)
