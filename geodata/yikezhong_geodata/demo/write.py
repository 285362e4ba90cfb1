"""Write the demonstration study: the same bytes every time."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.facilities import AS_OF, Row
from yikezhong_geodata.demo.names import Place, Places
from yikezhong_geodata.demo.population import MISSING_60, YEAR, People
from yikezhong_geodata.demo.roads import Roads
from yikezhong_geodata.demo.terrain import River, to_lonlat
from yikezhong_geodata.demo.ways import Way
from yikezhong_geodata.demo.zone_layers import DISTANCES_M

NOTICE: Final = "示意数据，非实际边界与设施"
_CREATED: Final = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
_ATTRIBUTION: Final = (
    "区划名称与代码：国家统计局统计用区划代码（2023年），"
    "经 modood/Administrative-divisions-of-China（MIT）；"
    "部分乡镇驻地：GeoNames（CC BY 4.0）；其余均为程序生成的示意数据"
)

_GROUPS: Final = {
    "people": "常住人口",
    "people_60": "60岁及以上人口",
    "people_65": "65岁及以上人口",
    "people_80": "80岁及以上人口",
    "children": "未成年人",
    "households": "户数",
}
#: Lists of facilities, and what ``study.toml`` must say about them.
_LISTS: Final = (
    ("facilities_elderly.xlsx", ""),
    ("facilities_children.geojson", ""),
    ("facilities_funeral.csv", 'encoding = "gb18030"\n'),
    ("facilities_civic.csv", ""),
    ("facilities_further.csv", ""),
)
_OLDER: Final = ("people_60", "people_65", "people_80")


def write_boundaries(folder: Path, land: Land) -> None:
    """Write a GeoJSON layer for each level, with codes and names."""
    for level, places in _levels(land.places):
        features = [
            _feature(land.shapes[p.code], {"区划代码": p.code, "名称": p.name})
            for p in places
        ]
        _write_geojson(folder / f"boundaries_{level}.geojson", level, features)


def write_rivers(folder: Path, rivers: Sequence[River]) -> None:
    """Write the rivers for display."""
    features = [_feature(lonlat_line(r.line), {"名称": r.name}) for r in rivers]
    _write_geojson(folder / "rivers.geojson", "rivers", features)


def write_population(folder: Path, places: Places, people: People) -> None:
    """Write the counts by community, and by county and township for reference.

    A few communities have no counts of older people; the totals of their townships
    hold them.
    """
    finest, above = population_rows(places, people, hidden=MISSING_60)
    write_csv(folder / "population.csv", finest, encoding="utf-8-sig")
    write_csv(folder / "population_above.csv", above, encoding="utf-8-sig")


def population_rows(
    places: Places, people: People, *, hidden: Collection[str]
) -> tuple[list[Row], list[Row]]:
    """Return the rows of the communities, and of the counties and townships.

    ``hidden`` are communities without counts of older people.
    """
    table = np.column_stack([getattr(people, group) for group in _GROUPS])
    finest: list[Row] = []
    for place, counts in zip(places.communities, table.tolist(), strict=True):
        left_out = _OLDER if place.code in hidden else ()
        finest.append(_population_row(place, counts, hidden=left_out))
    above: list[Row] = []
    for digits, level in ((6, places.counties), (9, places.townships)):
        for place in level:
            inside = [code[:digits] == place.code[:digits] for code in people.code]
            above.append(_population_row(place, table[inside].sum(axis=0).tolist()))
    return finest, above


def write_zones(folder: Path, zones: Mapping[str, Sequence[tuple[Any, str]]]) -> None:
    """Write a layer for each class of zone."""
    for name, shapes in zones.items():
        lines = zone_lines(shapes)
        write_collection(folder / f"zones_{name}.geojson", name, lines)


def zone_lines(shapes: Sequence[tuple[Any, str]]) -> list[str]:
    """Return the features of a class of zones, a line of GeoJSON each."""
    return [_json(_feature(shape, {"名称": label})) for shape, label in shapes]


def write_statistics(folder: Path, places: Places) -> None:
    """Write the figures of the counties that are in the study."""
    source = resources.files("yikezhong_geodata.demo") / "data" / "statistics.csv"
    head, *lines = source.read_text(encoding="utf-8").splitlines()
    codes = {county.code for county in places.counties}
    kept = [line for line in lines if line.split(",")[1] in codes]
    text = "\r\n".join([head, *kept, ""])
    (folder / "statistics.csv").write_bytes(text.encode("utf-8-sig"))


def _population_row(
    place: Place, counts: Sequence[int], *, hidden: Sequence[str] = ()
) -> Row:
    row: Row = {"区划代码": place.code, "名称": place.name}
    for group, count in zip(_GROUPS, counts, strict=True):
        row[_GROUPS[group]] = None if group in hidden else int(count)
    return row | {"口径": "常住", "年份": YEAR}


def write_csv(path: Path, rows: Sequence[Row], *, encoding: str) -> None:
    """Write a table as CSV; missing values are empty."""
    path.write_bytes(csv_text(rows, list(rows[0])).encode(encoding))


def csv_text(
    rows: Sequence[Row], headers: Sequence[str], *, header: bool = True
) -> str:
    """Return the lines of a CSV table, with or without the line of its headers."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, headers, lineterminator="\r\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_excel(path: Path, rows: Sequence[Row], *, title: str) -> None:
    """Write a table as XLSX: a title over the header, codes as text."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        book.set_properties({"title": title, "comments": NOTICE, "created": _CREATED})
        sheet = book.add_worksheet("养老服务设施")
        head = book.add_format({"bold": True, "align": "center", "font_size": 14})
        bold = book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1})
        headers = list(rows[0])
        sheet.merge_range(0, 0, 0, len(headers) - 1, title, head)
        for column, header in enumerate(headers):
            sheet.write_string(1, column, header, bold)
            sheet.set_column(column, column, max(9, 2 * len(header)))
        for at, row in enumerate(rows, start=2):
            for column, header in enumerate(headers):
                value = row[header]
                if isinstance(value, str):
                    sheet.write_string(at, column, value)
                elif value is not None:
                    sheet.write_number(at, column, value)
        sheet.freeze_panes(2, 2)


def write_points(path: Path, rows: Sequence[Row], *, name: str) -> None:
    """Write facilities as points, their other columns as properties."""
    features = []
    for row in rows:
        rest = {k: v for k, v in row.items() if k not in ("经度", "纬度")}
        features.append(_feature(shapely.Point(row["经度"], row["纬度"]), rest))
    _write_geojson(path, name, features)


def write_roads(path: Path, roads: Roads, rivers: Sequence[River]) -> None:
    """Write roads and rivers as an OSM extract; equal places are one node."""
    import osmium

    water = [
        Way(np.array(r.line.coords), (("waterway", "river"), ("name", r.name)))
        for r in rivers
    ]
    ways = [*roads.ways, *water]
    lengths = [len(w.points) for w in ways]
    lonlat = to_lonlat(np.vstack([w.points for w in ways]))
    whole = np.rint(lonlat * 1e7).astype(np.int64)
    nodes, inverse = np.unique(whole, axis=0, return_inverse=True)
    refs = np.split(inverse.ravel() + 1, np.cumsum(lengths)[:-1])
    header = osmium.io.Header()
    header.set("generator", "yikezhong demo")
    mutable = osmium.osm.mutable
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for number, (lon, lat) in enumerate((nodes / 1e7).tolist(), start=1):
            writer.add_node(mutable.Node(id=number, location=(lon, lat), version=1))
        for number, (way, ids) in enumerate(zip(ways, refs, strict=True), start=1):
            tags = dict(way.tags)
            writer.add_way(
                mutable.Way(id=number, nodes=_no_repeats(ids), tags=tags, version=1)
            )


def write_study(folder: Path, places: Places, *, zones: Iterable[str]) -> None:
    """Write ``study.toml`` and the file that says where the names come from."""
    boundaries = "".join(
        f'\n[[boundaries]]\nfile = "boundaries_{level}.geojson"\nlevel = "{level}"\n'
        for level, _ in _levels(places)
    )
    facilities = "".join(
        f'\n[[facilities]]\nfile = "{file}"\n{extra}' for file, extra in _LISTS
    )
    attributes = "".join(
        f'\n[[attributes]]\nfile = "attributes_{level}.csv"\n'
        for level in ("county", "township", "community")
    )
    layers = "".join(
        f'\n[[zones]]\nfile = "zones_{name}.geojson"\nclass = "{name}"\n'
        for name in zones
    )
    distances = "".join(f"{name} = {metres}\n" for name, metres in DISTANCES_M.items())
    text = f"""# {NOTICE}
