"""Event types, version 1: the data of each, and who may read it.

`EVENTS` lists every type. An event is of one class: `evt` (no person), `who` (an explicit act of a person) or `sense`
(what was inferred about a person). Fields are optional only where the type does not always have them.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from gateway.contract.fields import (
    ActorRole,
    Assurance,
    Boot,
    Challenger,
    ClockState,
    Count,
    CountChallenger,
    Evidence,
    Identifier,
    Method,
    Offset,
    PersonState,
    Pid,
    Place,
    QualityWord,
    RuleName,
    Seconds,
    Share,
    State,
    Text,
    Time,
    Unit,
    UnknownCause,
    Uuid,
    Whole,
    Wire,
    Word,
)


class Data(Wire):
    """What every event has."""

    quality: QualityWord = Field(description="how far the observation is to be trusted")
    rule: RuleName | None = Field(None, description="rule and its version that decided; absent for the gateway's own")
    clock: ClockState = Field(description="how good the gateway's clock was")
    late: bool = Field(False, description="observed before something that was already decided")


class ByCoordinator(Data):
    """What a building's coordinator says: of two that believe that they are it, the higher term is."""

    term: Count | None = Field(
        None, description="in which its gateway leads the building; null: the gateway's own word"
    )
    led_since: Time | None = Field(None, description="since when: what a lower term recorded later does not count")


class AboutPerson(Data):
    """What every event about a person has."""

    pid: Pid | None = Field(None, description="the person; always there in `who` and `sense`, never in `evt`")
    unit: Unit | None = Field(None, description="the person's unit; in `evt` only of units of at least five people")
    assurance: Assurance | None = Field(None, description="how far the credential proves its holder")


# --- places ---------------------------------------------------------------------------------------------------------


class OccupancyChanged(Data):
    """A place is occupied, vacant or unknown now."""

    state: State = Field(description="new state")
    prev: State = Field(description="state before")
    cause: UnknownCause | None = Field(None, description="why unknown; null otherwise")
    since: Time = Field(description="when the new state began, by evidence")
    confidence: Share = Field(description="0 to 1")
    evidence: Evidence = Field([])
    challenger: Challenger | None = Field(None, description="the answer that lost")


class OccupancyCounted(Data):
    """How many people are in a place."""

    occupancy: Count | None = Field(None, description="people; null: unknown, or suppressed below five")
    capacity: Count | None = Field(None, description="seats")
    window_s: Seconds | None = Field(None, description="length of the window that was counted over")
    entries: Count | None = Field(None, description="people who came in, in the window")
    exits: Count | None = Field(None, description="people who went out, in the window")
    method: Word = Field(description="how it was counted: desks, tags, doors, counter, radar, fused")
    confidence: Share = Field(description="0 to 1")
    cause: UnknownCause | None = Field(None, description="why unknown; null otherwise")
    evidence: Evidence = Field([])
    challenger: CountChallenger | None = Field(None, description="the count that lost, where there was another")


class BadgeRejected(ByCoordinator):
    """A tap that changed nothing. Nobody is named and no card number is given."""

    reader: Identifier = Field(description="the reader that was tapped")
    cause: Literal[
        "unknown", "disabled", "duplicate", "rate", "ambiguous", "taken", "reserved", "unit", "late", "out_of_order"
    ] = Field(
        description="why; `taken` and `reserved`: the desk is another's; `unit`: it is for its owner unit only;"
        " `late`: a later act has won"
    )


# --- desks ----------------------------------------------------------------------------------------------------------


class Checkin(AboutPerson):
    """A person's hold of a desk."""

    checkin_id: Uuid = Field(description="the same in started and ended, and in the copy without a person")
    method: Method = Field(description="how the desk was taken")
    matches_reservation: bool | None = Field(None, description="whether a reservation of the person was fulfilled")
    booking_ref: Text | None = Field(None, description="of that reservation")
    evidence: Evidence = Field([])
    challenger: Challenger | None = Field(None, description="what the place's sensors had against it")


class DeskCheckinStarted(Checkin):
    """A desk is taken. `evidence[0].dev` is the reader that was tapped."""


class DeskCheckinEnded(Checkin):
    """A desk is free again. `evidence[0].dev` is the reader that was tapped, if one was."""

    reason: Literal["user", "moved", "auto_release", "end_of_day", "operator", "correction"] = Field(
        description="why it ended"
    )
    ended_by: Literal["act", "inferred"] = Field(description="inferred: nobody said so, and `last_evidence` is the end")
    last_evidence: Time = Field(description="last sign of the person at the desk")
    dwell_s: Seconds = Field(description="from start to last evidence")
    start: Time = Field(description="when the desk was taken")
    place: Place = Field(description="the desk")


