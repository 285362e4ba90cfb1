"""How a table lies in the files of a result, so that it can be laid out so again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yikezhong_app.publishing.values import decoded
from yikezhong_app.snapshots.stored_tables import StoredFile


@dataclass(frozen=True)
class Group:
    """A row group: its rows, and by column the number of its dictionary.

    Columns whose dictionary holds the texts in the order in which they occur are not
    listed.
    """

    rows: int
    dictionaries: Mapping[str, int] = field(default_factory=dict)


@dataclass
class FileLayout:
    """One file of a table."""

    file: str
    service: str | None
    schema: pa.Schema
    groups: list[Group] = field(default_factory=list)


@dataclass
class TableLayout:
    """All files of a table; each dictionary is kept once."""

    files: list[FileLayout] = field(default_factory=list)
    dictionaries: list[list[str]] = field(default_factory=list)
    _known: dict[tuple[str, ...], int] = field(default_factory=dict, repr=False)

    def add_file(self, stored: StoredFile, schema: pa.Schema) -> None:
        """Begin the next file."""
        self.files.append(FileLayout(stored.file, stored.service, schema))

    def add_group(self, table: pa.Table) -> None:
        """Take note of the next row group of the last file."""
        numbers = {}
        for name in table.column_names:
            column = table.column(name)
            if pa.types.is_dictionary(column.type):
                texts = _dictionary(column)
                if texts != decoded(column).unique().drop_null().to_pylist():
                    numbers[name] = self._number(texts)
        self.files[-1].groups.append(Group(len(table), numbers))

    def _number(self, texts: list[str]) -> int:
        key = tuple(texts)
        if key not in self._known:
            self._known[key] = len(self.dictionaries)
            self.dictionaries.append(texts)
        return self._known[key]

    def dictionaries_of(self, group: Group) -> dict[str, list[str]]:
        """Return column → texts of its dictionary, of those that were kept."""
        return {c: self.dictionaries[n] for c, n in group.dictionaries.items()}

    def to_text(self) -> str:
        """Return the layout as JSON."""
        return json.dumps(
            {
                "files": [
                    {
                        "file": one.file,
                        "service": one.service,
                        "schema": base64.b64encode(one.schema.serialize()).decode(),
                        "groups": [[g.rows, dict(g.dictionaries)] for g in one.groups],
                    }
                    for one in self.files
                ],
                "dictionaries": self.dictionaries,
            },
            ensure_ascii=False,
        )


def layout_of(text: str) -> TableLayout:
    """Return the layout that :meth:`TableLayout.to_text` wrote."""
    record: dict[str, Any] = json.loads(text)
    files = [
        FileLayout(
            one["file"],
            one["service"],
            pa.ipc.read_schema(pa.py_buffer(base64.b64decode(one["schema"]))),
            [Group(int(rows), numbers) for rows, numbers in one["groups"]],
        )
        for one in record["files"]
    ]
    return TableLayout(files, record["dictionaries"])


def read_groups(
    folder: Path, files: list[StoredFile], layout: TableLayout
) -> Iterator[pa.Table]:
    """Yield the row groups of a table one by one, and note how they lie."""
    for stored in files:
        with pq.ParquetFile(folder / stored.file) as file:
            layout.add_file(stored, file.schema_arrow)
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                layout.add_group(group)
                yield group


def _dictionary(column: pa.ChunkedArray) -> list[str]:
    whole = column.unify_dictionaries()
    if whole.num_chunks == 0:
        return []
    texts: list[str] = whole.chunk(0).dictionary.to_pylist()
    return texts
