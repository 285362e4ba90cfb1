"""What of the settings says that a database is served; imports nothing of it early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yikezhong_app.settings import Settings
from yikezhong_geodata.databases.connecting import require_postgis

if TYPE_CHECKING:
    from yikezhong_app.publishing.following import DatabaseFollower


def follower_of(settings: Settings) -> DatabaseFollower | None:
    """Return what keeps the result folder up to date with a database, if one is set.

    Raises
    ------
    DatabaseExtraMissingError, DatabaseAddressError
    """
    if settings.database is None:
        return None
    require_postgis()
    from yikezhong_app.publishing.following import DatabaseFollower

    return DatabaseFollower(
        settings.database.get_secret_value(), settings.database_schema, settings.out
    )
