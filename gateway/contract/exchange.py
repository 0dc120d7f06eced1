"""What gateways, clients and the coordinator say to each other: commands, sightings, forwarded readings, beats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.clock import SECOND
from gateway.contract.fields import (
    UUID,
    ActorRole,
    Assurance,
    Boot,
    Count,
    Identifier,
    Pid,
    Place,
    QualityWord,
    Text,
    Time,
    Unit,
    Uuid,
    Whole,
    Wire,
    Word,
)
from gateway.contract.times import parsed

EXPIRES_S = 30
"""A command that is older is not carried out."""
REMEMBERED_S = 24 * 3600
"""A command that is repeated within this is answered again, and not carried out again."""
MAX_SIGHTINGS = 200
MAX_READINGS = 100

CommandId = Annotated[str, StringConstraints(pattern=UUID)]
Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,32}$")]
"""Stands for an enrolled person for one day; only the coordinators can resolve it."""
CardIndex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Dbm = Annotated[float, Field(ge=-127, le=20)]
Sequence = Annotated[int, Field(ge=1, le=999_999_999_999)]
Argument = bool | Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | Text | None
"""Times in ns are allowed here: commands of the coordinator are read by gateways only."""


class CommandMessage(Wire):
    """Somebody asks a gateway for something. A pid may only stand in `whocmd`."""

    id: CommandId = Field(
        description="random; the answer carries it. A repetition is answered again for 24 h, and a refusal judged anew"
    )
    issued_at: Time = Field(description="a command older than 30 s is not carried out")
    actor: Identifier = Field(description="account or service that asks; never a name or staff number")
    role: ActorRole = Field(description="in what role it asks")
    client: Identifier = Field(description="the answer goes to `res/<client>/<name>`")
    at: Time | None = Field(None, description="when what it is about happened; absent: when it was issued")
    place: Place | None = Field(None, description="what it is about")
    pid: Pid | None = Field(None, description="whom it is about; only in `whocmd`")
    unit: Unit = Field("_", description="the person's unit")
    term: Count | None = Field(None, description="of the coordinator that asks; below the highest: old_term")
    args: dict[Word, Argument] = Field({}, max_length=16, description="as the command needs them")


class Stranger(Wire):
    """A fixed device that nobody configured yet, as office.yaml would name it."""

    source: Identifier = Field(description="source of the gateway that heard it")
    medium: Text = Field(description="how it speaks")
    address: Text = Field(description="its address there; never of a phone or a card")


class CommandResult(Wire):
    """The answer to a command."""

    id: CommandId = Field(description="of the command")
    ok: bool = Field(description="whether it was carried out")
    reason: Word | None = Field(
        None, description="why not: expired, forbidden, invalid, not_owner, old_term, taken, ..."
    )
    at: Time = Field(description="when it was answered")
    gw: Identifier = Field(description="gateway that answers")
    events: Annotated[list[Uuid], Field(max_length=16, strict=False)] = Field([], description="ids of what it caused")
    index: CardIndex | None = Field(None, description="of `enrol`: keyed index of the new card, never its number")
    strangers: Annotated[list[Stranger], Field(max_length=16, strict=False)] = Field(
        [], description="of `enrol`: devices that were heard and are in no configuration"
    )


class Sightings(Wire):
    """Enrolled tags that a gateway's receivers have heard in a second. Nobody stores it."""

    at: Time = Field(description="end of that second")
    boot: Boot = Field(description="of the gateway")
    heard: Annotated[
        list[Annotated[tuple[Identifier, Token, Dbm, Count], Field(strict=False)]],
        Field(max_length=MAX_SIGHTINGS, strict=False),
    ] = Field(description="[receiver, daily token, smoothed dBm, how often], the strongest first")


class ForwardedReading(Wire):
    """A reading for a place that another gateway owns: pseudonyms only."""

    seq: Sequence = Field(description="contiguous for each boot and owner")
    dev: Identifier = Field(description="fixed device")
    kind: Word = Field(description="what was measured")
    value: bool | Whole | float | Word | None = Field(description="the value")
    place: Place = Field(description="place, decided by the topic's owner")
    at: Time = Field(description="when it was observed")
    modality: Word = Field(description="of the device")
    role: Literal["", "desk", "in", "out", "in_out", "zone", "kiosk", "enrol"] = Field("", description="of a reader")
    pid: Pid | None = Field(None, description="the person; null: nobody")
    unit: Unit = Field("_", description="the person's unit")
    refused: Literal["", "unknown", "disabled", "ambiguous", "rate"] = Field("", description="why it is nobody's")
    assurance: Assurance = Field("claimed", description="how far the credential proves its holder")
    quality: QualityWord = Field("good", description="how far it is to be trusted")


class ReadingsAck(Wire):
    """Readings that the owner has committed: the forwarding gateway need not keep them."""

    boot: Boot = Field(description="boot of the gateway that forwarded")
    committed: Count = Field(description="all sequences up to this one")


class Readings(Wire):
    """Payload of `reading/<site>/<to>/<from>`: readings for `to`, or its own acknowledgement of what `to` sent."""

    boot: Boot = Field(description="boot of the sender")
    readings: Annotated[list[ForwardedReading], Field(max_length=MAX_READINGS, strict=False)] = Field(
        [], description="in the order of seq"
    )
    ack: ReadingsAck | None = Field(None, description="what the sender has committed of the addressee's readings")


class Beat(Wire):
    """A candidate for coordinator is alive: every 2 s; dead after 6 s."""

    rank: Count = Field(description="place in the list of candidates: the lowest live rank leads")
    term: Count = Field(
        description="in which it leads, or the highest that it has seen; term % 8 is the rank of who led"
    )
    boot: Boot = Field(description="of the gateway")
    leads: bool = Field(description="whether it holds itself to be the coordinator")
    led_since: Time | None = Field(None, description="since when it leads in this term; null: it does not lead")


def expired(command: dict[str, Any], now: int, within: int = EXPIRES_S * SECOND) -> bool:
    """Whether a command is too old to be carried out, or from the future by as much; `within`: EXPIRES_S, as ns."""
    return abs(now - parsed(command["issued_at"])) > within
