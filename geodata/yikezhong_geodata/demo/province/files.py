"""Join the pieces of the parts to the files of one study."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import shapely

from yikezhong_geodata.demo.facilities import AS_OF
from yikezhong_geodata.demo.names import Place
from yikezhong_geodata.demo.population import YEAR
from yikezhong_geodata.demo.province import invented, pbf
from yikezhong_geodata.demo.province.layout import Layout
from yikezhong_geodata.demo.province.main_lines import draw_railways
from yikezhong_geodata.demo.province.part import (
    LEVELS,
    Base,
    division_table,
    part_folder,
    shared_places,
)
from yikezhong_geodata.demo.province.plans import PLANS, write_plans
from yikezhong_geodata.demo.province.tables import ENCODINGS
from yikezhong_geodata.demo.terrain import River
from yikezhong_geodata.demo.ways import Way
from yikezhong_geodata.demo.write import (
    NOTICE,
    write_collection,
    write_rivers,
    zone_lines,
)
from yikezhong_geodata.demo.zone_layers import DISTANCES_M, round_lonlat

_LISTS: Final = ("elderly", "children", "funeral", "civic", "further")
_TABLES: Final = (
    *(f"facilities_{name}" for name in _LISTS),
    "population",
    "population_above",
    "attributes_county",
    "attributes_township",
    "attributes_community",
    "statistics",
)
#: Zones that are made in parts, and those of the whole.
_ZONES: Final = (
    "farmland", "heritage", "highway", "nature_reserve", "residential",
    "scenic_area", "water_source",
)  # fmt: skip
_WHOLE_ZONES: Final = ("railway", "river")
#: A township may be in two pieces, as real ones are.
_POLYGONS: Final = ["Polygon", "MultiPolygon"]
_BOM: Final = "\ufeff".encode()
_SOURCE: Final = "区划名称与代码均为虚构（代码以99开头，不属于任何省份）；全部内容为程序生成的示意数据"


def join_parts(folder: Path, pieces: Path, base: Base, layout: Layout) -> None:
    """Write the files that are rows of the parts, one part after the other."""
    parts = [part_folder(pieces, k) for k in range(base.skeleton.size.n_county)]
    for name in _TABLES:
        _join_csv(folder / f"{name}.csv", [p / f"{name}.csv" for p in parts])
    for name in _ZONES:
        lines = _lines_of([p / f"zones_{name}.jsonl" for p in parts])
        write_collection(folder / f"zones_{name}.geojson", name, lines)
    for level in LEVELS:
        _join_parquet(
            folder / f"boundaries_{level}.parquet",
            [p / f"{level}.parquet" for p in parts],
            _POLYGONS,
        )
    homes = [p / "homes.parquet" for p in parts]
    _join_parquet(folder / "homes.parquet", homes, ["Point"])
    _join_roads(folder / "roads.osm.pbf", pieces, parts, base, layout)


def write_whole(folder: Path, pieces: Path, base: Base) -> None:
    """Write what belongs to the whole province: its upper divisions, lines, study."""
    _write_above(folder, pieces, base)
    write_rivers(folder, base.water.rivers)
    lines = {
        "railway": draw_railways(base.skeleton),
        "river": [(r.line, r.name) for r in base.water.rivers],
    }
    for name in _WHOLE_ZONES:
        shapes = [(round_lonlat(shape), label) for shape, label in lines[name]]
        write_collection(folder / f"zones_{name}.geojson", name, zone_lines(shapes))
    write_plans(folder)
    (folder / "study.toml").write_text(_study(), encoding="utf-8", newline="\n")
    (folder / "来源说明.txt").write_text(
        f"{NOTICE}\n{_SOURCE}\n", encoding="utf-8", newline="\n"
    )


def _join_csv(path: Path, pieces: Sequence[Path]) -> None:
    """Join tables: the headers of the first that has rows, the rows of all."""
    encoding = ENCODINGS.get(path.stem, "utf-8")
    mark = _BOM if encoding == "utf-8" else b""
    with path.open("wb") as out:
        begun = False
        for piece in pieces:
            head, _, rows = piece.read_bytes().partition(b"\r\n")
            if head and not begun:
                out.write(mark + head + b"\r\n")
                begun = True
            out.write(rows)


def _lines_of(pieces: Sequence[Path]) -> Iterator[str]:
    for piece in pieces:
        if piece.exists():
            with piece.open(encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    yield line.rstrip("\n")


def _join_parquet(path: Path, pieces: Sequence[Path], kinds: list[str]) -> None:
    """Join tables to one GeoParquet file, a group of rows for each part."""
    schema = pq.read_schema(pieces[0]).with_metadata(_geo(kinds))
    with pq.ParquetWriter(path, schema) as writer:
        for piece in pieces:
            table = pq.read_table(piece)
            writer.write_table(table.replace_schema_metadata(schema.metadata))


def _geo(kinds: list[str]) -> dict[str, str]:
    """Return what makes a Parquet file a GeoParquet file."""
    column = {"encoding": "WKB", "geometry_types": kinds}
    geo = {
        "version": "1.0.0",
        "primary_column": "geometry",
        "columns": {"geometry": column},
    }
    return {"geo": json.dumps(geo), "notice": NOTICE}


def _write_above(folder: Path, pieces: Path, base: Base) -> None:
    """Unite the counties to prefectures, these to the province."""
    skeleton = base.skeleton
    shapes: list[list[Any]] = [[] for _ in range(skeleton.size.n_prefecture)]
    for k, prefecture in enumerate(skeleton.prefecture_of.tolist()):
        table = pq.read_table(part_folder(pieces, k) / "county.parquet")
        wkb = table.column("geometry").to_pylist()
        shapes[prefecture] += shapely.from_wkb(wkb).tolist()
    united = [_united(parts) for parts in shapes]
    prefectures = [
        Place(invented.prefecture_code(i), invented.prefecture_name(i), "prefecture",
              None, None)
        for i in range(len(united))
    ]  # fmt: skip
    top = Place(invented.PROVINCE_CODE, invented.PROVINCE_NAME, "province", None, None)
    for level, places, own in (
        ("prefecture", prefectures, united),
        ("province", [top], [_united(united)]),
    ):
        piece = pieces / f"{level}.parquet"
        pq.write_table(division_table(places, own), piece)
        _join_parquet(folder / f"boundaries_{level}.parquet", [piece], _POLYGONS)


def _united(shapes: Sequence[Any]) -> Any:
    return shapely.orient_polygons(shapely.coverage_union_all(shapes))


def _join_roads(
    path: Path, pieces: Path, parts: Sequence[Path], base: Base, layout: Layout
) -> None:
    """Write the places that parts share and the rivers as part 0, then join all."""
    nodes, ways = pieces / "nodes.osm.pbf", pieces / "ways.osm.pbf"
    shared = shared_places(base, layout)
    shared_nodes = pieces / "shared.osm.pbf"
    pbf.write_nodes(shared_nodes, shared, 1)
    last = base.skeleton.size.n_county + 1
    pbf.write_part(
        nodes, ways, _water_ways(base.water.rivers), part=last, shared=shared
    )
    pbf.join_extracts(
        path,
        [shared_nodes, *(p / "nodes.osm.pbf" for p in parts), nodes],
        [*(p / "ways.osm.pbf" for p in parts), ways],
    )


def _water_ways(rivers: Sequence[River]) -> list[Way]:
    return [
        Way(np.array(r.line.coords), (("waterway", "river"), ("name", r.name)))
        for r in rivers
    ]


def _study() -> str:
    """Return the text of ``study.toml``."""
    boundaries = "".join(
        f'\n[[boundaries]]\nfile = "boundaries_{level}.parquet"\nlevel = "{level}"\n'
        for level in ("province", "prefecture", *LEVELS)
    )
    facilities = "".join(
        f'\n[[facilities]]\nfile = "facilities_{name}.csv"\n'
        + (f'encoding = "{ENCODINGS[f"facilities_{name}"]}"\n'
           if f"facilities_{name}" in ENCODINGS else "")
        for name in _LISTS
    )  # fmt: skip
    population = "".join(
        f'\n[[population]]\nkind = "{kind}"\nfile = "{file}"\n'
        f'basis = "常住"\nyear = {YEAR}\n'
        for kind, file in (
            ("table", "population.csv"),
            ("table", "population_above.csv"),
            ("points", "homes.parquet"),
        )
    )
    attributes = "".join(
        f'\n[[attributes]]\nfile = "attributes_{level}.csv"\n' for level in LEVELS
    )
    layers = "".join(
        f'\n[[zones]]\nfile = "zones_{name}.geojson"\nclass = "{name}"\n'
        for name in sorted((*_ZONES, *_WHOLE_ZONES))
    )
    distances = "".join(f"{name} = {metres}\n" for name, metres in DISTANCES_M.items())
    plans = ", ".join(f'"{plan.file}"' for plan in PLANS)
    return f"""# {NOTICE}
# {_SOURCE}

[study]
name = "{invented.PROVINCE_NAME}一刻钟服务圈示范"
code_system = "cn12"
as_of = {AS_OF.isoformat()}
notice = "{NOTICE}"
plans = [{plans}]

[map]
issuer = "示意图，不作为划界依据"
{boundaries}{facilities}{population}{attributes}
[[statistics]]
file = "statistics.csv"
{layers}
# 规划没有写明的距离，此处为示意值 [米]
[plan_parameters.{PLANS[1].id}]
{distances}
[roads]
file = "roads.osm.pbf"
"""
