"""Hop 4: a measurement is placed and trusted, or counted and dropped.

Binds the device to its place, joins the repeats of one tap, and replaces every personal identifier by the person's
pseudonym. After `place` no raw badge number and no radio address exists anywhere in hadir.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

from drivers.api import Frame, Measurement
from gateway.bindings import Binding
from gateway.clock import SECOND
from gateway.counters import Counters
from gateway.credentials import PART
from gateway.directory import AMBIGUOUS, UNKNOWN
from gateway.enrolment import Enrolment
from gateway.people import Entry, Refusal
from rules.api import Health, Reading, Sighting, is_signal
from rules.room_model_features import FAMILY
from rules.witness import SIGNS

HELD_S = 1.5
"""A reader repeats its frame while the card is held to it; frames closer together than this are one tap."""
MOST_HELD = 256
"""Cards that are remembered as held, over all readers."""
REFUSED_PER_WINDOW = 5
"""Refused taps a reader may report in one window; more are counted and end in one `rate` refusal."""
WINDOW_S = 10.0

SENSED = SIGNS - {"badge"}
"""Kinds that rules decide by; other kinds (distances, battery) are the device's own business ..."""
DRIFTS = frozenset(FAMILY) - SENSED
"""... but for those of a room's air, light and sound, which say something by how they change: each is told ..."""
DRIFTS_EVERY_S = 10.0
"""... at most so often, of office time."""
ALIVE = "heard"
"""Kind of a reading that says nothing but that its device is there."""
ALIVE_EVERY_S = 10.0
"""A device that sends nothing else is said to be there at most so often, of machine time."""
STALE = "sensor_stale"


class Resolves(Protocol):
    """gateway.people.Resolver, as the normalizer needs it."""

    def resolve(self, value: str, realm: str, at: int) -> Entry | Refusal:
        """Who holds the credential; `at`: when it was read, for one that changes by itself."""
        ...


