"""Hop 1, door systems over MQTT: badge events as JSON, one object or a list a message.

A message is acknowledged when all of it is durable: the broker keeps what comes while this gateway is away, and sends
again what it had not acknowledged. How long: a day where events say when they happened; else KEPT_S, as what waited
longer would be taken for new. A retained message is an old one and is dropped.
"""

from __future__ import annotations

from gateway.contract.payload import read_json
from gateway.errors import PermanentError
from gateway.mqtt import Message
from gateway.sources.base import Deliver
from gateway.sources.door import MOST_WAITING, Taps, nowhere
from gateway.sources.door_event import rows
from gateway.sources.mqtt_link import BrokerLink

KEPT_S = 10


class DoorMqttSource:
    """The events of one topic filter."""

    def __init__(self, source_id: str, link: BrokerLink, topic: str, taps: Taps) -> None:
        """`taps` writes into the link's state."""
        self.id = source_id
        self.state = link.state
        self._link = link
        self._taps = taps
        self._deliver: Deliver = nowhere
        link.subscribe(topic, self._arrived)

    async def run(self, deliver: Deliver) -> None:
        """Deliver events until cancelled."""
        self._deliver = deliver
        await self._link.run()

    def _arrived(self, message: Message) -> None:
        taps = self._taps
        if message.retain:
            cause = "retained"
        elif not message.qos and taps.waiting >= MOST_WAITING:  # nobody can be asked to wait
            cause = "full"
        else:
            try:
                taps.take(rows(read_json(message.payload)), self._deliver, message.ack)
                return
            except PermanentError as error:
                cause = error.reason
        taps.drop(cause)
        message.ack()
