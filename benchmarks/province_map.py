"""The coverage map of a result with very many divisions, in headless Chromium.

    python -m benchmarks.province_map RESULT [--runs 5] [--shots FOLDER]
    python -m benchmarks.province_map --make RESULT     # a made one of 27,216 communities

Printed: start of the service with the first answer and its memory; time to build the
boundary tiles; seconds to the first drawing and until all layers are there; seconds from
a search for a community until it is drawn close up; how many of the communities stand in
the tiles of each zoom.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("planner:areas", "planner:ready")
_READ_MARKS = (
    "Object.fromEntries(performance.getEntriesByType('mark')"
    ".map(mark => [mark.name, mark.startTime]))"
)
#: A tile near the middle of the map has been painted since.
_IS_DRAWN = """() => {
  const box = document.querySelector('.folium-map').getBoundingClientRect();
  const canvases = [...document.querySelectorAll('.leaflet-areas-pane canvas')];
  return canvases.some((canvas) => {
    const own = canvas.getBoundingClientRect();
    const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
    if (x < own.left || x > own.right || y < own.top || y > own.bottom) return false;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value, i) => i % 4 === 3 && value > 0);
  });
}"""


def measure(out: Path, *, runs: int, shots: Path | None) -> dict[str, Any]:
    """Return what a reader waits for."""
    from browser_cases import DESKTOP, PHONE, chromium, serve, watched_page
    from yikezhong_app.service import create_app
    from yikezhong_app.settings import Settings
    from yikezhong_app.snapshots.snapshot import open_current

    found: dict[str, Any] = {"version": open_current(out).version}
    seconds: dict[str, list[float]] = {}
    begin = time.perf_counter()
    app = create_app(Settings(out=out))
    app.state.store.current()
    found["start_s"] = round(time.perf_counter() - begin, 2)
    with serve(app) as base, chromium() as browser:
        for run in range(runs + 1):
            for name, view in (("townships", ""), ("communities", "?level=community")):
                with watched_page(browser, base, viewport=DESKTOP) as page:
                    page.goto(f"/maps/{view}")
                    page.wait_for_selector("body[data-ready]", timeout=120_000)
                    marks = page.evaluate(_READ_MARKS)
                    waited = {f"{name} {m}": marks[m] / 1000 for m in MARKS}
                    if name == "communities":
                        waited["community found and drawn"] = _find(page, out)
                # the first fills the caches of the service
                for key, value in waited.items() if run else ():
                    seconds.setdefault(key, []).append(value)
        if shots is not None:
            sizes = {"desktop": DESKTOP, "phone": PHONE}
            for size, viewport in sizes.items():
                with watched_page(browser, base, viewport=viewport) as page:
                    _shoot(page, out, shots / size)
        found["memory_mb"] = _resident_mb()
    found["seconds"] = {
        key: {"least": round(min(v), 2), "median": round(statistics.median(v), 2)}
        for key, v in seconds.items()
    }
    return found


def _find(page: Any, out: Path) -> float:
    """Search for a community; return the seconds until it is drawn close up."""
    code = _a_community(out)
    page.fill("#search-input", code)
    page.wait_for_selector("#search-0")
    begin = time.perf_counter()
    page.press("#search-input", "Enter")
    _wait(page, "window.map_planner.getZoom() >= 11")
    _wait(page, _IS_DRAWN)
    return time.perf_counter() - begin


def _wait(page: Any, condition: str) -> None:
    """Wait until a condition holds; the page's policy forbids Playwright's own way."""
    end = time.perf_counter() + 60
    while not page.evaluate(condition):
        if time.perf_counter() > end:
            raise TimeoutError(condition)
        page.wait_for_timeout(20)


def _a_community(out: Path) -> str:
    from yikezhong_app.snapshots.snapshot import open_current

    divisions = open_current(out).table("divisions")
    codes = divisions.loc[divisions["level"] == "community", "code"]
    return str(codes.iloc[len(codes) // 2])


def _shoot(page: Any, out: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    for name, view in (("whole", ""), ("communities", "?level=community")):
        page.goto(f"/maps/{view}")
        page.wait_for_selector("body[data-ready]", timeout=120_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{to}-{name}.png")
    _find(page, out)
    page.wait_for_timeout(1500)
    page.screenshot(path=f"{to}-one.png")


def build(out: Path) -> dict[str, Any]:
    """Build the tiles anew; return the time and how many communities are in them."""
    import mapbox_vector_tile

    from yikezhong_app.snapshots.snapshot import open_current
    from yikezhong_app.tiles.archive import TileArchive
    from yikezhong_app.tiles.building import LAYER, build_division_tiles
    from yikezhong_app.tiles.keys import tiled_levels, tiles_key, tiles_path

    divisions = open_current(out).geo_table("divisions")
    if not tiled_levels(divisions):
        return {"tiles": None}
    path = tiles_path(out, tiles_key(divisions))
    path.unlink(missing_ok=True)
    begin = time.perf_counter()
    build_division_tiles(divisions, out)
    seconds = time.perf_counter() - begin
    archive = TileArchive(path)
    codes: dict[int, set[str]] = {}
    for zoom, column, row in archive.addresses():
        packed = archive.find(zoom, column, row)
        layers = mapbox_vector_tile.decode(gzip.decompress(packed or b""))
        for feature in layers[LAYER]["features"]:
            codes.setdefault(zoom, set()).add(feature["properties"]["code"])
    return {
        "seconds": round(seconds, 1),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "tiles": len(archive),
        "communities": int((divisions["level"] == "community").sum()),
        "communities_in_tiles_of_zoom": {z: len(c) for z, c in codes.items()},
    }


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def main() -> int:
    """Run the benchmark from the command line."""
    sys.path.insert(0, str(ROOT / "tests"))
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--make", action="store_true", help="make the result first")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shots", type=Path, help="folder for screenshots")
    asked = parser.parse_args()
    if asked.make:
        from province_cases import write_province

        write_province(asked.result, county_rows=9, county_columns=9, n_road=1_200_000)
        return 0
    report = {"tiles": build(asked.result)}
    report |= measure(asked.result, runs=asked.runs, shots=asked.shots)
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
