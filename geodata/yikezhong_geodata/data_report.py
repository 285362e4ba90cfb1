"""The account of every input row: used, repaired, set aside, noted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from yikezhong_coverage.errors import InputError

#: What was done with a row. ``noted`` rows are used as they are; the other two count.
ACTIONS = ("noted", "repaired", "set_aside")

COLUMNS = ("layer", "file", "row", "id", "problem", "action", "value", "message")


@dataclass(frozen=True)
class Finding:
    """One line of the data report.

    ``row`` counts as the user does (header of a table = row 1; first feature of a
    vector layer = row 1); None means the whole file. ``problem`` is a stable word
    (``encoding_guessed``), ``message`` says it in Chinese, ``value`` is the value as
    it was read.
    """

    layer: str
    file: str
    row: int | None
    id: str | None
    problem: str
    action: str
    value: str | None
    message: str


@dataclass(frozen=True)
class LayerCount:
    """Rows of one file of one layer: read = used + repaired + set_aside."""

    layer: str
    file: str
    read: int
    used: int
    repaired: int
    set_aside: int


@dataclass
class DataReport:
    """Collects findings and row counts while a study is read.

    Examples
    --------
    >>> report = DataReport()
    >>> report.add("facilities", "a.csv", 3, "F2", "no_geometry", "set_aside",
    ...            message="没有坐标")
    >>> report.close_layer("facilities", "a.csv", read=5)
    LayerCount(layer='facilities', file='a.csv', read=5, used=4, repaired=0, set_aside=1)
    """

    findings: list[Finding] = field(default_factory=list)
    counts: list[LayerCount] = field(default_factory=list)

    def add(
        self,
        layer: str,
        file: str,
        row: int | None,
        id: str | None,
        problem: str,
        action: str = "noted",
        value: object = None,
        message: str = "",
    ) -> None:
        """Add one finding; ``action`` is one of :data:`ACTIONS`."""
        if action not in ACTIONS:
            raise ValueError(f"unknown action {action!r}")
        self.findings.append(
            Finding(
                layer,
                file,
                None if row is None else int(row),
                None if id is None else str(id),
                problem,
                action,
                None if value is None else str(value),
                message,
            )
        )

    def close_layer(self, layer: str, file: str, *, read: int) -> LayerCount:
        """Count the rows of a file, once all findings about it are in.

        A row with several findings counts once, set aside before repaired.
        """
        here = [f for f in self.findings if f.layer == layer and f.file == file]
        set_aside = _rows(here, "set_aside")
        repaired = _rows(here, "repaired") - set_aside
        used = read - len(set_aside) - len(repaired)
        if used < 0:
            raise InputError(
                f"数据报告不平衡：读入 {read} 行，剔除 {len(set_aside)} 行，"
                f"修复 {len(repaired)} 行",
                file=file,
                layer=layer,
            )
        count = LayerCount(layer, file, read, used, len(repaired), len(set_aside))
        self.counts.append(count)
        return count

    def frame(self) -> pd.DataFrame:
        """Return the findings as the snapshot's ``data_report`` table."""
        table = pd.DataFrame([vars(f) for f in self.findings], columns=list(COLUMNS))
        table["row"] = table["row"].astype("Int64")
        for name in COLUMNS:
            if name != "row":
                table[name] = (
                    table[name].astype(object).where(table[name].notna(), None)
                )
        return table

    def counts_frame(self) -> pd.DataFrame:
        """Return the row counts, a row for each file of each layer."""
        names = ["layer", "file", "read", "used", "repaired", "set_aside"]
        return pd.DataFrame([vars(c) for c in self.counts], columns=names)


def _rows(findings: Iterable[Finding], action: str) -> set[int]:
    return {f.row for f in findings if f.action == action and f.row is not None}
