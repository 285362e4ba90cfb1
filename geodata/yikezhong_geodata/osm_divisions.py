"""Divisions of an imported study: OSM's administrative boundaries, or given files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.areas import area_m2
from yikezhong_geodata.columns import CRS, GROUPS, LEVEL_NAMES, LEVELS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import GeometryTypeError, NoFeaturesError
from yikezhong_geodata.headers import map_columns
from yikezhong_geodata.osm_features import Feature

if TYPE_CHECKING:
    import geopandas as gpd

LAYER: Final = "boundaries"
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_POLYGONS: Final = (3, 6)
#: Headers that name a place in the languages of open data portals.
_NAME_LIKE: Final = re.compile(
    r"^(name|nom|nome|nombre|denomina|bezeichnung)", re.IGNORECASE
)


def divisions_of_osm(
    features: Sequence[Feature],
    admin_levels: Mapping[str, str],
    *,
    file: str,
    report: DataReport,
) -> gpd.GeoDataFrame:
    """Take the named, closed administrative areas of the wanted levels.

    Parameters
    ----------
    features : sequence of Feature
    admin_levels : mapping of str to str
        ``admin_level=`` to our level, e.g. ``{"8": "township"}``.
    file : str
        For the report.
    report : DataReport
        Takes the areas without a name and those whose rings do not close.

    Returns
    -------
    GeoDataFrame
        code, name, level, parent, geometry; from the top level down.

    Raises
    ------
    NoFeaturesError
        If there is none; the message names the levels that the file has.
    """
    administrative = [
        f
        for f in features
        if f.tags.get("boundary") == "administrative"
        and f.problem not in ("open_way", "no_geometry")
        and f.id[0] != "n"
    ]
    wanted = [f for f in administrative if f.tags.get("admin_level") in admin_levels]
    kept = []
    for row, feature in enumerate(wanted, start=1):
        problem = _problem(feature)
        if problem is None:
            kept.append(feature)
            continue
        word, message = problem
        report.add(
            LAYER, file, row, feature.id, word, "set_aside", _name(feature), message
        )
    report.close_layer(LAYER, file, read=len(wanted))
    if not kept:
        there = Counter(
            f.tags.get("admin_level", "?") for f in administrative if not _problem(f)
        )
        have = "、".join(f"{level}（{n} 个）" for level, n in sorted(there.items()))
        raise NoFeaturesError(
            f"没有 admin_level 为 {'、'.join(admin_levels)} 的完整行政边界",
            file=file,
            hint=f"文件中有：{have}" if have else "请用 boundaries 指定边界文件",
        )
    found = _ordered(
        code=[f.id for f in kept],
        name=[_name(f) or f.id for f in kept],
        level=[admin_levels[f.tags["admin_level"]] for f in kept],
        geometry=np.array([f.shape for f in kept], dtype=object),
    )
    _add_parents(found, file=file, report=report)
    return found


def divisions_of_files(
    boundaries: Sequence[tuple[Path, str]], *, report: DataReport
) -> gpd.GeoDataFrame:
    """Take given boundary files, each with its level, instead of OSM's.

    Codes and names are taken from recognised columns; where there is no code column,
    or its values cannot be codes, codes are made (``township001``).

    Parameters
    ----------
    boundaries : sequence of (Path, str)
        File and level (``county``, ``township``, ``community`` …).
    report : DataReport

    Returns
    -------
    GeoDataFrame
        code, name, level, parent, counts of people where the files have them,
        geometry.
    """
    import pandas as pd

    parts = [_given(Path(path), level, report) for path, level in boundaries]
    frame = pd.concat(parts, ignore_index=True)
    if frame["code"].duplicated().any():
        frame["code"] = [
            f"{level}_{code}"[:32]
            for level, code in zip(frame["level"], frame["code"], strict=True)
        ]
    found = _ordered(
        code=frame["code"].tolist(),
        name=frame["name"].tolist(),
        level=frame["level"].tolist(),
        geometry=frame.geometry.to_numpy(),
    )
    file = Path(boundaries[-1][0]).name
    _add_parents(found, file=file, report=report)
    counts = frame.set_index("code")[[g for g in GROUPS if g in frame.columns]]
    for group in counts.columns:
        found[group] = found["code"].map(counts[group])
    return found


def _problem(feature: Feature) -> tuple[str, str] | None:
    if feature.shape is None:
        return (
            "broken_ring",
            "行政边界在数据范围内不闭合（多为邻区或数据被裁切），未使用",
        )
    if _name(feature) is None:
        return "unnamed", "行政边界没有名称（多为飞地环线或碎片），未使用"
    return None


def _name(feature: Feature) -> str | None:
    for key in ("name:zh", "name:zh-Hans", "name", "official_name"):
        text = feature.tags.get(key, "").strip()
        if text:
            return text
    return None


def _given(path: Path, level: str, report: DataReport) -> gpd.GeoDataFrame:
    from yikezhong_geodata.vectors import read_vector

    if level not in LEVELS:
        raise InputError(
            f"不认识的层级“{level}”", file=path.name, hint=f"可用：{'、'.join(LEVELS)}"
        )
    frame = read_vector(path, report=report, label=LAYER).frame
    read = len(frame)
    shapes = frame.geometry.to_numpy()
    polygon = np.isin(shapely.get_type_id(shapes), _POLYGONS)
    if not polygon.any():
        raise GeometryTypeError("边界图层应为面", file=path.name)
    for row in frame.index[~polygon]:
        report.add(
            LAYER, path.name, row, None, "no_geometry", "set_aside", None, "没有面"
        )
    report.close_layer(LAYER, path.name, read=read)
    frame = frame[polygon]
    headers = [str(h) for h in frame.columns if h != "geometry"]
    columns = map_columns(headers, "boundary", file=path.name)
    taken = {"code": _codes(frame, columns.get("code"), level, path.name, report)}
    taken["name"] = _names(frame, columns.get("name"), headers, level)
    taken["level"] = [level] * len(frame)
    taken |= {g: list(frame[columns[g]]) for g in GROUPS if g in columns}
    import geopandas as gpd

    return gpd.GeoDataFrame(taken, geometry=frame.geometry.to_numpy(), crs=CRS)


def _codes(
    frame: gpd.GeoDataFrame,
    header: str | None,
    level: str,
    file: str,
    report: DataReport,
) -> list[str]:
    if header is not None:
        codes = [str(value).strip() for value in frame[header]]
        if all(map(_CODE.fullmatch, codes)) and len(set(codes)) == len(codes):
            return codes
    report.add(
        LAYER,
        file,
        None,
        None,
        "code_made",
        value=len(frame),
        message="边界文件没有可用的唯一代码，已按顺序编号",
    )
    return [f"{level}{at:03d}" for at in range(1, len(frame) + 1)]


def _names(
    frame: gpd.GeoDataFrame, header: str | None, headers: list[str], level: str
) -> list[str]:
    if header is None:
        header = next((h for h in headers if _NAME_LIKE.search(h)), None)
    if header is None:
        header = next((h for h in headers if re.search("name", h, re.IGNORECASE)), None)
    made = [f"{LEVEL_NAMES[level]}{at}" for at in range(1, len(frame) + 1)]
    if header is None:
        return made
    return [
        value.strip() if isinstance(value, str) and value.strip() else other
        for value, other in zip(frame[header], made, strict=True)
    ]


def _ordered(
    *, code: list[str], name: list[str], level: list[str], geometry: Any
) -> gpd.GeoDataFrame:
    """Order divisions by level, from the top down."""
    import geopandas as gpd

    order = sorted(range(len(code)), key=lambda at: (LEVELS.index(level[at]), at))
    return gpd.GeoDataFrame(
        {
            "code": [code[at] for at in order],
            "name": [name[at] for at in order],
            "level": [level[at] for at in order],
        },
        geometry=geometry[order],
        crs=CRS,
    )


def _add_parents(frame: gpd.GeoDataFrame, *, file: str, report: DataReport) -> None:
    """Give each division the one of the next level above that it lies in.

    That is the one it shares most of its area with; where that is less than half of
    it, the report says so. Without any overlap a division has no parent.
    """
    shapes = frame.geometry.to_numpy()
    own = area_m2(shapes)
    depth = np.array([LEVELS.index(level) for level in frame["level"]])
    parent: list[str | None] = [None] * len(frame)
    for above in np.unique(depth)[:-1]:
        upper = np.flatnonzero(depth == above)
        below = np.flatnonzero(depth > above)
        one, other = shapely.STRtree(shapes[upper]).query(
            shapes[below], predicate="intersects"
        )
        shared = area_m2(shapely.intersection(shapes[below[one]], shapes[upper[other]]))
        for at in np.unique(one):
            pairs = np.flatnonzero(one == at)
            best = pairs[np.argmax(shared[pairs])]
            share = shared[best] / own[below[at]]
            if share <= 0:
                continue
            code = str(frame["code"].iloc[below[at]])
            parent[below[at]] = str(frame["code"].iloc[upper[other[best]]])
            if share < 0.5:
                report.add(
                    LAYER,
                    file,
                    None,
                    code,
                    "mostly_outside_parent",
                    value=f"{share:.4f}",
                    message=f"“{frame['name'].iloc[below[at]]}”只有 {share:.0%} 的面积"
                    f"在上级“{frame['name'].iloc[upper[other[best]]]}”之内",
                )
    frame["parent"] = np.array(parent, dtype=object)
