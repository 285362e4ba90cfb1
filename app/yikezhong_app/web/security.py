"""What guards every answer: host names, trace ids, security headers, CSP.

:class:`GuardMiddleware` is the outermost part of the service. It puts ``trace_id``
and ``csp_nonce`` into the request's state. A page with inline scripts writes
``nonce="…"`` into each (:func:`csp_nonce`) and, since a stored page would carry an old
nonce, is never stored: HTML gets ``Cache-Control: no-store``.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

LOG = logging.getLogger("yikezhong.access")

TRACE_HEADER: Final = "X-Request-ID"
_TRACE = re.compile(r"[A-Za-z0-9-]{8,64}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")

#: Headers of every answer.
BASE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Policy of what is not a page: nothing may be loaded by it.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def page_policy(nonce: str, image_origins: tuple[str, ...] = ()) -> str:
    """Return the content security policy of a page: nothing from elsewhere.

    Parameters
    ----------
    nonce : str
        Of this request.
    image_origins : tuple of str
        Where images may come from besides our own: base maps that were set.

    Examples
    --------
    >>> "script-src 'self' 'nonce-abc'" in page_policy("abc")
    True
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self' 'unsafe-inline'",
            " ".join(("img-src 'self' data: blob:", *image_origins)),
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'self'",
        )
    )


def trace_id(scope: Scope) -> str:
    """Return the trace id of a request; it is in the log and in every problem."""
    return str(_state(scope)["trace_id"])


def csp_nonce(request: Request) -> str:
    """Return the nonce that inline scripts of this answer must carry."""
    return str(_state(request.scope)["csp_nonce"])


def answer_headers(scope: Scope, media_type: str) -> dict[str, str]:
    """Return the security headers of an answer of a media type."""
    state = _state(scope)
    is_page = media_type.split(";")[0].strip().lower() == "text/html"
    policy = DATA_POLICY
    if is_page:
        policy = page_policy(state["csp_nonce"], state.get("image_origins", ()))
    return {
        **BASE_HEADERS,
        "Content-Security-Policy": policy,
        TRACE_HEADER: state["trace_id"],
    }


def host_name(header: str) -> str | None:
    """Return the host of a ``Host`` header without its port; None if malformed.

    Examples
    --------
    >>> host_name("127.0.0.1:8000"), host_name("[::1]:8000"), host_name("a b")
    ('127.0.0.1', '::1', None)
    """
    match = _HOST.fullmatch(header)
    return match[1].strip("[]").lower() if match else None


class GuardMiddleware:
    """Checks the host, names the request, adds headers, answers HEAD, logs a line.

    Parameters
    ----------
    app : ASGI application
    allowed_hosts : tuple of str
        Host names that may be asked for; ``*`` allows any.
    image_origins : tuple of str
        Where images of pages may come from besides our own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: tuple[str, ...],
        image_origins: tuple[str, ...] = (),
    ) -> None:
        self.app = app
        self.image_origins = image_origins
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = _state(scope)
        state["image_origins"] = self.image_origins
        bind_contextvars(trace_id=state["trace_id"])
        started = time.perf_counter()
        status = 0
        is_head = scope["method"] == "HEAD"

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope, message)
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"} if is_head else scope
        if self._is_allowed(scope):
            await self.app(inner, receive, guarded)
        else:
            await _refuse_host(inner, receive, guarded)
        if is_head and "route" in inner:
            scope["route"] = inner["route"]  # who counts stands outside
        LOG.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"].encode("unicode_escape").decode(),
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            },
        )

    def _is_allowed(self, scope: Scope) -> bool:
        if "*" in self.allowed_hosts:
            return True
        names = Headers(scope=scope).getlist("host")
        return len(names) == 1 and host_name(names[0]) in self.allowed_hosts


async def _refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    # imported here: the problem documents themselves use this module's headers
    from yikezhong_app.web.problems import ProblemKind, problem

    kind = ProblemKind(400, "host", "不接受的主机名")
    answer = problem(
        Request(scope),
        kind,
        detail="请求的 Host 不在允许之列；请设置 YIKEZHONG_ALLOWED_HOSTS",
    )
    await answer(scope, receive, send)


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    if "trace_id" not in state:
        given = Headers(scope=scope).get(TRACE_HEADER, "")
        state["trace_id"] = given if _TRACE.fullmatch(given) else secrets.token_hex(16)
        state["csp_nonce"] = secrets.token_urlsafe(16)
    return state


def _add_headers(scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    media_type = headers.get("content-type", "")
    for name, value in answer_headers(scope, media_type).items():
        headers.setdefault(name, value)
    if media_type.startswith("text/html"):
        headers.setdefault("Cache-Control", "no-store")
