"""``/metrics``: what the service counts of itself, for Prometheus."""

from __future__ import annotations

import ipaddress
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from yikezhong_app.web.metrics import Metrics
from yikezhong_app.web.problems import status_problem

router = APIRouter(tags=["health"])

_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/metrics",
    summary="运行指标（Prometheus）",
    description="只对本机与持有任一令牌者开放。",
    responses={200: {"content": {"text/plain": {}}}, 401: {}},
)
def get_metrics(request: Request) -> Response:
    """Answer what was counted, to this machine or to the holder of a token."""
    if not _is_local(request) and getattr(request.state, "access", None) is None:
        return status_problem(
            request.scope,
            401,
            detail="运行指标只对本机与持有令牌者开放",
            headers={"WWW-Authenticate": "Bearer"},
        )
    metrics: Metrics = request.app.state.metrics
    return Response(
        metrics.text(),
        media_type=_MEDIA_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def _is_local(request: Request) -> bool:
    host = request.client.host if request.client else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
