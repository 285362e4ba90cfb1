"""The tasks of a run, in two waves: the parts of the study, then its services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yikezhong_app.engines.tasks import Engine, Task
from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.runs.part_task import result_path
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.runs.workspace import Workspace
from yikezhong_app.tiles.keys import tiled_levels
from yikezhong_coverage.records import Service

_PARTS = "yikezhong_app.runs.part_task"
_SERVICES = "yikezhong_app.runs.service_task"
_TILES = "yikezhong_app.runs.tiles_task"


@dataclass(frozen=True, eq=False)
class Measured:
    """Names of what the parts of a run have found.

    Parameters
    ----------
    services : dict of str to list of str
        By service on foot, the result of each part.
    roads : list of str
        Road lengths of each part.
    driving_roads : list of str
        The roads for cars of each part, cut by division; empty without services by car.
    circles : dict of (profile, limit [s]) to list of str
        Circles of each part's facilities.
    """

    services: dict[str, list[str]]
    roads: list[str]
    driving_roads: list[str]
    circles: dict[tuple[str, float], list[str]]

    def names(self) -> list[str]:
        """Return the names of all results."""
        roads = (self.roads, self.driving_roads)
        several = (*self.services.values(), *roads, *self.circles.values())
        return [name for names in several for name in names]


def measure_parts(
    run: RunData,
    workspace: Workspace,
    engine: Engine,
    *,
    out_dir: Path | None,
    progress: ProgressCall,
) -> Measured:
    """Do the first wave: all that is found on foot, by part, and the circles by car.

    Where there are very many divisions, their tiles are built beside the results.
    """
    common = _common(run, workspace)
    numbers = range(len(run.parts))
    driving = sorted({s.limit_s for s in run.services if s.profile == "driving"})
    roads = [
        Task(
            f"{run.parts[k].name}（机动车道路）",
            f"{_PARTS}:measure_driving_roads",
            {**common, "part": k},
        )
        for k in numbers
        if driving
    ]
    cars = [
        Task(
            f"{run.parts[k].name}（驾车服务圈）",
            f"{_PARTS}:measure_driving_circles",
            {**common, "part": k, "limit_s": limit_s},
        )
        for limit_s in driving
        for k in numbers
    ]
    walks = [
        Task(
            run.parts[k].name,
            f"{_PARTS}:measure_part",
            {**common, "part": k},
        )
        for k in numbers
    ]
    tiles = []
    if out_dir is not None and tiled_levels(run.divisions):
        payload = {"run": common["run"], "out": str(out_dir.resolve())}
        tiles = [Task("边界切片", f"{_TILES}:build_tiles", payload)]
    tasks = [*tiles, *roads, *walks, *cars]
    answers = _do(tasks, engine, progress, what="计算分块")[len(tiles) :]
    of_walks = answers[len(roads) : len(roads) + len(walks)]
    of_cars = iter(answers[len(roads) + len(walks) :])
    circles: dict[tuple[str, float], list[str]] = {
        ("driving", limit_s): [next(of_cars)["circles"] for _ in numbers]
        for limit_s in driving
    }
    walking = [s for s in run.services if s.profile == "walking"]
    for limit_s in sorted({s.limit_s for s in walking}):
        circles["walking", limit_s] = [a["circles"][f"{limit_s:g}"] for a in of_walks]
    found = Measured(
        services={s.id: [a["services"][s.id] for a in of_walks] for s in walking},
        roads=[a["roads"] for a in of_walks],
        driving_roads=[a["roads"] for a in answers[: len(roads)]],
        circles=circles,
    )
    workspace.used.update(result_path(workspace.parts, n) for n in found.names())
    return found


def count_services(
    run: RunData,
    measured: Measured,
    workspace: Workspace,
    engine: Engine,
    *,
    progress: ProgressCall,
) -> dict[str, Path]:
    """Do the second wave: the tables of each service; return their folders."""
    common = {**_common(run, workspace), "tables": str(workspace.tables)}

    def task(service: Service) -> Task:
        walking = service.profile == "walking"
        roads = measured.roads if walking else measured.driving_roads
        payload = {
            **common,
            "service": service.id,
            "parts": measured.services.get(service.id, []),
            "roads": roads,
        }
        return Task(service.name, f"{_SERVICES}:count_service", payload)

    # by car, and with a capacity, a service takes longest: it comes first
    order = sorted(
        run.services, key=lambda s: (s.capacity is None, s.profile != "driving")
    )
    answers = _do([task(s) for s in order], engine, progress, what="汇总服务")
    folders = {
        service.id: workspace.tables / answer["tables"]
        for service, answer in zip(order, answers, strict=True)
    }
    workspace.used.update(folders.values())
    return {service.id: folders[service.id] for service in run.services}


def _common(run: RunData, workspace: Workspace) -> dict[str, Any]:
    return {
        "run": str(run.folder.resolve()),
        "kept": str(workspace.parts.resolve()),
    }


def _do(
    tasks: Sequence[Task], engine: Engine, progress: ProgressCall, *, what: str
) -> list[dict[str, Any]]:
    """Do tasks and tell how many are done."""
    done = 0
    tell = part(progress, 0.0, 1.0)
    tell(f"{what} 0/{len(tasks)}", 0.0)

    def count(number: int, answer: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        tell(f"{what} {done}/{len(tasks)}：{tasks[number].name}", done / len(tasks))

    return engine.run(tasks, done=count)
