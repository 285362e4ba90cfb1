"""Who may compute and write: tokens with roles, and what every route asks for.

Reading is open. Every address that does more stands in :data:`ROLES` with the role it
asks for; a test walks all routes and fails on one that is not decided.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yikezhong_app.web.request_errors import BodyTooLargeError

COOKIE: Final = "yikezhong_token"
#: From the least to the most.
ROLE_ORDER: Final = ("reader", "planner", "editor")
#: Methods that only read; they are open to everybody.
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: (method, address pattern as the route has it) → the least role that may.
ROLES: Final[dict[tuple[str, str], str]] = {
    ("POST", "/api/v1/sitings"): "planner",
    ("DELETE", "/api/v1/sitings/{job_id}"): "planner",
    ("POST", "/api/v1/evaluations"): "planner",
    ("POST", "/api/v1/candidates"): "planner",
    ("POST", "/api/v1/scenarios"): "planner",
    ("POST", "/api/v1/speed-comparisons"): "planner",
    ("DELETE", "/api/v1/jobs/{job_id}"): "planner",
    # what is not published yet is not for everybody's eyes
    ("GET", "/api/v1/uploads"): "editor",
    ("POST", "/api/v1/uploads"): "editor",
    ("GET", "/api/v1/uploads/{upload_id}"): "editor",
    ("GET", "/api/v1/uploads/{upload_id}/report"): "editor",
    ("POST", "/api/v1/uploads/{upload_id}/confirm"): "editor",
    ("DELETE", "/api/v1/uploads/{upload_id}"): "editor",
}
_LEAST_SECRET: Final = 16
_TOKEN = re.compile(
    r"(?P<name>[\w\-]{1,64}):(?P<role>\w+):(?P<secret>[A-Za-z0-9_\-]{1,256})"
)
#: Pages that take ``?token=`` and keep it in a cookie.
_PAGE = re.compile(r"/(maps(/.*)?|docs)?")


@dataclass(frozen=True)
class AccessToken:
    """A secret with the name of who has it, and a role."""

    name: str
    role: str
    secret: str = field(repr=False)


def parse_tokens(text: str) -> tuple[AccessToken, ...]:
    """Read ``name:role:secret,…``.

    Examples
    --------
    >>> parse_tokens("li:planner:0123456789abcdef")
    (AccessToken(name='li', role='planner'),)
    """
    found = []
    for number, piece in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        match = _TOKEN.fullmatch(piece)
        if match is None or match["role"] not in ROLE_ORDER:
            # the text itself holds a secret and is not repeated
            raise ValueError(
                f"第 {number} 个令牌应写作 名称:角色:密钥，"
                f"角色为 {'、'.join(ROLE_ORDER)} 之一"
            )
        if len(match["secret"]) < _LEAST_SECRET:
            raise ValueError(f"第 {number} 个令牌的密钥少于 {_LEAST_SECRET} 个字符")
        found.append(AccessToken(match["name"], match["role"], match["secret"]))
    return tuple(found)


def random_token(role: str = "planner") -> AccessToken:
    """Return a token of a role that nobody had before."""
    return AccessToken("local", role, secrets.token_urlsafe(24))


def find_token(tokens: tuple[AccessToken, ...], secret: str) -> AccessToken | None:
    """Return the token of a secret, compared in constant time."""
    found = None
    for token in tokens:
        if hmac.compare_digest(token.secret.encode(), secret.encode()):
            found = token
    return found


def role_for(method: str, pattern: str) -> str | None:
    """Return the role a route asks for; None where it is not decided.

    Examples
    --------
    >>> role_for("GET", "/api/v1/study"), role_for("POST", "/api/v1/sitings")
    ('open', 'planner')
    """
    return ROLES.get((method, pattern), "open" if method in READING else None)


def may(role: str | None, least: str) -> bool:
    """Return whether a role is at least another.

    Examples
    --------
    >>> may("editor", "planner"), may("reader", "planner"), may(None, "reader")
    (True, False, False)
    """
    return role is not None and ROLE_ORDER.index(role) >= ROLE_ORDER.index(least)


class AccessMiddleware:
    """Asks for a role, the same origin and a bounded body before anything is written.

    Parameters
    ----------
    app : ASGI application
    tokens : tuple of AccessToken
    body_limit_bytes : int
        Largest body [bytes], counted as it comes in.
    streamed : mapping of (method, address) to int
        Addresses that take in their body bit by bit, with the largest each [bytes].
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: tuple[AccessToken, ...],
        body_limit_bytes: int,
        streamed: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self.app = app
        self.tokens = tokens
        self.body_limit_bytes = body_limit_bytes
        self.streamed = dict(streamed or {})
        self._patterns = [
            (method, re.compile(re.sub(r"\{\w+\}", "[^/]+", pattern)), role)
            for (method, pattern), role in ROLES.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token = self._token(scope)
        scope.setdefault("state", {})["access"] = token
        if scope["method"] in READING:
            answer = self._signed_in(scope) or self._role_refusal(scope, token)
            await (answer or self.app)(scope, receive, send)
            return
        refusal = self._refusal(scope, token)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        most = self.streamed.get((scope["method"], scope["path"]))
        if most is not None:
            await self._stream(scope, receive, send, most=most)
            return
        try:
            body = await self._body(scope, receive)
        except ClientDisconnect:
            return  # what came of it is not a request
        if body is None:
            await _problem(scope, 413, f"请求体超过 {self.body_limit_bytes} 字节")(
                scope, receive, send
            )
            return
        await self.app(scope, _replay(body, receive), send)

    def _token(self, scope: Scope) -> AccessToken | None:
        headers = Headers(scope=scope)
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secret.strip():
            return find_token(self.tokens, secret.strip())
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return None if kept is None else find_token(self.tokens, kept.value)

    def _signed_in(self, scope: Scope) -> Response | None:
        """Return a page's address without its token, which a cookie keeps."""
        if not _PAGE.fullmatch(scope["path"]):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        given = dict(query).get("token")
        if given is None:
            return None
        token = find_token(self.tokens, given)
        if token is None:
            return _problem(scope, 403, "令牌无效；请用 yikezhong serve 打印的地址")
        rest = urlencode([(k, v) for k, v in query if k != "token"])
        target = scope["path"] + (f"?{rest}" if rest else "")
        answer = RedirectResponse(target, status_code=303)
        answer.headers["Cache-Control"] = "no-store"
        answer.set_cookie(
            COOKIE,
            token.secret,
            httponly=True,
            samesite="strict",
            secure=scope["scheme"] == "https",
        )
        return answer

    def _refusal(self, scope: Scope, token: AccessToken | None) -> Response | None:
        if not _same_origin(scope):
            return _problem(scope, 403, "请求来自其他网站")
        return self._role_refusal(scope, token)

    def _role_refusal(self, scope: Scope, token: AccessToken | None) -> Response | None:
        least = self._role(scope)
        if least is None:
            # open to read, or no such address: the routes answer 404 or 405
            return None
        if token is None:
            return _problem(scope, 401, "计算与写入需要令牌（Authorization: Bearer）")
        if not may(token.role, least):
            return _problem(scope, 403, f"需要 {least} 角色，令牌的角色是 {token.role}")
        return None

    def _role(self, scope: Scope) -> str | None:
        for method, pattern, role in self._patterns:
            if method == scope["method"] and pattern.fullmatch(scope["path"]):
                return role
        return None

    async def _stream(
        self, scope: Scope, receive: Receive, send: Send, *, most: int
    ) -> None:
        """Pass a body on bit by bit; too large a one ends in a 413."""
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > most:
            refusal = _problem(scope, 413, f"请求体超过 {most} 字节")
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _counted(receive, most=most), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None where it is larger than allowed."""
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self.body_limit_bytes:
            return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            part = message.get("body", b"")
            size += len(part)
            if size > self.body_limit_bytes:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives a body once, then what comes after it."""
    given = False

    async def call() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return call


def _counted(receive: Receive, *, most: int) -> Receive:
    """Return a receive that raises where more comes in than may."""
    n_byte = 0

    async def call() -> Message:
        nonlocal n_byte
        message = await receive()
        n_byte += len(message.get("body", b""))
        if n_byte > most:
            raise BodyTooLargeError(f"请求体超过 {most} 字节")
        return message

    return call


def _same_origin(scope: Scope) -> bool:
    """Say whether a browser sent this from a page of ours (or no browser did)."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _problem(scope: Scope, status: int, detail: str) -> Response:
    # imported here: the problem documents use the settings, which use this module
    from yikezhong_app.web.problems import status_problem

    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return status_problem(scope, status, detail=detail, headers=headers)
