"""Reads office.yaml and reports every mistake at once, with file, line and what to do.

Three passes whose mistakes are reported together: YAML (what can be read of it), the model (types, limits, unknown
names), and references (a sensor bound to a place that no floor has). References are checked in a file whose model is
wrong as well (draft.py), apart from those that another mistake explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.draft import Draft
from gateway.config.model import Office
from gateway.config.references import References
from gateway.config.types import FORMS
from gateway.errors import ConfigError, Problem


def load(path: Path, *, drivers: Iterable[str] | None = None, instead: bytes | None = None) -> Office:
    """The office that `path` describes. `instead`: what would stand in the file, before it is written.

    `drivers` are those that are installed: names, or better a mapping of names to drivers, so that it is checked as
    well whether a driver reads what its source brings. Without them drivers are not checked.
    Raises ConfigError with every mistake.
    """
    document = Document.read(path) if instead is None else Document.parse(instead, str(path))
    found = list(document.problems)
    damaged: dict[Where, str] = {}
    base = path.parent.resolve()
    try:
        office = Office.model_validate(document.data, context={"base": base})
    except ValidationError as error:
        draft = Draft(document.data, base)
        office = draft.office
        for where, text in _model_problems(document.data, draft, error):
            damaged[where] = text
            found.append(document.problem(where, text))
    found += References(office, document, drivers, frozenset(damaged)).problems()
    if found:
        raise ConfigError(*_sorted(found))
    return office


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.text))


def _model_problems(data: Any, draft: Draft, error: ValidationError) -> Iterator[tuple[Where, str]]:
    for item in error.errors(include_url=False):
        where = _existing(data, item["loc"])
        last = str(item["loc"][-1]) if item["loc"] else ""
        match item["type"]:
            case "extra_forbidden":
                model = draft.models.get(where[:-1], Office)
                yield where, f'"{short(last)}" is not a setting here' + did_you_mean(last, model.model_fields)
            case "missing":
                inside = _name(where)
                yield (*where, last), f'"{last}" is missing' + (f" in {inside}" if inside else "")
            case "union_tag_not_found":
                last = _discriminator(item)
                yield (*where, last), f'"{last}" is missing in {_name(where)}'
            case "union_tag_invalid":
                where = (*where, _discriminator(item))
                yield where, f"{_name(where)} {_one_of(item['ctx']['expected_tags'], item['ctx']['tag'])}"
            case "invalid_key":
                continue  # the document has said so
            case _:
                yield where, f"{_name(where)} {_words(item)}"


def _words(item: ErrorDetails) -> str:
    """What a value must be, and what it is."""
    kind, ctx = item["type"], item.get("ctx", {})
    given = item["input"]
    match kind:
        case "string_pattern_mismatch":
            return f'"{short(given)}" is not {FORMS.get(ctx["pattern"], "of the form that is wanted")}'
        case "literal_error":
            return _one_of(ctx["expected"].replace(" or ", ", "), given)
        case "value_error":
            text = str(ctx["error"])
        case "string_type":
            text = "must be text" + ("; put it in quotes" if isinstance(given, bool | int | float) else "")
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            text = f"has more than {ctx['max_length']} characters"
        case "too_short":
            text = "must name one at least"
        case "too_long":
            text = f"names more than {ctx['max_length']}"
        case "int_type" | "int_parsing" | "int_from_float":
            text = "must be a whole number"
        case "float_type" | "float_parsing" | "finite_number":
            text = "must be a number"
        case "bool_type" | "bool_parsing":
            text = "must be true or false"
        case "tuple_type":
            text = "must be a list"
        case "model_type" | "model_attributes_type" | "dict_type":
            text = "must be a mapping (name: value)"
        case "path_type":
            text = "must be the path of a file"
        case "greater_than":
            text = f"must be more than {ctx['gt']:g}"
        case "greater_than_equal":
            text = f"must be at least {ctx['ge']:g}"
        case "less_than_equal":
            text = f"must be at most {ctx['le']:g}"
        case _:
            text = item["msg"][:1].lower() + item["msg"][1:]
    return f"{text} (it is {_shown(given)})"


def _one_of(expected: str, given: Any) -> str:
    """`expected` as pydantic lists it: 'desk', 'room'."""
    words = [word.strip().strip("'") for word in expected.split(",")]
    listed = " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
    return f"must be {listed} (it is {_shown(given)})" + did_you_mean(str(given), words)


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return f'"{short(value)}"' if isinstance(value, str) else short(value)


def _discriminator(item: ErrorDetails) -> str:
    return str(item.get("ctx", {})["discriminator"]).strip("'")


def _name(where: Where) -> str:
    """`gateways.sources.port`."""
    return ".".join(short(step) for step in where if not isinstance(step, int))


def _existing(data: Any, loc: Where) -> Where:
    """`loc` without what the file does not have: a tagged union puts its tag into the path."""
    path: Where = ()
    here = data
    for step in loc:
        within = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if within or (isinstance(here, dict) and step in here):
            here = here[step]
            path = (*path, step)
    return path
