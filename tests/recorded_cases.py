"""Digests of a result's figures, to compare results bit by bit.

``python tests/recorded_cases.py OUT`` prints those of a result folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pandas as pd

from yikezhong_app.snapshots.snapshot import Snapshot, open_current

RECORDED = Path(__file__).resolve().parent / "recorded.json"
#: The figures every face shows: columns of the contract, whatever is added beside them.
COLUMNS = {
    "divisions": ("code", "name", "level", "parent", "area_m2", "people", "people_60",
                  "unknown_units"),
    "facilities": ("id", "name", "category", "status", "township_code", "snap_m",
                   "snap_status"),
    "demand": ("id", "township_code", "people", "people_60", "snap_m", "status"),
    "times": ("demand_id", "service", "profile", "variant", "time_s", "facility_id"),
    "coverage": ("level", "code", "service", "limit_s", "denominator", "profile",
                 "variant", "total", "covered", "full", "out_of_reach", "rate"),
    "data_report": ("layer", "file", "row", "id", "problem", "action", "value"),
}  # fmt: skip


def digest(snapshot: Snapshot, name: str) -> str:
    """Return a hash of a table's figures: rows sorted, no digit left out."""
    table = pd.DataFrame(snapshot.table(name))[list(COLUMNS[name])].astype(object)
    lines = [json.dumps([_plain(v) for v in row]) for row in table.to_numpy().tolist()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def digests(snapshot: Snapshot) -> dict[str, str]:
    """Return the digest of each table."""
    return {name: digest(snapshot, name) for name in COLUMNS}


def assert_recorded(snapshot: Snapshot, study: str) -> None:
    """Compare with the digests that were recorded for a study."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[study]
    assert digests(snapshot) == recorded


def _plain(value: object) -> object:
    if pd.isna(value):  # type: ignore[call-overload]
        return None
    return repr(value) if isinstance(value, float) else str(value)


if __name__ == "__main__":
    print(json.dumps(digests(open_current(Path(sys.argv[1]))), indent=1))
