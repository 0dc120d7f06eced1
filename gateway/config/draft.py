"""An office as far as it can be made out of a file with mistakes, so that its references are checked all the same.

Nothing is validated here and nothing runs on a draft: it serves the list of mistakes. A value that is no text where one
belongs becomes its text, a name that is misspelt stands for the one that it resembles, and what is missing is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.config.document import Where, nearest
from gateway.config.model import Office
from gateway.config.types import Model


class Draft:
    """What a file seems to mean."""

    def __init__(self, data: dict[Any, Any], base: Path) -> None:
        """`base`: the folder that relative paths of the file start from."""
        self.models: dict[Where, type[Model]] = {}
        """Which part of the configuration stands where."""
        made = self._model(Office, data, ())
        if not isinstance(made, Office):
            raise TypeError("an office is made of an office")
        made.model_post_init({"base": base})
        self.office = made

    def _model(self, kind: type[Model], raw: Any, path: Where) -> Model:
        self.models[path] = kind
        given = dict(_meant(kind, raw)) if isinstance(raw, dict) else {}
        made: dict[str, Any] = {}
        for name, field in kind.model_fields.items():
            if name in given:
                key, value = given[name]
                made[name] = self._value(_type_of(field), value, (*path, key))
            elif field.is_required():
                made[name] = self._value(_type_of(field), None, (*path, name))
        return kind.model_construct(**made)

    def _value(self, kind: Any, raw: Any, path: Where) -> Any:
        kind = _bare(kind)
        origin = get_origin(kind)
        if origin in (Union, UnionType):
            return self._either(get_args(kind), raw, path)
        if origin is tuple:
            items = enumerate(raw) if isinstance(raw, list) else ()
            return tuple(self._value(get_args(kind)[0], item, (*path, index)) for index, item in items)
        if origin is dict:
            return {key: value for key, value in raw.items() if isinstance(key, str)} if isinstance(raw, dict) else {}
        if origin is Literal:
            names = [str(name) for name in get_args(kind)]
            return raw if raw is None or raw in get_args(kind) else nearest(str(raw), names) or str(raw)
        if isinstance(kind, type) and issubclass(kind, Model):
            return self._model(kind, raw, path)
        if kind is str:
            return raw if isinstance(raw, str) else "" if isinstance(raw, dict | list | NoneType) else str(raw)
        return raw

    def _either(self, kinds: tuple[Any, ...], raw: Any, path: Where) -> Any:
        """`X | None`, models told apart by a field with fixed values, or a mapping or its file."""
        if raw is None and NoneType in kinds:
            return None
        candidates = [kind for kind in kinds if kind is not NoneType]
        if Path in candidates:  # a mapping, or the file that holds it
            return Path(raw) if isinstance(raw, str) else self._value(dict[str, Any], raw, path)
        said = raw if isinstance(raw, dict) else {}
        tells = [(kind, name, words) for kind in candidates for name, words in _fixed(kind)]
        for kind, name, words in tells:
            if said.get(name) in words:
                return self._value(kind, raw, path)
        for kind, name, words in tells:
            if nearest(str(said.get(name)), words):
                return self._value(kind, raw, path)
        return self._value(candidates[0], raw, path)


def _fixed(kind: Any) -> Iterator[tuple[str, list[str]]]:
    """Fields of a model with fixed values."""
    for name, field in kind.model_fields.items() if isinstance(kind, type) and issubclass(kind, Model) else ():
        if get_origin(_type_of(field)) is Literal:
            yield name, [str(word) for word in get_args(_type_of(field))]


def _meant(kind: type[Model], raw: dict[Any, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Field -> (key of the file, value); a misspelt key stands for a field that is not given."""
    left = [name for name in kind.model_fields if name not in raw]
    for key, value in raw.items():
        name = key if key in kind.model_fields else nearest(str(key), left)
        if name is not None:
            yield name, (key, value)


def _type_of(field: FieldInfo) -> Any:
    return field.annotation


def _bare(kind: Any) -> Any:
    """The type without what is annotated to it."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind
