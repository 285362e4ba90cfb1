"""Runs in parts for tests: equal tables, engines that count, small studies made up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from yikezhong_app.engines.in_process import InProcess
from yikezhong_app.engines.tasks import Engine, Task
from yikezhong_app.runs.pipeline import Cut, compute_tables
from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.columns import (
    CAPACITY_COLUMNS,
    DEMAND_COLUMNS,
    DIVISION_COLUMNS,
    FACILITY_COLUMNS,
    GROUPS,
)
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.spec import Parameters, RoadSpec, StudySpec
from yikezhong_geodata.study import Study

Tables = Mapping[str, pd.DataFrame]
DAY = dt.date(2025, 12, 31)


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a table as plain Arrow columns that can be sorted and compared exactly.

    Dictionaries are decoded, shapes become WKB, and numbers are compared by their
    bits: neither ``nan`` nor a last digit is forgiven.
    """
    columns = {}
    for name in frame.columns:
        values = frame[name]
        if values.dtype.name == "geometry":
            columns[name] = pa.array(shapely.to_wkb(values.to_numpy()), pa.binary())
        elif pd.api.types.is_float_dtype(values.dtype):
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            columns[name] = pa.array(numbers.view(np.int64))
        elif isinstance(values.dtype, pd.CategoricalDtype):
            found = pa.array(values)
            columns[name] = found.dictionary_decode().cast(pa.string())
        elif values.dtype == object:
            columns[name] = pa.array([_text(v) for v in values], pa.string())
        else:
            columns[name] = pa.array(values)
    return pa.table(columns)


def assert_same_table(found: pd.DataFrame, expected: pd.DataFrame, name: str) -> None:
    """Demand the same rows, in any order, to the last bit."""
    assert list(found.columns) == list(expected.columns), name
    assert len(found) == len(expected), name
    one, other = as_arrow(found), as_arrow(expected)
    if one.equals(other):
        return
    keys = [(column, "ascending") for column in one.column_names]
    one, other = one.sort_by(keys), other.sort_by(keys)
    for column in one.column_names:
        if not one[column].equals(other[column]):
            row = next(i for i, (a, b) in enumerate(zip(
                one[column].to_pylist(), other[column].to_pylist(), strict=True
            )) if a != b)  # fmt: skip
            raise AssertionError(
                f"{name}.{column}: {one.slice(row, 1).to_pylist()} "
                f"!= {other.slice(row, 1).to_pylist()}"
            )


def assert_same_tables(found: Tables, expected: Tables) -> None:
    """Demand the same tables with the same rows."""
    assert sorted(found) == sorted(expected)
    for name in expected:
        assert_same_table(found[name], expected[name], name)


def _text(value: object) -> str | None:
    if (
        value is None
        or value is pd.NA
        or (isinstance(value, float) and np.isnan(value))
    ):
        return None
    if isinstance(value, (tuple, list, np.ndarray, dict)):
        return json.dumps(value, ensure_ascii=False, default=list)
    return f"{type(value).__name__}:{value}"


def whole(study: Study) -> list[list[str]]:
    """Return the cut of a run in one part."""
    table = study.divisions
    return [table["code"][table["parent"].isna()].tolist()]


def tables_of(
    study: Study, cut: Cut, *, engine: Engine | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables of a study, in this process unless an engine is given."""
    return compute_tables(study, engine=engine or InProcess(), cut=cut)[0]


@dataclass
class Counting:
    """An engine that keeps which tasks it has done, and how much each had to make."""

    engine: Engine = field(default_factory=InProcess)
    made: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def workers(self) -> int:
        return self.engine.workers

    def run(
        self, tasks: Sequence[Task], *, done: Callable[[int, dict[str, Any]], None]
    ) -> list[dict[str, Any]]:
        def count(number: int, answer: dict[str, Any]) -> None:
            task = tasks[number]
            function = task.function.rpartition(":")[2]
            self.made.append((function, task.name, int(answer["made"])))
            done(number, answer)

        return self.engine.run(tasks, done=count)

    def rest(self) -> None:
        self.engine.rest()

    def close(self) -> None:
        self.engine.close()

    def of(self, function: str) -> dict[str, int]:
        """Return how much each task of a function has made, by the task's name."""
        return {name: made for what, name, made in self.made if what == function}


def division_table(rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """Return a table of divisions; what a row does not say is missing."""
    shapes = gpd.GeoSeries([row["geometry"] for row in rows], crs="EPSG:4326")
    frame = pd.DataFrame([{**dict.fromkeys(DIVISION_COLUMNS), **row} for row in rows])
    frame["area_m2"] = shapes.to_crs("EPSG:6933").area
    for name in ("unknown_units", "population_year"):
        frame[name] = pd.array([None] * len(rows), dtype="Int64")
    frame["estimated"] = ""
    centre = shapely.point_on_surface(shapes.to_numpy())
    frame["lon"], frame["lat"] = shapely.get_x(centre), shapely.get_y(centre)
    for group in GROUPS:
        frame[group] = frame[group].astype(np.float64)
    frame = frame[list(DIVISION_COLUMNS)].drop(columns="geometry")
    return gpd.GeoDataFrame(frame, geometry=shapes)


def facility_table(rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """Return a table of facilities; what a row does not say is missing."""
    usual = {
        **dict.fromkeys(FACILITY_COLUMNS),
        "status": "open", "functions": (), "flags": "", "file": "f.csv", "row": 1,
    }  # fmt: skip
    frame = pd.DataFrame([{**usual, **row} for row in rows], columns=FACILITY_COLUMNS)
    frame["functions"] = pd.Series(
        [{**usual, **row}["functions"] for row in rows], dtype=object
    )
    for name in (*CAPACITY_COLUMNS, "lon", "lat"):
        frame[name] = frame[name].astype(np.float64)
    return _with_points(frame)


def demand_table(rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """Return a table of demand points; what a row does not say is missing."""
    usual = {**dict.fromkeys(DEMAND_COLUMNS), "method": "point"}
    frame = pd.DataFrame([{**usual, **row} for row in rows], columns=DEMAND_COLUMNS)
    for name in (*GROUPS, "lon", "lat"):
        frame[name] = frame[name].astype(np.float64)
    return _with_points(frame)


def _with_points(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(frame["lon"], frame["lat"], crs="EPSG:4326")
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=points)


def make_study(
    folder: Path,
    *,
    divisions: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    demand: gpd.GeoDataFrame,
    roads: Mapping[str, RoadGraph],
    services: tuple[Service, ...],
    parameters: Parameters,
) -> Study:
    """Return a study that was never in files but for its empty folder."""
    spec = StudySpec(
        name="试验", boundaries=(), roads=RoadSpec(file=""), code_system="free",
        as_of=DAY, parameters=parameters,
    )  # fmt: skip
    return Study(
        spec=spec, name=spec.name, as_of=DAY, divisions=divisions,
        facilities=facilities, demand=demand, roads=roads, services=services,
        report=DataReport(), folder=folder,
    )  # fmt: skip
