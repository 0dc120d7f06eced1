"""The fixed devices of a gateway: whether their lines and radios work, said to the rules, as events and as states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from drivers.api import Frame, Measurement
from gateway.bindings import Binding
from gateway.board import Board
from gateway.clock import SECOND, Clock
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.home_assistant import discovery
from gateway.contract.times import written
from gateway.coverage import Coverage
from gateway.credentials import SiteKey
from gateway.enrolment import Enrolment
from gateway.rebase import Move
from gateway.sources.base import OnState, SourceState
from rules.api import Event, Fact, Health

DEAF = "radio_deaf"
STALE = "sensor_stale"
STALE_AFTER, STALE_S = 3, 5.0
"""A device is missed after so many of its own intervals, but not sooner than this (rules/witness.py says the same)."""
OFFLINE = "offline"
"""Its broker or base station says that it is not there."""
LOW, ENOUGH = 15.0, 25.0
"""% of battery: below the first it is told once, above the second it may be told again."""


@dataclass(slots=True)
class _Heard:
    """What a device said of itself."""

    at: int
    """Office time: of its last frame."""
    signal: float | None = None
    battery: float | None = None
    low: bool = False


class Equipment:
    """Follows the state of each source and tells everybody who depends on its device."""

    def __init__(
        self,
        *,
        origin: Origin,
        place: str,
        board: Board,
        clock: Clock,
        health: Callable[[Health], None],
        say: Callable[[Sequence[Event], Sequence[Fact]], None],
        home_assistant: bool,
        key: SiteKey,
    ) -> None:
        """`place`: of the gateway's own events. `health` feeds the rules, `say` commits events and facts together."""
        self._origin = origin
        self._place = place
        self._board = board
        self._clock = clock
        self._health = health
        self._say = say
        self._home_assistant = home_assistant
        self.coverage = Coverage(place)
        self._alive: dict[str, tuple[bool | None, str | None]] = {}
        self._sources: dict[str, SourceState] = {}
        self._bindings: dict[str, Binding] = {}
        self._said: dict[str, _Heard] = {}
        self._doubted: set[str] = set()
        self.enrolment = Enrolment(key, clock, self._is_reader, self._say_now)
        self._awake = 0
        """Since when, office time, silence is a device's own."""

    def post(self, devices: Mapping[str, Binding]) -> None:
        """Own the retained topics of these devices."""
        origin = self._origin
        self._bindings.update(devices)
        for name, binding in devices.items():
            topic = topics.device(origin.site, origin.gateway, name)
            self._board.set(topic, partial(self._state, name, binding), expiry_s=None)
            if self._home_assistant and binding.modality not in ("badge", "tag"):
                config = partial(discovery, origin, name, binding.place, binding.device.name or name)
                self._board.set(topics.home_assistant(origin.gateway, name), config, expiry_s=None)

    def on_state(self, behind: Iterable[Binding]) -> OnState:
        """What the source of these devices calls when it comes up or goes down."""
        bindings = tuple(behind)

        def changed(state: SourceState) -> None:
            for binding in bindings:
                self._changed(binding, state, alone=len(bindings) == 1 or binding.driver is None)

        return changed

    def heard(self, binding: Binding, frame: Frame, measurements: Sequence[Measurement]) -> None:
        """A fixed device has said something: it is there, and may have told how it is."""
        name = binding.device.id
        known = self._said.get(name)
        if known is None:
            known = self._said[name] = _Heard(frame.received_at)
        known.at = max(known.at, frame.received_at)
        self.enrolment.heard(name)
        if frame.rssi is not None:
            known.signal = frame.rssi
        low: bool | None = None
        online: bool | None = None
        for kind, value, _unit, _channel in measurements:
            if kind == "battery":
                known.battery = min(100.0, max(0.0, float(value)))
                low = known.battery < (ENOUGH if known.low else LOW)
            elif kind == "battery_low":
                low = bool(value)
            elif kind == "online":
                online = bool(value)
        if low is not None and low != known.low:
            known.low = low
            self._board.touch(topics.device(self._origin.site, self._origin.gateway, name))
            if low:
                data = {"dev": name, "battery": known.battery}
                self._say([Event("device.battery_low", self._place, self._clock.office(), data)], ())
        source = self._sources.get(name)
        if source is not None and not source.up:
            return  # its source tells
        if online is None:
            if self._alive.get(name, (None, None))[1] == OFFLINE:
                return  # what was said of it before it went may come after
            online = True
        if name not in self._doubted:
            self._tell(name, online, None if online else OFFLINE)

    def doubted(self, item: Health) -> None:
        """A rule does not believe a device any more though it is heard (`cause`: stuck), or does again."""
        (self._doubted.discard if item.alive else self._doubted.add)(item.dev)
        self._tell(item.dev, item.alive, None if item.alive else item.cause)

    def device_state(self, name: str, alive: bool, cause: str) -> None:
        """One of several devices of a source answers, or does not (`cause`), while the source itself works."""
        self._health(Health(name, alive, "" if alive else STALE, self._clock.office()))
        self._tell(name, alive, None if alive else cause)

    def begin(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """Say from when to when nothing was watched before this life; `facts`: of coverage.NAME."""
        now = self._clock.office()
        self._say(*self.coverage.begin(facts, now, known=self._clock.quality().known))

    def look(self) -> None:
        """Miss devices that have been silent for too long; to be called about once a second."""
        now = self._clock.office()
        for name, known in self._said.items():
            expect_s = self._bindings[name].expect_s
            alive = self._alive.get(name, (None, None))[0]
            silent = now - max(known.at, self._awake)
            if expect_s is not None and alive and silent > max(STALE_S, STALE_AFTER * expect_s) * SECOND:
                self._tell(name, False, "silent")
        told = self.coverage.look(now, known=self._clock.quality().known)
        if told.events or told.facts:
            self._say(*told)

    def rebase(self, move: Move) -> None:
        """Office time was set."""
        self.coverage.rebase(move)
        for said in self._said.values():
            said.at = move.time(said.at)

    def slept(self, since: int, until: int) -> None:
        """The machine was asleep (office time): what moved meanwhile was not heard, so nobody was not there.

        Devices are dead to the rules from its beginning, and alive again from its end: believed when they are heard.
        """
        self._awake = until
        self._say(list(self.coverage.gap(since, until)), [self.coverage.mark(until)])
        for name, source in self._sources.items():
            if source.up and self._alive.get(name, (True, None))[0] is not False:
                cause = DEAF if self._bindings[name].driver is None else STALE
                self._health(Health(name, False, cause, since))
        for name, source in self._sources.items():
            if source.up and self._alive.get(name, (True, None))[0] is not False:
                self._health(Health(name, True, "", until))

    def _is_reader(self, device: str) -> bool:
        """Whether a badge reader of that name hangs here."""
        return device in self._bindings and self._bindings[device].modality == "badge"

    def _say_now(self, device: str) -> None:
        """Publish a device's state before the next heartbeat does."""
        self._board.touch(topics.device(self._origin.site, self._origin.gateway, device))

    def _changed(self, binding: Binding, state: SourceState, *, alone: bool) -> None:
        """`alone`: the source works only if the device does; one of many may be silent though its source works."""
        name = binding.device.id
        self._sources[name] = state
        deaf = binding.driver is None or state.cause == DEAF
        cause = "" if state.up else DEAF if deaf else STALE
        self._health(Health(name, state.up, cause, self._clock.office()))
        if not state.up or alone:
            self._tell(name, state.up, None if state.up else state.cause)

    def _tell(self, name: str, alive: bool, cause: str | None) -> None:
        """Say it once."""
        known = self._alive.get(name)
        if known == (alive, cause):
            return
        self._alive[name] = (alive, cause)
        covered = self.coverage.heard(name, alive, cause, self._clock.office())
        if covered.events or covered.facts:
            self._say(*covered)
        self._board.touch(topics.device(self._origin.site, self._origin.gateway, name))
        if alive and known is None:
            return  # up from the start: nobody missed it
        if not alive and known is not None and known[0] is False:
            return  # missed already, for another cause
        kind = "device.online" if alive else "device.offline"
        self._say([Event(kind, self._place, self._clock.office(), {"dev": name, "cause": cause})], ())

    def _state(self, name: str, binding: Binding) -> bytes:
        alive, cause = self._alive.get(name, (None, None))
        said = self._said.get(name)
        return wire.write(
            wire.DeviceState,
            {
                "place": binding.place,
                "driver": binding.device.driver,
                "alive": alive,
                "cause": cause,
                "last_heard": self._heard(name),
                "battery": None if said is None else said.battery,
                "signal": None if said is None else said.signal,
            },
        )

    def _heard(self, name: str) -> str | None:
        """When the device's last frame came, in office time; None: none yet. The heartbeat tells it anew."""
        said, source = self._said.get(name), self._sources.get(name)
        if said is not None:
            return written(said.at)
        if source is None or not source.last_frame:
            return None
        now = self._clock.office()
        per_second = self._clock.seconds_until(now + SECOND)  # of machine time, a second of office time
        return written(now - int((self._clock.machine() - source.last_frame) / max(per_second, 1e-9)))
