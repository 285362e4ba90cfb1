"""Notice layers that are in GCJ-02 or BD-09 without saying so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import shapely

from yikezhong_geodata.areas import GeometryArray, union_of
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.datum import DATUM_NAMES
from yikezhong_geodata.datum_guess import (
    DatumGuess,
    RoadPlaces,
    detect_beside,
    layer_offset,
)
from yikezhong_geodata.locate import geometry_of
from yikezhong_geodata.points import PointSource, read_points
from yikezhong_geodata.source_spec import SourceSpec
from yikezhong_geodata.sources import is_table, open_source
from yikezhong_geodata.spec import BoundarySpec, FacilitySpec, PopulationSpec

SpecT = TypeVar("SpecT", bound=SourceSpec)
#: At most so many pairs of divisions are compared; more would say nothing more.
_MAX_PAIRS: Final = 60
#: At most about so many points of a layer are compared with the roads.
_MAX_POINTS: Final = 2000


def judge_facilities(
    specs: Sequence[FacilitySpec],
    facilities: Any,
    *,
    roads: RoadPlaces,
    report: DataReport,
    accept: bool,
) -> tuple[FacilitySpec, ...]:
    """Return the specs, with the detected datum declared where this is accepted.

    Parameters
    ----------
    specs : sequence of FacilitySpec
    facilities : GeoDataFrame
        As read with these specs.
    roads : RoadPlaces
        In WGS-84.
    report : DataReport
        Takes ``possible_gcj02`` or ``possible_bd09`` with the offset [m].
    accept : bool
        Whether layers are to be converted.
    """
    judged = []
    for spec in specs:
        if spec.datum is not None:
            judged.append(spec)
            continue
        name = spec.file.replace("\\", "/").rsplit("/", 1)[-1]
        rows = facilities[(facilities["file"] == name) & facilities["lon"].notna()]
        guess = detect_beside(
            rows["lon"].to_numpy(np.float64),
            rows["lat"].to_numpy(np.float64),
            roads=roads,
        )
        judged.append(_judge(spec, guess, "facilities", "道路", report, accept))
    return tuple(judged)


def judge_points(
    spec: SpecT,
    *,
    folder: Path,
    divisions: Any,
    roads: RoadPlaces,
    label: str,
    report: DataReport,
    accept: bool,
) -> tuple[SpecT, PointSource | None]:
    """Return the spec of buildings or population points, as for facilities.

    Population that keeps its spec need not be read again: it is returned too.

    Parameters
    ----------
    spec : SourceSpec
    folder : Path
    divisions : GeoDataFrame
    roads : RoadPlaces
        In WGS-84.
    label : str
        Layer label of the report.
    report : DataReport
    accept : bool
    """
    if spec.datum is not None:
        return spec, None
    scratch = DataReport()  # the layer is reported by its loader
    is_people = isinstance(spec, PopulationSpec)
    kind = "population" if is_people or is_table(spec.file) else None
    source = open_source(spec, folder=folder, report=scratch, label=label, kind=kind)
    points = read_points(source, spec, divisions=divisions, report=scratch, label=label)
    usable = np.flatnonzero(np.isfinite(points.lon))
    step = max(1, len(usable) // _MAX_POINTS)
    lon, lat = points.lon[usable[::step]], points.lat[usable[::step]]
    guess = detect_beside(lon, lat, roads=roads)
    judged = _judge(spec, guess, label, "道路", report, accept)
    same = judged is spec and is_people
    return judged, PointSource(source, points, scratch) if same else None


def judge_boundaries(
    specs: Sequence[BoundarySpec],
    divisions: Any,
    *,
    report: DataReport,
    accept: bool,
) -> tuple[BoundarySpec, ...]:
    """Return the specs, with the detected datum declared where this is accepted.

    A file of upper divisions is compared with the lower divisions of other files put
    together, and the other way round.

    Parameters
    ----------
    specs : sequence of BoundarySpec
    divisions : GeoDataFrame
    report : DataReport
    accept : bool
    """
    judged = []
    for spec in specs:
        name = spec.file.replace("\\", "/").rsplit("/", 1)[-1]
        own, other = _pairs(divisions, name)
        guess = layer_offset(own, other)
        judged.append(_judge(spec, guess, "boundaries", "其他边界", report, accept))
    return tuple(judged)


def _pairs(divisions: Any, file: str) -> tuple[GeometryArray, GeometryArray]:
    """Return the same areas twice: as this file has them and as the others do."""
    geometry = geometry_of(divisions)
    files = divisions["file"].to_numpy(dtype=object)
    parents = divisions["parent"].to_numpy(dtype=object)
    own: list[Any] = []
    other: list[Any] = []
    children: dict[Any, list[int]] = {}
    for index, parent in enumerate(parents):
        children.setdefault(parent, []).append(index)
    for index, code in enumerate(divisions["code"]):
        below = np.array(children.get(code, []), dtype=np.int64)
        known = ~shapely.is_missing(geometry[below])
        if geometry[index] is None or not len(below) or not known.all():
            continue
        mine = files[below] == file
        if files[index] == file and not mine.any() and all(files[below]):
            own.append(geometry[index])
            other.append(union_of(geometry[below]))
        elif files[index] not in (file, None) and mine.all():
            own.append(union_of(geometry[below]))
            other.append(geometry[index])
        if len(own) >= _MAX_PAIRS:
            break
    return (
        np.array([*own, None], dtype=object)[:-1],
        np.array([*other, None], dtype=object)[:-1],
    )


def _judge(
    spec: SpecT,
    guess: DatumGuess,
    label: str,
    against: str,
    report: DataReport,
    accept: bool,
) -> SpecT:
    """Report a guess; return the spec with the datum where it is accepted."""
    if spec.datum is not None or not guess.confident or guess.datum == "wgs84":
        return spec
    name = DATUM_NAMES.get(guess.datum, guess.datum)
    done = (
        "已按 --accept-datum 换算到 WGS-84"
        if accept
        else f'没有换算；确认后请写 datum = "{guess.datum}"，或加 --accept-datum'
    )
    report.add(
        label,
        spec.file.replace("\\", "/").rsplit("/", 1)[-1],
        None,
        None,
        f"possible_{guess.datum}",
        value=f"{guess.offset_m:.0f}",
        message=f"与{against}比较，坐标很可能是 {name}，偏移约 {guess.offset_m:.0f} m；{done}",
    )
    return replace(spec, datum=guess.datum) if accept else spec
