"""How long an answer may take to begin: later it is a 503, and the work is bounded.

The clock starts with the last piece of the request that came in. Work in a thread cannot
be ended from outside: it goes on, its answer is dropped, and while as many as
:data:`MOST_OVERDUE` such works go on no further request is let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yikezhong_app.web.problems import status_problem

#: Overdue works at the same time, of some forty threads that answer.
MOST_OVERDUE: Final = 16
_HEALTH: Final = ("/healthz", "/readyz", "/metrics")


class DeadlineMiddleware:
    """Answers 503 where the service does not begin to answer in time.

    Parameters
    ----------
    app : ASGI application
    limit_s : float
        Longest time from the whole request to the begin of its answer [s].
    longer : mapping of str to float
        Begin of an address → its own limit [s], for work that is bounded elsewhere.
    """

    def __init__(
        self, app: ASGIApp, *, limit_s: float, longer: Mapping[str, float]
    ) -> None:
        self.app = app
        self.limit_s = limit_s
        self.longer = dict(longer)
        self.overdue: set[_Timed] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request against the clock."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if len(self.overdue) >= MOST_OVERDUE and path not in _HEALTH:
            await _refuse(scope, receive, send, detail="服务过于繁忙，请稍后再试")
            return
        limit_s = next(
            (s for begin, s in self.longer.items() if path.startswith(begin)),
            self.limit_s,
        )
        timed = _Timed(scope, receive, send, limit_s=limit_s, overdue=self.overdue)
        try:
            await self.app(scope, timed.receive, timed.send)
        finally:
            timed.timer.cancel()
            self.overdue.discard(timed)
            if timed.refusal is not None:
                await timed.refusal


class _Timed:
    """The two ends of a request, with the timer that answers if nobody else does."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        limit_s: float,
        overdue: set[_Timed],
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit_s = limit_s
        self._overdue = overdue
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._begun = False
        self.timer = self._loop.call_later(limit_s, self._ring)
        self.refusal: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        self._since = self._loop.time()
        return message

    async def send(self, message: Message) -> None:
        if self.refusal is not None:
            return
        if not self._begun:
            self._begun = True
            self.timer.cancel()
        await self._send(message)

    def _ring(self) -> None:
        at = self._since + self._limit_s
        if self._loop.time() < at:
            self.timer = self._loop.call_at(at, self._ring)
            return
        self._overdue.add(self)
        detail = f"超过 {self._limit_s:g} 秒没有算完，请缩小范围或稍后再试"
        self.refusal = self._loop.create_task(
            _refuse(self._scope, self._receive, self._send, detail=detail)
        )


async def _refuse(scope: Scope, receive: Receive, send: Send, *, detail: str) -> None:
    answer = status_problem(scope, 503, detail=detail, headers={"Retry-After": "5"})
    await answer(scope, receive, send)
