"""Publishing the small snapshot, and what a database then says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from postgis_cases import Server
from yikezhong_app.publishing.publish import (
    Published,
    PublishOptions,
    publish_snapshot,
)
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_geodata.databases.connecting import place_of

Make = Callable[[str], Snapshot]


def publish(server: Server, base: str, snapshot: Snapshot, **options: Any) -> Published:
    return publish_snapshot(
        snapshot,
        place_of(server.url(base)),
        PublishOptions(**options),
        progress=lambda step, share: None,
    )


def schemas(server: Server, base: str) -> list[str]:
    query = (
        "select nspname::text from pg_namespace where nspname like 'ykz%' order by 1"
    )
    return [name for (name,) in server.rows(query, base)]


def current(server: Server, base: str) -> str:
    query = "select version from yikezhong.versions where is_current"
    ((version,),) = server.rows(query, base)
    return str(version)
