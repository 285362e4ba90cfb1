"""The child's part: read the new file, then the whole study with it."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from yikezhong_app.uploads.preview import preview_source
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.study import load_study

TASK: Final = "yikezhong_app.uploads.check:check_candidate"
#: Kept even where the study cannot be read with the file.
PREVIEW_FILE: Final = "preview.json"
_MOST_FINDINGS: Final = 300


def check_candidate(
    payload: dict[str, Any], folder: Path, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Read a candidate study; return what became of its rows."""
    candidate = Path(payload["candidate"])
    tell("读取上传的文件", 0.0)
    preview = preview_source(
        candidate, layer=payload["layer"], source_id=payload["source"]
    )
    text = json.dumps(preview, ensure_ascii=False)
    (folder / PREVIEW_FILE).write_text(text, encoding="utf-8")
    study = load_study(
        candidate,
        as_of=dt.date.fromisoformat(payload["as_of"]),
        accept_datum=payload["accept_datum"],
        accept_repairs=payload["accept_repairs"],
        progress=lambda step, share: tell(step, 0.1 + 0.9 * share),
    )
    report = summarise(study.report, layer=payload["layer"], file=payload["file"])
    return {
        **report,
        "divisions": len(study.divisions),
        "facilities": len(study.facilities),
        "demand": len(study.demand),
    }


def summarise(report: DataReport, *, layer: str, file: str) -> dict[str, Any]:
    """Return a report short enough for a page; what concerns a file stands first.

    Returns
    -------
    dict
        ``counts`` of every file; ``groups`` of findings by file, problem and action
        with their number and first message; ``findings`` (the first 300) and
        ``n_finding``. ``own`` says what is about the file.
    """

    def is_own(layer_: str, file_: str) -> bool:
        return layer_ == layer and file_ == file

    groups = Counter((f.layer, f.file, f.problem, f.action) for f in report.findings)
    first: dict[tuple[str, ...], str] = {}
    for f in report.findings:
        first.setdefault((f.layer, f.file, f.problem, f.action), f.message)
    names = ("layer", "file", "problem", "action")
    rows = [
        {
            **dict(zip(names, key, strict=True)),
            "n": n,
            "message": first[key],
            "own": is_own(*key[:2]),
        }
        for key, n in groups.items()
    ]
    findings = [{**asdict(f), "own": is_own(f.layer, f.file)} for f in report.findings]
    counts = [{**asdict(c), "own": is_own(c.layer, c.file)} for c in report.counts]
    return {
        "counts": sorted(counts, key=_own_first),
        "groups": sorted(rows, key=_own_first),
        "findings": sorted(findings, key=_own_first)[:_MOST_FINDINGS],
        "n_finding": len(findings),
    }


def _own_first(row: dict[str, Any]) -> bool:
    return not row["own"]
