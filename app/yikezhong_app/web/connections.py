"""Guards the connections under the service against clients that are slow on purpose.

uvicorn sets no limit to how slowly a request may come in or an answer be taken.
:class:`GuardedProtocol` notes what each connection waits for, :class:`GuardedServer`
looks at all of them once a second and closes those that wait too long:

- a request head that is not whole after ``receive_s``;
- a request body that pauses for ``receive_s`` or comes slower than
  :data:`LEAST_BODY_RATE` that long, and what comes after it was answered;
- an answer of which the client takes nothing for ``send_s``.

Where as many connections are open as may be, the one that has been without a request
for longest gives way to a new one; if all are at work, the new one gets a 503.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

#: A body that comes slower than this is a slow upload [bytes/s].
LEAST_BODY_RATE: Final = 4096
#: How long a client may go on sending a body that was answered already [s].
_LINGER_S: Final = 2.0
#: Ticks of the server in a second.
_TICKS: Final = 10
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


@dataclass(frozen=True)
class ConnectionLimits:
    """Bounds of the connections of a server.

    Parameters
    ----------
    connections : int
        Open at the same time.
    receive_s, send_s : float
        Longest pause of a client that sends, and of one that takes [s].
    """

    connections: int
    receive_s: float
    send_s: float


class GuardedProtocol(H11Protocol):
    """A connection that knows since when it waits for its client."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        #: Since when no request is at work; None while one is.
        self.idle_since: float | None = self.loop.time()
        self._head_since: float | None = self.idle_since
        self._body_until = 0.0
        self._unsent = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection if there is, or can be made, a place for it."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) <= self._limits.connections:
            return
        idle = [
            (other.idle_since, id(other), other)
            for other in self.connections
            if isinstance(other, GuardedProtocol)
            and other is not self
            and other.idle_since is not None
        ]
        if idle:
            min(idle)[2].transport.abort()
        else:
            self.transport.write(_BUSY)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Note what came and what is still to come."""
        if self.transport.is_closing():
            return
        now = self.loop.time()
        was_body = self.conn.their_state is h11.SEND_BODY
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            # the begin of a head, after nothing or after a request that is over
            self._head_since = self._head_since or now
        elif not self._is_answered_early():
            self._head_since = self.idle_since = None
            latest = now + self._limits.receive_s
            earned = self._body_until + len(data) / LEAST_BODY_RATE
            self._body_until = min(earned, latest) if was_body else latest

    def on_response_complete(self) -> None:
        """Note what the connection waits for now."""
        now = self.loop.time()
        super().on_response_complete()
        self._head_since, self.idle_since = None, now
        if self._is_answered_early():
            self._body_until = min(self._body_until, now + _LINGER_S)
        elif self.conn.their_state is not h11.IDLE:
            # the next request came together with this one
            self.idle_since = None
            self._body_until = now + self._limits.receive_s

    def _is_answered_early(self) -> bool:
        """Say whether the answer is out while the body still comes in."""
        return self.conn.our_state is h11.DONE

    def close_if_slow(self, now: float, *, passed_s: float) -> None:
        """Close the connection if its client has been waited for too long."""
        if self._is_late(now, passed_s):
            self.transport.abort()

    def _is_late(self, now: float, passed_s: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > self._limits.send_s:
            return True
        if self.conn.their_state is h11.SEND_BODY:
            if self.flow.read_paused:
                # it is us who do not take what is sent
                self._body_until += passed_s
            return now > self._body_until
        since = self._head_since
        return since is not None and now - since > self._limits.receive_s


class GuardedServer(uvicorn.Server):
    """Looks after its connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._looked: float | None = None

    async def on_tick(self, counter: int) -> bool:
        """Close slow connections once a second."""
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            passed_s = 0.0 if self._looked is None else now - self._looked
            self._looked = now
            for connection in list(self.server_state.connections):
                if isinstance(connection, GuardedProtocol):
                    connection.close_if_slow(now, passed_s=passed_s)
        return await super().on_tick(counter)


def guarded_protocol(limits: ConnectionLimits) -> Any:
    """Return what uvicorn makes a connection with."""
    return partial(GuardedProtocol, limits=limits)
