"""Reaching a server: what goes wrong is told in Chinese, and no password with it."""

from __future__ import annotations

import sys

import pytest

from postgis_cases import Server, free_port
from yikezhong_geodata.databases.connecting import (
    DatabaseAddressError,
    DatabaseExtraMissingError,
    DatabaseUnreachableError,
    connect,
    connected,
    place_of,
    place_of_service,
)
from yikezhong_geodata.databases.table_names import parse_table_name

SECRET = "s3cret-Passwort"


def test_a_connection_is_made_and_closed(server: Server) -> None:
    with connected(place_of(server.url())) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert connection.closed


@pytest.mark.parametrize(
    "address",
    [SECRET, f"host=a {SECRET}", f"postgresql://a:{SECRET}@[/x", "", f"{SECRET}=1"],
)
def test_a_wrong_address_is_not_repeated(address: str) -> None:
    with pytest.raises(DatabaseAddressError) as caught:
        place_of(address)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_no_server_is_told_without_the_password() -> None:
    place = place_of(f"postgresql://li:{SECRET}@127.0.0.1:{free_port()}/x")
    assert SECRET not in repr(place)
    with pytest.raises(DatabaseUnreachableError, match="连不上数据库") as caught:
        connect(place)
    assert SECRET not in str(caught.value)


def test_a_connection_that_breaks_is_told(server: Server) -> None:
    place = place_of(server.url())
    with (
        pytest.raises(DatabaseUnreachableError, match="连接中断"),
        connected(place) as connection,
        connected(place) as other,
    ):
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        for _ in range(200):
            connection.execute("select pg_sleep(0.05)")


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseExtraMissingError, match=r"yikezhong\[postgis\]"):
        place_of("service=x")


@pytest.mark.parametrize("name", ["host=evil", "a b", "", "x\0"])
def test_a_service_is_a_name_and_nothing_else(name: str) -> None:
    with pytest.raises(DatabaseAddressError):
        place_of_service(name)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a.b.c", 'a"b', '"a', '""', "a\0b", "字" * 22, 'a."b"c'],
)
def test_what_names_no_table(text: str) -> None:
    assert parse_table_name(text) is None


@pytest.mark.parametrize("text", ["a", "A.b", '"x.y"."z"" "', "x; drop table y; --"])
def test_a_table_name_says_itself_again(text: str) -> None:
    name = parse_table_name(text)
    assert name is not None and parse_table_name(str(name)) == name
