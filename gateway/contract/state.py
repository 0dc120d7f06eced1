"""Retained and service payloads: states, sums, catalogue, gateways, devices.

`write` checks strictly what a gateway sends, `parse` reads leniently what a subscriber gets. Times go in as ns.
Commands, sightings, forwarded readings and acknowledgements are in exchange.py and acks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from gateway.contract.fields import (
    Boot,
    ClockState,
    Count,
    DeskLife,
    Identifier,
    Place,
    QualityWord,
    Seconds,
    Share,
    State,
    Text,
    Time,
    Unit,
    UnknownCause,
    Wire,
    Word,
)
from gateway.contract.lenient import invalid, read
from gateway.contract.payload import MAX_BATCH, read_json
from gateway.contract.times import written
from gateway.errors import PermanentError

W = TypeVar("W", bound=Wire)
VALID_S = 90
"""A state may be believed for so long after its last repetition, which comes every 30 s; both are machine time."""
ROUND_NS = 5 * 60 * 1_000_000_000
Counter = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.{}-]{1,96}$")]


class Desk(Wire):
    """Who claims a desk or a room, beside what is sensed there."""

    life: DeskLife = Field(description="free, reserved, taken, away, out_of_order")
    since: Time = Field(description="since when, rounded down to 5 minutes: nobody's habits are in it")


class PlaceState(Wire):
    """What a place is now. Missing, expired, or of a lost gateway: unknown(gateway_down)."""

    state: State = Field(description="occupied, vacant, unknown")
    cause: UnknownCause | None = Field(None, description="why unknown; null otherwise")
    confidence: Share = Field(description="0 to 1")
    quality: QualityWord = Field(description="how far the observation is to be trusted")
    sensed: State | None = Field(None, description="what the sensors alone say; null: the place has none")
    desk: Desk | None = Field(None, description="of desks, and of rooms, which are free, reserved or out of order")
    gw: Identifier = Field(description="gateway that says so: the owner, or the coordinator for a lost one")
    boot: Boot = Field(description="its boot")
    seq: Count = Field(description="sequence of the last event about the place in that boot; 0: none yet")
    valid_until: Time = Field(description="not to be believed afterwards")
    term: Count | None = Field(None, description="of a coordinator that says so; one below the highest is ignored")


class Aggregate(Wire):
    """A zone in numbers: capacity = used + free + unknown."""

    capacity: Count = Field(description="desks and rooms that can be used")
    used: Count = Field(description="occupied, or taken")
    free: Count = Field(description="known to be free")
    unknown: Count = Field(description="not known")
    gw: Identifier | None = Field(None, description="gateway that says so")
    valid_until: Time | None = Field(None, description="not to be believed afterwards")


class Names(Wire):
    """What people call it."""

    building: Text | None = Field(None, description="the building's name")
    floor: Text | None = Field(None, description="the floor's name")
    zone: Text | None = Field(None, description="the zone's name")
    space: Text | None = Field(None, description="the space's own name")


class PlaceCatalogue(Wire):
    """What a place is, from the configuration."""

    names: Names = Field(description="names change, ids never")
    kind: Literal["desk", "room", "booth", "zone", "other"] = Field(description="what it is")
    capacity: Count = Field(description="seats")
    owner: Identifier = Field(description="gateway that decides it")
    unit: Unit = Field("_", description="unit that owns it; `_` if none")
    mode: Literal["walk_up", "bookable", "assigned", "out_of_order"] = Field(description="how it is used")
    accessible: bool = Field(False, description="for wheelchair users")


class GatewayStatus(Wire):
    """Whether a gateway is there. `lost` is its last will: what it owned is unknown(gateway_down)."""

    state: Literal["ready", "lost", "disconnected", "sleeping"] = Field(description="whether it is there")
    boot: Boot = Field(description="its boot: a box whose card was replaced starts above it")
    version: Text | None = Field(None, description="of hadir")
    config: Text | None = Field(None, description="hash of its configuration")
    at: Time | None = Field(None, description="when it said so; absent from a last will")


class Waiting(Wire):
    """Events that are not yet in the archive."""

    count: Count = Field(description="events")
    bytes: Count = Field(description="their size")
    oldest_s: Seconds | None = Field(None, description="age of the oldest; null: none waits")
    dead: Count = Field(0, description="events that were set aside for good")


class Forwarding(Wire):
    """Readings for places that other gateways decide, without their word that they have committed them."""

    count: Count = Field(description="readings")
    oldest_s: Seconds | None = Field(None, description="age of the oldest; null: none waits")


class SourceHealth(Wire):
    """One source of a gateway."""

    alive: bool = Field(description="whether something is heard")
    cause: Word | None = Field(None, description="why not")
    heard_s: Seconds | None = Field(None, description="seconds since something was heard")


class AlarmState(Wire):
    """Something that needs somebody."""

    name: Word = Field(description="stable word")
    about: Annotated[str, Field(max_length=256)] = Field("", description="a source, a topic, a gateway; empty: itself")
    why: Annotated[str, Field(max_length=512)] = Field(description="the cause")
    do: Annotated[str, Field(max_length=256)] = Field(description="the next step")


class GatewayHealth(Wire):
    """How a gateway is. Not retained."""

    boot: Boot = Field(description="its boot")
    at: Time = Field(description="when it said so")
    counters: dict[Counter, Count] = Field({}, max_length=512, description="since its start: `name` or `name{cause}`")
    backlog: Waiting | None = Field(None, description="the outbox")
    forwarding: Forwarding | None = Field(None, description="what it keeps for other gateways; null: it does not say")
    clock: ClockState | None = Field(None, description="how good its clock is")
    sources: dict[Identifier, SourceHealth] = Field({}, max_length=256, description="by id")
    alarms: tuple[AlarmState, ...] = Field((), max_length=64, description="what is wrong now, the most urgent first")


class DeviceState(Wire):
    """A fixed device. Personal tags and badges are never devices."""

    place: Place = Field(description="where it is bound")
    driver: Text | None = Field(None, description="what it is")
    alive: bool | None = Field(None, description="null: silent by design, and not heard yet")
    cause: Word | None = Field(None, description="why not alive")
    battery: float | None = Field(None, ge=0, le=100, description="%")
    last_heard: Time | None = Field(None, description="when it was heard last")
    signal: float | None = Field(None, description="dBm, of radio devices")


def write(model: type[Wire], values: Mapping[str, Any], *, limit: int = MAX_BATCH) -> bytes:
    """`values`, with times as text, checked and as JSON. Raises PermanentError: invalid, too_big."""
    model.model_rebuild()
    try:
        model.__pydantic_validator__.validate_python(dict(values))
        body = to_json(values)
    except ValidationError as error:
        raise invalid(error) from error
    except PydanticSerializationError as error:
        raise PermanentError("invalid", str(error)[:200]) from error
    if len(body) > limit:
        raise PermanentError("too_big", f"{model.__name__} has {len(body)} bytes")
    return body


def parse(model: type[Wire], payload: bytes) -> dict[str, Any] | None:
    """Every field of what a subscriber reads; None for an empty payload: the topic holds nothing any more.

    Raises PermanentError: too_big, too_deep, not_json, invalid.
    """
    return read(model, read_json(payload), fill=True) if payload else None


def rounded(since: int) -> int:
    """`since`, ns, rounded down to 5 minutes."""
    return since - since % ROUND_NS


def place_state(
    state: str,
    cause: str | None,
    *,
    confidence: float,
    gateway: str,
    boot: str,
    sequence: int,
    valid_until: int,
    quality: str = "good",
    sensed: str | None = None,
    life: str | None = None,
    life_since: int = 0,
    term: int | None = None,
) -> bytes:
    """Payload of `state/<place>`. `valid_until`: office time, VALID_S of machine time ahead; `life`: of a desk.

    `term`: of the coordinator, where it speaks for a lost owner.

    Raises PermanentError.
    """
    values: dict[str, Any] = {
        "state": state,
        "cause": cause,
        "confidence": confidence,
        "quality": quality,
        "sensed": sensed,
    }
    if life is not None:
        values["desk"] = {"life": life, "since": written(rounded(life_since))}
    values |= {"gw": gateway, "boot": boot, "seq": sequence, "valid_until": written(valid_until)}
    if term is not None:
        values["term"] = term
    return write(PlaceState, values)


def aggregate(capacity: int, used: int, free: int, unknown: int, *, gateway: str, valid_until: int) -> bytes:
    """Payload of `agg/<zone>`; `valid_until` as in a state. Raises PermanentError."""
    if used + free + unknown != capacity:
        raise PermanentError("invalid", f"{used} used + {free} free + {unknown} unknown is not {capacity}")
    return write(
        Aggregate,
        {
            "capacity": capacity,
            "used": used,
            "free": free,
            "unknown": unknown,
            "gw": gateway,
            "valid_until": written(valid_until),
        },
    )


def gateway_status(state: str, *, boot: str, version: str, config: str, at: int | None) -> bytes:
    """Payload of `gw/.../status`; `at` is None in a last will, which is written long before it is sent."""
    values = {"state": state, "boot": boot, "version": version, "config": config}
    return write(GatewayStatus, values if at is None else {**values, "at": written(at)})
