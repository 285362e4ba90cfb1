"""Read a vector file into one table in WGS-84 longitude, latitude."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from yikezhong_geodata.columns import CRS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.datum import convert_geometry, to_wgs84
from yikezhong_geodata.file_errors import (
    CorruptError,
    CrsMissingError,
    PrecisionLostError,
)


@dataclass(frozen=True, eq=False)
class VectorTable:
    """The features of one layer.

    Parameters
    ----------
    frame : GeoDataFrame
        Attributes as they were read and ``geometry`` in EPSG:4326, converted from the
        declared datum; None where there is none. Its index ``row`` counts features
        from 1 as they stand in the file.
    file : str
        Name of the file, for messages.
    crs : str
        The reference system that the file is in.
    datum : str
        ``wgs84``, ``gcj02`` or ``bd09``: what the positions were converted from.
    """

    frame: Any
    file: str
    crs: str = CRS
    datum: str = "wgs84"


def read_vector(
    path: Path,
    *,
    report: DataReport,
    label: str,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    datum: str | None = None,
) -> VectorTable:
    """Return the features of a file."""
    import pyogrio

    name = path.name
    try:
        frame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding)
    except pyogrio.errors.DataSourceError as error:
        raise CorruptError("文件无法读取", file=name) from error
    if frame.crs is None:
        if crs is None:
            raise CrsMissingError(
                "没有坐标系", file=name, hint="请在 study.toml 写明 crs"
            )
        frame = frame.set_crs(crs)
    source = frame.crs.to_string()
    frame = frame.to_crs(CRS)
    if datum:
        values = convert_geometry(frame.geometry.to_numpy(), to_wgs84(datum))
        frame = frame.set_geometry(values, crs=CRS)
    frame = frame.rename_geometry("geometry")
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return VectorTable(frame, name, source, datum or "wgs84")


def text_column(values: pd.Series, *, file: str | None = None) -> pd.Series:
    """Return a column as text, exactly: no ``.0``, no lost digit; None is missing.

    Raises
    ------
    PrecisionLostError
        Where a number is a float of 2⁵³ or more: its last digits are not the file's.

    Examples
    --------
    >>> list(text_column(pd.Series(["033010", 33010, 33010.0, 12.5, None], dtype=object)))
    ['033010', '33010', '33010', '12.5', None]
    >>> text_column(pd.Series([123456789012345678.0], name="code"))
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.PrecisionLostError: 第 0 行，列“code”：数字 1.2345678901234568e+17 ...
    """

    def as_text(row: object, value: Any) -> str | None:
        if pd.isna(value):
            return None
        if isinstance(value, float):  # numpy's float64 is one
            if abs(value) >= 2**53:
                raise PrecisionLostError(
                    f"数字 {float(value)!r} 超过 15 位有效数字，末几位已丢失",
                    file=file,
                    row=int(str(row)),
                    column=None if values.name is None else str(values.name),
                    hint="请在源文件把该列设为文本后重新导出",
                )
            return str(int(value)) if value.is_integer() else repr(float(value))
        return str(value)

    texts = [as_text(row, value) for row, value in values.items()]
    return pd.Series(texts, index=values.index, name=values.name, dtype=object)
