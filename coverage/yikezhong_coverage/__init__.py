"""Network analysis: travel times, circles, capacity, coverage rates, gaps.

Pure functions: arrays in, frozen records out. Nothing here knows a file, the network,
the environment or the clock.
"""

from yikezhong_coverage.areas import covered_area_m2, cut_divisions
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.edges import (
    covered_parts,
    cut_roads,
    length_by_division,
)
from yikezhong_coverage.eligibility import Eligibility, judge_eligibility
from yikezhong_coverage.errors import (
    BadWeightError,
    GraphError,
    InfeasibleError,
    InputError,
    MissingWeightError,
    PlannerError,
    SourceError,
)
from yikezhong_coverage.exact import allocate, allocate_groups, round_time
from yikezhong_coverage.extents import roll_up_lengths, roll_up_surfaces
from yikezhong_coverage.gaps import (
    REASONS,
    Gaps,
    connected_to,
    gap_reasons,
    gaps_by_division,
)
from yikezhong_coverage.graph import (
    Pieces,
    at_walking_speed,
    build_graph,
    connected_pieces,
    usable_edges,
)
from yikezhong_coverage.joint import band_tiles, joint_area
from yikezhong_coverage.lattice import tile_boxes, tiles_over
from yikezhong_coverage.lengths import covered_edge_length_m, covered_length_m
from yikezhong_coverage.rates import (
    Coverage,
    roll_up,
    roll_up_areas,
)
from yikezhong_coverage.records import (
    Demand,
    Divisions,
    Nearest,
    Reach,
    RoadGraph,
    Service,
    Snapped,
)
from yikezhong_coverage.seams import join_tiles
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.supply import (
    Served,
    Split,
    fill,
    fill_in_bands,
    split_by_time,
)
from yikezhong_coverage.travel import (
    nearest_at_nodes,
    nearest_facility,
    nearest_own,
    reach,
)

__all__ = [
    "REASONS",
    "BadWeightError",
    "Coverage",
    "Demand",
    "Divisions",
    "Eligibility",
    "Gaps",
    "GraphError",
    "InfeasibleError",
    "InputError",
    "MissingWeightError",
    "Nearest",
    "Pieces",
    "PlannerError",
    "Reach",
    "RoadGraph",
    "Served",
    "Service",
    "Snapped",
    "SourceError",
    "Split",
    "allocate",
    "allocate_groups",
    "at_walking_speed",
    "band_tiles",
    "build_graph",
    "connected_pieces",
    "connected_to",
    "covered_area_m2",
    "covered_edge_length_m",
    "covered_length_m",
    "covered_parts",
    "cut_divisions",
    "cut_roads",
    "fill",
    "fill_in_bands",
    "gap_reasons",
    "gaps_by_division",
    "join_tiles",
    "joint_area",
    "judge_eligibility",
    "length_by_division",
    "nearest_at_nodes",
    "nearest_facility",
    "nearest_own",
    "reach",
    "roll_up",
    "roll_up_areas",
    "roll_up_lengths",
    "roll_up_surfaces",
    "round_time",
    "service_area",
    "snap_points",
    "split_by_time",
    "tile_boxes",
    "tiles_over",
    "union_area",
    "usable_edges",
]
