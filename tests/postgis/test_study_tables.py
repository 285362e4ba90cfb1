"""A study whose layers are tables gives the study of the same layers as files."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from postgis_cases import VARIABLE, Server, fill_study
from postgis_cases import write_table_study as write
from study_cases import (
    write_study,
)
from yikezhong_coverage.errors import InputError, PlannerError
from yikezhong_geodata.databases.connecting import (
    DatabaseAddressError,
    DatabaseDeniedError,
    DatabaseUnreachableError,
)
from yikezhong_geodata.databases.reading import TableLimits, TableTooLargeError
from yikezhong_geodata.databases.relations import (
    TableColumnError,
    TableMissingError,
    TableSridError,
)
from yikezhong_geodata.databases.working_copy import table_names, working_study
from yikezhong_geodata.file_errors import CrsMissingError
from yikezhong_geodata.sandbox.loading import load_study_apart
from yikezhong_geodata.spec import read_spec
from yikezhong_geodata.study import Study, load_study
from yikezhong_geodata.study_sources import exchanged, list_sources
from yikezhong_geodata.toml_keys import StudySpecError

AS_OF = dt.date(2023, 12, 31)


@pytest.fixture(scope="module")
def filled(server: Server, database: str) -> str:
    """Fill the database with the small study; give its address."""
    fill_study(server, database)
    return server.url(database)


@pytest.fixture(autouse=True)
def address(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, filled)


def check_equal(found: Study, expected: Study, *, rough: bool = False) -> None:
    for name in ("divisions", "facilities", "demand"):
        one, other = getattr(found, name), getattr(expected, name)
        plain = [c for c in one.columns if c not in ("geometry", "file", "row")]
        assert list(one.columns) == list(other.columns)
        tolerance: dict[str, Any] = {"rtol": 1e-7} if rough else {"check_exact": True}
        assert_frame_equal(
            pd.DataFrame(one)[plain], pd.DataFrame(other)[plain], **tolerance
        )
    assert (
        found.report.counts_frame()
        .drop(columns="file")
        .equals(expected.report.counts_frame().drop(columns="file"))
    )


def test_tables_give_the_study_of_the_files(tmp_path: Path) -> None:
    found = load_study_apart(write(tmp_path / "tables"), as_of=AS_OF)
    expected = load_study_apart(write_study(tmp_path / "files"), as_of=AS_OF)
    # the townships took the way through a projection and back
    check_equal(found, expected, rough=True)
    assert (found.facilities["row"] == expected.facilities["row"] - 1).all()
    files = {finding.file for finding in found.report.findings} | {
        count.file for count in found.report.counts
    }
    assert '规划."社区""A"' in files
    assert "规划.facilities" in files
    assert not [file for file in files if "table_" in file]
    assert "table_" not in str(found.report.findings)
    assert set(found.facilities["file"]) == {"规划.facilities"}


def test_rows_are_counted_as_in_the_table(tmp_path: Path) -> None:
    found = load_study_apart(write(tmp_path / "tables"), as_of=AS_OF)
    expected = load_study_apart(write_study(tmp_path / "files"), as_of=AS_OF)

    def rows(study: Study) -> list[tuple[int | None, str | None, str]]:
        return [
            (f.row, f.id, f.problem)
            for f in study.report.findings
            if f.layer == "facilities" and f.row is not None
        ]

    moved = [(row and row - 1, id_, problem) for row, id_, problem in rows(expected)]
    assert rows(found) == moved
    assert rows(found)


def test_the_working_copy_is_the_same_as_long_as_the_tables_are(
    tmp_path: Path, server: Server, database: str
) -> None:
    from yikezhong_app.snapshots.manifest import input_hashes, run_key

    folder = write(tmp_path / "s")
    (folder / "note.txt").write_text("a", encoding="utf-8")
    server.run("create table 规划.v as select * from 规划.facilities", database)
    write(folder, ("规划.facilities", "规划.v"))

    def key() -> tuple[str, dict[str, str]]:
        with working_study(folder) as ready:
            assert (ready / "note.txt").read_text("utf-8") == "a"
            return run_key(ready, as_of=AS_OF, accepted=[]), input_hashes(ready)

    before, hashes = key()
    assert key() == (before, hashes)
    assert {"规划.v (table_3)", "规划.townships (table_2)", "note.txt"} <= set(hashes)
    server.run("update 规划.v set 床位数 = '31' where 设施编号 = 'F1'", database)
    after, changed = key()
    assert after != before
    assert {name for name in hashes if hashes[name] != changed[name]} == {
        "规划.v (table_3)"
    }


def test_a_view_comes_in_an_order_of_its_own(
    tmp_path: Path, server: Server, database: str
) -> None:
    server.run(
        "create view 规划.f as select * from 规划.facilities order by random()",
        database,
    )
    folder = write(tmp_path / "s", ("规划.facilities", "规划.f"))
    texts = []
    for _ in range(3):
        with working_study(folder) as ready:
            (name,) = [n for n, t in table_names(ready).items() if t == "规划.f"]
            texts.append((ready / name).read_text("utf-8"))
    assert len(set(texts)) == 1


def test_hostile_cells_come_as_they_are(
    tmp_path: Path, server: Server, database: str
) -> None:
    names = ["{{7*7}}", "o'b\"r;\n--", "=1+1", "\\N", "\\.", "", "NULL", "日间\u2028"]
    server.run(
        'create table 规划."x""; drop table y" ("a""b" text, 机构名称 text)', database
    )
    with psycopg.connect(server.url(database)) as connection:
        for name in names:
            connection.execute(
                'insert into 规划."x""; drop table y" values (%s, %s)', [name, name]
            )
    folder = write(tmp_path, ("规划.facilities", '规划.\\"x\\"\\"; drop table y\\"'))
    with working_study(folder) as ready:
        text = (ready / "database" / "table_3.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ['a"b', "机构名称"]
    assert [row[1] for row in rows[1:]] == names


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("规划.missing", TableMissingError, "没有这张表"),
        ("missing", TableMissingError, "没有这张表"),
        ("规划.facilities; drop table 规划.roads", StudySpecError, "不是表名"),
        ('规划."facilities; drop table 规划.roads"', TableMissingError, "没有这张表"),
        ("规划.roads' or '1'='1", TableMissingError, "没有这张表"),
        ("a.b.c", StudySpecError, "不是表名"),
    ],
)
def test_a_wrong_table_is_told(
    tmp_path: Path, name: str, error: type[PlannerError], message: str
) -> None:
    folder = write(tmp_path, ('"规划.facilities"', f"'''{name}'''"))
    with pytest.raises(error, match=message) as caught:
        load_study_apart(folder, as_of=AS_OF)
    assert name.partition(".")[2] in str(caught.value)


def test_injected_text_has_changed_nothing(server: Server, database: str) -> None:
    assert server.rows("select count(*) from 规划.roads", database)[0][0] > 0


def test_no_permission_is_told(
    tmp_path: Path, server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run("create role nobody_here login")
    monkeypatch.setenv(VARIABLE, server.url(database, "nobody_here"))
    with pytest.raises(DatabaseDeniedError, match="没有读取这张表的权限"):
        load_study_apart(write(tmp_path), as_of=AS_OF)


def test_no_server_and_no_variable_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path)
    monkeypatch.setenv(VARIABLE, "postgresql://li:geheim@127.0.0.1:1/x")
    with pytest.raises(DatabaseUnreachableError, match="连不上数据库") as caught:
        load_study_apart(folder, as_of=AS_OF)
    assert "geheim" not in str(caught.value)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(DatabaseAddressError, match=VARIABLE):
        load_study_apart(folder, as_of=AS_OF)


@pytest.mark.parametrize(
    ("statement", "change", "error", "message"),
    [
        (
            'create table 规划.t1 as select 社区代码 from 规划."社区""A"',
            (),
            TableColumnError,
            "没有图形列",
        ),
        (
            "create table 规划.t1 as select *, geometry as g2 from 规划.townships",
            (),
            TableColumnError,
            "有多个图形列",
        ),
        (
            "create table 规划.t1 as select * from 规划.townships",
            ('"规划.t1"', '"规划.t1"\ngeometry = "wrong"'),
            TableColumnError,
            "没有图形列“wrong”",
        ),
        (
            (
                "create table 规划.t1 as select 乡镇代码, "
                "st_setsrid(geometry, 0)::geometry as geometry from 规划.townships"
            ),
            (),
            CrsMissingError,
            "没有写明坐标系",
        ),
        (
            (
                "create table 规划.t1 as select 乡镇代码, "
                "st_setsrid(geometry, 990001)::geometry as geometry from 规划.townships"
            ),
            (),
            TableSridError,
            "SRID 990001",
        ),
        (
            (
                "create table 规划.t1 as select 乡镇代码, st_setsrid(geometry, "
                "(4326 + row_number() over ())::int)::geometry as geometry "
                "from 规划.townships"
            ),
            (),
            TableSridError,
            "多个坐标系",
        ),
    ],
)
def test_what_is_wrong_with_a_geometry_is_told(
    tmp_path: Path,
    server: Server,
    database: str,
    statement: str,
    change: tuple[str, str],
    error: type[PlannerError],
    message: str,
) -> None:
    server.run("drop table if exists 规划.t1", database)
    server.run(statement, database)
    folder = write(tmp_path, ("规划.townships", "规划.t1"))
    if change:
        path = folder / "study.toml"
        path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    with pytest.raises(error, match=message) as caught:
        load_study_apart(folder, as_of=AS_OF)
    assert "规划.t1" in str(caught.value)
    assert "table_" not in str(caught.value)


def test_a_stated_reference_system_stands_for_a_missing_one(
    tmp_path: Path, server: Server, database: str
) -> None:
    server.run("drop table if exists 规划.t1", database)
    server.run(
        "create table 规划.t1 as select 乡镇代码, 乡镇名称, "
        "st_setsrid(geometry, 0)::geometry as g from 规划.townships",
        database,
    )
    stated = 'table = "规划.t1"\ngeometry = "g"\ncrs = "EPSG:4546"'
    folder = write(tmp_path, ('table = "规划.townships"', stated))
    found = load_study_apart(folder, as_of=AS_OF)
    townships_ = found.divisions[found.divisions["level"] == "township"]
    assert townships_["lon"].between(113.3, 113.5).all()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (TableLimits(rows=5), "超过 5 行"),
        (TableLimits(text_chars=3), "超过 3 个字符"),
        (TableLimits(geometry_bytes=20), "图形超过"),
    ],
)
def test_what_is_too_large_is_told(
    tmp_path: Path, limits: TableLimits, message: str
) -> None:
    with (
        pytest.raises(TableTooLargeError, match=message),
        working_study(write(tmp_path), limits=limits),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            (f'url_env = "{VARIABLE}"', 'url = "postgresql://a:b@c/d"'),
            "不能写在项目文件",
        ),
        ((f'url_env = "{VARIABLE}"', ""), "应写且只写一个"),
        ((f'[database]\nurl_env = "{VARIABLE}"\n', ""), "没有 .database."),
        (("year = 2020", 'file = "a.geojson"'), "只能写一个"),
        (("year = 2020", 'encoding = "gbk"'), "没有这一项"),
        (('table = "规划.roads"', 'file = "r.osm"\ngeometry = "g"'), "只用于数据库表"),
    ],
)
def test_a_wrong_setting_is_told(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_spec(write(tmp_path, change))


def test_the_loader_itself_asks_for_files(tmp_path: Path) -> None:
    with pytest.raises(StudySpecError, match="须先取出"):
        load_study(write(tmp_path), as_of=AS_OF)


def test_a_table_can_be_exchanged_for_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path)
    sources = {source.id: source for source in list_sources(folder)}
    assert sources["facilities-1"].file == "规划.facilities"
    (folder / "new.csv").write_text("x", encoding="utf-8")
    text, _ = exchanged(
        folder,
        "facilities",
        replaced=sources["facilities-1"],
        file="new.csv",
        settings={},
    )
    (folder / "study.toml").write_text(text, encoding="utf-8")
    assert read_spec(folder).facilities[0].table is None


def test_the_session_cannot_write(
    tmp_path: Path, server: Server, database: str
) -> None:
    server.run(
        "create function 规划.evil() returns text language sql volatile as "
        "$$ insert into 规划.facilities(设施编号) values ('evil') returning 设施编号 $$; "
        "create view 规划.w as select 规划.evil() as 设施编号",
        database,
    )
    folder = write(tmp_path, ("规划.facilities", "规划.w"))
    with pytest.raises(PlannerError, match="read-only transaction"):
        load_study_apart(folder, as_of=AS_OF)
    count = "select count(*) from 规划.facilities where 设施编号 = 'evil'"
    assert server.rows(count, database) == [(0,)]
