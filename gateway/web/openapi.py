"""The OpenAPI document: every route's errors are problem+json, and none says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.web.api.common import PREFIX, Problem, errors

EVERYWHERE = (404, 409, 429, 503)
"""What any may answer beside 401, 403, 422: it is not there, does not fit, too often, the archive cannot be read."""
OURS = ("HTTPValidationError", "ValidationError")
"""The framework's own words for a mistake, which are never sent."""


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """For `app.openapi`. Made once, when it is asked for first."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes))
            _complete(made)
        return made

    return openapi


def _complete(made: dict[str, Any]) -> None:
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(Problem.model_json_schema(ref_template="#/components/schemas/{model}").pop("$defs", {}))
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    problem.pop("$defs", None)
    schemas["Problem"] = problem
    common = {str(status): answer for status, answer in errors(*EVERYWHERE).items()}
    for path, operations in made["paths"].items():
        if not path.startswith(PREFIX):
            continue
        for operation in operations.values():
            answers = operation["responses"]
            if "HTTPValidationError" in str(answers.get("422")):
                del answers["422"]
            for status, answer in common.items():
                if status not in answers:
                    answers[status] = answer
            operation["responses"] = dict(sorted(answers.items()))
    for name in OURS:
        schemas.pop(name, None)
