"""A tiny hand-made study that any test can write into a folder.

One county (421303), three townships of two communities each, side by side on a grid
of 0.02 × 0.02 degree cells west to east: the upper cell of a column is the township's
community 001, the lower one 201. Roads are a grid of streets every 0.005 degrees.

::

    lat 31.74  +--------+--------+--------+
               | A 001  | B 001  | C 001  |
    lat 31.72  +--------+--------+--------+
               | A 201  | B 201  | C 201  |
    lat 31.70  +--------+--------+--------+
             113.36   113.38   113.40   113.42
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from yikezhong_geodata.datum import wgs84_to_gcj02

WEST, SOUTH, SIDE = 113.36, 31.70, 0.02
STREET = 0.005
COUNTY = "421303000000"
TOWNSHIPS = {
    "421303001000": "西城街道",
    "421303100000": "北郊镇",
    "421303400000": "开发区",
}
#: People and people of 60 and more, by community code.
PEOPLE = {
    "421303001001": (4000, 800),
    "421303001201": (1000, 300),
    "421303100001": (3000, 700),
    "421303100201": (500, 200),
    "421303400001": (2000, 250),
    "421303400201": (0, 0),
}
FACILITY_HEADER = (
    "设施编号", "机构名称", "设施类别", "服务功能", "床位数", "运营状态",
    "投入使用时间", "乡镇代码", "经度", "纬度",
)  # fmt: skip
FACILITIES: tuple[tuple[str, ...], ...] = (
    ("F1", "西城综合养老服务中心", "综合性社区养老服务设施", "助餐、助洁、日托", "30", "运营", "2020-05", "421303001", "113.3701", "31.7302"),
    ("F2", "西城日间照料中心", "日间照料", "助餐,助医", "10", "运营", "2022", "421303001", "113.3655", "31.7102"),
    ("F3", "北郊日间照料中心", "日间照料", "", "12", "运营", "2021年6月", "421303100", "113.3902", "31.7303"),
    ("F4", "北郊幸福院", "农村幸福院", "无", "", "停业", "2018", "421303100", "113.3903", "31.7105"),
    ("F5", "开发区敬老院", "敬老院", "全托、护理", "80", "在建", "2030", "421303400", "113.4101", "31.7301"),
    ("F6", "随州殡仪馆", "殡仪馆", "", "", "正常", "", "421303400", "113.4103", "31.7104"),
)  # fmt: skip

STUDY_TOML = """\
[study]
name = "小样"
as_of = 2023-12-31

[[boundaries]]
file = "communities.geojson"
basis = "常住"
year = 2020

[[boundaries]]
file = "townships.geojson"

[[facilities]]
file = "facilities.csv"

[roads]
file = "roads.geojson"
"""


def communities() -> gpd.GeoDataFrame:
    """Return the six communities with people, EPSG:4326."""
    rows = []
    for column, township in enumerate(TOWNSHIPS):
        for row, tail in enumerate(("201", "001")):
            code = township[:9] + tail
            west, south = WEST + column * SIDE, SOUTH + row * SIDE
            rows.append(
                {
                    "社区代码": code,
                    "社区名称": TOWNSHIPS[township][:2] + ("社区" if row else "村"),
                    "常住人口": PEOPLE[code][0],
                    "60岁以上人口": PEOPLE[code][1],
                    "geometry": shapely.box(
                        round(west, 6), round(south, 6),
                        round(west + SIDE, 6), round(south + SIDE, 6),
                    ),
                }
            )  # fmt: skip
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def townships() -> gpd.GeoDataFrame:
    """Return the three townships, EPSG:4326."""
    frame = communities()
    rows = [
        {
            "乡镇代码": code[:9],
            "乡镇名称": name,
            "geometry": shapely.union_all(
                frame.geometry[frame["社区代码"].str.startswith(code[:9])].to_numpy()
            ),
        }
        for code, name in TOWNSHIPS.items()
    ]
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def roads() -> gpd.GeoDataFrame:
    """Return a grid of residential streets over the study, EPSG:4326."""
    n_x, n_y = round(3 * SIDE / STREET), round(2 * SIDE / STREET)
    xs = [round(WEST + i * STREET, 6) for i in range(n_x + 1)]
    ys = [round(SOUTH + i * STREET, 6) for i in range(n_y + 1)]
    lines = [shapely.LineString([(x, y) for x in xs]) for y in ys]
    lines += [shapely.LineString([(x, y) for y in ys]) for x in xs]
    return gpd.GeoDataFrame(
        {
            "id": [f"w{i}" for i in range(len(lines))],
            "highway": ["residential"] * len(lines),
        },
        geometry=lines,
        crs="EPSG:4326",
    )


def facilities() -> gpd.GeoDataFrame:
    """Return the facilities as points with all columns as text, EPSG:4326."""
    columns = {
        name: [row[index] or None for row in FACILITIES]
        for index, name in enumerate(FACILITY_HEADER[:-2])
    }
    points = [shapely.Point(float(row[-2]), float(row[-1])) for row in FACILITIES]
    return gpd.GeoDataFrame(columns, geometry=points, crs="EPSG:4326")


def write_geojson(frame: gpd.GeoDataFrame, path: Path) -> Path:
    """Write a frame as GeoJSON in longitude and latitude."""
    path.write_text(frame.to_crs("EPSG:4326").to_json(drop_id=True), encoding="utf-8")
    return path


def write_features(path: Path, features: Sequence[Mapping[str, Any]]) -> Path:
    """Write hand-made GeoJSON features: ``properties`` and ``geometry``."""
    body = [{"type": "Feature", **feature} for feature in features]
    text = json.dumps({"type": "FeatureCollection", "features": body})
    path.write_text(text, encoding="utf-8")
    return path


def write_csv(
    path: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    encoding: str = "utf-8",
) -> Path:
    """Write a CSV table."""
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_xlsx(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]
) -> Path:
    """Write an Excel table with text cells."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("设施")
    for r, row in enumerate([header, *rows]):
        for c, value in enumerate(row):
            if value not in (None, ""):
                sheet.write_string(r, c, str(value))
    book.close()
    return path


