"""Values go into PostgreSQL and come back to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from postgis_cases import Server
from yikezhong_app.publishing.digests import TableDigest
from yikezhong_app.publishing.values import (
    ROW,
    ColumnKindError,
    column_query,
    csv_of,
    is_geometry,
    sql_type,
    table_of,
)

#: All that a text may hold but NUL, which PostgreSQL cannot store.
TEXTS = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8
) | st.sampled_from(
    ["", "NULL", "\\N", "\\.", '"', "''", "{}", "{{7*7}}", "a\nb", "\r"]
)
FLOATS = st.floats(width=64)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw a table with a column of every kind."""
    n_row = draw(st.integers(0, 6))

    def column(values: st.SearchStrategy[Any], kind: pa.DataType) -> pa.Array:
        rows = draw(st.lists(st.none() | values, min_size=n_row, max_size=n_row))
        return pa.array(rows, kind)

    points = st.builds(
        lambda x, y: shapely.to_wkb(shapely.Point(x, y)),
        st.floats(-180, 180),
        st.floats(-90, 90),
    )
    index = pa.dictionary(pa.int8(), pa.string())
    return pa.table(
        {
            "t": column(TEXTS, pa.string()),
            "T": column(TEXTS, pa.large_string()),
            "d": column(TEXTS, pa.string()).dictionary_encode().cast(index),
            "f": column(FLOATS, pa.float64()),
            "r": column(st.floats(width=32), pa.float32()),
            "i": column(st.integers(-(2**63), 2**63 - 1), pa.int64()),
            "s": column(st.integers(-(2**31), 2**31 - 1), pa.int32()),
            "b": column(st.booleans(), pa.bool_()),
            "lt": column(
                st.lists(st.none() | TEXTS, max_size=3), pa.list_(pa.string())
            ),
            "lf": column(
                st.lists(st.none() | FLOATS, max_size=3), pa.list_(pa.float64())
            ),
            "geometry": column(points, pa.binary()),
        }
    )


def there_and_back(connection: psycopg.Connection[Any], table: pa.Table) -> pa.Table:
    """Write a table into a temporary one and read it."""
    columns = [
        sql.SQL("{} {}").format(
            sql.Identifier(f.name),
            sql.SQL("geometry" if is_geometry(f) else sql_type(f)),
        )
        for f in table.schema
    ]
    connection.execute(
        sql.SQL("create temporary table x ({} bigint, {})").format(
            sql.Identifier(ROW), sql.SQL(", ").join(columns)
        )
    )
    with connection.cursor() as cursor:
        with cursor.copy("copy x from stdin (format csv)") as copy:
            copy.write(csv_of(table, first_row=0))
        queries = [
            sql.SQL(column_query(f)).format(
                postgis=sql.Identifier("public"), column=sql.Identifier(f.name)
            )
            for f in table.schema
        ]
        query = sql.SQL("copy (select {} from x order by {}) to stdout (format csv)")
        wanted = query.format(sql.SQL(", ").join(queries), sql.Identifier(ROW))
        with cursor.copy(wanted) as copy:
            text = b"".join(bytes(part) for part in copy)
    return table_of(text, table.schema, {})


def digest(table: pa.Table) -> str:
    found = TableDigest()
    found.add(table)
    return found.text()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=tables())
def test_values_come_back(server: Server, database: str, table: pa.Table) -> None:
    with psycopg.connect(server.url(database)) as connection:
        found = there_and_back(connection, table)
        connection.rollback()
    assert found.schema == table.schema
    for name in table.column_names:
        one, other = found.column(name).to_pylist(), table.column(name).to_pylist()
        np.testing.assert_equal(one, other)
    assert digest(found) == digest(table)


def test_the_sum_tells_tables_apart() -> None:
    tables_ = [
        {"a": ["x", "y"]},
        {"a": ["xy", ""]},
        {"a": ["x", None]},
        {"a": ["", None]},
        {"a": [None, ""]},
        {"b": ["x", "y"]},
        {"a": [1.0, 0.0]},
        {"a": [1.0, -0.0]},
        {"a": [1.0, None]},
        {"a": [1.0, np.nextafter(0.0, 1.0)]},
        {"a": [[1.0], [2.0]]},
        {"a": [[1.0, 2.0], []]},
        {"a": [[1.0, 2.0], None]},
        {"a": [True, False]},
        {"a": [True, None]},
    ]
    sums = [digest(pa.table(columns)) for columns in tables_]
    assert len(set(sums)) == len(sums)


def test_the_sum_sees_through_slices_and_dictionaries() -> None:
    whole = pa.table({"a": ["p", "q", None, "r"], "b": [[1.0], None, [], [2.0, 3.0]]})
    part = whole.slice(1, 3)
    again = pa.table({"a": ["q", None, "r"], "b": [None, [], [2.0, 3.0]]})
    assert digest(part) == digest(again)
    encoded = part.set_column(0, "a", part.column("a").dictionary_encode())
    assert digest(encoded) == digest(again)


def test_a_kind_that_cannot_be_published_is_told() -> None:
    with pytest.raises(ColumnKindError, match="不能发布"):
        sql_type(pa.field("when", pa.timestamp("us")))
