"""Siting: where to build, how much each site gains, and how far from the best.

Every model returns its plan with a bound; ``gap == 0`` means proven best. Plans are
valued again by the coverage engine (:mod:`.verify`).
"""

from yikezhong_coverage.siting.assignment import Existing
from yikezhong_coverage.siting.capacity import CapacitatedResult, capacitated_cover
from yikezhong_coverage.siting.capacity_order import capacity_order
from yikezhong_coverage.siting.cover import maximum_cover
from yikezhong_coverage.siting.distances import time_table
from yikezhong_coverage.siting.errors import (
    BudgetError,
    CapacityError,
    CostError,
    NoCandidateError,
    NoPlanYetError,
    PlanMismatchError,
    SiteCountError,
    UnservedDemandError,
)
from yikezhong_coverage.siting.exclusion import Exclusion, Zone, exclude_candidates
from yikezhong_coverage.siting.fewest import minimum_sites
from yikezhong_coverage.siting.matrix import (
    cover_matrix,
    matrix_of,
    plan_time_s,
    start_cover,
)
from yikezhong_coverage.siting.order import BuildingOrder, building_order
from yikezhong_coverage.siting.pcenter import p_center
from yikezhong_coverage.siting.pmedian import p_median
from yikezhong_coverage.siting.records import (
    CoverMatrix,
    DistanceProblem,
    Reduction,
    SitingProblem,
    SitingResult,
)
from yikezhong_coverage.siting.targets import (
    ActionProblem,
    ShareTarget,
    areas_met,
    cheapest_actions,
)
from yikezhong_coverage.siting.verify import (
    CapacityCheck,
    verify_capacity,
    verify_plan,
    verify_start,
)
from yikezhong_coverage.siting.worst_first import (
    FairLevel,
    FairResult,
    worst_first_cover,
)

__all__ = [
    "ActionProblem",
    "BudgetError",
    "BuildingOrder",
    "CapacitatedResult",
    "CapacityCheck",
    "CapacityError",
    "CostError",
    "CoverMatrix",
    "DistanceProblem",
    "Exclusion",
    "Existing",
    "FairLevel",
    "FairResult",
    "NoCandidateError",
    "NoPlanYetError",
    "PlanMismatchError",
    "Reduction",
    "ShareTarget",
    "SiteCountError",
    "SitingProblem",
    "SitingResult",
    "UnservedDemandError",
    "Zone",
    "areas_met",
    "building_order",
    "capacitated_cover",
    "capacity_order",
    "cheapest_actions",
    "cover_matrix",
    "exclude_candidates",
    "matrix_of",
    "maximum_cover",
    "minimum_sites",
    "p_center",
    "p_median",
    "plan_time_s",
    "start_cover",
    "time_table",
    "verify_capacity",
    "verify_plan",
    "verify_start",
    "worst_first_cover",
]
