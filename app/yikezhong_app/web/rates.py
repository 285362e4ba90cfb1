"""How often a client may ask: a bucket of requests for each, in memory, bounded.

Not counted: static files, the health addresses, and clients on this machine.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from yikezhong_app.web.problems import status_problem

#: Addresses that are never counted.
_UNCOUNTED: Final = ("/static/", "/healthz", "/readyz")
#: Clients remembered; the longest silent is forgotten first.
_MOST_CLIENTS: Final = 10_000


class TokenBuckets:
    """A bucket for each client: filled at a rate up to a burst, a request takes one.

    Parameters
    ----------
    per_second : float
        Requests that come back each second, positive.
    burst : int
        Requests a full bucket holds.
    clock : callable
        Gives the time [s]; another one in tests.

    Examples
    --------
    >>> buckets = TokenBuckets(0.5, burst=1, clock=lambda: 0.0)
    >>> buckets.take("a"), buckets.take("a"), buckets.take("b")
    (0.0, 2.0, 0.0)
    """

    def __init__(
        self,
        per_second: float,
        *,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._kept)

    def take(self, client: str) -> float:
        """Take a request; return 0, or how long to wait for one [s]."""
        with self._lock:
            now = self._clock()
            left, at = self._kept.pop(client, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._per_second)
            wait_s = max(0.0, (1.0 - left) / self._per_second)
            self._kept[client] = (left if wait_s else left - 1.0, now)
            if len(self._kept) > _MOST_CLIENTS:
                self._kept.popitem(last=False)
            return wait_s


class RateMiddleware:
    """Answers 429 to a client that asks too often.

    Parameters
    ----------
    app : ASGI application
    per_second : float
        0: nobody is refused.
    burst : int
    """

    def __init__(self, app: ASGIApp, *, per_second: float, burst: int) -> None:
        self.app = app
        self.buckets = TokenBuckets(per_second, burst=burst) if per_second else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say when to come again."""
        wait_s = 0.0
        if self.buckets is not None and scope["type"] == "http":
            client = client_key(scope)
            if client is not None and not scope["path"].startswith(_UNCOUNTED):
                wait_s = self.buckets.take(client)
        if not wait_s:
            await self.app(scope, receive, send)
            return
        wait = str(math.ceil(wait_s))
        answer = status_problem(
            scope, 429, detail=f"请在 {wait} 秒后再试", headers={"Retry-After": wait}
        )
        await answer(scope, receive, send)


def client_key(scope: Scope) -> str | None:
    """Return whose bucket a request takes from; None: not counted.

    This machine's own requests are not counted, and those that came over no network. A
    network of IPv6 addresses as one customer has it (/64) is one client.

    Examples
    --------
    >>> client_key({"client": ("127.0.0.1", 1)}), client_key({"client": ("10.0.0.9", 1)})
    (None, '10.0.0.9')
    >>> client_key({"client": ("2001:db8::1:2:3:4", 1)})
    '2001:db8::/64'
    """
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