# {_ATTRIBUTION}

[study]
name = "{places.top.name}一刻钟服务圈示范"
code_system = "cn12"
as_of = {AS_OF.isoformat()}
notice = "{NOTICE}"
plans = ["hubei-14fyp", "suizhou-14fyp"]

[map]
issuer = "示意图，不作为划界依据"
{boundaries}{facilities}
[[population]]
kind = "table"
file = "population.csv"
basis = "常住"
year = {YEAR}

[[population]]
kind = "table"
file = "population_above.csv"
basis = "常住"
year = {YEAR}
{attributes}
[[statistics]]
file = "statistics.csv"
{layers}
# 规划没有写明的距离，此处为示意值 [米]
[plan_parameters.suizhou-14fyp]
{distances}
[roads]
file = "roads.osm.pbf"
"""
    (folder / "study.toml").write_text(text, encoding="utf-8", newline="\n")
    (folder / "来源说明.txt").write_text(
        f"{NOTICE}\n{_ATTRIBUTION}\n", encoding="utf-8", newline="\n"
    )


def _levels(places: Places) -> list[tuple[str, tuple[Place, ...]]]:
    """Return the levels of the study from the top down, with their divisions."""
    levels = [
        ("county", places.counties),
        ("township", places.townships),
        ("community", places.communities),
    ]
    whole = places.top.level == "prefecture"
    return [("prefecture", (places.top,)), *levels] if whole else levels


def _no_repeats(ids: np.ndarray[Any, np.dtype[np.int64]]) -> list[int]:
    """Return node numbers without the same one twice in a row."""
    keep = np.concatenate(([True], ids[1:] != ids[:-1]))
    return [int(i) for i in ids[keep]]


def lonlat_line(line: shapely.LineString) -> shapely.LineString:
    """Return a line of the plane in degrees."""
    return shapely.LineString(to_lonlat(np.array(line.coords)))


def _feature(shape: shapely.Geometry, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": dict(properties),
        "geometry": shapely.geometry.mapping(shape),
    }


def _write_geojson(
    path: Path, name: str, features: Iterable[Mapping[str, Any]]
) -> None:
    """Write features one to a line, so that versions can be compared."""
    write_collection(path, name, (_json(f) for f in features))


def _json(feature: Mapping[str, Any]) -> str:
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"))


def write_collection(path: Path, name: str, lines: Iterable[str]) -> None:
    """Write features, a line of GeoJSON each, as one collection."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write('{"type":"FeatureCollection","name":"' + name + '","features":[\n')
        for number, line in enumerate(lines):
            out.write((",\n" if number else "") + line)
        out.write("\n]}\n")
