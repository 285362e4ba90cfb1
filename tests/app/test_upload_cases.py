"""Every bad input of the catalogue that is a file, through the upload face.

The cases are those of ``tests/bad_inputs``: a small study with one thing wrong. Here
the study of the service is good, and the wrong file comes as an upload.
"""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bad_input_cases import Listed, Refused, strip_people
from service_cases import API
from study_cases import write_study
from upload_cases import HEADERS, Ground, bring, make_ground, settle
from yikezhong_geodata.study_sources import StudySource, list_sources

CASES = Path(__file__).resolve().parents[1] / "bad_inputs"
CHINESE = re.compile("[一-鿿]")
#: Parts of a shapefile; a browser brings them in one archive.
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
#: Settings of the command line that the form has too.
FLAGS = {"--accept-datum": "accept_datum", "--accept-repairs": "accept_repairs"}


def read_cases(name: str) -> list[Any]:
    """Return the cases of one of the tables, by their number.

    The first of each number; its relatives too in the long form of the tests.
    """
    found = []
    for path in sorted(CASES.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += getattr(module, name, [])
    if not os.environ.get("YIKEZHONG_SOAK"):
        found = [*{case.number: case for case in reversed(found)}.values()]
    return sorted(found, key=lambda case: (case.number, case.title))


@dataclass(frozen=True)
class Brought:
    """What a browser sends for a case: one file, its layer and settings."""

    path: Path
    layer: str
    fields: dict[str, Any]


def brought_by(case: Refused | Listed, good: Path, folder: Path) -> Brought | None:
    """Return the upload that makes the good study the case's; None where none does."""
    study = write_study(folder / "case")
    case.edit(study)
    try:
        sources = list_sources(study)
    except ValueError:
        return None  # the settings themselves are wrong
    known = {source.id: source for source in list_sources(good)}
    changed = [s for s in sources if is_changed(s, known.get(s.id), study, good)]
    # people that move from the boundaries to a table change two files: the good
    # study of these cases has no people either
    changed = [s for s in changed if s.layer == "population"] or changed
    if len(changed) != 1:
        return None
    (source,) = changed
    before = known.get(source.id)
    settings = {
        key: value
        for key, value in source.settings.items()
        if before is None or before.settings.get(key) != value
    }
    settings.update({FLAGS[flag]: "true" for flag in case.flags})
    settings["source"] = source.id if before is not None else "new"
    return Brought(in_one_file(study / source.file), source.layer, settings)


def is_changed(
    source: StudySource, before: StudySource | None, study: Path, good: Path
) -> bool:
    if before is None or source.settings != before.settings:
        return True
    if source.file != before.file:
        return True
    return (study / source.file).read_bytes() != (good / before.file).read_bytes()


def in_one_file(path: Path) -> Path:
    """Return a shapefile as the archive of its parts, any other file as it is."""
    if path.suffix != ".shp":
        return path
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for suffix in PARTS:
            part = path.with_suffix(suffix)
            if part.exists():
                archive.write(part, part.name)
    return packed


@dataclass(frozen=True)
class Face:
    """A client and the good study behind it."""

    client: Any
    ground: Ground


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Face]]:
    """Return services over the good study, and over the one without people.

    They have a temporary folder of their own, which must stay empty.
    """
    patch = pytest.MonkeyPatch()
    patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
    patch.setattr(tempfile, "tempdir", None)
    found = {}
    clients = []
    for has_people in (True, False):
        ground = make_ground(tmp_path_factory.mktemp("cases"), run=False)
        if not has_people:
            strip_people(ground.study)
        client = ground.client(upload_limit=3)
        client.__enter__()
        clients.append(client)
        found[has_people] = Face(client, ground)
    yield found
    for client in clients:
        client.__exit__(None, None, None)
    patch.undo()


def upload(
    case: Refused | Listed, faces: dict[bool, Face], folder: Path
) -> tuple[Face, Brought, dict[str, Any]]:
    """Bring a case's file; return what the service says when it has looked."""
    face = faces[True]
    made = brought_by(case, face.ground.study, folder)
    if made is None:
        pytest.skip("no file that a browser could bring makes this case")
    if made.layer == "population":
        face = faces[False]
    before = contents(face.ground.study)
    answer = bring(face.client, made.path, made.layer, **made.fields)
    assert answer.status_code == 201, answer.text
    found = settle(face.client, answer.json())
    report = face.client.get(found["links"]["report"], headers=HEADERS)
    found["report_status"], found["report_text"] = report.status_code, report.text
    removed = face.client.delete(found["links"]["self"], headers=HEADERS)
    assert removed.status_code == 204
    # nothing of it is left, and the study is untouched
    assert [*(face.ground.study / ".uploads").iterdir()] == []
    assert contents(face.ground.study) == before
    assert [*Path(tempfile.gettempdir()).iterdir()] == []
    return face, made, found


