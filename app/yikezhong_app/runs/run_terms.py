"""The terms of a run: everything beside its data that decides a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yikezhong_coverage.records import Service

#: Limit [s] and denominator, as plans ask for them.
Question = tuple[float, str]


@dataclass(frozen=True)
class RunTerms:
    """Everything beside the data that decides a number of a run.

    Parameters
    ----------
    as_of : str
        Evaluation day, ISO.
    walk_speed_mps : float
    area_people_share : float
    limits_min : tuple of float
        Limits that every service is counted at [min].
    max_time_s : mapping of str to float
        Largest time of interest by profile [s].
    speeds_mps : tuple of float
        Other walking speeds that rates are given at.
    asked : mapping of str to tuple of (limit [s], denominator)
        By service, what plans ask of it.
    plan_speeds_mps : mapping of str to tuple of float
        By service, the walking speeds at which plans ask, the run's own among them.
    with_plans : bool
        Whether the study is judged by any plan.
    """

    as_of: str
    walk_speed_mps: float
    area_people_share: float
    limits_min: tuple[float, ...]
    max_time_s: Mapping[str, float]
    speeds_mps: tuple[float, ...]
    asked: Mapping[str, tuple[Question, ...]]
    plan_speeds_mps: Mapping[str, tuple[float, ...]]
    with_plans: bool

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RunTerms:
        """Return the terms of a JSON record."""
        return cls(
            **{
                **record,
                "limits_min": tuple(record["limits_min"]),
                "speeds_mps": tuple(record["speeds_mps"]),
                "asked": {
                    service: tuple((float(limit), str(what)) for limit, what in asked)
                    for service, asked in record["asked"].items()
                },
                "plan_speeds_mps": {
                    service: tuple(speeds)
                    for service, speeds in record["plan_speeds_mps"].items()
                },
            }
        )

    def limits_s(self, service: Service) -> list[float]:
        """Return the limits that a service is counted at [s], ascending."""
        asked = (limit_s for limit_s, _ in self.asked.get(service.id, ()))
        return sorted({*self.usual_limits_s(service), *asked})

    def usual_limits_s(self, service: Service) -> list[float]:
        """Return the limits of a service but for those only plans ask for [s]."""
        usual = (60.0 * minutes for minutes in self.limits_min)
        return sorted({service.limit_s, *usual})

    def other_speeds_mps(self, service: Service) -> list[float]:
        """Return the walking speeds besides the run's that a service is asked at."""
        rated = self.speeds_mps if service.profile == "walking" else ()
        asked = self.plan_speeds_mps.get(service.id, ())
        return sorted({*rated, *asked} - {self.walk_speed_mps})
