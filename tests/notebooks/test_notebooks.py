"""The notebooks run from a clean kernel, and are kept without outputs or paths."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("01_first_study", "02_circles_and_rates", "03_plan_scorecard", "04_siting")
#: A home, a drive or a root folder, as a machine's own paths begin.
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.~/])/(?:home|root|Users|work|tmp|mnt|opt|var|usr|srv|data)\b|\b[A-Z]:\\"
)
OWN_PACKAGES = ("yikezhong_app", "yikezhong_coverage", "yikezhong_geodata")
#: Longest time one cell may take on a busy machine [s].
CELL_LIMIT_S = 240

#: What must be true in the kernel after the last cell.
CHECKS = {
    "01_first_study": """
assert counts["balanced"].all() and len(counts) > 10
assert set(findings["problem"]) >= set(to_check)
assert len(townships) == 12 and townships["rate"].between(0, 1).all()
assert people["rate"].is_monotonic_increasing
total = people["covered"] + people["full"] + people["out_of_reach"]
assert (total == people["total"]).all()
assert townships["covered"].sum() == people["covered"][900]
assert reasons.astype(float).sum() == whole["without"] == people["out_of_reach"][900]
assert 0 < nearby["without"].sum() <= whole["without"]
""",
    "02_circles_and_rates": """
assert area_km2[0.8] < area_km2[1.0] < area_km2[1.2]
for speed in networks:
    assert (table[(speed, "own")] <= table[(speed, "with_neighbours")]).all()
for variant in VARIANTS:
    assert (table[(0.8, variant)] <= table[(1.0, variant)]).all()
    assert (table[(1.0, variant)] <= table[(1.2, variant)]).all()
assert len(figure.axes) == 1
""",
    "03_plan_scorecard": """
assert all(agree) and len(agree) > 1000
assert {line.result.status for line in short_of} == {"not_met"}
assert disputed and all(line.conflicts for line in disputed)
assert len(result.failing_codes) == result.denominator - result.numerator
assert set(circles["indicator_id"]) >= {"HB-25", "SZ-13"}
assert not circles["reason"].notna().any()
assert unknown["reason"].notna().all()
assert len(turning) and {0.8, 1.0, 1.2} <= set(turning["speed_mps"])
assert not circles["flips"].any()
""",
    "04_siting": """
assert best.proven and len(best.chosen) == 10
assert best.covered_people == after.covered.sum() > before.covered.sum()
assert order.covered_people[-1] == best.covered_people
assert order.gain.sum() == best.covered_people - best.start_people
assert not halted.proven and halted.bound > halted.objective
assert halted.bound >= best.objective >= halted.objective
for n, plan_of_n in zip(numbers, curve, strict=True):
    assert plan_of_n.proven and len(plan_of_n.chosen) <= n
assert fewest.proven and fewest.covered_people >= 0.5 * fewest.total_people
fewer = curve[int(fewest.objective) - 2]
assert fewer.bound < 0.5 * fewer.total_people
assert len(lost)
""",
}


def read(name: str) -> Any:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES) == set(CHECKS)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_stripped(name: str) -> None:
    notebook = read(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None
        assert cell.metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 40_000


@pytest.mark.parametrize("name", NAMES)
def test_no_absolute_path_is_kept(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert ABSOLUTE_PATH.search(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Path("/home/me/study")', True),
        (r"C:\study", True),
        ('"/tmp/x"', True),
        ("[900 / 60] 5 / 10 https://example.org/data", False),
        ("notebooks/data", False),
    ],
)
def test_absolute_paths_are_recognised(text: str, found: bool) -> None:
    assert (ABSOLUTE_PATH.search(text) is not None) is found


@pytest.mark.parametrize("name", NAMES)
def test_only_public_names_are_used(name: str) -> None:
    for cell in read(name).cells:
        if cell.cell_type == "code":
            assert not re.search(r"(?:\.|import )_[a-z]", cell.source), cell.source


# what the libraries of the kernel warn of in this process is theirs
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", NAMES)
def test_runs_from_a_clean_kernel(name: str, tmp_path: Path) -> None:
    notebook = read(name)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECKS[name]))
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_LIMIT_S,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with tempfile.TemporaryDirectory() as sockets:
        kernel = client.create_kernel_manager()
        # sockets are files with short names: no port of the machine is opened
        kernel.transport = "ipc"
        kernel.ip = f"{sockets}/kernel"
        client.execute()
    printed = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert not [text for text in printed if any(own in text for own in OWN_PACKAGES)]
    assert not list(tmp_path.iterdir())
