"""Hop 1, MQTT: devices that publish JSON or plain text, themselves or through a bridge such as Zigbee2MQTT.

A device has several topics, which its profile or mapping derives from its address (drivers/occupancy/mqtt_json/):
those that say what it measures, and those that say whether it is there. A frame is one message of one of them: the
topic's name, 00, the body.

What a broker hands over is not always of now:

    a retained measurement     an old one: dropped. The next one counts; until then the place is unknown
    a retained status          the last that was said of the device, and it holds: delivered
    kept for us by the broker  at most KEPT_S old, then the broker forgets us and what it kept
    after a bridge has come    for BRIDGE_S it publishes what it remembers of its devices: dropped
    up (Zigbee2MQTT sends its
    cached states at start)

A device is there when all of its status topics say so, the bridge's and its own: one that says no is delivered at
once, one that says yes when no other says no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from drivers.api import Context, DecodeError, Frame
from drivers.occupancy.mqtt_json import messages as mqtt_json
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.mqtt import Message
from gateway.mqtt_inbox import matches
from gateway.sources.base import Deliver
from gateway.sources.mqtt_link import BrokerLink

MEDIUM = "mqtt"
DRIVER = mqtt_json.DRIVER
"""Another driver's devices have one topic, `state`: their address."""
KEPT_S = 10
"""The broker keeps a lost client's messages so long: a restart of ours loses nothing, and nothing is old."""
BRIDGE, BRIDGE_S = "bridge", 10.0
"""Name of the status topic of what stands between device and broker."""
MOST_TOPICS = 4096
"""Topics whose devices are remembered."""


class Thing:
    """One device."""

    def __init__(self, address: str, context: Context) -> None:
        self.address = address
        self.context = context
        self.said: dict[str, bool] = {}
        """By name of the status topic: whether it says that the device is there."""
        self.quiet_until = 0
        """Machine time."""


class Route(NamedTuple):
    """Where the messages of a topic belong."""

    thing: Thing
    name: str
    """Of the topic."""
    filter: str
    is_status: bool


class MqttSource:
    """Devices behind one broker."""

    def __init__(
        self,
        source_id: str,
        link: BrokerLink,
        devices: Mapping[str, Context],
        clock: Clock,
        counters: Counters,
    ) -> None:
        """`devices`: by address, what office.yaml says of them. Raises DecodeError for a mapping with mistakes."""
        self.id = source_id
        self.state = link.state
        self._link = link
        self._clock = clock
        self._counters = counters
        self._deliver: Deliver = _nowhere
        self._exact: dict[str, list[Route]] = {}
        self._filters: list[Route] = []
        self._known: dict[str, tuple[Route, ...]] = {}
        self._things = [Thing(address, context) for address, context in devices.items()]
        for thing in self._things:
            for name, (topic, is_status) in mqtt_json.topics(thing.address, thing.context).items():
                route = Route(thing, name, topic, is_status)
                if "+" in topic.split("/"):
                    self._filters.append(route)
                else:
                    self._exact.setdefault(topic, []).append(route)
        for topic in dict.fromkeys([*self._exact, *(route.filter for route in self._filters)]):
            link.subscribe(topic, self._arrived)
        link.on_back(self._forget)

    async def run(self, deliver: Deliver) -> None:
        """Deliver messages until cancelled."""
        self._deliver = deliver
        await self._link.run()

    def _forget(self) -> None:
        """The source was deaf: what was said of its devices does not hold any more; the broker says it anew."""
        for thing in self._things:
            thing.said.clear()

    def _arrived(self, message: Message) -> None:
        frames = [frame for route in self._routes(message.topic) if (frame := self._frame(route, message)) is not None]
        if not frames:
            message.ack()
            return
        waiting = len(frames)

        def durable() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0:
                message.ack()

        for frame in frames:
            self._deliver(frame, durable if message.qos else None)

    def _routes(self, topic: str) -> tuple[Route, ...]:
        """Whose topic it is; several devices share that of their bridge."""
        known = self._known.get(topic)
        if known is None:
            known = (
                *self._exact.get(topic, ()),
                *(
                    route._replace(name=f"{route.name}/{_rest(route.filter, topic)}")
                    for route in self._filters
                    if matches(route.filter, topic)
                ),
            )
            if len(self._known) >= MOST_TOPICS:
                self._known.clear()
            self._known[topic] = known
        return known

    def _frame(self, route: Route, message: Message) -> Frame | None:
        """The frame of a message that says something about now; None, counted, for one that does not."""
        thing, machine = route.thing, self._clock.machine()
        cause = self._held(route, message, machine) if route.is_status else self._old(route, message, machine)
        if cause:
            self._counters.add("mqtt.dropped", cause)
            return None
        self.state.frames += 1
        self.state.last_frame = machine
        payload = route.name.encode() + b"\0" + message.payload
        return Frame(MEDIUM, self.id, thing.address, payload, None, self._clock.office(), machine)

    def _old(self, route: Route, message: Message, machine: int) -> str:
        """Why a measurement is not one of now."""
        if message.retain:
            return "retained"
        return "remembered" if machine < route.thing.quiet_until else ""

    def _held(self, route: Route, message: Message, machine: int) -> str:
        """Why a status is not delivered: another one says that the device is not there."""
        thing = route.thing
        try:
            here = mqtt_json.alive(message.payload, thing.context)
        except DecodeError:
            return ""  # hop 3 counts it
        thing.said[route.name] = here
        if here and route.name == BRIDGE and not message.retain:
            thing.quiet_until = machine + int(BRIDGE_S * SECOND)
        return "" if not here or all(thing.said.values()) else "held"


def _rest(topic_filter: str, topic: str) -> str:
    """The levels that the + of a filter stand for."""
    pairs = zip(topic_filter.split("/"), topic.split("/"), strict=True)
    return "/".join(level for wanted, level in pairs if wanted == "+")


def _nowhere(_frame: Frame, _durable: Callable[[], None] | None = None, /) -> None:
    """It does not run yet."""
