"""Every topic as a value: address, delivery, payloads and readers. AsyncAPI and the documentation are made from it."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel

from gateway.contract import state
from gateway.contract.acks import Acknowledgement, Canary
from gateway.contract.exchange import Beat, CommandMessage, CommandResult, Readings, Sightings
from gateway.contract.topics import PREFIX

PLACE5 = "{site}/{building}/{floor}/{zone}/{space}"


class Channel(NamedTuple):
    """One class of topics."""

    name: str
    address: str
    """Below `hadir/v1/`, unless it begins with `homeassistant/`."""
    sender: str
    """gateway, archive, owner, coordinator, client, authority."""
    says: str
    readers: str
    qos: int = 1
    retained: bool = False
    expiry_s: int | None = None
    """MQTT 5 message expiry; events never expire."""
    events: str = ""
    """Class of events that it carries: evt, who, sense."""
    batch: bool = False
    payload: type[BaseModel] | None = None

    @property
    def topic(self) -> str:
        """The whole address."""
        return self.address if self.address.startswith("homeassistant/") else f"{PREFIX}/{self.address}"


CHANNELS = (
    Channel("evt", f"evt/{PLACE5}/{{type}}", "gateway", "Events without a person.", "any backend", events="evt"),
    Channel(
        "who",
        "who/{site}/{unit}/{gateway}/{type}",
        "gateway",
        "Explicit acts of a person (`pid`). `unit` from enrolment, `_` if none.",
        "the archive; an agency's service its own unit",
        events="who",
    ),
    Channel(
        "sense",
        "sense/{site}/{building}/{gateway}/{type}",
        "gateway",
        "What was inferred about a person.",
        "coordinator, archive, the person's own view; never an integrator by default",
        events="sense",
    ),
    Channel(
        "hist",
        "hist/{site}/{gateway}",
        "gateway",
        "Events that waited over 60 s, or are sent again: CloudEvents JSON batches of at most 100 events and 64 kB.",
        "whoever needs every event, besides evt; dedupe by id",
        events="evt",
        batch=True,
    ),
    Channel(
        "whohist",
        "whohist/{site}/{unit}/{gateway}",
        "gateway",
        "The same of `who`.",
        "as who",
        events="who",
        batch=True,
    ),
    Channel(
        "sensehist",
        "sensehist/{site}/{building}/{gateway}",
        "gateway",
        "The same of `sense`.",
        "as sense",
        events="sense",
        batch=True,
    ),
    Channel(
        "state",
        f"state/{PLACE5}",
        "owner",
        "A place now; repeated every 30 s. Empty: not a place of this gateway any more.",
        "any backend",
        retained=True,
        expiry_s=state.VALID_S,
        payload=state.PlaceState,
    ),
    Channel(
        "agg",
        "agg/{site}/{building}/{floor}/{zone}",
        "owner",
        "A zone in numbers.",
        "any backend, signage",
        retained=True,
        expiry_s=state.VALID_S,
        payload=state.Aggregate,
    ),
    Channel(
        "place",
        f"place/{PLACE5}",
        "owner",
        "What a place is.",
        "any backend",
        retained=True,
        payload=state.PlaceCatalogue,
    ),
    Channel(
        "status",
        "gw/{site}/{gateway}/status",
        "gateway",
        "Whether the gateway is there; `lost` is its last will.",
        "any backend",
        retained=True,
        payload=state.GatewayStatus,
    ),
    Channel(
        "health",
        "gw/{site}/{gateway}/health",
        "gateway",
        "Counters, backlog, clock, sources.",
        "operators",
        qos=0,
        payload=state.GatewayHealth,
    ),
    Channel(
        "canary",
        "gw/{site}/{gateway}/canary",
        "gateway",
        "Empty: a gateway to which nothing was said for 2 s asks the broker whether it still takes messages. "
        "Numbered: it asks the archive, which answers on `ack` behind its next commit.",
        "the archive only",
        payload=Canary,
    ),
    Channel(
        "dev",
        "dev/{site}/{gateway}/{device}",
        "gateway",
        "A fixed device. Personal tags and badges never.",
        "operators",
        retained=True,
        payload=state.DeviceState,
    ),
    Channel(
        "reading",
        "reading/{site}/{owner}/{gateway}",
        "gateway",
        "Readings of `gateway` for places that `owner` decides, and its acknowledgement of what it got.",
        "the owner only",
        payload=Readings,
    ),
    Channel(
        "whosight",
        "whosight/{site}/{building}/{gateway}",
        "gateway",
        "Enrolled tags heard, a message a second, at most 200 tags.",
        "the building's coordinators, and who surveys a floor; nobody stores it",
        qos=0,
        payload=Sightings,
    ),
    Channel(
        "people",
        "people/{site}/{gateway}",
        "authority",
        "Signed identity snapshots for one gateway: credential index, pid, unit; no names. Opaque to others.",
        "that gateway only",
    ),
    Channel(
        "coord",
        "coord/{site}/{building}/{gateway}",
        "gateway",
        "Beats of the candidates for coordinator; retained is the beat of who leads, for its term.",
        "the building's gateways, archive",
        payload=Beat,
    ),
    Channel(
        "ack",
        "ack/{site}/{gateway}",
        "archive",
        "What the archive has committed, and what it refuses.",
        "that gateway only",
        payload=Acknowledgement,
    ),
    Channel(
        "cmd",
        "cmd/{site}/{gateway}/{command}",
        "client",
        "A command without a person.",
        "that gateway only",
        expiry_s=30,
        payload=CommandMessage,
    ),
    Channel(
        "whocmd",
        "whocmd/{site}/{gateway}/{command}",
        "client",
        "A command with a pid.",
        "that gateway only",
        expiry_s=30,
        payload=CommandMessage,
    ),
    Channel(
        "res",
        "res/{client}/{command}",
        "gateway",
        "The answer to a command.",
        "that client only",
        payload=CommandResult,
    ),
    Channel(
        "homeassistant",
        "homeassistant/device/{gateway}_{device}/config",
        "gateway",
        "Discovery by Home Assistant, in its own format; only with `home_assistant: true`; never a person tracker.",
        "Home Assistant",
        retained=True,
    ),
)
