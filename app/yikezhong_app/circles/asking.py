"""From a query to a circle: what is asked, and the pool that computes it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.snapshots.snapshot import NETWORK_PREFIX
from yikezhong_app.web.queries import CirclesQuery
from yikezhong_app.web.request_errors import (
    NoRoadError,
    ParameterError,
    UnfinishedError,
    UnknownRecordError,
)

CIRCLE: Final = "circle"
#: What the pool runs.
TASKS: Final = {CIRCLE: "yikezhong_app.circles.computing:run_circle"}
#: Circles that the pool remembers; the answers themselves are kept elsewhere.
REMEMBERED: Final = 16
_LIMIT_S: Final = 30.0
_DEFAULT_MINUTES: Final = 15.0


def asked_circle(catalog: Catalog, query: CirclesQuery) -> Row | None:
    """Return what a query wants computed; None where it asks for what there is.

    Raises
    ------
    ParameterError
        If the parameters do not fit each other or the version.
    UnknownRecordError
        If there is no such facility.
    """
    place = (query.lon, query.lat)
    if place == (None, None) and not _asks_for_more(catalog, query):
        return None
    if (query.lon is None) != (query.lat is None):
        missing = "lon" if query.lon is None else "lat"
        raise ParameterError("lon 与 lat 须同时给出", parameter=missing)
    if query.lon is not None and query.facility is not None:
        raise ParameterError("facility 不能与 lon、lat 同用", parameter="facility")
    if query.minutes == "all":
        raise ParameterError("任意地点的服务圈只算一个时限", parameter="minutes")
    service = {} if query.service is None else catalog.check_service(query.service)
    profile = query.profile or service.get("profile", "walking")
    if f"{NETWORK_PREFIX}{profile}" not in catalog.snapshot.table_names:
        raise ParameterError("这个成果版本没有保存这种路网", parameter="profile")
    minutes = query.minutes
    if minutes is None:
        minutes = service["limit_s"] / 60.0 if service else _DEFAULT_MINUTES
    speed_mps = query.speed
    if speed_mps == float(catalog.manifest["parameters"]["walk_speed_mps"]):
        speed_mps = None
    return {
        "facility": query.facility,
        "lon": query.lon,
        "lat": query.lat,
        "profile": profile,
        "speed_mps": speed_mps,
        "minutes": float(minutes),
        "simplify_m": query.simplify,
    }


def _asks_for_more(catalog: Catalog, query: CirclesQuery) -> bool:
    """Say whether a facility's circle is wanted that the version does not hold."""
    if query.facility is None:
        if query.profile is not None or query.speed is not None:
            raise ParameterError(
                "profile 与 speed 须与 lon、lat 或 facility 同用",
                parameter="profile" if query.profile is not None else "speed",
            )
        return False
    if query.facility not in catalog.facility_names:
        raise UnknownRecordError(
            f"没有编号为“{query.facility}”的设施", hint="可用 /api/v1/facilities 查找"
        )
    if query.profile is not None or query.speed is not None:
        return True
    if not isinstance(query.minutes, float):
        return False
    if not catalog.tables.n_rows("circles"):
        return True
    wanted: dict[str, str | float | None] = {
        "facility_id": query.facility,
        "limit_s": query.minutes * 60.0,
    }
    return catalog.tables.where("circles", wanted, columns=["limit_s"]).empty


class CirclePool:
    """Computes circles in processes of its own; equal ones that wait are one.

    Circles take milliseconds: they do not wait behind sitings, and what waits for
    sitings does not hold them up.

    Parameters
    ----------
    limits : PoolLimits
    """

    def __init__(self, limits: PoolLimits) -> None:
        self.jobs = LazyPool(TASKS, folder=None, limits=limits)
        self._waiting = ThreadPoolExecutor(limits.jobs, thread_name_prefix="circle")

    async def compute(
        self, asked: Row, *, out: Path, version: str
    ) -> tuple[Row, bytes | None]:
        """Return the row and the GeoJSON geometry of a circle; None where it is empty.

        Raises
        ------
        NoRoadError
            If the place is too far from the roads.
        PoolFullError
            If as many circles wait as may.
        UnfinishedError
            If the process took too long or ended.
        """
        pool = self.jobs()
        payload = {**asked, "out": str(out.resolve()), "version": version}
        job = pool.submit(CIRCLE, asked, payload=payload, limit_s=_LIMIT_S)
        wait = partial(pool.wait, job.id, timeout_s=2 * _LIMIT_S)
        over = await asyncio.get_running_loop().run_in_executor(self._waiting, wait)
        if over is not None and over.result is not None:
            return over.result["row"], over.result["geometry"].encode() or None
        error: Any = (over.error if over is not None else None) or {}
        if error.get("code") == "NoRoad":
            raise NoRoadError(error["message"], hint=error["hint"])
        raise UnfinishedError("服务圈没有算出", hint="请稍后再试，或把时限改小")

    def close(self) -> None:
        """End the processes."""
        self.jobs.close()
        self._waiting.shutdown()
