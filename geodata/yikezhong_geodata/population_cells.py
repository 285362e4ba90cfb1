"""Population at points: from a table or layer of points, or from a raster."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_geodata.columns import GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError, NegativePopulationError
from yikezhong_geodata.locate import locate_points
from yikezhong_geodata.points import POINT_PROBLEMS, PointSource, read_points
from yikezhong_geodata.sources import Source, open_source, read_counts
from yikezhong_geodata.spec import PopulationSpec

_LABEL: Final = "population"


def read_cells(
    spec: PopulationSpec,
    *,
    folder: Path,
    divisions: Any,
    report: DataReport,
    opened: PointSource | None = None,
) -> pd.DataFrame:
    """Return people at points: ``lon``, ``lat``, ``division``, ``method``, groups.

    Parameters
    ----------
    spec : PopulationSpec
        Of kind ``points`` or ``raster``.
    folder : Path
    divisions : GeoDataFrame
    report : DataReport
        Takes every row that is not used, and the account of the rows.
    opened : PointSource, optional
        The table of points, where it was read already.

    Returns
    -------
    DataFrame
        ``division`` is the row of the finest division around the point; groups that
        are not given are ``nan``.
    """
    if spec.kind == "raster":
        from yikezhong_geodata.population_raster import read_raster_cells

        return read_raster_cells(
            spec, folder=folder, divisions=divisions, report=report
        )
    if opened is None:
        opened = _open(spec, folder=folder, divisions=divisions)
    return _read_point_cells(opened, divisions=divisions, report=report)


def _open(spec: PopulationSpec, *, folder: Path, divisions: Any) -> PointSource:
    report = DataReport()
    source = open_source(
        spec, folder=folder, report=report, label=_LABEL, kind="population"
    )
    _groups_of(source)
    points = read_points(source, spec, divisions=divisions, report=report, label=_LABEL)
    return PointSource(source, points, report)


def _groups_of(source: Source) -> list[str]:
    groups: list[str] = [group for group in GROUPS if group in source.columns]
    if not groups:
        raise ColumnMappingError(
            "找不到人口列", file=source.file, hint='请用 columns = {people = "…"} 指明'
        )
    return groups


def _read_point_cells(
    opened: PointSource, *, divisions: Any, report: DataReport
) -> pd.DataFrame:
    source, points = opened.source, opened.points
    report.findings.extend(opened.report.findings)
    groups = _groups_of(source)
    ids = source.texts("code")
    located = locate_points(divisions, points.lon, lat=points.lat)
    table = pd.DataFrame(
        {"lon": points.lon, "lat": points.lat, "division": located.division}
    )
    table["method"] = "cells"
    for group in GROUPS:
        counts = read_counts(
            source,
            group,
            report=report,
            label=_LABEL,
            ids=ids,
            fractions_are_fine=True,
        )
        table[group] = np.nan if counts is None else counts
    _refuse_negative(source.texts(groups[0]), source.file, source.columns[groups[0]])
    unknown = table[groups].isna().all(axis=1).to_numpy()
    keep = np.ones(len(source), dtype=np.bool_)
    lost = (points.problem != None) | (located.division < 0) | unknown
    for index in np.flatnonzero(lost | located.shared).tolist():
        problem, message = None, ""
        if points.problem[index] is not None:
            problem = str(points.problem[index])
            message = f"{POINT_PROBLEMS[problem]}，未使用"
        elif located.division[index] < 0:
            problem, message = "outside_area", "在研究区之外，不计入"
        elif unknown[index]:
            problem, message = "missing_count", "没有人口数（未知，不是 0），未使用"
        if problem is not None:
            keep[index] = False
            report.add(
                _LABEL, source.file, int(source.rows[index]), ids[index], problem,
                "set_aside", value=table[groups[0]].iloc[index], message=message,
            )  # fmt: skip
        elif located.shared[index]:
            code = divisions["code"].iloc[located.division[index]]
            report.add(
                _LABEL, source.file, int(source.rows[index]), ids[index], "on_border",
                value=code, message=f"位于区划交界，归代码较小的 {code}",
            )  # fmt: skip
    report.close_layer(_LABEL, source.file, read=len(source))
    return table[keep].reset_index(drop=True)


def _refuse_negative(texts: list[str | None], file: str, header: str) -> None:
    """Refuse points of which many are negative: a missing nodata value."""
    negative = [
        index for index, text in enumerate(texts) if text and text.startswith("-9")
    ]
    if len(negative) > max(1, len(texts) // 100):
        raise NegativePopulationError(
            f"人口列有 {len(negative)} 个负数（如 {texts[negative[0]]}），像是无数据标记",
            file=file,
            column=header,
            hint="请先把无数据的点去掉或留空",
        )
