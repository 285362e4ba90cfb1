"""A layer of candidates in a file, as the GeoJSON a request takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from yikezhong_app.siting.request import CandidateProperties
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.vectors import read_vector

#: What is known of a candidate.
MEMBERS: Final = tuple(CandidateProperties.model_fields)
_NUMBERS: Final = ("cost", "capacity")


def read_candidates(path: Path, *, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the features of a file as points with what is known of each.

    Parameters
    ----------
    path : Path
        Anything OGR reads; of lines and areas a point on them is taken.
    columns : mapping of str to str
        Member of :data:`MEMBERS` → column; by default the columns of these names in
        English or Chinese.

    Raises
    ------
    InputError
        If there is no such column, a number is none, or there is no place at all.
    """
    frame = read_vector(path, report=DataReport(), label="candidates").frame
    for column in columns.values():
        if column not in frame:
            known = "、".join(str(name) for name in frame.columns if name != "geometry")
            raise InputError(
                "没有这一列", file=path.name, column=column, hint=f"已有：{known}"
            )
    shapes = frame.geometry
    usable = frame[shapes.notna() & ~shapes.is_empty]
    if usable.empty:
        raise InputError("没有可用的位置", file=path.name)
    chosen = {m: columns.get(m) or _usual_column(usable, m) for m in MEMBERS}
    points = usable.geometry.representative_point()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [point.x, point.y]},
                "properties": {
                    member: _value(row[column], member, path, str(number), column)
                    for member, column in chosen.items()
                    if column is not None and not pd.isna(row[column])
                },
            }
            for point, (number, row) in zip(points, usable.iterrows(), strict=True)
        ],
    }


def _usual_column(frame: pd.DataFrame, member: str) -> str | None:
    """Return the column of a member by its usual names."""
    field = CandidateProperties.model_fields[member]
    names = getattr(field.validation_alias, "choices", [member])
    return next((str(name) for name in names if name in frame), None)


def _value(value: Any, member: str, path: Path, row: str, column: str) -> Any:
    if member not in _NUMBERS:
        return str(value)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise InputError(
            f"第 {row} 行的“{value}”应为非负数", file=path.name, column=column
        )
    return number
