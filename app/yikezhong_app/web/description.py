"""The API's own description (OpenAPI), with the problems that every route may answer.

Routes say what they answer when all is well, and what is peculiar to them; the rest
follows from the address and the method, and is written here once.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from yikezhong_app.schemas.answers import Problem

_MEDIA_TYPE: Final = "application/problem+json"
_API: Final = "/api/"
#: Status → what it means, for any route.
_ANYWHERE: Final = {
    400: "请求有误：主机名不在允许之列，或请求体无法解析",
    422: "参数不可用",
    429: "请求过于频繁，稍后再试",
    503: "还没有可用的成果，或计算任务已满，稍后再试",
}
_OF_WRITING: Final = {
    401: "需要令牌",
    403: "角色不足，或请求来自其他网站",
    413: "请求体过大",
}
_NOT_ACCEPTABLE: Final = {406: "不提供所要的格式"}
_NOT_FOUND: Final = {404: "没有这条记录"}


class DescribedApp(FastAPI):
    """A service whose description names all problems, each as problem+json."""

    def openapi(self) -> dict[str, Any]:
        """Return the description; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path, operations in document["paths"].items():
                if path.startswith(_API):
                    for method, operation in operations.items():
                        _add_problems(method, operation)
            schemas = document["components"]["schemas"]
            schemas.setdefault("Problem", Problem.model_json_schema())
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            self.openapi_schema = document
        return self.openapi_schema


def _add_problems(method: str, operation: dict[str, Any]) -> None:
    """Put the problems into an operation's answers."""
    parameters = operation.get("parameters", [])
    names = {parameter["name"] for parameter in parameters}
    expected = dict(_ANYWHERE)
    if method != "get":
        expected |= _OF_WRITING
    if "format" in names:
        expected |= _NOT_ACCEPTABLE
    if parameters or method != "get":
        expected |= _NOT_FOUND
    answers = operation["responses"]
    for status, description in expected.items():
        answers.setdefault(str(status), {"description": description})
    for status, answer in answers.items():
        if int(status) >= 400:
            schema = {"$ref": "#/components/schemas/Problem"}
            answer["content"] = {_MEDIA_TYPE: {"schema": schema}}
            if status == "422":
                answer["description"] = _ANYWHERE[422]