class DeskReleaseWarning(AboutPerson):
    """A desk or its reservation will be given up at `due` unless somebody comes."""

    due: Time = Field(description="when it will be released")
    cause: Literal["no_show", "no_evidence", "auto_release", "user", "operator"] | None = Field(
        None, description="why it will be released"
    )
    checkin_id: Uuid | None = Field(None, description="of the check-in concerned")
    booking_ref: Text | None = Field(None, description="of the reservation concerned")
    evidence: Evidence = Field([])
    challenger: Challenger | None = Field(None, description="what the place's sensors had against it")


class DeskReservation(AboutPerson):
    """A reservation of a desk was made, changed, cancelled or released."""

    due: Time | None = Field(None, description="when the reservation starts")
    until: Time | None = Field(None, description="when the reservation ends")
    cause: Literal["no_show", "user", "operator"] | None = Field(None, description="who or what caused it")
    booking_ref: Text = Field(description="the reservation, in the words of its master")
    evidence: Evidence = Field([])
    challenger: Challenger | None = Field(None, description="what spoke against a release as a no-show")


# --- people ---------------------------------------------------------------------------------------------------------


class WorkplaceCheckinStarted(ByCoordinator, AboutPerson):
    """A person said: I am at the office."""

    method: Literal[Method, "phone"] = Field(description="reader in, kiosk, phone, ...")
    reader: Identifier | None = Field(None, description="the reader that was tapped")
    checkin_id: Uuid | None = Field(None, description="the same in started and ended")
    arrangement: Literal["home_unit", "other_office", "visitor"] | None = Field(None, description="as what")
    evidence: Evidence = Field([])


class WorkplaceCheckinEnded(WorkplaceCheckinStarted):
    """A person said: I have left."""

    reason: Literal["user", "end_of_day", "operator", "correction"] | None = Field(None, description="why it ended")
    ended_by: Literal["act", "inferred"] | None = Field(None, description="`left` only by an act")
    start: Time | None = Field(None, description="when it started")
    last_evidence: Time | None = Field(None, description="last sign of the person")
    dwell_s: Seconds | None = Field(None, description="from start to last evidence")


class Presence(ByCoordinator, AboutPerson):
    """What was inferred about where a person is. Only the coordinator says it."""

    visit_id: Uuid = Field(description="one stay of a person in the building")
    state: PersonState | None = Field(None, description="present, left (only by an explicit act), unknown")
    cause: UnknownCause | None = Field(None, description="why unknown; null otherwise")
    zone: Place | None = Field(None, description="the zone; never a private one")
    prev: Place | None = Field(None, description="the zone before")
    method: Method | None = Field(None, description="by what it was inferred")
    confidence: Share | None = Field(None, description="0 to 1")
    last_evidence: Time | None = Field(None, description="last sign of the person")
    evidence: Evidence = Field([])
    challenger: Challenger | None = Field(None, description="the zone that lost; of an end, what was left of presence")


class PresenceEnded(Presence):
    """A visit is closed, with the time of its last evidence."""

    ended_by: Literal["act", "inferred"] = Field(description="inferred: nobody said so")
    start: Time | None = Field(None, description="when the visit started")
    dwell_s: Seconds | None = Field(None, description="from start to last evidence")


class Corrected(ByCoordinator, AboutPerson):
    """Something that was said about a person was wrong."""

    target_id: Uuid = Field(description="id of the event, or the checkin_id or visit_id, that is corrected")
    field: Word = Field(description="field of its data")
    old: bool | Whole | float | Text | None = Field(None, description="what was said")
    new: bool | Whole | float | Text | None = Field(None, description="what is true; null with field `event`: void")
    reason: Text | None = Field(None, description="why")
    actor_role: ActorRole = Field(description="who corrected it")


class Erased(AboutPerson):
    """With a pid: forget the person. Without: this event was the person's, and its content is gone."""

    target_id: Pid | Uuid = Field(description="the person, or the event whose content is gone")
    field: Literal["person", "event"] = Field(description="what is erased")
    old: None = Field(None, description="always null")
    new: None = Field(None, description="always null")
    reason: Text | None = Field(None, description="why")
    actor_role: ActorRole = Field(description="who asked for it")


# --- equipment ------------------------------------------------------------------------------------------------------


class CoverageLost(Data):
    """From now on these places are not watched: missing evidence is the equipment's fault, not the people's."""

    places: Annotated[list[Place], Field(max_length=64, strict=False)] = Field([], description="places concerned")
    readers: Annotated[list[Identifier], Field(max_length=64, strict=False)] = Field(
        [], description="readers concerned"
    )
    from_: Time = Field(alias="from", description="since when")
    to: Time | None = Field(None, description="until when; null while it lasts")
    cause: Literal["powered_off", "broker", "sensor", "radio"] = Field(description="why")


class CoverageRestored(CoverageLost):
    """These places are watched again."""


