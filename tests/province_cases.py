"""A result of the size of a province, made by rule and written as streamed parts.

Nothing is computed: rates, gaps and circles are invented, but they are the same every
time and stand in every table that the service reads.

    write_province(out, county_rows=9, county_columns=9)   # 27,216 communities
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from lattice_cases import Lattice, make_divisions
from snapshot_cases import make_manifest
from yikezhong_app.snapshots.opening import (
    CURRENT,
    MANIFEST,
    SCHEMA_VERSION,
    Snapshot,
    open_version,
    version_name,
)
from yikezhong_app.snapshots.stored_tables import sha256
from yikezhong_geodata.services import load_services

LIMITS_S = (300.0, 600.0, 900.0, 1200.0, 1800.0)
GROUPS = ("people_60", "people")
VARIANTS = ("with_neighbours", "own")
SPEEDS = (0.8, 1.2)
INDICATORS = 10
STATUSES = ("met", "not_met", "unknown")


def write_province(
    out: Path,
    *,
    county_rows: int,
    county_columns: int,
    n_service: int | None = None,
    n_facility: int = 20_000,
    n_road: int = 0,
) -> Snapshot:
    """Write the result and make it current; each part is written for itself."""
    divisions = make_divisions(Lattice(county_rows, county_columns))
    services = [asdict(service) for service in load_services()][:n_service]
    work = out / "versions" / ".new-made"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    maker = _Maker(work, divisions, services, n_facility)
    tables: dict[str, Any] = {
        "divisions": maker.whole("divisions", divisions),
        "facilities": maker.whole("facilities", maker.facilities),
        "data_report": maker.whole("data_report", _findings()),
        "indicators": maker.whole("indicators", maker.indicators()),
        "plan_gaps": maker.whole("plan_gaps", maker.plan_gaps()),
        "roads": maker.whole("roads", maker.roads(n_road)),
    }
    for name in ("coverage", "coverage_speeds", "gaps", "gap_areas", "circles"):
        tables[name] = maker.parted(name)
    changes = {"name": "示意省", "services": services, "registers": _registers()}
    said = json.loads(json.dumps({**make_manifest(**changes), "tables": tables}))
    version = version_name(said)
    manifest = {**said, "schema": SCHEMA_VERSION, "version": version}
    (work / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    shutil.rmtree(out / "versions" / version, ignore_errors=True)
    work.rename(out / "versions" / version)
    (out / CURRENT).write_text(json.dumps({"version": version}), "utf-8")
    return open_version(out, version)


class _Maker:
    """Makes and writes the tables of the result."""

    def __init__(
        self,
        work: Path,
        divisions: gpd.GeoDataFrame,
        services: list[dict[str, Any]],
        n_facility: int,
    ) -> None:
        self.work = work
        self.divisions = divisions
        self.services = services
        self.n_facility = n_facility
        self.levels = list(dict.fromkeys(divisions["level"]))

    def whole(self, name: str, table: pd.DataFrame) -> dict[str, Any]:
        """Write a table as one file."""
        file = f"{name}.parquet"
        table.to_parquet(self.work / file, index=False, compression="zstd")
        geometry = isinstance(table, gpd.GeoDataFrame)
        entry = {"file": file, "rows": len(table), "geometry": geometry}
        return {**entry, "sha256": sha256(self.work / file)}

    def parted(self, name: str) -> dict[str, Any]:
        """Write a table in parts, a row group for each level."""
        folder = self.work / f"{name}.parquet"
        folder.mkdir()
        parts = []
        shaped = name in ("gaps", "gap_areas", "circles")
        services = [*self.services, None] if name == "circles" else self.services
        for number, service in enumerate(services):
            id_ = None if service is None else service["id"]
            groups = list(getattr(self, f"_{name}")(number, service))
            if not groups:
                continue
            file = f"{folder.name}/{id_ or 'facilities'}.parquet"
            rows = _write_groups(self.work / file, groups)
            digest = sha256(self.work / file)
            parts.append({"file": file, "rows": rows, "sha256": digest})
            parts[-1]["service"] = id_
        total = sum(part["rows"] for part in parts)
        return {
            "file": folder.name,
            "rows": total,
            "geometry": shaped,
            "parts": parts,
        }

    @cached_property
    def facilities(self) -> gpd.GeoDataFrame:
        """Facilities in random communities, of categories that are asked for."""
        rng = np.random.default_rng(3)
        own = self.divisions[self.divisions["level"] == "community"]
        chosen = own.iloc[rng.integers(0, len(own), self.n_facility)]
        categories = sorted({c for s in self.services for c in s["categories"]})
        lon = chosen["lon"] + rng.normal(0, 0.004, len(chosen))
        lat = chosen["lat"] + rng.normal(0, 0.004, len(chosen))
        number = np.arange(len(chosen))
        table = pd.DataFrame(
            {
                "id": [f"f{i}" for i in number],
                "name": [f"示意设施{i}" for i in number],
                "category": np.array(categories)[number % len(categories)],
                "functions": [["meal", "day"] if i % 2 else ["meal"] for i in number],
                "beds": np.where(number % 3 == 0, 30.0, np.nan),
                "status": np.where(number % 17 == 0, "planned", "open"),
                "opened": "2020-01-01",
                "closed": None,
                "flags": "",
                "community_code": chosen["code"].to_numpy(),
                "township_code": chosen["parent"].to_numpy(),
                "county_code": chosen["code"].str[:6].to_numpy() + "000000",
                "located_township_code": chosen["parent"].to_numpy(),
                "lon": lon.to_numpy(),
                "lat": lat.to_numpy(),
                "snap_m": 5.0,
            }
        )
        points = gpd.points_from_xy(table["lon"], table["lat"])
        return gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326")

    def share(self, number: int, limit_s: float) -> NDArray[np.float64]:
        """Return the rate of each division of a service at a limit, the same always."""
        place = np.arange(1, len(self.divisions) + 1)
        noise = np.modf(np.sin(place * 12.9898 + number * 78.233) * 43758.5453)[0]
        return np.clip(np.abs(noise) * limit_s / 1200.0, 0, 1)

    def _coverage(self, number: int, service: dict[str, Any]) -> Iterator[pa.Table]:
        rows = [(g, v, 1.0) for g in GROUPS for v in VARIANTS]
        yield from self._rates(number, service, rows)

    def _coverage_speeds(
        self, number: int, service: dict[str, Any]
    ) -> Iterator[pa.Table]:
        if service["profile"] == "walking":
            rows = [(g, "with_neighbours", speed) for g in GROUPS for speed in SPEEDS]
            yield from self._rates(number, service, rows)

    def _rates(
        self, number: int, service: dict[str, Any], rows: list[tuple[str, str, float]]
    ) -> Iterator[pa.Table]:
        for level in self.levels:
            own = (self.divisions["level"] == level).to_numpy()
            parts = []
            for limit_s in LIMITS_S:
                for group, variant, speed in rows:
                    total = self.divisions[group].to_numpy()[own]
                    rate = self.share(number, limit_s * speed)[own].copy()
                    rate[(np.arange(len(rate)) % 97) == 96] = np.nan
                    frame = {"level": level, "code": self.divisions["code"][own]}
                    frame |= {"service": service["id"], "limit_s": limit_s}
                    frame |= {"denominator": group, "profile": service["profile"]}
                    frame |= {"speed_mps": speed, "variant": variant}
                    frame |= {"as_of": "2023-12-31", "total": total}
                    frame |= {"covered": total * rate, "full": total * 0.0}
                    frame |= {"out_of_reach": total * (1 - rate), "rate": rate}
                    parts.append(pd.DataFrame({**frame, "flags": ""}))
            yield _arrow(pd.concat(parts, ignore_index=True))

    def _gaps(self, number: int, service: dict[str, Any]) -> Iterator[pa.Table]:
        for level in self.levels:
            own = (self.divisions["level"] == level).to_numpy()
            some = self.divisions[own]
            points = shapely.to_wkb(shapely.points(some["lon"], some["lat"]))
            parts = []
            for limit_s in LIMITS_S:
                without = np.round(
                    some[
                        service["group"] if service["group"] in GROUPS else "people"
                    ].to_numpy()
                    * (1 - self.share(number, limit_s)[own])
                )
                there = without > 0
                at = np.flatnonzero(there)
                nearest = [f"f{i % self.n_facility}" for i in at]
                frame = pd.DataFrame({"code": some["code"].to_numpy()[at]})
                frame["id"] = f"{service['id']}:{limit_s / 60:g}:" + frame["code"]
                frame["level"], frame["service"] = level, service["id"]
                frame["limit_s"], frame["group"] = limit_s, service["group"]
                frame["without"] = without[at]
                frame["reason"] = np.where(at % 9 == 0, "lacks_function", "too_far")
                frame["nearest_facility_id"] = nearest
                frame["nearest_time_s"] = 900.0 + at % 1800
                frame["people_60_without"] = without[at]
                frame["rank"] = np.argsort(np.argsort(-without[at])) + 1
                frame["remedy"], frame["remedy_facility_id"] = "build", nearest
                frame["remedy_people"] = without[at]
                frame["geometry"] = points[at]
                parts.append(frame)
            yield _arrow(pd.concat(parts, ignore_index=True))

    def _gap_areas(self, number: int, service: dict[str, Any]) -> Iterator[pa.Table]:
        own = self.divisions[self.divisions["level"] == "community"]
        some = own.iloc[number % 5 :: 5]
        shapes = shapely.buffer(shapely.points(some["lon"], some["lat"]), 0.006)
        frame = pd.DataFrame({"id": service["id"] + ":" + some["code"].to_numpy()})
        frame["name"] = some["name"].to_numpy()
        frame["service"], frame["limit_s"] = service["id"], service["limit_s"]
        frame["group"] = service["group"]
        frame["without"] = np.sort(some["people_60"].to_numpy())[::-1]
        frame["people_60_without"] = frame["without"]
        frame["reason"], frame["remedy"] = "too_far", "build"
        frame["remedy_facility_id"], frame["remedy_people"] = None, frame["without"]
        frame["nearest_facility_id"], frame["nearest_time_s"] = "f1", 1500.0
        frame["n_points"], frame["radius_m"], frame["link_m"] = 9, 500.0, 400.0
        frame["n_areas"] = 1
        frame["rank"] = np.arange(1, len(frame) + 1)
        frame["lon"], frame["lat"] = some["lon"].to_numpy(), some["lat"].to_numpy()
        frame["community_codes"] = [[code] for code in some["code"]]
        frame["township_code"] = some["parent"].to_numpy()
        frame["community_code"] = some["code"].to_numpy()
        frame["geometry"] = shapely.to_wkb(shapes)
        yield _arrow(frame)

    def _circles(
        self, number: int, service: dict[str, Any] | None
    ) -> Iterator[pa.Table]:
        places = self.facilities
        if service is None:
            shapes = shapely.buffer(np.asarray(places.geometry.array), 0.008)
            frame = pd.DataFrame({"facility_id": places["id"], "service": None})
            frame["service"] = frame["service"].astype("category")
            frame["profile"], frame["limit_s"] = "walking", 900.0
        else:
            mine = places["category"].isin(service["categories"])
            points = np.asarray(places.geometry.array)[mine.to_numpy()]
            union = shapely.union_all(shapely.buffer(points, 0.008))
            shapes = np.array([union], dtype=object)
            frame = pd.DataFrame({"facility_id": [None], "service": [service["id"]]})
            frame["facility_id"] = frame["facility_id"].astype("category")
            frame["profile"] = service["profile"]
            frame["limit_s"] = service["limit_s"]
        frame["geometry"] = shapely.to_wkb(shapes)
        yield _arrow(frame)

    def indicators(self) -> pd.DataFrame:
        """Return the verdicts of some indicators on every division."""
        parts = []
        for i in range(INDICATORS):
            value = self.share(i, 900.0)
            frame = pd.DataFrame({"indicator_id": f"X-{i}"}, index=range(len(value)))
            frame["level"] = self.divisions["level"].to_numpy()
            frame["code"] = self.divisions["code"].to_numpy()
            frame["value"], frame["numerator"] = value, value * 100
            frame["denominator"], frame["target"] = 100.0, 0.5
            frame["comparison"] = ">="
            frame["status"] = np.where(value >= 0.5, "met", "not_met")
            frame.loc[frame.index % 101 == 100, "status"] = "unknown"
            for name, text in _indicator(i).items():
                frame[name] = text
            frame["missing_units"] = np.where(value < 0.5, 3.0, np.nan)
            frame["missing_text"] = np.where(value < 0.5, "还差 3 个", None)
            frame["conflicts"] = [[] for _ in value]
            frame["failing_codes"] = [[] for _ in value]
            frame["unknown_codes"] = [[] for _ in value]
            frame["strict"], frame["reason"], frame["flips"] = False, None, None
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def plan_gaps(self) -> pd.DataFrame:
        """Return divisions that fail indicators."""
        own = self.divisions
        parts = []
        for i in range(3):
            value = self.share(i, 900.0)
            some = own[value < 0.5]
            frame = pd.DataFrame({"code": some["code"].to_numpy()})
            frame["id"] = f"X-{i}:" + frame["code"]
            frame["indicator_id"], frame["name"] = f"X-{i}", f"示意指标{i}"
            frame["plan"] = "made"
            frame["level"] = some["level"].to_numpy()
            frame["people"] = some["people"].to_numpy()
            frame["people_60"] = some["people_60"].to_numpy()
            frame["reason"], frame["remedy"] = "too_far", "build"
            frame["remedy_facility_id"], frame["status"] = None, "not_met"
            frame["value"], frame["target"] = value[value < 0.5], 0.5
            frame["missing_units"], frame["missing_share"] = 3.0, 0.1
            frame["rank"] = np.arange(1, len(frame) + 1)
            frame["indicator_rank"] = frame["rank"]
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def roads(self, n_road: int) -> gpd.GeoDataFrame:
        """Return short straight roads: some trunk roads, most of them residential."""
        rng = np.random.default_rng(5)
        west, south, east, north = self.divisions.total_bounds
        count = max(n_road, 2000)
        begin = rng.uniform((west, south), (east, north), (count, 2))
        # along the lattice, so that main roads read as roads
        begin[1::2, 0] = np.round(begin[1::2, 0] / 0.4) * 0.4
        begin[::2, 1] = np.round(begin[::2, 1] / 0.4) * 0.4
        turned = (np.arange(count) % 2 == 1)[:, None]
        end = begin + np.where(turned, (0.0, 0.05), (0.05, 0.0))
        classes = np.array(["residential"] * 97 + ["tertiary", "secondary", "trunk"])
        table = {"id": [str(i) for i in range(count)], "length_m": 900.0}
        table["class"] = classes[np.arange(count) % len(classes)]
        lines = shapely.linestrings(np.stack([begin, end], axis=1))
        return gpd.GeoDataFrame(table, geometry=lines, crs="EPSG:4326")


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return rows for a file: texts that repeat are dictionaries."""
    plain = {"id", "name", "geometry", "community_codes"}
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if name not in plain and column.dtype.kind not in "fiub":
            column = column.astype("category")
        kind = pa.binary() if name == "geometry" else None
        columns[name] = pa.array(column, from_pandas=True, type=kind)
        if pa.types.is_dictionary(columns[name].type):
            kind = pa.dictionary(pa.int32(), pa.string())
            columns[name] = columns[name].cast(kind)
        if pa.types.is_large_string(columns[name].type):
            columns[name] = columns[name].cast(pa.string())
    return pa.table(columns)


def _write_groups(path: Path, groups: list[pa.Table]) -> int:
    with pq.ParquetWriter(path, groups[0].schema, compression="zstd") as writer:
        for group in groups:
            writer.write_table(group, row_group_size=1_000_000)
    return sum(group.num_rows for group in groups)


def _findings() -> pd.DataFrame:
    columns = ("layer", "file", "row", "id", "problem", "action", "value", "message")
    values = ("facilities", "a.csv", 3, "F9", "no_geometry", "set_aside", None, "无点")
    return pd.DataFrame(
        {name: [value] for name, value in zip(columns, values, strict=True)}
    )


def _indicator(i: int) -> dict[str, Any]:
    return {"name": f"示意指标{i}", "plan": "made", "class": "A", "rule": "count",
            "unit": "community", "nature": "预期性", "year": 2025, "value_unit": "share",
            "clause": "示意条款"}  # fmt: skip


def _registers() -> list[dict[str, Any]]:
    entries = [{"id": f"X-{i}", **_indicator(i), "with": {}} for i in range(INDICATORS)]
    return [{"id": "made", "name": "示意规划", "indicators": entries}]
