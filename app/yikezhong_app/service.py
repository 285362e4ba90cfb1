"""Builds the service: settings in, application out; nothing is done at import."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version as package_version
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from yikezhong_app.circles import asking
from yikezhong_app.exports.pool import ExportPool
from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.ogc import routes as ogc
from yikezhong_app.publishing.serving import follower_of
from yikezhong_app.reading.rendered import RenderedCache
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.routes import (
    circles,
    columns,
    comparisons,
    coverage,
    divisions,
    facilities,
    gap_areas,
    gaps,
    health,
    indicators,
    jobs,
    measures,
    metrics,
    pages,
    plan_gaps,
    reports,
    roads,
    scenarios,
    scorecards,
    single_file,
    siting_options,
    sitings,
    study,
    tiles,
    townships,
    uploads,
)
from yikezhong_app.settings import Settings
from yikezhong_app.tiles.store import TileStore
from yikezhong_app.uploads.records import TASKS
from yikezhong_app.uploads.store import UploadStore
from yikezhong_app.web.access import AccessMiddleware
from yikezhong_app.web.assets import STATIC_FOLDER
from yikezhong_app.web.base_maps import image_origins
from yikezhong_app.web.deadlines import DeadlineMiddleware
from yikezhong_app.web.description import DescribedApp
from yikezhong_app.web.metrics import Metrics, MetricsMiddleware
from yikezhong_app.web.problems import install_problems
from yikezhong_app.web.rates import RateMiddleware
from yikezhong_app.web.repeats import Repeats
from yikezhong_app.web.security import GuardMiddleware

LOG = logging.getLogger("yikezhong.service")

#: What is asked for most stands first: routes are tried in order.
_ROUTERS: Final[tuple[APIRouter, ...]] = (
    townships.router,
    health.router,
    metrics.router,
    pages.router,
    study.router,
    tiles.router,
    columns.router,
    divisions.router,
    coverage.router,
    gaps.router,
    gap_areas.router,
    plan_gaps.router,
    scenarios.router,
    comparisons.router,
    jobs.router,
    indicators.router,
    scorecards.router,
    measures.router,
    sitings.router,
    siting_options.router,
    facilities.router,
    circles.router,
    roads.router,
    reports.router,
    uploads.router,
    single_file.router,
    ogc.router,
)
_MAPS: Final = "yikezhong_app.routes.maps"
OPENAPI_URL: Final = "/api/v1/openapi.json"
_A_YEAR_S: Final = 31_536_000


class PageCompression(GZipMiddleware):
    """Compresses pages and assets; the API's answers are kept compressed already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compress, or leave to the answer what the API compresses itself."""
        path = scope.get("path", "")
        if path.startswith(("/api/", "/ogc")) and path != OPENAPI_URL:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Assets(StaticFiles):
    """Our static files: kept for long where the address carries a hash (``?v=``)."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file and how long it may be kept."""
        response = await super().get_response(path, scope)
        hashed = scope.get("query_string", b"").startswith(b"v=")
        response.headers["Cache-Control"] = (
            f"public, max-age={_A_YEAR_S}, immutable" if hashed else "no-cache"
        )
        return response


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Put right what a killed service left; end the pools when this one stops."""
    if app.state.uploads is not None:
        await asyncio.to_thread(app.state.uploads.put_right)
    yield
    await asyncio.to_thread(app.state.upload_jobs.close)
    app.state.exports.close()
    await asyncio.to_thread(app.state.jobs.close)
    await asyncio.to_thread(app.state.circles.close)
    await asyncio.to_thread(app.state.tiles.close)


def create_app(settings: Settings) -> FastAPI:
    """Build the service for a result folder.

    Parameters
    ----------
    settings : Settings
        Passed down; nothing else is read from the environment.

    Returns
    -------
    FastAPI
        The version to serve is looked for at the first request; there need not be one
        yet.
    """
    app = DescribedApp(
        title="一刻钟",
        summary="十五分钟服务圈：覆盖率、缺口与设施",
        version=package_version("yikezhong"),
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI_URL,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.store = SnapshotStore(
        settings.out,
        reload_seconds=settings.reload_seconds,
        table_bytes=settings.table_bytes,
        follower=follower_of(settings),
    )
    app.state.cache = RenderedCache(settings.cache_bytes)
    app.state.repeats = Repeats()
    app.state.jobs = LazyPool(
        {**sitings.TASKS, **siting_options.TASKS, **comparisons.TASKS},
        folder=settings.out / sitings.FOLDER,
        kept={sitings.SITING},
        limits=PoolLimits(
            settings.job_slots, settings.job_limit, settings.job_memory_bytes
        ),
    )
    app.state.circles = asking.CirclePool(
        PoolLimits(
            slots=1,
            jobs=settings.job_limit,
            memory_bytes=settings.job_memory_bytes,
            finished=asking.REMEMBERED,
        )
    )
    app.state.tiles = TileStore(
        settings.out,
        limits=PoolLimits(slots=1, jobs=1, memory_bytes=settings.job_memory_bytes),
        limit_s=settings.request_seconds,
    )
    # one at a time, so that an update never meets another of this service
    app.state.upload_jobs = LazyPool(
        TASKS,
        folder=None,
        limits=PoolLimits(
            slots=1,
            jobs=2 * settings.upload_limit,
            memory_bytes=settings.update_memory_bytes,
        ),
    )
    app.state.uploads = (
        UploadStore(settings, settings.study, app.state.upload_jobs)
        if settings.study is not None
        else None
    )
    app.state.exports = ExportPool(
        waiting=settings.export_queue, timeout_s=settings.export_seconds
    )
    app.state.metrics = Metrics(
        app.state.store,
        cache=app.state.cache,
        pools={
            "computing": app.state.jobs,
            "circles": app.state.circles.jobs,
            "uploads": app.state.upload_jobs,
        },
    )
    install_problems(app)
    _add_guards(app, settings)
    for router in _ROUTERS:
        app.include_router(router)
    if importlib.util.find_spec(_MAPS) is not None:
        app.include_router(import_module(_MAPS).router)
    app.mount("/static", Assets(directory=STATIC_FOLDER), name="static")
    return app


def _add_guards(app: FastAPI, settings: Settings) -> None:
    """Put around the routes what bounds and counts requests, the innermost first."""
    app.add_middleware(PageCompression, minimum_size=1024, compresslevel=5)
    app.add_middleware(
        DeadlineMiddleware,
        limit_s=settings.request_seconds,
        # files are made in a pool that has limits of its own
        longer=dict.fromkeys(reports.ADDRESSES, settings.export_seconds + 5),
    )
    app.add_middleware(
        AccessMiddleware,
        tokens=settings.tokens,
        body_limit_bytes=settings.body_limit_bytes,
        streamed={uploads.STREAMED: settings.upload_bytes + uploads.FORM_BYTES},
    )
    app.add_middleware(
        RateMiddleware,
        per_second=settings.rate_per_second,
        burst=settings.rate_burst,
    )
    app.add_middleware(
        GuardMiddleware,
        allowed_hosts=settings.hosts,
        image_origins=image_origins(settings.base_maps),
    )
    app.add_middleware(MetricsMiddleware, metrics=app.state.metrics)