class Normalizer:
    """State of hop 4: which cards are held now, and how many refusals each reader has had."""

    def __init__(
        self,
        resolver: Resolves,
        counters: Counters,
        *,
        quality: str = "good",
        site_realm: str,
        enrolment: Enrolment | None = None,
    ) -> None:
        """`enrolment`: where a new card may be meant for."""
        self._resolver = resolver
        self._enrolment = enrolment
        self._counters = counters
        self._quality = quality
        self._site_realm = site_realm
        self._held: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._refusals: dict[str, tuple[int, int]] = {}
        self._sequence = 0
        self._told: dict[str, int] = {}
        """By device: when it was last said to be there, machine time."""
        self._drifted: dict[tuple[str, str], int] = {}
        """By device and kind: when its value was last told, office time."""

    def unbound(self, frame: Frame) -> None:
        """A frame that no configured device has sent: it may be what an operator has just switched on."""
        if self._enrolment is not None:
            self._enrolment.unbound(frame.source, frame.medium, frame.address)

    def sighting(self, frame: Frame, receiver: str, measurements: Sequence[Measurement]) -> Sighting | None:
        """A tag heard by `receiver`; None for what nobody enrolled (counted, never stored)."""
        rssi = frame.rssi
        for kind, value, _unit, _channel in measurements:
            if kind == "beacon" and rssi is not None:
                if not is_signal(rssi):
                    self._counters.add("sightings.dropped", "no_signal")
                    return None
                found = self._resolver.resolve(value, self._site_realm, frame.received_at)
                if isinstance(found, Entry) and not found.quiet:
                    return Sighting(found.pid, receiver, rssi, frame.received_at)
                self._counters.add("people.dropped", "quiet" if isinstance(found, Entry) else "unknown")
        return None

    def readings(self, frame: Frame, binding: Binding, measurements: Sequence[Measurement]) -> list[Reading | Health]:
        """What a fixed device said, at its place; of one that said nothing to decide by, that it is there."""
        made: list[Reading | Health] = []
        for measurement in _together(measurements):
            if measurement.kind == "badge":
                reading = self._badge(frame, binding, measurement.value)
                if reading is not None:
                    made.append(reading)
            elif measurement.kind in SENSED:
                made.append(self._reading(frame, binding, measurement.kind, measurement.value))
            elif measurement.kind in DRIFTS:
                if self._drifts(frame, binding, measurement.kind):
                    made.append(self._reading(frame, binding, measurement.kind, measurement.value))
            elif measurement.kind == "online":
                cause = "" if measurement.value else STALE
                made.append(Health(binding.device.id, bool(measurement.value), cause, frame.received_at))
        if not made and binding.modality != "badge":
            last = self._told.get(binding.device.id)
            if last is None or frame.machine_at - last >= ALIVE_EVERY_S * SECOND:
                self._told[binding.device.id] = frame.machine_at
                made.append(self._reading(frame, binding, ALIVE, True))
        return made

    def _drifts(self, frame: Frame, binding: Binding, kind: str) -> bool:
        """Whether it is time to say what a value that drifts is now."""
        key = (binding.device.id, kind)
        last = self._drifted.get(key)
        if last is not None and abs(frame.received_at - last) < DRIFTS_EVERY_S * SECOND:
            return False
        self._drifted[key] = frame.received_at
        self._told[binding.device.id] = frame.machine_at  # that it is there is said by it
        return True

    def _reading(self, frame: Frame, binding: Binding, kind: str, value: Any) -> Reading:
        self._sequence += 1
        return Reading(
            dev=binding.device.id,
            kind=kind,
            value=value,
            place=binding.place,
            at=frame.received_at,
            modality=binding.modality,
            quality=self._quality,
            sequence=self._sequence,
        )

    def _badge(self, frame: Frame, binding: Binding, number: str) -> Reading | None:
        reader = binding.device.id
        if self._is_held(reader, number, frame.machine_at):
            self._counters.add("normalize.repeated")
            return None
        part = number.partition(":")[0].endswith(PART)
        found = AMBIGUOUS if part else self._resolver.resolve(number, binding.realm, frame.received_at)
        person, unit, refused, assurance = "", "_", "", "claimed"
        if self._enrolment is not None and self._is_enrolled(self._enrolment, binding, number, found):
            self._counters.add("badge.enrolling")
            return None
        if isinstance(found, Refusal):
            refused = self._limited(reader, frame.machine_at, found.cause)
            if not refused:
                return None
        else:
            person, unit = found.pid, found.unit
        self._sequence += 1
        return Reading(
            dev=reader,
            kind="badge",
            value=True,
            place=binding.place,
            at=frame.received_at,
            modality="badge",
            role=binding.role,
            person=person,
            unit=unit,
            refused=refused,
            assurance=assurance,
            quality=self._quality,
            sequence=self._sequence,
        )

    def _is_enrolled(self, enrolment: Enrolment, binding: Binding, number: str, found: Entry | Refusal) -> bool:
        """Whether a tap was meant for a pairing window: then it is no refusal, and no event."""
        if found is UNKNOWN:
            return enrolment.stranger(binding.device.id, number, binding.realm)
        enrolment.other(binding.device.id, found.cause if isinstance(found, Refusal) else "taken")
        return False

    def _is_held(self, reader: str, number: str, machine_at: int) -> bool:
        """Whether this frame repeats a tap. The number is held as the process's own salted hash, for seconds."""
        key = (reader, hash(number))
        last = self._held.pop(key, None)
        self._held[key] = machine_at
        if len(self._held) > MOST_HELD:
            self._held.popitem(last=False)
        return last is not None and abs(machine_at - last) < HELD_S * SECOND

    def _limited(self, reader: str, machine_at: int, cause: str) -> str:
        """The cause to report, `rate` once when a reader is flooded, "" for what is only counted."""
        start, count = self._refusals.get(reader, (machine_at, 0))
        if machine_at - start > WINDOW_S * SECOND:
            start, count = machine_at, 0
        self._refusals[reader] = (start, count + 1)
        self._counters.add("badge.refused", cause)
        if count < REFUSED_PER_WINDOW:
            return cause
        return "rate" if count == REFUSED_PER_WINDOW else ""


def _together(measurements: Sequence[Measurement]) -> Sequence[Measurement]:
    """A device's parts as one: somebody is there if somebody is in any of its regions.

    Where a device speaks of the whole as well as of its parts, what it says of the whole counts.
    """
    if len(measurements) == 1 and measurements[0].channel is None:
        return measurements
    if all(measurement.channel is None or measurement.kind not in SENSED for measurement in measurements):
        return measurements
    whole = {measurement.kind for measurement in measurements if measurement.channel is None}
    made = [m for m in measurements if m.channel is None or m.kind not in SENSED]
    parts: dict[str, list[Any]] = {}
    for kind, value, _unit, channel in measurements:
        if channel is not None and kind in SENSED and kind not in whole:
            parts.setdefault(kind, []).append(value)
    for kind, values in parts.items():
        made.append(Measurement(kind, sum(values) if kind == "count" else any(values)))
    return made