def write_study(folder: Path, *, toml: str = STUDY_TOML) -> Path:
    """Write the whole study into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_geojson(communities(), folder / "communities.geojson")
    write_geojson(townships(), folder / "townships.geojson")
    write_geojson(roads(), folder / "roads.geojson")
    write_csv(folder / "facilities.csv", FACILITY_HEADER, FACILITIES)
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    return folder


def moved(
    frame: gpd.GeoDataFrame,
    convert: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> gpd.GeoDataFrame:
    """Return a frame with every vertex moved, e.g. into GCJ-02."""
    geometry = shapely.transform(
        frame.geometry.to_numpy(),
        lambda xy: np.column_stack(convert(xy[:, 0], xy[:, 1])),
    )
    return frame.set_geometry(geometry, crs=frame.crs)


def rewrite(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write ``study.toml`` anew, with changes."""
    text = STUDY_TOML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


#: Headers that fit into the ten bytes of a shapefile.
SHAPE_HEADER = {"投入使用时间": "投用时间", "60岁以上人口": "60岁以上"}


def write_zip(frame: gpd.GeoDataFrame, path: Path) -> Path:
    """Write a zipped shapefile in GBK without its .cpg."""
    folder = path.with_suffix("")
    folder.mkdir()
    frame = frame.rename(columns=SHAPE_HEADER)
    frame.to_file(folder / f"{path.stem}.shp", encoding="GBK")
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            if part.suffix != ".cpg":
                archive.write(part, part.name)
    return path


def convert(frame: gpd.GeoDataFrame, system: str) -> gpd.GeoDataFrame:
    """Return a layer in one of the reference systems or datums."""
    if system == "gcj02":
        return moved(frame, wgs84_to_gcj02)
    if system == "EPSG:4490":
        return frame.set_crs(4490, allow_override=True)
    if system == "EPSG:4546":  # CGCS2000, 3 degrees, 111 E: another zone than home
        return frame.set_crs(4490, allow_override=True).to_crs(4546)
    return frame


def write_layers(folder: Path, kind: str, system: str) -> Path:
    """Write the study as layers (zip, gpkg, geojson) in a reference system."""
    folder = write_study(folder)
    crs = system if system.startswith("EPSG") else "EPSG:4326"
    layers = {"c": communities(), "t": townships(), "f": facilities()}
    for name, frame in layers.items():
        frame = convert(frame, system)
        if kind == "zip":
            write_zip(frame, folder / f"{name}.zip")
        elif kind == "gpkg":
            frame.to_file(folder / f"{name}.gpkg")
        else:  # numbers as they are, the CRS stated beside the file
            plain = frame.set_crs(4326, allow_override=True)
            write_geojson(plain, folder / f"{name}.geojson")
    more = '\ndatum = "gcj02"' if system == "gcj02" else ""
    more += f'\ncrs = "{crs}"' if kind == "geojson" else ""
    rewrite(
        folder,
        ("communities.geojson", f"c.{kind}"),
        ('"townships.geojson"', f'"t.{kind}"{more}'),
        ("year = 2020", f"year = 2020{more}"),
        ('"facilities.csv"', f'"f.{kind}"{more}'),
    )
    return folder


def write_tables(folder: Path, kind: str, system: str) -> Path:
    """Write the study with a facility table (csv, gbk.csv, xlsx) in a system."""
    folder = write_study(folder)
    points = convert(facilities(), system).geometry
    header = list(FACILITY_HEADER)
    if system == "EPSG:4546":
        header[-2:] = ["X坐标", "Y坐标"]
    rows = [
        [*row[:-2], repr(float(p.x)), repr(float(p.y))]
        for row, p in zip(FACILITIES, points, strict=True)
    ]
    if kind == "xlsx":
        write_xlsx(folder / f"f.{kind}", header, rows)
    else:
        encoding = "gbk" if kind == "gbk.csv" else "utf-8"
        write_csv(folder / f"f.{kind}", header, rows, encoding=encoding)
    more = '\ndatum = "gcj02"' if system == "gcj02" else f'\ncrs = "{system}"'
    rewrite(folder, ('"facilities.csv"', f'"f.{kind}"{more}'))
    return folder
