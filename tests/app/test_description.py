"""The service against its own descriptions: schemathesis asks whatever they allow.

``YIKEZHONG_SOAK=1`` asks for much longer.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi_checks

from indicator_cases import DemoRun
from service_cases import API, assert_problem, make_client
from yikezhong_app.web.access import parse_tokens

SECRET = "planner-secret-0123456789"
SOAK: Final = bool(os.environ.get("YIKEZHONG_SOAK"))
#: Requests of each kind (allowed, not allowed) for an operation.
EXAMPLES: Final = 300 if SOAK else 5
#: Files that take a second each to draw.
DRAWN: Final = (".docx", ".xlsx", ".png", ".svg", ".html", "{form}")
#: What a description cannot hold is known only from the result: which services there
#: are, which limits were computed. Such requests get a 422 of another type, and what
#: a schema refuses is checked below. Errors of the server are told apart below, too.
LEFT_OUT: Final = [
    checks.not_a_server_error,
    openapi_checks.positive_data_acceptance,
]
#: OGC API Features wants a page cut to the largest size, and no error.
LARGE_LIMIT: Final = "`limit` in query - violates `maximum` at /properties/limit"


@pytest.fixture(scope="module")
def app(county_run: DemoRun) -> Iterator[FastAPI]:
    tokens = parse_tokens(f"li:planner:{SECRET}")
    names = ("testserver", "localhost")
    with make_client(county_run.out, tokens=tokens, allowed_hosts=names) as client:
        # the process of the pool takes seconds to start
        client.get(f"{API}/circles?lon=113.4&lat=31.7")
        assert isinstance(client.app, FastAPI)
        yield client.app


def complaints(case: Any) -> Iterator[str]:
    """Ask a request; yield what is wrong with the answer."""
    answer = case.call(headers={"Authorization": f"Bearer {SECRET}"}, timeout=60)
    try:
        case.validate_response(answer, excluded_checks=LEFT_OUT)
    except FailureGroup as group:
        found = [f"{type(e).__name__}: {e}" for e in group.exceptions]
        yield from (text for text in found if LARGE_LIMIT not in text)
    if answer.status_code >= 500 and answer.status_code != 503:
        yield f"status {answer.status_code}: {answer.text[:200]}"
    allowed = case.meta.generation.mode is GenerationMode.POSITIVE
    if allowed and case.method == "GET" and answer.status_code == 422:
        kind = answer.json()["type"]
        if kind.endswith(":validation"):
            yield f"the description allows what is refused: {answer.text[:300]}"


def explore(address: str, app: FastAPI) -> tuple[Counter[str], dict[str, list[str]]]:
    """Ask all operations of a description; return how often, and what was wrong."""
    schema = schemathesis.openapi.from_asgi(address, app)
    asked: Counter[str] = Counter()
    wrong: dict[str, list[str]] = defaultdict(list)
    for result in schema.get_all_operations():
        operation = result.ok()
        drawn = operation.path.endswith(DRAWN)
        examples = EXAMPLES // 15 + 1 if drawn else EXAMPLES
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                asked[case.operation.label] += 1
                for complaint in complaints(case):
                    wrong[f"{case.operation.label} {complaint}"].append(
                        case.as_curl_command()
                    )

            try:
                ask()
            except Unsatisfiable:
                # nothing can be asked wrongly where nothing is asked
                assert mode is GenerationMode.NEGATIVE
    return asked, {text: found[:1] for text, found in wrong.items()}


def test_the_api_does_what_its_description_says(app: FastAPI) -> None:
    asked, wrong = explore(f"{API}/openapi.json", app)
    assert len(asked) > 30 and {"POST /api/v1/sitings", f"GET {API}/circles"} <= set(
        asked
    )
    assert not wrong, "\n".join(f"{k}\n    {v[0][:500]}" for k, v in wrong.items())


def test_the_ogc_face_does_what_its_description_says(app: FastAPI) -> None:
    asked, wrong = explore("/ogc/api", app)
    assert len(asked) > 20
    assert not wrong, "\n".join(f"{k}\n    {v[0][:500]}" for k, v in wrong.items())


def test_every_problem_is_described_as_one(app: FastAPI) -> None:
    document = app.openapi()
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, operations in document["paths"].items():
        if not path.startswith(API):
            continue
        for operation in operations.values():
            assert {"400", "422", "503"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    content = {"application/problem+json": {"schema": problem}}
                    assert answer["content"] == content, (path, status)
                    assert answer["description"]


def test_every_parameter_and_field_is_told_what_it_is(app: FastAPI) -> None:
    document = app.openapi()
    for path, operations in document["paths"].items():
        if path.startswith(API):
            for operation in operations.values():
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "path":
                        continue
                    assert parameter.get("description"), (path, parameter["name"])
    rows = {k: v for k, v in document["components"]["schemas"].items() if "Row" in k}
    assert len(rows) > 10
    for name in ("AccessRow", "EquityRow", "RobustnessRow", "CircleRow", "CoverageRow"):
        for field, schema in rows[name]["properties"].items():
            assert schema.get("title") and not schema["title"].isascii(), (name, field)


@pytest.mark.parametrize(
    "path",
    [
        "divisions?q=%00",
        "townships/%00/coverage",
        "townships/%ff",
        "facilities?category=%00",
        "circles?facility=%00&minutes=3",
        "gaps?parent=%0d%0a",
    ],
)
def test_null_bytes_and_broken_text_are_no_error_of_the_server(
    app: FastAPI, county_run: DemoRun, path: str
) -> None:
    with make_client(county_run.out) as client:
        answer = client.get(f"{API}/{path}")
        assert answer.status_code in (200, 404, 422), answer.text
        if answer.status_code != 200:
            assert_problem(
                answer, answer.status_code, answer.json()["type"].split(":")[-1]
            )
