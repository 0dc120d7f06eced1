"""Reads office.yaml and reports every mistake at once, with file, line and what to do.

Three passes, each over what the one before left whole: YAML, the model (types, limits, unknown keys), and references
(a sensor bound to a place that no floor has). All mistakes of a pass are reported together.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from gateway.config import model
from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.model import Office
from gateway.config.references import References
from gateway.errors import ConfigError, Problem


def load(path: Path, *, drivers: Iterable[str] | None = None) -> Office:
    """The office that `path` describes.

    `drivers` are the names that are installed; without them names of drivers are not checked.
    Raises ConfigError with every mistake.
    """
    document = Document.read(path)
    try:
        office = Office.model_validate(document.data, context={"base": path.parent.resolve()})
    except ValidationError as error:
        raise ConfigError(*_sorted(_model_problems(document, error))) from error
    found = _sorted(References(office, document, frozenset(drivers) if drivers is not None else None).problems())
    if found:
        raise ConfigError(*found)
    return office


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.text))


def _model_problems(document: Document, error: ValidationError) -> Iterable[Problem]:
    for item in error.errors():
        path = _existing(document, item["loc"])
        where = ".".join(str(step) for step in item["loc"] if not isinstance(step, int))
        kind = item["type"]
        if kind == "extra_forbidden":
            text = f'"{item["loc"][-1]}" is not a setting here'
            text += did_you_mean(str(item["loc"][-1]), _known_fields())
        elif kind == "missing":
            text = f'"{item["loc"][-1]}" is missing (in {where})'
        elif kind == "string_pattern_mismatch":
            text = f'{where}: "{short(item["input"])}" is not an identifier'
            text += ": lower-case letters, digits and inner hyphens, 1 to 32"
        else:
            message = item["msg"][0].lower() + item["msg"][1:]
            text = f"{where}: {message} (it is {short(item['input'])!r})"
        yield document.problem(path, text)


def _existing(document: Document, loc: Where) -> Where:
    """`loc` without what the file does not have: a tagged union puts its tag into the path."""
    path: Where = ()
    here = document.data
    for step in loc:
        within = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if within or (isinstance(here, dict) and step in here):
            here = here[step]
            path = (*path, step)
    return path


def _known_fields() -> list[str]:
    """Every setting that there is, for suggestions."""
    models = [thing for thing in vars(model).values() if isinstance(thing, type) and issubclass(thing, model.Model)]
    return sorted({name for thing in models for name in thing.model_fields})