def contents(study: Path) -> dict[str, bytes]:
    """Return the files of a study's folder and of the one above it, as they are."""
    root = study.parent
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".uploads" not in path.parts and path.name != ".lock"
    }


@pytest.mark.parametrize(
    "case", read_cases("REFUSED"), ids=lambda c: f"{c.number} {c.title}"
)
def test_refused(case: Refused, faces: dict[bool, Face], tmp_path: Path) -> None:
    _, made, found = upload(case, faces, tmp_path)
    assert found["status"] == "refused"
    error = found["error"]
    assert (error["code"], error["status"]) == (case.code, case.status), error
    # a shapefile's parts are named by the archive that they came in
    file = made.path.name if case.file.endswith(".shp") else case.file
    assert error["file"] == file, error
    assert case.row is None or error["row"] == case.row
    assert case.column is None or error["column"] == case.column
    assert CHINESE.search(error["message"]) and case.says in error["text"]
    assert file in error["text"]
    assert case.row is None or f"第 {case.row} 行" in error["text"]
    # asked for its report, the answer is the error with its status
    assert found["report_status"] == case.status
    assert CHINESE.search(found["report_text"])
    assert "Traceback" not in found["report_text"] and ".py" not in found["report_text"]
    assert str(tmp_path) not in found["report_text"]


@pytest.mark.parametrize(
    "case", read_cases("LISTED"), ids=lambda c: f"{c.number} {c.title}"
)
def test_listed(case: Listed, faces: dict[bool, Face], tmp_path: Path) -> None:
    found = upload(case, faces, tmp_path)[2]
    assert found["status"] == "ready", found["error"]
    assert found["report_status"] == 200
    report = found["report"]
    lines = [
        line
        for line in report["findings"]
        if (line["problem"], line["action"]) == (case.problem, case.action)
    ]
    assert lines, report["groups"]
    assert all(CHINESE.search(line["message"]) for line in lines)
    if case.rows:
        assert tuple(line["row"] for line in lines) == case.rows
    if case.ids:
        assert tuple(line["id"] for line in lines) == case.ids
    for count in report["counts"]:
        assert count["read"] == count["used"] + count["repaired"] + count["set_aside"]
    assert len(report["findings"]) == report["n_finding"]
    if case.people is not None:
        (people,) = [
            line
            for line in report["findings"]
            if line["problem"] == "people_conserved"
            and line["message"].startswith("people：")
        ]
        assert float(people["value"]) == pytest.approx(case.people, abs=1e-6)


def test_the_catalogue_is_covered() -> None:
    """The tables are read, and most of their cases can be brought by a browser."""
    numbers = {case.number for case in [*read_cases("REFUSED"), *read_cases("LISTED")]}
    assert set(range(1, 40)) - {35, 36, 37} <= numbers


@pytest.mark.parametrize(
    "name", ["../../a.csv", "/etc/cron.d/a.csv", "a\x00.csv", "study.toml", ".a.csv"]
)
def test_a_name_leads_nowhere(
    faces: dict[bool, Face], tmp_path: Path, name: str
) -> None:
    """Case 86: only the end of a name is taken, and what is there is not overwritten."""
    face = faces[True]
    before = contents(face.ground.study)
    path = face.ground.study / "facilities.csv"
    answer = bring(face.client, path, "facilities", name=name)
    assert answer.status_code == 201, answer.text
    found = settle(face.client, answer.json())
    folder = face.ground.study / ".uploads" / found["id"] / "study"
    kept = {p.name for p in folder.iterdir()}
    assert found["file"] in kept
    assert "/" not in found["file"] and not found["file"].startswith(".")
    settings = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    assert settings["facilities"] == [{"file": found["file"]}]
    assert contents(face.ground.study) == before
    face.client.delete(found["links"]["self"], headers=HEADERS)


@pytest.mark.parametrize(
    "source", ["../x", "http://127.0.0.1:9/a", "/vsicurl/x", "PG:db", "facilities-9"]
)
def test_a_source_is_an_id(faces: dict[bool, Face], source: str) -> None:
    """Case 86: files of the study are named by ids, never by paths."""
    face = faces[True]
    path = face.ground.study / "facilities.csv"
    answer = bring(face.client, path, "facilities", source=source)
    assert answer.status_code == 422, answer.text
    assert CHINESE.search(answer.json()["detail"])
    assert face.client.get(f"{API}/uploads", headers=HEADERS).json()["total"] == 0
