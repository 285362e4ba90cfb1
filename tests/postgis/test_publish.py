"""Publishing: whole or not at all, described, indexed, and readable by a role."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import psycopg
import pytest

from postgis_cases import Server
from publish_cases import Make, current, publish, schemas
from snapshot_cases import HOSTILE, make_manifest, make_tables
from yikezhong_app.publishing.publish import (
    PublishBlockedError,
    PublishOptions,
    publish_snapshot,
)
from yikezhong_app.publishing.registry import SchemaNameError
from yikezhong_app.snapshots.snapshot import (
    SnapshotCorruptError,
    open_version,
    write_snapshot,
)
from yikezhong_geodata.databases.connecting import (
    DatabaseFailedError,
    place_of,
)

STAMP = "2023_12_31"


def test_every_table_is_there_under_both_schemas(
    make: Make, server: Server, base: str
) -> None:
    snapshot = make("a")
    result = publish(server, base, snapshot)
    assert result.loaded and result.switched and not result.notes
    assert result.schema == "ykz_" + snapshot.version.replace("-", "_")
    assert set(result.rows) == set(snapshot.table_names) - {"times"}
    for name, n_row in result.rows.items():
        assert n_row == len(snapshot.table(name))
        for schema in ("yikezhong", result.schema):
            count = f'select count(*) from {schema}."{name}"'
            assert server.rows(count, base) == [(n_row,)]


def test_cells_are_those_of_the_result(make: Make, server: Server, base: str) -> None:
    snapshot = make("a")
    publish(server, base, snapshot)
    query = "select name, beds, functions from yikezhong.facilities order by ykz_row"
    rows = server.rows(query, base)
    table = snapshot.table("facilities")
    assert [row[0] for row in rows] == table["name"].tolist()
    assert set(HOSTILE) <= {row[0] for row in rows}
    assert rows[0][1:] == (30.0, ["meal"])
    assert [row[2] for row in rows[1:4]] == [None, ["meal"], []]
    # NaN is what the result says where a rate cannot be computed
    query = "select rate from yikezhong.coverage order by ykz_row"
    rates = pd.Series([row[0] for row in server.rows(query, base)])
    pd.testing.assert_series_equal(
        rates, snapshot.table("coverage")["rate"], check_names=False
    )
    query = "select nearest_time_s::text from yikezhong.gaps"
    assert ("Infinity",) in server.rows(query, base)


def test_geometries_are_placed_typed_and_indexed(
    make: Make, server: Server, base: str
) -> None:
    snapshot = make("a")
    result = publish(server, base, snapshot)
    columns = {
        name: (kind, srid)
        for name, kind, srid in server.rows(
            "select f_table_name, type, srid from geometry_columns "
            f"where f_table_schema = '{result.schema}'",
            base,
        )
    }
    shaped = {
        name
        for name in result.rows
        if isinstance(snapshot.table(name), gpd.GeoDataFrame)
    }
    assert set(columns) == shaped
    assert {srid for _, srid in columns.values()} == {4326}
    assert columns["divisions"][0] == "POLYGON"
    assert columns["roads"][0] == "LINESTRING"
    assert columns["circles"][0] == "MULTIPOLYGON"
    with psycopg.connect(server.url(base)) as connection:
        for name in shaped:
            found = gpd.GeoSeries.from_wkb(
                [
                    None if wkb is None else bytes(wkb)
                    for (wkb,) in connection.execute(
                        f'select st_asbinary(geometry) from yikezhong."{name}" '.encode()
                        + b"order by ykz_row"
                    )
                ],
                crs="EPSG:4326",
            )
            expected = gpd.GeoSeries(snapshot.table(name).geometry)
            assert found.geom_equals_exact(expected, 0).sum() == found.notna().sum()
            assert (found.isna() == expected.isna()).all()
    indexes = server.rows(
        "select tablename::text, indexdef from pg_indexes "
        f"where schemaname = '{result.schema}'",
        base,
    )
    definitions = {(table, text.partition(" USING ")[2]) for table, text in indexes}
    assert {(name, "gist (geometry)") for name in shaped} <= definitions
    assert {
        ("divisions", "btree (code)"),
        ("facilities", "btree (id)"),
        ("coverage", "btree (service, level, code)"),
        ("coverage", "btree (code)"),
        ("coverage", "btree (ykz_row)"),
        ("gaps", "btree (nearest_facility_id)"),
    } - {("gaps", "btree (nearest_facility_id)")} <= definitions
    keys = server.rows(
        "select c.relname::text, a.attname::text from pg_index i "
        "join pg_class c on c.oid = i.indrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey) "
        f"where i.indisprimary and n.nspname = '{result.schema}'",
        base,
    )
    assert {name for name, _ in keys} == set(result.rows)
    assert {
        ("divisions", "code"),
        ("facilities", "id"),
        ("coverage", "ykz_row"),
    } <= set(keys)


def test_a_key_that_is_not_unique_does_not_stand_in_the_way(
    tmp_path: Path, server: Server, base: str
) -> None:
    tables = make_tables()
    facilities = tables["facilities"]
    facilities.loc[1, "id"] = facilities.loc[0, "id"]
    snapshot = write_snapshot(tmp_path, tables, manifest=make_manifest())
    result = publish(server, base, snapshot)
    assert result.rows["facilities"] == len(facilities)


def test_tables_and_columns_say_what_they_are(
    make: Make, server: Server, base: str
) -> None:
    result = publish(server, base, make("a"))
    for schema in ("yikezhong", result.schema):
        (row,) = server.rows(
            f"select obj_description('{schema}.facilities'::regclass)", base
        )
        assert row == ("设施：每处一行",)
        silent = server.rows(
            "select c.relname::text, a.attname::text from pg_attribute a "
            "join pg_class c on c.oid = a.attrelid "
            "join pg_namespace n on n.oid = c.relnamespace "
            f"where n.nspname = '{schema}' and c.relkind in ('r', 'v') "
            "and a.attnum > 0 and col_description(c.oid, a.attnum) is null",
            base,
        )
        assert [row for row in silent if row[0] not in ("version_tables",)] == []


def test_the_reader_reads_and_does_nothing_else(
    make: Make, server: Server, base: str
) -> None:
    result = publish(server, base, make("a"), reader="some_reader")
    with psycopg.connect(server.url(base), autocommit=True) as connection:
        connection.execute("set role some_reader")
        for schema in ("yikezhong", result.schema):
            connection.execute(f"select * from {schema}.divisions".encode())
            for statement in (
                f"delete from {schema}.divisions",
                f"create table {schema}.x ()",
                f"drop table {result.schema}.divisions",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())


def test_a_publisher_that_may_make_no_role_says_so(
    make: Make, server: Server, base: str
) -> None:
    server.run("create role maker login")
    server.run(f"grant create on database {base} to maker")
    result = publish_snapshot(
        make("a"),
        place_of(server.url(base, "maker")),
        PublishOptions(reader="not_there"),
        progress=lambda *_: None,
    )
    assert result.switched and "not_there" in result.notes[0]
    server.run("drop owned by maker cascade", base)
    server.run("drop role maker")


def test_the_same_version_is_published_once(
    make: Make, server: Server, base: str
) -> None:
    snapshot = make("a")
    publish(server, base, snapshot)
    state = "select xmin::text, * from yikezhong.versions"
    before = server.rows(state, base)
    again = publish(server, base, snapshot)
    assert not (again.loaded or again.switched or again.dropped)
    assert server.rows(state, base) == before
    assert schemas(server, base) == [again.schema]


def test_times_are_added_when_they_are_asked_for(
    make: Make, server: Server, base: str
) -> None:
    snapshot = make("a")
    first = publish(server, base, snapshot)
    result = publish(server, base, snapshot, with_times=True)
    assert result.loaded and result.switched
    assert result.dropped == [first.schema]
    assert schemas(server, base) == [result.schema]
    assert server.rows("select time_s::text from yikezhong.times", base) == [
        ("Infinity",)
    ]
    # asking for less is content with more
    assert not publish(server, base, snapshot).loaded


def test_old_versions_go_and_views_that_others_built_stay(
    make: Make, server: Server, base: str
) -> None:
    made = [make(name) for name in "abcd"]
    publish(server, base, made[0], keep=2)
    server.run("create view public.mine as select code from yikezhong.divisions", base)
    results = [publish(server, base, snapshot, keep=2) for snapshot in made[1:]]
    assert [result.dropped for result in results] == [
        [],
        ["ykz_" + made[0].version.replace("-", "_")],
        ["ykz_" + made[1].version.replace("-", "_")],
    ]
    assert schemas(server, base) == sorted(r.schema for r in results[1:])
    assert current(server, base) == made[3].version
    assert server.rows("select count(*) from public.mine", base)[0][0] == 10
    # back to the one before: it is there still
    back = publish(server, base, made[2], keep=2)
    assert (back.loaded, back.switched) == (False, True)
    assert current(server, base) == made[2].version


def test_a_version_in_use_is_dropped_the_next_time(
    make: Make, server: Server, base: str
) -> None:
    first, second = (make(name) for name in "ab")
    old = publish(server, base, first)
    with psycopg.connect(server.url(base)) as reading:
        reading.execute(f"select * from {old.schema}.divisions limit 1".encode())
        result = publish(server, base, second, keep=1)
        assert result.dropped == [] and old.schema in result.notes[0]
        count = f"select count(*) from {old.schema}.divisions".encode()
        assert reading.execute(count).fetchone() == (10,)
    assert publish(server, base, second, keep=1).dropped == [old.schema]


def test_a_table_of_another_is_not_touched(
    make: Make, server: Server, base: str
) -> None:
    server.run("create schema yikezhong; create table yikezhong.roads ()", base)
    with pytest.raises(PublishBlockedError, match="已有同名的表"):
        publish(server, base, make("a"))
    assert server.rows("select count(*) from yikezhong.roads", base) == [(0,)]
    query = "select count(*) from yikezhong.versions where is_current"
    assert server.rows(query, base) == [(0,)]


def test_a_view_whose_columns_change_is_replaced_unless_it_is_used(
    tmp_path: Path, make: Make, server: Server, base: str
) -> None:
    publish(server, base, make("a"))
    server.run("create view mine as select people from yikezhong.divisions", base)
    tables = make_tables()
    tables["divisions"] = tables["divisions"].drop(columns="people")
    other = write_snapshot(tmp_path / "b", tables, manifest=make_manifest())
    before = current(server, base)
    with pytest.raises(PublishBlockedError, match="view mine"):
        publish(server, base, other)
    assert current(server, base) == before
    assert server.rows("select count(*) from mine", base) == [(10,)]
    server.run("drop view mine", base)
    result = publish(server, base, other)
    assert (result.loaded, result.switched) == (False, True)


def test_what_cannot_be_stored_leaves_the_old_version(
    tmp_path: Path, make: Make, server: Server, base: str
) -> None:
    publish(server, base, make("a"))
    before = current(server, base)
    tables = make_tables()
    tables["facilities"].loc[0, "name"] = "日间\0照料"
    other = write_snapshot(tmp_path / "b", tables, manifest=make_manifest())
    with pytest.raises(DatabaseFailedError, match="NUL"):
        publish(server, base, other)
    assert current(server, base) == before
    assert len(schemas(server, base)) == 1
    shutil.copytree(make("b").folder.parent.parent, tmp_path / "c")
    damaged = open_version(tmp_path / "c", make("b").version)
    path = damaged.folder / "roads.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SnapshotCorruptError, match="校验失败"):
        publish(server, base, damaged)
    assert (current(server, base), len(schemas(server, base))) == (before, 1)


def test_hostile_names_stay_names(tmp_path: Path, server: Server, base: str) -> None:
    evil = "a\"b'; drop schema yikezhong cascade; -- %s {x}"
    tables = make_tables()
    tables["roads"] = tables["roads"].rename(columns={"class": evil})
    tables[evil[:30]] = pd.DataFrame({evil: ["{{7*7}}"]})
    manifest = make_manifest(name=evil, notice="$$; drop table x; '\"")
    snapshot = write_snapshot(tmp_path, tables, manifest=manifest)
    result = publish(server, base, snapshot)
    assert result.rows[evil[:30]] == 1
    query = "select study, notice from yikezhong.versions"
    assert server.rows(query, base) == [(evil, "$$; drop table x; '\"")]


@pytest.mark.parametrize("name", ["Ab", "a b", "a;b", "", "pg_x", "a" * 41, 'a"'])
def test_names_of_schemas_and_roles_are_plain(name: str) -> None:
    with pytest.raises(SchemaNameError):
        PublishOptions(schema=name)
    with pytest.raises(SchemaNameError):
        PublishOptions(reader=name)
