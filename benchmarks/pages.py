"""First drawing and weight of the map page of a result, in headless Chromium.

    python -m benchmarks.pages RESULT [--runs 7]

Every run has a new browser context, so nothing is cached. Times are those of the
page's own performance marks, from the start of the navigation: ``planner:areas``, the
areas are on the map; ``planner:ready``, all layers of the usual view are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("planner:areas", "planner:ready")
_READ_MARKS = (
    "Object.fromEntries(performance.getEntriesByType('mark')"
    ".map(mark => [mark.name, mark.startTime]))"
)


def measure(out: Path, *, runs: int) -> dict[str, Any]:
    """Return seconds to each mark, and bytes sent by group of resource."""
    sys.path.insert(0, str(ROOT / "tests"))
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    from browser_cases import chromium, serve, watched_page
    from yikezhong_app.service import create_app
    from yikezhong_app.settings import Settings

    seconds: dict[str, list[float]] = {mark: [] for mark in MARKS}
    weights: Counter[str] = Counter()
    with serve(create_app(Settings(out=out))) as base, chromium() as browser:
        for run in range(runs + 1):
            with watched_page(browser, base) as page:
                weights = Counter()
                page.on("requestfinished", lambda r, w=weights: _weigh(r, w))
                page.goto("/maps/")
                page.wait_for_selector("body[data-ready]", timeout=60_000)
                page.wait_for_timeout(200)
                marks = page.evaluate(_READ_MARKS)
            # the first fills the caches of the service
            for mark in MARKS if run else ():
                seconds[mark].append(marks[mark] / 1000)
    return {
        "seconds": {
            mark: {"least": round(min(s), 2), "median": round(statistics.median(s), 2)}
            for mark, s in seconds.items()
        },
        "bytes": dict(weights.most_common()),
        "total_bytes": weights.total(),
    }


def _weigh(request: Any, weights: Counter[str]) -> None:
    path = request.url.split("?")[0].partition("//")[2].partition("/")[2]
    parts = path.split("/")
    group = parts[2] if parts[0] == "api" else "/".join(parts[:2])
    sizes = request.sizes()
    weights[group] += sizes["responseBodySize"] + sizes["responseHeadersSize"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    print(json.dumps(measure(given.result, runs=given.runs), indent=1))


if __name__ == "__main__":
    main()
