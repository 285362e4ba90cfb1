"""Reach a PostgreSQL server, and say in Chinese what went wrong there.

No address is ever shown as it was given: it may hold a password. What is shown of it
is host, port and name of the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from yikezhong_coverage.errors import InputError, PlannerError, SourceError

if TYPE_CHECKING:
    import psycopg

#: Longest wait for a server to answer [s].
_CONNECT_S: Final = 10
_SCHEMES: Final = re.compile(r"^(postgresql|postgres|postgis)(\+[a-z0-9]+)?://")
#: A connection whose other end has vanished is noticed within about a minute.
_KEEPALIVE: Final = {
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_SERVICE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class DatabaseExtraMissingError(PlannerError):
    """The packages that speak to PostgreSQL are not installed."""


class DatabaseAddressError(InputError):
    """An address of a database cannot be used."""


class DatabaseUnreachableError(SourceError):
    """No server answers, it lets nobody in, or the connection broke."""


class DatabaseDeniedError(SourceError):
    """The server does not allow this user to do it."""


class DatabaseTimeoutError(SourceError):
    """The server took longer than it may."""


class DatabaseFailedError(SourceError):
    """The server refused a statement."""


@dataclass(frozen=True)
class Place:
    """A database: how it is reached, and what may be shown of that.

    Parameters
    ----------
    conninfo : str
        For libpq; may hold a password, and is never shown.
    shown : str
        Host, port and name of the database.
    """

    conninfo: str = field(repr=False)
    shown: str = ""


def require_postgis() -> None:
    """Raise unless the packages of the extra ``postgis`` are installed.

    Raises
    ------
    DatabaseExtraMissingError
    """
    try:
        missing = find_spec("psycopg") is None
    except ValueError:  # a module that was set to None
        missing = True
    if not missing:
        try:
            import psycopg as _  # noqa: F401
        except ImportError:
            missing = True
    if missing:
        raise DatabaseExtraMissingError(
            "没有安装连接数据库的组件", hint='请安装：pip install "yikezhong[postgis]"'
        )


def place_of(address: str) -> Place:
    """Return the database of an address.

    Parameters
    ----------
    address : str
        ``postgresql://user@host:5432/name`` (also as SQLAlchemy writes it), or what
        libpq takes: ``host=… dbname=…``, ``service=…``.

    Raises
    ------
    DatabaseAddressError
        If it is none; the address itself is not repeated.
    DatabaseExtraMissingError

    Examples
    --------
    >>> place_of("postgresql+psycopg://li:secret@db.local:5433/planning")
    Place(shown='db.local:5433/planning')
    """
    require_postgis()
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    conninfo = _SCHEMES.sub("postgresql://", address.strip())
    try:
        parts = conninfo_to_dict(conninfo)
    except (psycopg.Error, ValueError):
        parts = {}
    if not parts or "\0" in conninfo:
        # what libpq says of it would repeat a part of it
        raise DatabaseAddressError(
            "数据库地址无法识别",
            hint="应写作 postgresql://用户@主机:5432/库名 或 service=名称",
        ) from None
    return Place(conninfo, _shown(parts))


def place_of_service(name: str) -> Place:
    """Return the database of a service of ``pg_service.conf``.

    Raises
    ------
    DatabaseAddressError
        If that is no name of one.
    """
    if not _SERVICE.fullmatch(name):
        raise DatabaseAddressError(
            "数据库服务名无法识别", hint="应为 pg_service.conf 中一节的名称"
        )
    return place_of(f"service={name}")


def _shown(parts: dict[str, Any]) -> str:
    if "service" in parts and "host" not in parts:
        return f"service={parts['service']}"
    host = str(parts.get("host") or parts.get("hostaddr") or "本机")
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{host}{port}/{parts.get('dbname') or ''}"


@contextmanager
def connected(
    place: Place, *, application: str = "yikezhong"
) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in autocommit mode; errors are told in Chinese.

    Raises
    ------
    SourceError
        One of this module's, whatever the server says, also within the block.
    """
    connection = connect(place, application=application)
    try:
        with explained(place):
            yield connection
    finally:
        connection.close()


def connect(place: Place, *, application: str = "yikezhong") -> psycopg.Connection[Any]:
    """Return a connection in autocommit mode, to be closed by the caller.

    Raises
    ------
    DatabaseUnreachableError
    """
    require_postgis()
    import psycopg

    try:
        connection = psycopg.connect(
            place.conninfo,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            application_name=application,
            client_encoding="UTF8",
            **_KEEPALIVE,  # type: ignore[arg-type]
        )
        # numbers and days are written alike whatever the user has set
        connection.execute(
            "set extra_float_digits = 1; set datestyle = 'ISO, YMD'; "
            "set bytea_output = 'hex'; set client_min_messages = 'warning'"
        )
        return connection
    except psycopg.Error as error:
        # libpq names host, port, user and database here, no password
        said = str(error).strip().splitlines()
        raise DatabaseUnreachableError(
            f"连不上数据库（{said[-1].strip() if said else '没有应答'}）",
            file=place.shown,
            hint="请检查服务器是否运行、地址、用户与口令（口令可放在 .pgpass）",
        ) from None


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Turn what psycopg raises in the block into errors of this module."""
    import psycopg
    from psycopg import errors

    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise DatabaseDeniedError(
            f"数据库不允许这样做（{_said(error)}）",
            file=place.shown,
            hint="请数据库管理员授予权限",
        ) from error
    except (errors.QueryCanceled, errors.LockNotAvailable) as error:
        raise DatabaseTimeoutError(
            f"数据库没有按时完成（{_said(error)}）",
            file=place.shown,
            hint="请稍后再试，或请数据库管理员查看",
        ) from error
    except errors.CharacterNotInRepertoire as error:
        raise DatabaseFailedError(
            "文字中有数据库不能存的字符（NUL）", file=place.shown
        ) from error
    except errors.DiskFull as error:
        raise DatabaseFailedError("数据库服务器磁盘已满", file=place.shown) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnreachableError(
            f"与数据库的连接中断（{_said(error)}）",
            file=place.shown,
            hint="请检查服务器后再试",
        ) from error
    except psycopg.Error as error:
        raise DatabaseFailedError(
            f"数据库报错（{_said(error)}）", file=place.shown
        ) from error


def _said(error: psycopg.Error) -> str:
    """Return the first line of what the server said."""
    text = error.diag.message_primary or str(error)
    lines = text.strip().splitlines()
    return lines[0] if lines else type(error).__name__
