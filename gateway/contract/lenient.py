"""The models of the contract as a subscriber reads them, so that a newer gateway does not break an older reader.

The strict model's own core schema is rewritten: unknown fields are ignored, a word that an enumeration does not have
is read as `unknown`, and the result is a plain dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator

from gateway.errors import PermanentError

UNKNOWN = "unknown"


def read(model: type[BaseModel], value: Any, *, fill: bool = False) -> dict[str, Any]:
    """`value`, parsed from JSON, as `model` describes it. Raises PermanentError("invalid").

    It holds what was sent; with `fill` every field, those that are absent by their defaults.
    """
    try:
        found: dict[str, Any] = _validator(model, fill).validate_python(value)
    except ValidationError as error:
        raise invalid(error) from error
    return found


def invalid(error: ValidationError) -> PermanentError:
    """The first of what is wrong, without the value: it may be somebody's."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"][:6])
    return PermanentError("invalid", f"{where}: {first['msg']}"[:200])


@cache
def _validator(model: type[BaseModel], fill: bool) -> SchemaValidator:
    model.model_rebuild()
    return SchemaValidator(_relaxed(model.__pydantic_core_schema__, fill), {"strict": True, "allow_inf_nan": False})


def _relaxed(node: Any, fill: bool) -> Any:
    """A core schema, or a part of one, rewritten."""
    if isinstance(node, (list, tuple)):
        return [_relaxed(item, fill) for item in node]
    if not isinstance(node, Mapping):
        return node
    kind = node.get("type")
    if kind == "model":
        return _typed_dict(node["schema"], fill)
    if kind == "literal":
        return {"type": "union", "choices": [dict(node), _ANY_WORD], "mode": "left_to_right"}
    if kind == "union" and any(choice.get("type") == "literal" for choice in node["choices"]):
        raise TypeError("an enumeration in a union would swallow the other choices: write one Literal")
    return {key: _relaxed(value, fill) if key != "metadata" else value for key, value in node.items()}


def _unknown(word: Any) -> str:
    if not isinstance(word, str):
        raise ValueError("a word is expected")  # noqa: TRY004 pydantic reports ValueError, and passes TypeError on
    return UNKNOWN


_ANY_WORD = {"type": "function-plain", "function": {"type": "no-info", "function": _unknown}}


def _typed_dict(fields: Mapping[str, Any], fill: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in fields["fields"].items():
        schema = field["schema"]
        required = schema["type"] != "default"
        made[field.get("validation_alias", name)] = {
            "type": "typed-dict-field",
            "schema": _relaxed(schema if required or fill else schema["schema"], fill),
            "required": required,
        }
    return {"type": "typed-dict", "fields": made, "extra_behavior": "ignore"}
