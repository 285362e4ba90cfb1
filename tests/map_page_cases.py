"""What tests of the map page do and read in the browser."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit


def open_map(page: Any, query: str = "") -> None:
    page.goto(f"/maps/{query}")
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    settle(page)


def settle(page: Any) -> None:
    """Wait until nothing is being loaded."""
    page.wait_for_selector("body[aria-busy=false]")
    page.wait_for_timeout(60)


def api(base: str, path: str) -> Any:
    with urllib.request.urlopen(f"{base}/api/v1/{path}") as answer:
        return json.load(answer)


#: Lower limits of the classes and their colours, as the legend states them.
CLASSES = (
    (0.0, "#fdf0b5"),
    (0.2, "#cbe5b0"),
    (0.4, "#86cbb4"),
    (0.6, "#47a6b5"),
    (0.8, "#2b75a3"),
    (0.95, "#27407c"),
)
STRIPES = "url(#no-data)"


def expected_fill(rate: float | None) -> str:
    if rate is None:
        return STRIPES
    return max((lower, colour) for lower, colour in CLASSES if rate >= lower)[1]


def fills(page: Any) -> dict[str, str]:
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('path[data-code]')]"
        ".map(path => [path.dataset.code, path.getAttribute('fill')]))"
    )


def view_of(page: Any) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(urlsplit(page.url).query).items()}


def overflows(page: Any) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > window.innerWidth"
        " || document.body.scrollWidth > window.innerWidth"
    )
