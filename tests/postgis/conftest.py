"""One server for all tests of this folder, and what is published there."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

from postgis_cases import Server, new_database, parted, postgis_server
from publish_cases import Make
from snapshot_cases import make_manifest, make_tables
from yikezhong_app.snapshots.snapshot import Snapshot, write_snapshot


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a server with PostGIS; skip where none can be started."""
    with postgis_server() as started:
        yield started


@pytest.fixture(scope="module")
def database(server: Server, request: pytest.FixtureRequest) -> str:
    """Return the name of an empty database with PostGIS."""
    module = request.module.__name__.rpartition(".")[2]
    return new_database(server, f"{module} \"'%")


@pytest.fixture(scope="session")
def spatial(server: Server) -> str:
    """Return the name of a database with PostGIS."""
    return new_database(server, "publishing")


@pytest.fixture
def base(server: Server, spatial: str) -> Iterator[str]:
    """Return the name of a database that is emptied after each test."""
    yield spatial
    rows = server.rows("select nspname::text from pg_namespace", spatial)
    for (name,) in rows:
        if not name.startswith(("pg_", "information_schema", "public")):
            server.run(f"drop schema {name} cascade", spatial)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return what gives the small snapshot under a name, its coverage in parts."""

    @functools.cache
    def made(name: str) -> Snapshot:
        folder = tmp_path_factory.mktemp("made")
        tables = {**make_tables(), "coverage": parted(folder / "parts")}
        return write_snapshot(folder / "out", tables, manifest=make_manifest(name=name))

    return made
