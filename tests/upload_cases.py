"""A service with a study that can be changed, and what a client does there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service_cases import API, make_client
from study_cases import write_study
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.snapshots.manifest import run_key
from yikezhong_app.uploads.tasks import evaluation_day
from yikezhong_app.web.access import parse_tokens
from yikezhong_geodata.study import load_study

EDITOR, PLANNER = "editor-secret-0123456789", "planner-secret-0123456789"
TOKENS = f"zhao:editor:{EDITOR}, li:planner:{PLANNER}"
HEADERS = {"Authorization": f"Bearer {EDITOR}"}


@dataclass(frozen=True)
class Ground:
    """A study folder and its result folder, both small."""

    study: Path
    out: Path

    def client(self, **settings: Any) -> Any:
        """Return a client of a service over them."""
        return make_client(
            self.out, tokens=parse_tokens(TOKENS), study=self.study, **settings
        )


def make_ground(folder: Path, *, run: bool = True) -> Ground:
    """Write the hand-made study, and run it."""
    study = write_study(folder / "study")
    out = folder / "out"
    if run:
        day = evaluation_day(study)
        key = run_key(study, as_of=day, accepted=[])
        run_study(load_study(study, as_of=day), out, key=key)
    return Ground(study, out)


def bring(
    client: Any,
    path: Path,
    layer: str,
    *,
    name: str | None = None,
    headers: Mapping[str, str] = HEADERS,
    **fields: Any,
) -> Any:
    """Upload a file; return the answer."""
    data = {
        key: json.dumps(value) if isinstance(value, dict) else str(value)
        for key, value in fields.items()
    }
    with path.open("rb") as stream:
        return client.post(
            f"{API}/uploads",
            data={"layer": layer, **data},
            files={"file": (name or path.name, stream)},
            headers=dict(headers),
        )


def settle(client: Any, row: Mapping[str, Any], *, seconds: float = 120.0) -> Any:
    """Return an upload when nothing is being done to it any more."""
    until = time.monotonic() + seconds
    while True:
        found = client.get(row["links"]["self"], headers=HEADERS).json()
        if found["status"] not in ("checking", "publishing"):
            return found
        if time.monotonic() > until:
            raise TimeoutError(found["step"])
        time.sleep(0.05)


def confirm(client: Any, row: Mapping[str, Any]) -> Any:
    """Confirm an upload; return the answer."""
    return client.post(f"{row['links']['self']}/confirm", headers=HEADERS)
