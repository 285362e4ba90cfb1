"""A study read back from its result: what scenarios stand on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from indicator_cases import END, DemoRun, edit_study, make_county
from yikezhong_app.runs.kept_study import (
    KEY,
    StudyNotKeptError,
    keep_study,
    read_study,
)
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_geodata.plans.check import SHIPPED
from yikezhong_geodata.plans.marked_yaml import shipped_bytes
from yikezhong_geodata.study import Study, load_study


@pytest.fixture(scope="module")
def pair(county_run: DemoRun) -> tuple[Study, Study]:
    """Return the study as loaded, and as its result holds it."""
    loaded = load_study(county_run.study, as_of=END)
    return loaded, read_study(open_current(county_run.out))


def test_what_decides_a_number_is_the_same(pair: tuple[Study, Study]) -> None:
    loaded, kept = pair
    assert kept.services == loaded.services
    assert kept.plan_inputs.plans == loaded.plan_inputs.plans
    assert kept.plan_inputs.statistics == loaded.plan_inputs.statistics
    assert len(kept.plan_inputs.statistics) > 5
    assert kept.spec.parameters == loaded.spec.parameters
    assert kept.as_of == loaded.as_of
    for name in ("divisions", "facilities", "demand"):
        one, other = getattr(loaded, name), getattr(kept, name)
        assert list(one.columns) == list(other.columns)
        assert len(one) == len(other)


@pytest.mark.parametrize("profile", ["walking", "driving"])
def test_roads_are_the_same_to_the_last_bit(
    pair: tuple[Study, Study], profile: str
) -> None:
    loaded, kept = (study.roads[profile] for study in pair)
    for name, values in vars(loaded).items():
        np.testing.assert_array_equal(values, getattr(kept, name), err_msg=name)


def test_a_plan_of_the_users_own_is_kept(county_run: DemoRun, tmp_path: Path) -> None:
    """Its file is not needed again, and its readings are those of the study."""
    study = make_county(tmp_path / "study")
    own = shipped_bytes("suizhou-14fyp.yaml").decode("utf-8")
    assert "suizhou-14fyp" in SHIPPED
    (study / "plans").mkdir()
    text = own.replace("id: suizhou-14fyp", "id: own-plan").replace("SZ-", "OWN-")
    (study / "plans" / "own.yaml").write_text(text, encoding="utf-8")
    edit_study(study, drop='plans = ["hubei-14fyp", "suizhou-14fyp"]\n')
    path = study / "study.toml"
    changed = path.read_text(encoding="utf-8").replace(
        "[study]\n", '[study]\nplans = ["plans/own.yaml"]\n'
    )
    changed = changed.replace(
        "plan_parameters.suizhou-14fyp", "plan_parameters.own-plan"
    )
    path.write_text(changed, encoding="utf-8")
    loaded = load_study(study, as_of=END)
    kept = keep_study(loaded)
    assert kept["plan_files"] == {"plans/own.yaml": text}
    assert kept["plan_parameters"]["own-plan"]["river_m"] == 100
    shutil.rmtree(study)
    snapshot = open_current(county_run.out)
    manifest = {**snapshot.manifest, "plans": list(loaded.spec.plans), KEY: kept}
    found = read_study(Snapshot(snapshot.folder, manifest)).plan_inputs.plans
    assert found == loaded.plan_inputs.plans
    assert [plan.id for plan in found] == ["own-plan"]


def test_a_result_without_its_study_says_what_to_do(
    county_run: DemoRun, tmp_path: Path
) -> None:
    snapshot = open_current(county_run.out)
    without = {k: v for k, v in snapshot.manifest.items() if k != KEY}
    with pytest.raises(StudyNotKeptError) as raised:
        read_study(Snapshot(snapshot.folder, without))
    assert "yikezhong run" in str(raised.value.hint)
