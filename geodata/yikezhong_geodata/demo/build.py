"""Build the demonstration study in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.demo import write
from yikezhong_geodata.demo.area_tables import AreaTables, list_areas
from yikezhong_geodata.demo.boundaries import draw_land
from yikezhong_geodata.demo.children import list_children
from yikezhong_geodata.demo.civic import list_civic
from yikezhong_geodata.demo.columns import (
    add_children,
    add_civic,
    add_elderly,
    add_funeral,
)
from yikezhong_geodata.demo.elderly import list_elderly
from yikezhong_geodata.demo.facilities import Ground, Row, survey
from yikezhong_geodata.demo.funeral import list_funeral
from yikezhong_geodata.demo.further import list_further
from yikezhong_geodata.demo.names import read_places
from yikezhong_geodata.demo.population import count_people
from yikezhong_geodata.demo.province import build_province
from yikezhong_geodata.demo.roads import draw_roads
from yikezhong_geodata.demo.suizhou import RIVERS
from yikezhong_geodata.demo.terrain import clip_rivers, draw_rivers
from yikezhong_geodata.demo.write import NOTICE
from yikezhong_geodata.demo.zone_layers import draw_zones

#: One number decides everything that chance decides.
_SEED: Final = 20_251_231
_PLURALS: Final = {
    "county": "counties",
    "township": "townships",
    "community": "communities",
}

Progress = Callable[[str, float], None]
DemoScale = Literal["prefecture", "county", "province"]


def build_demo(
    out_dir: Path,
    *,
    scale: DemoScale = "prefecture",
    progress: Progress | None = None,
) -> Path:
    """Write the demonstration study into a folder.

    Parameters
    ----------
    out_dir : Path
        Made where it is not there; files of an earlier study are written over.
    scale : {"prefecture", "county", "province"}
        All of 随州市 (51 townships), or 曾都区 only (12 townships) for quick looks; or
        a whole province of invented places (1,300 townships).
    progress : callable, optional
        Called with what is done now (Chinese) and the fraction done, in [0, 1].

    Returns
    -------
    Path
        The folder, with ``study.toml`` in it. The same bytes every time on the same
        versions of the libraries.

    Raises
    ------
    InputError
        If the scale is unknown.
    """
    if scale == "province":
        return build_province(Path(out_dir), progress=progress)
    if scale not in ("prefecture", "county"):
        hint = "可用：prefecture、county、province"
        raise InputError(f"未知的示范范围“{scale}”", hint=hint)
    tell = progress or _silent
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    chance = _streams(
        "rivers", "land", "roads", "elderly", "children", "funeral", "civic",
        "areas", "further", "elderly+", "funeral+", "civic+", "zones",
    )  # fmt: skip
    tell("绘制示意边界", 0.0)
    places = read_places(scale)
    land = draw_land(places, chance["land"])
    rivers = clip_rivers(draw_rivers(RIVERS, chance["rivers"]), land.outline)
    people = count_people(places, seed=_SEED)
    tell("绘制示意路网", 0.2)
    roads = draw_roads(land, rivers, chance["roads"])
    tell("布置示意设施", 0.6)
    ground = survey(land, people, roads)
    areas = list_areas(ground, chance["areas"])
    burial = _write_facilities(folder, ground, areas, chance=chance)
    tell("写出数据文件", 0.7)
    write.write_boundaries(folder, land)
    write.write_rivers(folder, rivers)
    write.write_population(folder, places, people)
    for level in ("county", "township", "community"):
        rows = getattr(areas, _PLURALS[level])
        write.write_csv(folder / f"attributes_{level}.csv", rows, encoding="utf-8-sig")
    zones = draw_zones(ground, roads, rivers, burial=burial, rng=chance["zones"])
    write.write_zones(folder, zones)
    write.write_statistics(folder, places)
    tell("写出路网", 0.8)
    write.write_roads(folder / "roads.osm.pbf", roads, rivers)
    write.write_study(folder, places, zones=zones)
    tell("完成", 1.0)
    return folder


def _write_facilities(
    folder: Path,
    ground: Ground,
    areas: AreaTables,
    *,
    chance: dict[str, np.random.Generator],
) -> list[Row]:
    """Write the lists as bureaus deliver them: each in its own form and encoding.

    Returns the list of burial places.
    """
    elderly = add_elderly(list_elderly(ground, chance["elderly"]), chance["elderly+"])
    children = add_children(list_children(ground, chance["children"]))
    funeral = list_funeral(ground, chance["funeral"])
    funeral = add_funeral(funeral, ground, chance["funeral+"])
    civic = add_civic(list_civic(ground, chance["civic"]), chance["civic+"])
    further = list_further(ground, areas.hardship, chance["further"])
    title = f"{ground.land.places.top.name}养老服务设施一览表（{NOTICE}）"
    write.write_excel(folder / "facilities_elderly.xlsx", elderly, title=title)
    points = folder / "facilities_children.geojson"
    write.write_points(points, children, name="children")
    write.write_csv(folder / "facilities_funeral.csv", funeral, encoding="gb18030")
    write.write_csv(folder / "facilities_civic.csv", civic, encoding="utf-8-sig")
    write.write_csv(folder / "facilities_further.csv", further, encoding="utf-8-sig")
    return funeral


def _streams(*names: str) -> dict[str, np.random.Generator]:
    """Return a source of chance for each part, so that parts do not disturb others."""
    seeds = np.random.SeedSequence(_SEED).spawn(len(names))
    return {
        name: np.random.Generator(np.random.PCG64(seed))
        for name, seed in zip(names, seeds, strict=True)
    }


def _silent(step: str, fraction: float) -> None:
    """Take progress and say nothing."""
