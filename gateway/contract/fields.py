"""The fields that events and payloads are made of, and the base of all models of the contract.

The models describe the wire: a time is RFC 3339 text, a place is five levels in one text. What a gateway writes is
checked strictly, and unknown fields are refused: nothing leaves that the contract does not name. What a subscriber
reads is checked leniently (lenient.py): unknown fields are ignored, an unknown word of an enumeration is `unknown`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.config.types import IDENTIFIER

_LEVEL = IDENTIFIER[1:-1].replace("(", "(?:")
LEVEL = rf"(?:{_LEVEL}|_)"
PLACE = rf"^{_LEVEL}(?:/{LEVEL}){{4}}$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$"
PID = r"^p-[0-9a-f]{16}$"
BOOT = r"^[0-9]{6}-[0-9a-f]{4}$"
SEQUENCE = r"^[0-9]{12}$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
CORRELATION = r"^[A-Za-z0-9._:-]{1,64}$"
WORD = r"^[a-z][a-z0-9_]{0,31}$"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Unit = Annotated[str, StringConstraints(pattern=rf"^{LEVEL}$")]
"""An agency; `_` if none."""
Place = Annotated[str, StringConstraints(pattern=PLACE)]
Time = Annotated[str, StringConstraints(pattern=TIME), Field(json_schema_extra={"format": "date-time"})]
Pid = Annotated[str, StringConstraints(pattern=PID)]
"""A person: a random pseudonym."""
Boot = Annotated[str, StringConstraints(pattern=BOOT)]
Uuid = Annotated[str, StringConstraints(pattern=UUID)]
Word = Annotated[str, StringConstraints(pattern=WORD)]
Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}/[0-9]{1,4}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Whole = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
"""JSON's safe integers: beyond them readers round, and a database refuses."""

Offset = Annotated[float, Field(ge=-9e12, le=9e12)]
"""Milliseconds between two clocks: 285 years, as far as 64 bits of ns reach."""

State = Literal["occupied", "vacant", "unknown"]
PersonState = Literal["present", "left", "unknown"]
UnknownCause = Literal[
    "starting", "sensor_stale", "radio_deaf", "gateway_down", "clock_bad", "no_evidence", "unconfigured"
]
QualityWord = Literal["good", "degraded", "stale", "manual", "simulated", "replayed"]
Assurance = Literal["claimed", "fresh", "bound"]
Method = Literal["badge", "qr", "nfc", "web", "kiosk", "operator", "tag"]
DeskLife = Literal["free", "reserved", "taken", "away", "out_of_order"]
ActorRole = Literal["user", "operator", "coordinator", "kiosk", "authority", "system"]


class Wire(BaseModel):
    """Base of everything that goes over the wire. Nothing is coerced; no NaN; what is not named is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True, defer_build=True)


class ClockState(Wire):
    """How good the gateway's clock was."""

    sync: Literal["ntp", "rtc", "none"] = Field(description="what the clock is set by; none: not synchronized")
    err_ms: float | None = Field(None, ge=0, description="greatest error that is believed, ms")


class Measured(Wire):
    """What a fixed device said."""

    dev: Identifier = Field(description="fixed device; never a personal tag or badge")
    modality: Word = Field(description="badge, radar, pir, contact, counter, environment, occupancy")
    kind: Word = Field(description="what was measured")
    value: bool | Whole | float | Word | None = Field(description="the value")
    age_s: Seconds = Field(description="age of the measurement when it was decided upon")
    weight: Share = Field(description="how much it counts")


class Heard(Wire):
    """A personal tag or badge, by the fixed device that heard it."""

    modality: Literal["tag", "badge"] = Field(description="a personal thing")
    via: Identifier = Field(description="receiver or reader that heard it")


class Challenger(Wire):
    """The answer that lost, and how much it was believed."""

    state: Word | None = Field(None, description="the state that lost")
    zone: Place | None = Field(None, description="the zone that lost")
    weight: float = Field(description="how much it was believed; for zones the smoothed signal, dBm")


class CountChallenger(Wire):
    """The count that lost, where it may be told."""

    method: Word = Field(description="how it was counted")
    occupancy: Count = Field(description="people; never fewer than five")
    weight: Share = Field(description="how much it was believed")


Evidence = Annotated[
    list[Annotated[Measured | Heard, Field(union_mode="left_to_right")]],
    Field(max_length=8, strict=False, description="what it was decided by, at most 8 items, the weightiest first"),
]