class DeviceSeen(Data):
    """A fixed device is heard again, or no longer."""

    dev: Identifier = Field(description="fixed device; never a personal tag or badge")
    cause: Word | None = Field(None, description="why; null when online")
    last_evidence: Time | None = Field(None, description="when it was heard last")


class BatteryLow(Data):
    """A fixed device needs a new battery."""

    dev: Identifier = Field(description="fixed device; never a personal tag or badge")
    battery: float = Field(ge=0, le=100, description="%")


class DeviceMoved(Data):
    """A fixed device is bound to another place."""

    dev: Identifier = Field(description="fixed device; never a personal tag or badge")
    place: Place = Field(description="place now")
    prev: Place | None = Field(None, description="place before")


class GatewayStarted(Data):
    """A boot has begun."""

    version: Text | None = Field(None, description="of hadir")
    config: Text | None = Field(None, description="hash of the configuration")
    cause: Word | None = Field(None, description="why it was started, where that is known")


class GatewayStopped(Data):
    """A boot ends on purpose."""

    reason: Word | None = Field(None, description="why")


class GatewayGap(Data):
    """These events of a boot are lost for good: bounds of the outbox, or a dead disk."""

    boot: Boot = Field(description="boot that lost them")
    first: Count = Field(description="first lost sequence")
    last: Count = Field(description="last lost sequence")
    lost: Count = Field(description="how many between first and last, both included")
    cause: Literal["bounds", "disk", "card_replaced"] | None = Field(None, description="why")


class ClockStepped(Data):
    """The gateway's clock was set."""

    offset_ms: Offset = Field(description="new minus old, ms")


class ClockCorrected(Data):
    """Events of `boot` that say `clock.sync: none` are to be shifted by `offset_ms`."""

    boot: Boot = Field(description="boot concerned")
    offset_ms: Offset = Field(description="to be added to the times of those events, ms")


class ConfigApplied(Data):
    """A configuration is in force."""

    config: Text = Field(description="hash of the configuration")
    prev: Text | None = Field(None, description="hash before")


class OutboxHigh(Data):
    """Events wait, and the bound is near."""

    count: Count = Field(description="events that wait")
    bytes: Count = Field(description="their size")
    share: Share | None = Field(None, description="of the bound")
    oldest_s: Seconds | None = Field(None, description="age of the oldest")


class EventType(NamedTuple):
    """A type of event: what it holds, and of which classes it may be."""

    name: str
    model: type[Data]
    classes: tuple[str, ...]


_EVT, _WHO, _SENSE, _BOTH = ("evt",), ("who",), ("sense",), ("evt", "who")

EVENTS: dict[str, EventType] = {
    kind.name: kind
    for kind in (
        EventType("occupancy.changed", OccupancyChanged, _EVT),
        EventType("occupancy.counted", OccupancyCounted, _EVT),
        EventType("desk.checkin.started", DeskCheckinStarted, _BOTH),
        EventType("desk.checkin.ended", DeskCheckinEnded, _BOTH),
        EventType("desk.release.warning", DeskReleaseWarning, _BOTH),
        EventType("desk.reservation.created", DeskReservation, _BOTH),
        EventType("desk.reservation.changed", DeskReservation, _BOTH),
        EventType("desk.reservation.cancelled", DeskReservation, _BOTH),
        EventType("desk.reservation.released", DeskReservation, _BOTH),
        EventType("workplace.checkin.started", WorkplaceCheckinStarted, _WHO),
        EventType("workplace.checkin.ended", WorkplaceCheckinEnded, _WHO),
        EventType("presence.started", Presence, _SENSE),
        EventType("presence.moved", Presence, _SENSE),
        EventType("presence.idle", Presence, _SENSE),
        EventType("presence.ended", PresenceEnded, _SENSE),
        EventType("badge.rejected", BadgeRejected, _EVT),
        EventType("presence.corrected", Corrected, _WHO),
        EventType("privacy.erased", Erased, _WHO),
        EventType("coverage.lost", CoverageLost, _EVT),
        EventType("coverage.restored", CoverageRestored, _EVT),
        EventType("device.online", DeviceSeen, _EVT),
        EventType("device.offline", DeviceSeen, _EVT),
        EventType("device.battery_low", BatteryLow, _EVT),
        EventType("device.moved", DeviceMoved, _EVT),
        EventType("gateway.started", GatewayStarted, _EVT),
        EventType("gateway.stopped", GatewayStopped, _EVT),
        EventType("gateway.gap", GatewayGap, _EVT),
        EventType("gateway.clock_stepped", ClockStepped, _EVT),
        EventType("gateway.clock_corrected", ClockCorrected, _EVT),
        EventType("gateway.config_applied", ConfigApplied, _EVT),
        EventType("gateway.outbox_high", OutboxHigh, _EVT),
    )
}
"""Every type of version 1, by name."""
