"""What an operator changes in the plan editor: the words of the form, and their place in a list of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from gateway.config.types import Identifier, Name

MOST = 400
"""Changes that are saved at once."""

Metres = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]
PlacePath = Annotated[str, StringConstraints(min_length=1, max_length=132, pattern=r"^[a-z0-9/-]+$")]


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Move(_Change):
    """A space stands elsewhere on the plan."""

    op: Literal["move"] = "move"
    space: Identifier
    x: Metres
    y: Metres
    rotation: Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)] | None = None
    """Degrees counter-clockwise; None: as it is."""


class Rename(_Change):
    """A space has another name."""

    op: Literal["rename"] = "rename"
    space: Identifier
    name: Name


class Hang(_Change):
    """A device has a position."""

    op: Literal["hang"] = "hang"
    device: Identifier
    x: Metres
    y: Metres


class Bind(_Change):
    """A device serves another place: `building/floor/zone/space`."""

    op: Literal["bind"] = "bind"
    device: Identifier
    place: PlacePath


class Add(_Change):
    """A new device. What reads it, a source of a gateway, is still to be written into office.yaml."""

    op: Literal["add"] = "add"
    device: Identifier
    driver: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
    place: PlacePath
    x: Metres | None = None
    y: Metres | None = None


Change = Annotated[Move | Rename | Hang | Bind | Add, Field(discriminator="op")]
Changes = TypeAdapter(Annotated[list[Change], Field(max_length=MOST)])


def target(change: Change) -> tuple[str, str]:
    """What a change is about; of two about the same the later one is meant."""
    return change.op, change.space if isinstance(change, Move | Rename) else change.device


def merged(changes: Iterable[Change]) -> list[Change]:
    """One for each thing, in the order in which they were first changed. A move without a turn keeps an earlier one."""
    kept: dict[tuple[str, str], Change] = {}
    for change in changes:
        before = kept.get(target(change))
        if isinstance(change, Move) and isinstance(before, Move) and change.rotation is None:
            change = change.model_copy(update={"rotation": before.rotation})
        kept[target(change)] = change
    return list(kept.values())


def written(changes: Iterable[Change]) -> str:
    """As the form carries them."""
    return Changes.dump_json(list(changes), exclude_none=True).decode()
