"""A headless Chromium that can reach nothing but this machine, and tells on pages.

    with serve(app) as base, chromium() as browser, watched_page(browser, base) as page:
        page.goto("/maps/")

``watched_page`` aborts every request that leaves the server under test, and fails at
the end if there was one, or a console error, an uncaught exception or a dialog.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def find_chromium() -> str:
    """Return the browser's path; skip the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    if Path("/usr/bin/chromium").exists():
        return "/usr/bin/chromium"
    pytest.skip("no Chromium here: apt-get install chromium fonts-noto-cjk")


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser with a new profile."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watch:
    """What a page did that it must not do."""

    origin: str
    requests: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Fail if anything is on the list."""
        assert self.foreign == [], "requests left the server"
        assert self.dialogs == [], "a dialog opened"
        assert self.errors == [], "errors on the console"
        assert self.failed == [], "requests failed"


@contextmanager
def watched_page(
    browser: Any, base: str, *, viewport: dict[str, int] | None = None, **options: Any
) -> Iterator[Any]:
    """Open a page that may reach ``base`` only; check it at the end.

    The page has its :class:`Watch` as ``page.watch``. Expected errors can be cleared
    there by a test that provokes them.
    """
    context = browser.new_context(
        base_url=base,
        viewport=viewport or DESKTOP,
        locale="zh-CN",
        # no half-finished animations in what is looked at
        reduced_motion="reduce",
        **options,
    )
    page = context.new_page()
    watch = Watch(origin=base)
    _listen(page, watch)
    context.route("**/*", lambda route: _guard(route, watch))
    page.watch = watch
    try:
        yield page
        watch.check()
    finally:
        context.close()


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine; yield its address."""
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            _wait_until(lambda: server.started, "the service did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def keep_picture(page: Any, name: str) -> None:
    """Write a screenshot where ``YIKEZHONG_PICTURES`` says; nothing without it."""
    folder = os.environ.get("YIKEZHONG_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def _listen(page: Any, watch: Watch) -> None:
    page.on("request", lambda request: watch.requests.append(request.url))
    page.on("pageerror", lambda error: watch.errors.append(f"uncaught: {error}"))
    page.on(
        "console",
        lambda message: (
            watch.errors.append(message.text) if message.type == "error" else None
        ),
    )

    def refuse(dialog: Any) -> None:
        watch.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.on(
        "response",
        lambda answer: (
            watch.failed.append(f"{answer.status} {answer.url}")
            if answer.status >= 400
            else None
        ),
    )


def _guard(route: Any, watch: Watch) -> None:
    url = urlsplit(route.request.url)
    origin = f"{url.scheme}://{url.netloc}"
    if url.scheme in ("data", "blob", "about") or origin == watch.origin:
        route.continue_()
    else:
        watch.foreign.append(route.request.url)
        route.abort()


def _wait_until(happened: Any, message: str, *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(message)
        time.sleep(0.01)
