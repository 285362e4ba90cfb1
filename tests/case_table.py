"""Which tests prove which case: ``docs/bad-inputs.md`` is made here.

``python tests/case_table.py`` writes it anew. Tests say their cases with
``@pytest.mark.case(…)``, tables of cases with the first argument of ``Refused(…)`` and
``Listed(…)``; both are read from the source, nothing is run.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "bad-inputs.md"
CATALOGUE = TESTS / "bad_inputs" / "catalogue.csv"
#: What makes a line of a table of cases.
TABLES = ("Refused", "Listed")

HEAD = """\
# Bad inputs, and what each gets

Made by `python tests/case_table.py` from `tests/bad_inputs/catalogue.csv` and the tests
that say which case they prove; a test fails where it is stale or a case has no test.

**E:Class** = the whole input is refused with a typed error that names file, layer, row
and column and says in Chinese what is wrong and what to do (exit code 2; HTTP status in
brackets, 422 unless said). **Q** = kept, with a line in the data report. **X** = left
out of the rate, listed and counted. For every load: rows read = used + repaired + set
aside, every row set aside is named with its reason, and the people of the divisions are
the people of the demand points. Never a traceback, never a silent change of a number.

The layers are named in the report (`yikezhong check STUDY --report rows.csv`); where the
catalogue and the planner's need differ, the answer says what is done.

Cases named by a title are lines of tables that run through `yikezhong check`; those that
one file can bring run through the upload as well (`app/test_upload_cases.py`): the first
of each number in the short form, all of them in the long one.
"""


def read_catalogue() -> list[dict[str, str]]:
    """Return the cases: ``case``, ``group``, ``what``, ``answer``."""
    with CATALOGUE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def find_proofs() -> dict[str, list[str]]:
    """Return by case the tests that prove it, as ``file::test`` or ``file (title)``."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        name = path.relative_to(TESTS).as_posix()
        for case, proof in _proofs_of(path):
            proofs = found.setdefault(case, [])
            text = f"{name}: {proof}"
            if text not in proofs:
                proofs.append(text)
    return found


def _proofs_of(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    if ".case(" not in text and "Refused(" not in text and "Listed(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                for value in _marked(mark):
                    yield value, f"`{node.name}`"
        elif isinstance(node, ast.Call):
            yield from _line(node)


def _line(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield number and title where the call is a line of a table of cases."""
    is_table = isinstance(call.func, ast.Name) and call.func.id in TABLES
    first = [a.value for a in call.args[:2] if isinstance(a, ast.Constant)]
    if is_table and len(first) == 2:
        yield str(first[0]), str(first[1])


def _marked(mark: ast.expr) -> list[str]:
    is_case = (
        isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Attribute)
        and mark.func.attr == "case"
    )
    if not is_case or not isinstance(mark, ast.Call):
        return []
    return [str(a.value) for a in mark.args if isinstance(a, ast.Constant)]


def build_page() -> str:
    """Return the text of ``docs/bad-inputs.md``."""
    proofs = find_proofs()
    parts = [HEAD]
    group = ""
    for case in read_catalogue():
        if case["group"] != group:
            group = case["group"]
            parts.append(f"\n## {group}\n\n| case | what | answer | proved by |")
            parts.append("|---|---|---|---|")
        proved = "; ".join(_by_file(proofs.get(case["case"], [])))
        cells = (case["case"], case["what"], case["answer"], proved)
        parts.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(parts) + "\n"


def _by_file(proofs: list[str]) -> list[str]:
    files: dict[str, list[str]] = {}
    for proof in proofs:
        file, _, what = proof.partition(": ")
        files.setdefault(file, []).append(what)
    return [f"{file}: {', '.join(what)}" for file, what in files.items()]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("\0", "\\0")


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
