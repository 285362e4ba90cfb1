"""A real PostgreSQL server with PostGIS, for as long as the tests take."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from psycopg import sql

from snapshot_cases import make_coverage, make_divisions
from study_cases import (
    FACILITIES,
    FACILITY_HEADER,
    communities,
    convert,
    roads,
    townships,
)
from yikezhong_app.snapshots.stored_tables import sha256
from yikezhong_app.snapshots.table_files import TableFile, TableFiles

_PATIENCE_S = 60
_OWNER = "postgres"
#: Database with PostGIS that others are copied from.
_SPATIAL = "spatial"
_INITDB = ("-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "max_connections=40",
    # nothing of it is kept
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


@dataclass(frozen=True)
class Server:
    """A running server of our own; its superuser needs no password on loopback."""

    port: int
    pid: int
    folder: Path

    def url(self, database: str = "postgres", user: str = _OWNER) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run SQL as its superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def rows(self, query: str, database: str) -> list[tuple[Any, ...]]:
        """Return what a query answers."""
        with psycopg.connect(self.url(database)) as connection:
            return connection.execute(query.encode()).fetchall()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binaries() -> Path:
    """Return the folder of the server's programs; skip where there is none."""
    for control in sorted(
        Path("/usr/share/postgresql").glob("*/extension/postgis.control"), reverse=True
    ):
        folder = Path("/usr/lib/postgresql") / control.parent.parent.name / "bin"
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("no PostgreSQL with PostGIS here: scripts/install-postgis")


def _owner() -> Mapping[str, Any]:
    """Return as whom the server runs: it refuses to be root."""
    if os.getuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(_OWNER)
    except KeyError:
        pytest.skip("a server cannot run as root, and there is no account postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def postgis_server() -> Iterator[Server]:
    """Start a server in a temporary folder; end it by its process number."""
    programs, owner = _binaries(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="yikezhong-postgis-"))
    try:
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        data, log = folder / "data", folder / "server.log"
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", _OWNER, *_INITDB],
            check=True,
            capture_output=True,
            cwd=folder,
            env=environment,
            **owner,
        )
        with log.open("wb") as output:
            port = free_port()
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), "-k", folder]
                + [part for setting in _SETTINGS for part in ("-c", setting)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=environment,
                **owner,
            )
        try:
            server = Server(port, process.pid, folder)
            _wait_for(server, process, log)
            server.run(f"create database {_SPATIAL}")
            server.run("create extension postgis", _SPATIAL)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text("utf-8", errors="replace")
        assert time.monotonic() < end, "the server does not start"
        try:
            psycopg.connect(server.url(), connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)


def new_database(server: Server, name: str) -> str:
    """Make an empty database with PostGIS, that goes with its server; give its name."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        create = sql.SQL("create database {} template {}")
        connection.execute(
            create.format(sql.Identifier(name), sql.Identifier(_SPATIAL))
        )
    return name


def parted(folder: Path) -> TableFiles:
    """Return the small snapshot's coverage in a file a service, a group a level."""
    folder.mkdir(parents=True)
    coverage = make_coverage(make_divisions())
    files = []
    for service, rows in coverage.groupby("service", sort=True, observed=True):
        path = folder / f"{service}.parquet"
        rows = rows.reset_index(drop=True)
        schema = pa.Schema.from_pandas(rows, preserve_index=False)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for _, level in rows.groupby("level", sort=False, observed=True):
                writer.write_table(
                    pa.Table.from_pandas(level, schema, preserve_index=False)
                )
        files.append(
            TableFile(path, str(service), str(service), len(rows), False, sha256(path))
        )
    return TableFiles(tuple(files))


VARIABLE = "TEST_STUDY_DATABASE"
TOML = f"""\
[study]
name = "小样"
as_of = 2023-12-31

[database]
url_env = "{VARIABLE}"

[[boundaries]]
table = '规划."社区""A"'
basis = "常住"
year = 2020

[[boundaries]]
table = "规划.townships"

[[facilities]]
table = "规划.facilities"

[roads]
table = "规划.roads"
"""


def fill_study(server: Server, database: str) -> None:
    """Write the layers of the small study into tables of a schema 规划."""
    url = server.url(database).replace("postgresql:", "postgresql+psycopg:")
    server.run("create schema 规划", database)
    engine = sqlalchemy.create_engine(url)
    layers = {
        "c": communities(),
        "townships": convert(townships(), "EPSG:4546"),
        "roads": roads(),
    }
    with engine.begin() as connection:
        for name, frame in layers.items():
            frame.to_postgis(name, connection, schema="规划")
        rows = pd.DataFrame(FACILITIES, columns=list(FACILITY_HEADER))
        rows.to_sql("facilities", connection, schema="规划", index=False)
    engine.dispose()
    server.run('alter table 规划.c rename to "社区""A"', database)


def write_table_study(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the study of tables into a folder."""
    text = TOML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder
