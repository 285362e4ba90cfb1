"""Run the service until it is stopped."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from yikezhong_app.commands.console import print_line
from yikezhong_app.logs import configure_logs
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.web.access import random_token
from yikezhong_coverage.errors import SourceError

#: Addresses that only this machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortTakenError(SourceError):
    """Another program listens on the port."""


def serve_forever(folder: Path, *, host: str, port: int) -> None:
    """Serve a result folder over HTTP until interrupted.

    Raises
    ------
    SnapshotMissingError
        If no run has finished in ``folder``.
    PortTakenError
        If the port cannot be had.
    """
    snapshot = open_current(folder)
    settings = Settings(out=folder, host=host, port=port)
    own = None
    if not settings.tokens and host in LOOPBACK:
        own = random_token()
        settings = settings.model_copy(update={"tokens": (own,)})
    _require_free(host, port)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    address = f"http://{shown}:{port}"
    print_line(f"{snapshot.manifest['name']}（评价日期 {snapshot.manifest['as_of']}）")
    print_line(f"请在浏览器中打开 {address}/maps/ ；接口说明 {address}/docs")
    if own is not None:
        print_line(f"选址等计算请用这个地址打开：{address}/maps/?token={own.secret}")
    elif not settings.tokens:
        print_line("没有设置 YIKEZHONG_TOKENS：只能查看，不能选址与试算。")
    print_line("按 Ctrl-C 停止。")
    configure_logs(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_level=settings.log_level,
        access_log=False,
        limit_concurrency=settings.connection_limit,
        timeout_keep_alive=10,
        server_header=False,
    )


def _require_free(host: str, port: int) -> None:
    """Raise a clear error early, before anything is announced."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(
                f"无法监听 {host}:{port}（{error.strerror}）",
                hint="请用 --port 换一个端口（make demo 用 PORT=）",
            ) from error
