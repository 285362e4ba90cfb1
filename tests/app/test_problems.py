"""Wrong requests get problem documents in Chinese; internals never leak."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from snapshot_cases import WEST, write_small_snapshot
from yikezhong_app.snapshots import snapshot
from yikezhong_app.web import problems, request_errors
from yikezhong_app.web.problems import TABLE, problem_kind
from yikezhong_coverage import errors
from yikezhong_coverage.errors import GraphError, InputError, PlannerError, SourceError


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    with make_client(folder) as opened:
        yield opened


@pytest.mark.case(83, 84)
@pytest.mark.parametrize(
    "minutes",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "1e400",
        "-5",
        "0",
        "1e308",
        "120.1",
        "x",
        "",
    ],
)
@pytest.mark.parametrize(
    "path", ["coverage", "gaps", "circles", f"townships/{WEST}/coverage"]
)
def test_minutes_must_be_a_time(client: TestClient, path: str, minutes: str) -> None:
    response = client.get(f"{API}/{path}", params={"minutes": minutes})
    problem = assert_problem(response, 422, "validation")
    assert [e["parameter"] for e in problem["errors"]] == ["minutes"]
    assert problem["detail"].startswith("minutes：")


def test_minutes_not_computed_name_those_that_are(client: TestClient) -> None:
    for path in ("coverage", f"townships/{WEST}/coverage"):
        response = client.get(f"{API}/{path}", params={"minutes": 7})
        problem = assert_problem(response, 422, "parameter")
        assert problem["parameter"] == "minutes"
        assert problem["available"] == [5, 15, 30]
    problem = assert_problem(client.get(f"{API}/circles?minutes=7"), 422, "parameter")
    assert problem["available"] == [15]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("coverage?service=nothing", "service"),
        ("coverage?level=province", "level"),
        ("coverage?denominator=households", "denominator"),
        ("gaps?service=nothing", "service"),
        ("gaps?reason=nothing", "reason"),
        ("gaps?variant=own", "variant"),
        ("facilities?category=nothing", "category"),
        ("facilities?service=nothing", "service"),
        ("roads?class=nothing", "class"),
    ],
)
def test_what_is_not_there_names_what_is(
    client: TestClient, query: str, parameter: str
) -> None:
    problem = assert_problem(client.get(f"{API}/{query}"), 422, "parameter")
    assert problem["parameter"] == parameter
    assert problem["available"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("coverage?level=planet", "level"),
        ("coverage?variant=mine", "variant"),
        ("coverage?minuts=15", "minuts"),
        ("coverage?format=pdf", "format"),
        ("coverage?limit=0", "limit"),
        ("coverage?limit=1000000", "limit"),
        ("coverage?limit=1.5", "limit"),
        ("coverage?offset=-1", "offset"),
        ("coverage?offset=99999999999999999999", "offset"),
        ("coverage?service=%00", "service"),
        ("coverage?service=a%0Ab", "service"),
        ("divisions?simplify=nan", "simplify"),
        ("divisions?simplify=-1", "simplify"),
        ("divisions?q=", "q"),
        ("divisions?parent=..%2F..", "parent"),
        ("facilities?bbox=1,2,3", "bbox"),
        ("facilities?bbox=nan,0,1,1", "bbox"),
        ("facilities?bbox=0,0,1,inf", "bbox"),
        ("facilities?status=ruined", "status"),
        ("circles?union=perhaps", "union"),
    ],
)
def test_malformed_parameters(client: TestClient, query: str, parameter: str) -> None:
    problem = assert_problem(client.get(f"{API}/{query}"), 422, "validation")
    assert [e["parameter"] for e in problem["errors"]] == [parameter]
    assert "不可用" not in problem["errors"][0]["message"]


def test_a_box_whose_west_is_east_of_its_east_is_refused(client: TestClient) -> None:
    answer = client.get(f"{API}/facilities?bbox=10,0,1,1")
    problem = assert_problem(answer, 422, "parameter")
    assert "西不大于东" in problem["detail"]


@pytest.mark.case(85)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("townships/999999999", 404),
        ("townships/999999999999/coverage", 404),
        ("townships/999999999/gaps", 404),
        ("townships/没有这个镇", 404),
        ("townships/%00", 422),
        ("townships/421303001%00", 422),
        ("townships/%ff", 422),
        ("townships/%ff%fe/coverage", 422),
        ("townships/%0d%0aX: y", 422),
        ("townships/" + "9" * 65, 422),
        ("townships/..%2f..", 404),
        ("townships/..%2f..%2fetc%2fpasswd", 404),
        ("townships/%2e%2e%2f%2e%2e/coverage", 404),
        ("townships/%2fvsicurl%2fhttp:%2f%2fx", 404),
        ("townships/PG:dbname=x", 422),
        ("townships/{{7*7}}", 422),
        ("townships/<script>", 422),
        ("townships/", 404),
        ("nothing", 404),
        ("circles?facility=%2Fvsicurl%2Fhttp%3A%2F%2Fx", 404),
        ("facilities?township=999", 404),
        ("divisions?parent=999", 404),
    ],
)
def test_addresses_that_lead_nowhere(
    client: TestClient, path: str, status: int
) -> None:
    response = client.get(f"{API}/{path}", follow_redirects=False)
    assert response.status_code == status, response.text
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert "49" not in problem.get("detail", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_only_reading(client: TestClient, method: str) -> None:
    response = client.request(method, f"{API}/study")
    assert_problem(response, 405, "http-405")
    assert response.headers["allow"] == "GET"


def test_an_unforeseen_failure_says_nothing(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret /etc/passwd")

    monkeypatch.setattr("yikezhong_app.routes.study.study_record", fail)
    response = client.get(f"{API}/study?format=json")
    problem = assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert problem["trace_id"] in [r.__dict__.get("trace_id") for r in caplog.records]
    assert response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (InputError("缺少列", file="甲.csv"), 422, True),
        (GraphError("断开"), 422, True),
        (SourceError("连接 10.0.0.1 失败"), 502, False),
        (PlannerError("内部状态"), 500, False),
    ],
)
def test_errors_of_the_layers_below(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    error: PlannerError,
    status: int,
    told: bool,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("yikezhong_app.routes.study.study_record", fail)
    response = client.get(f"{API}/study?format=json")
    assert response.status_code == status
    assert (error.message in response.text) == told


def _errors_of(module: object) -> set[type[PlannerError]]:
    return {
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, PlannerError)
    }


def test_every_error_has_a_place_in_the_table() -> None:
    """Own statuses agree with the table; no entry hides behind an earlier one."""
    for cls in _errors_of(errors) | _errors_of(request_errors):
        kind = next(kind for base, kind in TABLE if issubclass(cls, base))
        assert kind.status == cls.http_status, cls
    for cls in _errors_of(snapshot) - _errors_of(errors):
        assert next(k for base, k in TABLE if issubclass(cls, base)).status == 503, cls
    classes = [cls for cls, _ in TABLE]
    for i, cls in enumerate(classes):
        assert not any(issubclass(cls, earlier) for earlier in classes[:i]), cls
    assert problem_kind(KeyError("x")).status == 500
    assert not any(kind.tell for _, kind in TABLE if kind.status >= 500)


def test_all_parameter_messages_are_chinese() -> None:
    for text in problems.PARAMETER_MESSAGES.values():
        bare = text.replace("true", "").replace("false", "")
        assert text == "{error}" or any("一" <= c <= "鿿" for c in bare)
