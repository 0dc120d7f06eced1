"""The types of office.yaml's settings: what a value may look like, and how to say so."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

IDENTIFIER = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
ADAPTER = r"^(?:hci[0-9]{1,3}|(?:[0-9A-F]{2}:){5}[0-9A-F]{2})$"
FILTER = r"^(?:(?:[^+#/]*|\+)/)*(?:[^+#/]*|[+#])$"
URL = r"^https?://[^\s/]"
FORMS = {
    IDENTIFIER: "an identifier: lower-case letters, digits and inner hyphens, 1 to 32",
    ADAPTER: "an adapter: its address (bluetoothctl list), or hci0, hci1, ...",
    FILTER: "a topic filter: + stands for a whole level, # for all that follow, at its end",
    URL: "an address that begins with http:// or https://",
}
"""Patterns, and how to say what they ask for."""


def time_of_day(value: object) -> object:
    """`19:00` as a time. A number would be taken for seconds after midnight. Raises ValueError."""
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a time of day: "19:00"')
    hour, minute, second = (int(part) for part in found.groups(default="0"))
    return time(hour, minute, second)


def day(value: object) -> object:
    """`2026-02-18` as a date. A number would be taken for seconds since 1970. Raises ValueError."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a day: 2026-02-18")  # noqa: TRY004 pydantic passes a TypeError on
    return date.fromisoformat(value)


def _mapping(value: object) -> object:
    """What is neither is said once, not once for each; the document has said what is wrong with names."""
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if isinstance(name, str)}
    if not isinstance(value, str | Path):
        raise ValueError("must be a mapping (name: value), or the path of a YAML file with one")  # noqa: TRY004
    return value


# numbers and switches are strict: `port: yes` is no port, and "1" is a text
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Filter = Annotated[str, StringConstraints(pattern=FILTER, min_length=1, max_length=1024)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]
Seconds = Annotated[Number, Field(gt=0, le=7 * 86_400)]
Port = Annotated[Whole, Field(ge=1, le=65_535)]
TimeOfDay = Annotated[time, BeforeValidator(time_of_day)]
Day = Annotated[date, BeforeValidator(day)]
Mapping = Annotated[dict[str, Any] | Path, BeforeValidator(_mapping)]
Metres = Annotated[Number, Field(ge=-10_000, le=10_000)]
Point = tuple[Metres, Metres]
Point3 = tuple[Metres, Metres, Metres]
SpaceKind = Literal["desk", "room", "booth", "other"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ReaderRole = Literal["desk", "in", "out", "in_out", "zone", "kiosk", "enrol"]


class Model(BaseModel):
    """Unknown keys are mistakes: a typo must not become a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
