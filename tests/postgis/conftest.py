"""One server for all tests of this folder, one database for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgis_cases import Server, new_database, postgis_server


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
