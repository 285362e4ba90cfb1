"""``/healthz`` and ``/readyz``: is the process alive, can it answer."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.web.problems import problem_kind

router = APIRouter(tags=["health"])

_NO_STORE = {"Cache-Control": "no-store"}


@router.get("/healthz", summary="进程是否存活", description="总是 200；不读任何文件。")
async def get_health() -> JSONResponse:
    """Answer that the process is alive."""
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


@router.get(
    "/readyz",
    summary="是否可以答复",
    description="有可用成果时 200；新版本读不了时仍 200，并说明原因。",
    responses={503: {}},
)
def get_readiness(request: Request) -> JSONResponse:
    """Answer whether a version can be served."""
    store: SnapshotStore = request.app.state.store
    state = store.look()
    failure = None if state.problem is None else problem_kind(state.problem).name
    if state.catalog is None:
        return JSONResponse(
            {"status": "not_ready", "problem": failure or "no-snapshot"},
            status_code=503,
            headers={**_NO_STORE, "Retry-After": "5"},
        )
    answer = {
        "status": "ready",
        "version": state.catalog.version,
        "as_of": state.catalog.as_of,
        "problem": failure,
    }
    return JSONResponse(answer, headers=_NO_STORE)
