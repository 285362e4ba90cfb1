"""What the service counts of itself, in the text form of Prometheus.

Each application has a registry of its own. Labels are bounded: routes by their pattern,
never by the address asked for; known methods; statuses.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yikezhong_app.jobs.pool import LazyPool
from yikezhong_app.reading.rendered import RenderedCache
from yikezhong_app.reading.store import SnapshotStore

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
#: Upper ends of the classes of the latency histogram [s].
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The registry of one application.

    Parameters
    ----------
    store : SnapshotStore
    cache : RenderedCache
    pools : mapping of str to LazyPool
        By the name they are counted under.
    """

    def __init__(
        self,
        store: SnapshotStore,
        *,
        cache: RenderedCache,
        pools: Mapping[str, LazyPool],
    ) -> None:
        self._registry = CollectorRegistry()
        names = ("method", "route", "status")
        self._requests = Counter(
            "yikezhong_requests", "Requests answered.", names, registry=self._registry
        )
        self._seconds = Histogram(
            "yikezhong_request_seconds",
            "Time to the end of an answer.",
            names[:2],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_StateCollector(store, cache, pools))

    def count(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count an answer.

        Parameters
        ----------
        method : str
        route : str
            Pattern of the route, see :func:`route_of`.
        status : int
        seconds : float
            From the request to the end of the answer [s].
        """
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self) -> bytes:
        """Return everything counted, in Prometheus's text form."""
        return generate_latest(self._registry)


def route_of(scope: Scope) -> str:
    """Return the pattern of the route that answered, bounded in number.

    Examples
    --------
    >>> route_of({"path": "/static/lib/leaflet/leaflet.js"})
    '/static'
    >>> route_of({"path": "/any/thing"})
    'unmatched'
    """
    pattern = getattr(scope.get("route"), "path", None)
    if isinstance(pattern, str):
        return pattern
    return "/static" if scope["path"].startswith("/static/") else "unmatched"


class MetricsMiddleware:
    """Counts every answer; stands around everything else."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 499  # the client went away before it was answered

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            self.metrics.count(
                scope["method"],
                route_of(scope),
                status=status,
                seconds=time.perf_counter() - started,
            )


class _StateCollector(Collector):
    """Looks at the store, the cache and the jobs when it is asked."""

    def __init__(
        self,
        store: SnapshotStore,
        cache: RenderedCache,
        pools: Mapping[str, LazyPool],
    ) -> None:
        self._store, self._cache, self._pools = store, cache, dict(pools)

    def collect(self) -> Iterator[Metric]:
        """Give what is so now."""
        yield from self._snapshot()
        yield from self._jobs()
        asked = CounterMetricFamily(
            "yikezhong_cache_requests",
            "Answers looked for in the cache.",
            labels=["result"],
        )
        asked.add_metric(["hit"], self._cache.n_hits)
        asked.add_metric(["miss"], self._cache.n_misses)
        yield asked
        yield GaugeMetricFamily(
            "yikezhong_cache_bytes", "Bytes kept ready.", value=self._cache.n_bytes
        )

    def _jobs(self) -> Iterator[Metric]:
        queued = GaugeMetricFamily(
            "yikezhong_jobs_queued", "Jobs that wait.", labels=["pool"]
        )
        running = GaugeMetricFamily(
            "yikezhong_jobs_running", "Jobs that run.", labels=["pool"]
        )
        refused = CounterMetricFamily(
            "yikezhong_jobs_refused",
            "Jobs refused because the queue was full.",
            labels=["pool"],
        )
        over = CounterMetricFamily(
            "yikezhong_jobs_over", "Jobs that ended.", labels=["pool", "status"]
        )
        for name, pool in self._pools.items():
            counts = pool.counts()
            queued.add_metric([name], counts["queued"])
            running.add_metric([name], counts["running"])
            refused.add_metric([name], counts["refused"])
            for status in ("done", "failed", "cancelled"):
                over.add_metric([name, status], counts[status])
        yield from (queued, running, refused, over)

    def _snapshot(self) -> Iterator[Metric]:
        state = self._store.state
        yield GaugeMetricFamily(
            "yikezhong_snapshot_ready",
            "1 where a result is served, 0 where none can be.",
            value=float(state.catalog is not None),
        )
        yield GaugeMetricFamily(
            "yikezhong_snapshot_problem",
            "1 where the newest result cannot be read.",
            value=float(state.problem is not None),
        )
        if state.catalog is None:
            return
        yield InfoMetricFamily(
            "yikezhong_snapshot",
            "The result that is served.",
            value={"version": state.catalog.version, "as_of": state.catalog.as_of},
        )
        created = state.catalog.manifest.get("created")
        if isinstance(created, str):
            age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(created)
            yield GaugeMetricFamily(
                "yikezhong_snapshot_age_seconds",
                "Time since the result was computed.",
                value=age.total_seconds(),
            )
