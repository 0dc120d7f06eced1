"""What a device means by its fields or registers: written in office.yaml, or in a YAML file that several share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.config.document import Document
from gateway.errors import ConfigError, Problem


def read(find: Callable[[Path], Path], mapping: Mapping[str, Any] | Path | None) -> Mapping[str, Any]:
    """The mapping itself; `find` makes a path of office.yaml absolute. Raises ConfigError for a file that is none."""
    if mapping is None:
        return {}
    if not isinstance(mapping, Path):
        return mapping
    path = find(mapping)
    document = Document.read(path)
    if document.problems:
        raise ConfigError(*document.problems)
    if not isinstance(document.data, dict):
        raise ConfigError(Problem(file=str(path), line=1, text="is not a mapping (name: value)"))
    return document.data
