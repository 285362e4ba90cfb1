"""Run the service until it is stopped."""

from __future__ import annotations

import signal
import socket

import uvicorn

from yikezhong_app.commands.console import print_line, progress_bar
from yikezhong_app.logs import configure_logs
from yikezhong_app.publishing.serving import follower_of
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_app.web.access import AccessToken, random_token
from yikezhong_app.web.connections import (
    ConnectionLimits,
    GuardedServer,
    guarded_protocol,
)
from yikezhong_app.web.pauses import guard_pauses
from yikezhong_coverage.errors import SourceError

#: Addresses that only this machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PortTakenError(SourceError):
    """Another program listens on the port."""


def serve_forever(settings: Settings) -> None:
    """Serve a result folder over HTTP until interrupted or told to stop (SIGTERM).

    Answers that have begun are finished, then the processes of the pools are ended.

    Raises
    ------
    SnapshotMissingError
        If no run has finished in the folder.
    PortTakenError
        If the port cannot be had.
    """
    snapshot = _first_snapshot(settings)
    own = None
    if not settings.tokens and settings.host in LOOPBACK:
        own = random_token("planner" if settings.study is None else "editor")
        settings = settings.model_copy(update={"tokens": (own,)})
    _require_free(settings.host, settings.port)
    print_line(f"{snapshot.manifest['name']}（评价日期 {snapshot.manifest['as_of']}）")
    _announce(settings, own)
    configure_logs(settings)
    guard_pauses()
    # uvicorn raises the signal again when all is over: then there is nothing to end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    GuardedServer(server_config(settings)).run()


def _first_snapshot(settings: Settings) -> Snapshot:
    """Return what is served first: of the database where one is set."""
    follower = follower_of(settings)
    if follower is None:
        return open_current(settings.out)
    with progress_bar(quiet=False) as progress:
        return follower.begin(progress)


def server_config(settings: Settings) -> uvicorn.Config:
    """Return how uvicorn runs the service, with the limits of its connections."""
    limits = ConnectionLimits(
        connections=settings.connection_limit,
        receive_s=settings.receive_seconds,
        send_s=settings.send_seconds,
    )
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=guarded_protocol(limits),
        ws="none",
        log_config=None,
        access_log=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=10,
        timeout_graceful_shutdown=settings.stop_seconds,
        server_header=False,
    )


def _announce(settings: Settings, own: AccessToken | None) -> None:
    host = settings.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    address = f"http://{shown}:{settings.port}"
    print_line(f"请在浏览器中打开 {address}/maps/ ；接口说明 {address}/docs")
    if own is not None:
        words = "选址等计算" if settings.study is None else "选址、更新数据等"
        print_line(f"{words}请用这个地址打开：{address}/maps/?token={own.secret}")
    elif not settings.tokens:
        print_line("没有设置 YIKEZHONG_TOKENS：只能查看，不能选址与试算。")
    print_line("按 Ctrl-C 停止。")


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
