"""Buildings as weights for putting people on points."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError
from yikezhong_geodata.locate import locate_points
from yikezhong_geodata.numbers import parse_count
from yikezhong_geodata.points import POINT_PROBLEMS, read_points
from yikezhong_geodata.sources import is_table, open_source
from yikezhong_geodata.spec import BuildingSpec
from yikezhong_geodata.vectors import text_column

_LABEL: Final = "demand"


def load_buildings(
    spec: BuildingSpec, *, folder: Path, divisions: Any, report: DataReport
) -> pd.DataFrame:
    """Return buildings as points with a weight.

    Parameters
    ----------
    spec : BuildingSpec
        ``weight``: ``area`` (of the polygon [m²]), ``one``, or a column's name.
    folder : Path
    divisions : GeoDataFrame
    report : DataReport

    Returns
    -------
    DataFrame
        ``lon``, ``lat``, ``division`` (row of the finest division) and ``weight``;
        buildings outside the study or without a weight are set aside.
    """
    kind = "population" if is_table(spec.file) else None
    source = open_source(spec, folder=folder, report=report, label=_LABEL, kind=kind)
    points = read_points(source, spec, divisions=divisions, report=report, label=_LABEL)
    located = locate_points(divisions, points.lon, lat=points.lat)
    if spec.weight == "area":
        weight = points.area_m2
    elif spec.weight == "one" or spec.as_people:
        weight = np.ones(len(source))
    elif spec.weight in source.frame.columns:
        texts = text_column(source.frame[spec.weight], file=source.file)
        weight = np.array(
            [parse_count(t)[0] or np.nan for t in texts], dtype=np.float64
        )
    else:
        raise ColumnMappingError(
            f"没有权重列“{spec.weight}”",
            file=source.file,
            column="demand.buildings.weight",
            hint="请写 area、one 或文件中的列名",
        )
    if spec.as_people:
        weight = np.ones(len(source))
    keep = np.ones(len(source), dtype=np.bool_)
    for index in range(len(source)):
        problem, message = points.problem[index], ""
        if problem is not None:
            message = f"{POINT_PROBLEMS[problem]}，未使用"
        elif located.division[index] < 0:
            problem, message = "outside_area", "建筑在研究区之外，未使用"
        elif not weight[index] > 0:
            problem, message = "no_weight", "建筑没有面积或权重，未使用"
        if problem is not None:
            keep[index] = False
            report.add(
                _LABEL, source.file, int(source.rows[index]), None, str(problem),
                "set_aside", message=message,
            )  # fmt: skip
    report.close_layer(_LABEL, source.file, read=len(source))
    table = pd.DataFrame(
        {
            "lon": points.lon,
            "lat": points.lat,
            "division": located.division,
            "weight": weight,
        }
    )
    return table[keep].reset_index(drop=True)
