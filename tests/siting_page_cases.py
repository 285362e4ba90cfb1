"""A siting service made by hand for the siting page: known plans, hostile names."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from map_cases import (
    HOSTILE_NAMES,
    RATES_15,
    township_code,
    township_names,
    write_map_result,
)
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

#: Secret of the token that may compute.
SECRET = "0123456789abcdef0123"
#: People 60 and over of a township of known coverage.
PEOPLE = 4000.0
#: Sites in building order: township, people gained, name.
SITES = (
    (0, 1400.0, HOSTILE_NAMES[2]),
    (1, 1200.0, HOSTILE_NAMES[0]),
    (2, 900.0, "柳林镇活动中心"),
    (3, 640.0, HOSTILE_NAMES[3]),
    (5, 310.0, None),
)


#: Candidates: the sites, one barred by a zone, one with a hostile name.
CANDIDATES: dict[str, Any] = {
    "total": 3,
    "n_allowed": 2,
    "items": [
        {"id": "C000", "name": HOSTILE_NAMES[2], "lon": 113.07, "lat": 31.48,
         "allowed": True, "reason": None},
        {"id": "C001", "name": "可选一处", "lon": 113.23, "lat": 31.48,
         "allowed": True, "reason": None},
        {"id": "C002", "name": "河边", "lon": 113.39, "lat": 31.48,
         "allowed": False, "reason": "river"},
    ],
}  # fmt: skip


def options() -> dict[str, Any]:
    """Return what the fake's study has."""
    return {
        "zones": [
            {"id": "river", "name": "河道", "n": 2, "distance_m": 100.0},
            {"id": "railway", "name": "铁路", "n": 1, "distance_m": None},
        ],
        "indicators": [{"id": "T-1", "name": "每镇一处", "plan": "p"}],
        "categories": [],
        "planned": [],
    }


@dataclass
class FakeSitings:
    """What the fake was asked, and how it is to behave."""

    version: str = ""
    holding: bool = False
    failure: dict[str, Any] | None = None
    proven: bool = True
    n_poll: int = 2
    refusal: int | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    listings: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def reset(self) -> None:
        """Forget everything, and behave."""
        fresh = FakeSitings(version=self.version)
        self.__dict__.update(fresh.__dict__)

    def router(self) -> APIRouter:
        """Return the routes of the fake."""
        router = APIRouter(prefix="/api/v1")
        router.add_api_route("/sitings", self.ask, methods=["POST"])
        router.add_api_route("/sitings/{job}", self.read, methods=["GET"])
        router.add_api_route("/sitings/{job}", self.cancel, methods=["DELETE"])
        router.add_api_route("/sitings/{job}/sites", self.sites, methods=["GET"])
        router.add_api_route("/evaluations", self.evaluate, methods=["POST"])
        router.add_api_route("/candidates", self.list, methods=["POST"])
        router.add_api_route("/siting-options", options, methods=["GET"])
        return router

    async def ask(self, request: Request) -> Response:
        if self.refusal is not None:
            return _problem(self.refusal)
        body = await request.json()
        self.requests.append(body)
        key = f"{next(self.numbers):016x}"
        job = {
            "id": key,
            "status": "queued",
            "progress": 0.0,
            "step": "",
            "request": {
                key: value
                for key, value in body.items()
                if (key, value) != ("candidates", "community_centres")
            },
            "result": None,
            "error": None,
            "left": self.n_poll,
        }
        self.jobs[key] = job
        return JSONResponse(
            _shown(job), 201, headers={"Location": f"/api/v1/sitings/{key}"}
        )

    def read(self, job: str) -> Response:
        if self.refusal is not None:
            return _problem(self.refusal)
        found = self.jobs.get(job)
        if found is None:
            return _problem(404)
        if found["status"] not in ("cancelled", "done") and not self.holding:
            found["left"] -= 1
        if found["left"] <= 0 and self.failure:
            found |= {"status": "failed", "error": self.failure}
        elif found["left"] <= 0:
            plan = plan_of(found["request"], proven=self.proven)
            result = plan | {"version": self.version}
            found |= {"status": "done", "progress": 1.0, "result": result}
        elif found["status"] != "cancelled":
            found |= {"status": "running", "progress": 0.45, "step": "求解"}
        return JSONResponse(_shown(found))

    def sites(self, job: str) -> Response:
        return Response(f"rows of {job}", media_type="text/csv")

    def cancel(self, job: str) -> Response:
        self.deleted.append(job)
        self.jobs[job]["status"] = "cancelled"
        return JSONResponse(_shown(self.jobs[job]))

    async def list(self, request: Request) -> Response:
        self.listings.append(await request.json())
        return JSONResponse(CANDIDATES)

    async def evaluate(self, request: Request) -> Response:
        if self.refusal is not None:
            return _problem(self.refusal)
        body = await request.json()
        self.evaluations.append(body)
        plan = plan_of({"n": len(body["sites"])}, proven=True)
        loss = [
            min(site["gain"], 40_000 * math.dist(place, (site["lon"], site["lat"])))
            for place, site in zip(body["sites"], plan["sites"], strict=True)
        ]
        return JSONResponse(
            {
                "before": plan["baseline"],
                "after": _count(plan["after"]["covered"] - sum(loss)),
                "townships": _townships(
                    [s["gain"] - x for s, x in zip(plan["sites"], loss, strict=True)]
                ),
                "sites": [{"on_road": x < 113.63} for x, _ in body["sites"]],
            }
        )


