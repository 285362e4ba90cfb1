"""However a study is cut, its figures are those of the whole, to the last bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parted_run_cases import assert_same_tables, tables_of, whole
from random_study_cases import random_cut, random_study, studies_and_cuts
from yikezhong_app.runs import pipeline

SOAK = os.environ.get("YIKEZHONG_SOAK") == "1"
TIMES = settings(
    max_examples=400 if SOAK else 12,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@TIMES
@given(data=st.data())
def test_a_cut_changes_nothing(folder: Path, data: st.DataObject) -> None:
    study, cut = data.draw(studies_and_cuts(folder))
    assert_same_tables(tables_of(study, cut), tables_of(study, whole(study)))


def test_it_is_seen_when_parts_look_around_too_little(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a halo the random studies do differ: the test above can fail."""
    usual = pipeline._reach_m

    def short(*arguments: Any) -> Mapping[str, float]:
        return {**usual(*arguments), "halo": 0.0}

    differ = 0
    for seed in (103, 106):
        random = np.random.default_rng(seed)
        study = random_study(folder, random, stated="no", by_car=False)
        cut = random_cut(study, random)
        expected = tables_of(study, whole(study))
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "_reach_m", short)
            found = tables_of(study, cut)
        try:
            assert_same_tables(found, expected)
        except AssertionError:
            differ += 1
    assert differ == 2
