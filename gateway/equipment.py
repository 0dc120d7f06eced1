"""The fixed devices of a gateway: whether their lines and radios work, said to the rules, as events and as states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from gateway.bindings import Binding
from gateway.board import Board
from gateway.clock import SECOND, Clock
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.home_assistant import discovery
from gateway.contract.times import written
from gateway.sources.base import OnState, SourceState
from rules.api import Event, Health

DEAF = "radio_deaf"
STALE = "sensor_stale"


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
        say: Callable[[Event], None],
        home_assistant: bool,
    ) -> None:
        """`place`: of the gateway's own events. `health` feeds the rules, `say` commits an event."""
        self._origin = origin
        self._place = place
        self._board = board
        self._clock = clock
        self._health = health
        self._say = say
        self._home_assistant = home_assistant
        self._alive: dict[str, tuple[bool | None, str | None]] = {}
        self._sources: dict[str, SourceState] = {}

    def post(self, devices: Mapping[str, Binding]) -> None:
        """Own the retained topics of these devices."""
        origin = self._origin
        for name, binding in devices.items():
            topic = topics.device(origin.site, origin.gateway, name)
            self._board.set(topic, partial(self._state, name, binding), expiry_s=None)
            if self._home_assistant and binding.modality not in ("badge", "tag"):
                config = partial(discovery, origin, name, binding.place, binding.device.name or name)
                self._board.set(topics.home_assistant(origin.gateway, name), config, expiry_s=None)

    def on_state(self, name: str, binding: Binding) -> OnState:
        """What the source of device `name` calls when it comes up or goes down."""
        return lambda state: self._changed(name, binding, state)

    def _changed(self, name: str, binding: Binding, state: SourceState) -> None:
        now = self._clock.office()
        known = self._alive.get(name)
        self._sources[name] = state
        self._alive[name] = (state.up, None if state.up else state.cause)
        self._board.touch(topics.device(self._origin.site, self._origin.gateway, name))
        cause = "" if state.up else DEAF if binding.driver is None else STALE
        self._health(Health(name, state.up, cause, now))
        if state.up and known is None:
            return  # up from the start: nobody missed it
        kind = "device.online" if state.up else "device.offline"
        self._say(Event(kind, self._place, now, {"dev": name, "cause": None if state.up else state.cause}))

    def _state(self, name: str, binding: Binding) -> bytes:
        alive, cause = self._alive.get(name, (None, None))
        return wire.write(
            wire.DeviceState,
            {
                "place": binding.place,
                "driver": binding.device.driver,
                "alive": alive,
                "cause": cause,
                "last_heard": self._heard(name),
            },
        )

    def _heard(self, name: str) -> str | None:
        """When the device's last frame came, in office time; None: none yet. The heartbeat tells it anew."""
        source = self._sources.get(name)
        if source is None or not source.last_frame:
            return None
        now = self._clock.office()
        per_second = self._clock.seconds_until(now + SECOND)  # of machine time, a second of office time
        return written(now - int((self._clock.machine() - source.last_frame) / max(per_second, 1e-9)))