def plan_of(request: dict[str, Any], *, proven: bool) -> dict[str, Any]:
    """Return the result of a request: the first ``n`` of :data:`SITES`."""
    known = SITES[: request.get("n") or len(SITES)]
    baseline = _count(_start())
    covered, sites = baseline["covered"], []
    for rank, (i, gain, name) in enumerate(known, start=1):
        covered += gain
        sites.append(
            {
                "rank": rank,
                "id": f"C{i:03d}",
                "name": name,
                "lon": round(113.0 + (i % 4) * 0.16 + 0.07, 6),
                "lat": round(31.4 + (i // 4) * 0.16 + 0.08, 6),
                "township_code": township_code(i),
                "township_name": township_names()[i],
                "gain": gain,
                "cumulative_covered": covered,
                "cumulative_rate": covered / baseline["total"],
            }
        )
    left = baseline["total"] - covered
    return {
        "as_of": "2023-12-31",
        "service": request.get("service", "elderly_circle"),
        "minutes": float(request.get("minutes", 15)),
        "group": "people_60",
        "group_name": "60岁及以上人口",
        "objective_unit": "people",
        "time": {"mean_before_min": 17.25, "mean_after_min": 14.5},
        "cost": float(len(sites)),
        "baseline": baseline,
        "after": _count(covered),
        "objective": covered,
        "bound": covered if proven else covered * 1.00734,
        "gap": 0.0 if proven else 0.00734,
        "proven": proven,
        "sites": sites,
        "townships": _townships([gain for _, gain, _ in known]),
        "without": {
            "people": left,
            "rows": [
                _left(0, "没有可选的候选点能服务到", left - 1500),
                _left(1, "附近没有可用的道路", 900),
                _left(2, "附近没有可用的道路", 600),
            ],
        },
    }


def _townships(gains: list[float]) -> list[dict[str, Any]]:
    gained = {SITES[k][0]: gain for k, gain in enumerate(gains)}
    rows = []
    for i, name in enumerate(township_names()):
        rate = RATES_15[i]
        before = None if rate is None else rate * PEOPLE
        after = None if before is None else min(PEOPLE, before + gained.get(i, 0.0))
        rows.append(
            {
                "code": township_code(i),
                "name": name,
                "total": None if rate is None else PEOPLE,
                "before": before,
                "after": after,
                "rate_before": rate,
                "rate_after": None if after is None else after / PEOPLE,
            }
        )
    return rows


def _left(i: int, reason: str, people: float) -> dict[str, Any]:
    return {"code": township_code(i), "reason_name": reason, "people": people}


def _start() -> float:
    return PEOPLE * sum(rate for rate in RATES_15 if rate is not None)


def _count(covered: float) -> dict[str, float]:
    total = PEOPLE * sum(rate is not None for rate in RATES_15)
    return {"covered": covered, "total": total, "rate": covered / total}


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key != "left"}


def _problem(status: int) -> JSONResponse:
    titles = {401: "需要口令", 403: "权限不足", 404: "没有这条记录", 503: "服务正忙"}
    return JSONResponse({"title": titles[status], "status": status}, status)


def siting_app(out: Path, fake: FakeSitings) -> FastAPI:
    """Return the service on a small result, with the fake in front of its sitings."""
    fake.version = write_map_result(out).version
    app = create_app(Settings(out=out, tokens=f"test:planner:{SECRET}"))
    app.router.routes[:0] = fake.router().routes
    return app


def open_siting(page: Any, query: str = "", *, token: bool = True) -> None:
    """Open the page, as by the link with the token, and wait until it is ready."""
    if token:
        query = f"{query}{'&' if query else '?'}token={SECRET}"
    page.goto(f"/maps/siting{query}")
    page.wait_for_selector("body[data-ready]", timeout=20_000)
    page.wait_for_selector("body[aria-busy=false]")
    page.wait_for_timeout(60)


def compute(page: Any) -> None:
    """Press the button and wait for the plan."""
    page.click("#compute")
    page.wait_for_selector("#proof")
    page.wait_for_timeout(60)


def figure(page: Any, name: str) -> str:
    """Return a figure of the panel of results."""
    return page.inner_text(f"#results [data-figure={name}]")


def forgive(page: Any) -> None:
    """Clear the errors that a test has provoked."""
    page.watch.failed.clear()
    page.watch.errors.clear()


def drag(page: Any, rank: int, by: tuple[int, int]) -> None:
    """Drag a site with the pointer."""
    box = page.locator(f".pin[data-site='{rank}']").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 14
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2, steps=4)
    page.mouse.move(x + by[0], y + by[1], steps=4)
    page.mouse.up()
