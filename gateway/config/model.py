"""What office.yaml may say, with every default.

One file describes a site: its places, people's rules, gateways, devices, broker and archive. Relative paths are
relative to the file. load.py reads it and reports all mistakes at once.
"""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

IDENTIFIER = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
ADAPTER = r"^hci[0-9]{1,3}$"
URL = r"^https?://[^\s/]"
FORMS = {
    IDENTIFIER: "an identifier: lower-case letters, digits and inner hyphens, 1 to 32",
    ADAPTER: "an adapter: hci0, hci1, ...",
    URL: "an address that begins with http:// or https://",
}
"""Patterns, and how to say what they ask for."""


def _time_of_day(value: object) -> object:
    """A number would be taken for seconds after midnight."""
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a time of day: "19:00"')
    hour, minute, second = (int(part) for part in found.groups(default="0"))
    return time(hour, minute, second)


def _day(value: object) -> object:
    """A number would be taken for seconds since 1970."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a day: 2026-02-18")  # noqa: TRY004 pydantic passes a TypeError on
    return date.fromisoformat(value)


# numbers and switches are strict: `port: yes` is no port, and "1" is a text
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]
Seconds = Annotated[Number, Field(gt=0, le=7 * 86_400)]
Port = Annotated[Whole, Field(ge=1, le=65_535)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Day = Annotated[date, BeforeValidator(_day)]
SpaceKind = Literal["desk", "room", "booth", "other"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ReaderRole = Literal["desk", "in", "out", "in_out", "zone", "kiosk", "enrol"]


class Model(BaseModel):
    """Unknown keys are mistakes: a typo must not become a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


# --- places ---------------------------------------------------------------------------------------------------------


class Space(Model):
    """A desk, a room, a booth: the fifth level of a place."""

    id: Identifier
    name: Name | None = None
    kind: SpaceKind = "desk"
    capacity: Annotated[Whole, Field(ge=1, le=10_000)] = 1
    mode: Literal["walk_up", "bookable", "assigned", "out_of_order"] = "walk_up"
    accessible: Switch = False
    unit: Identifier | None = None
    """Owner unit (agency), where the place belongs to one."""
    owner: Identifier | None = None
    """Gateway that decides this place; default: the zone's, then the floor's."""


class Zone(Model):
    """Part of a floor in which a tag may be located. A private one (toilet, prayer, lactation) is never an answer."""

    id: Identifier
    name: Name | None = None
    private: Switch = False
    neighbours: tuple[Identifier, ...] = ()
    unit: Identifier | None = None
    owner: Identifier | None = None
    spaces: tuple[Space, ...] = ()


class Floor(Model):
    """A floor; `owner` is the gateway that decides its places unless a zone or space names another."""

    id: Identifier
    name: Name | None = None
    owner: Identifier | None = None
    plan: Path | None = None
    """GeoJSON floor plan."""
    zones: tuple[Zone, ...] = ()


class Building(Model):
    """A building; its coordinator sees to what crosses places: tags, people, one desk a person."""

    id: Identifier
    name: Name | None = None
    coordinator: Identifier | None = None
    floors: tuple[Floor, ...] = ()


# --- hardware -------------------------------------------------------------------------------------------------------


class SerialSource(Model):
    """A serial line. `port` should be a /dev/serial/by-id path: ttyUSB numbers move."""

    type: Literal["serial"]
    id: Identifier
    port: Word
    device: Identifier
    """The device at the other end; it names the driver."""
    baud: Annotated[Whole, Field(ge=300, le=4_000_000)] | None = None
    """Default: what the driver says."""


class BleSource(Model):
    """A Bluetooth adapter that scans for the beacons of the listed drivers."""

    type: Literal["ble"]
    id: Identifier
    adapter: Annotated[str, StringConstraints(pattern=ADAPTER)] = "hci0"
    mode: Literal["active", "passive"] = "passive"
    device: Identifier
    """The receiver: it has a place, its zone is where a tag heard strongest by it stands."""
    drivers: tuple[str, ...] = ("ibeacon", "eddystone")
    watchdog_s: Annotated[Number, Field(ge=1, le=3600)] = 15.0
    """Machine seconds without a single advert before the scan is started anew."""


class ReplaySource(Model):
    """A recording of frames, from simulated sources or enrolled devices only."""

    type: Literal["replay"]
    id: Identifier
    path: Path
    speed: Annotated[Number, Field(ge=0)] = 1.0
    """0: as fast as the pipeline takes it."""
    follow: Switch = False
    """Wait for more at the end of the file, as `tail -f` does."""
    device: Identifier
    """The fixed device that the recording was made of: a reader, a radar, a receiver."""


Source = Annotated[SerialSource | BleSource | ReplaySource, Field(discriminator="type")]


class Device(Model):
    """A fixed device: a reader, a sensor, a receiver. Personal badges and tags are people, not devices."""

    id: Identifier
    driver: Word
    """A name that `hadir devices --supported` lists; `receiver` for a BLE adapter."""
    place: str
    """`building/floor/zone/space` or `building/floor/zone`, without the site."""
    name: Name | None = None
    role: ReaderRole = "desk"
    realm: Identifier | None = None
    """Of a badge reader: whose cards it reads; default: the site."""
    expect_s: Seconds | None = None
    """The interval between messages; default: what the driver declares. Stale after three."""
    hold_s: Seconds | None = None
    """How long a sign of presence holds; default by modality."""
    trust_s: Seconds = 86_400.0
    """How long a device that is silent by design is trusted after it was last heard."""


class Gateway(Model):
    """A box on the wall: the daemon that `hadir run office.yaml --gateway ID` starts."""

    id: Identifier
    name: Name | None = None
    place: str
    """`building/floor` or deeper: subject of the gateway's own events."""
    data: Path | None = None
    """Where outbox, boot counter and identity snapshot live; default `var/<id>` beside office.yaml."""
    sources: tuple[Source, ...] = ()


# --- outside --------------------------------------------------------------------------------------------------------


class Tls(Model):
    """TLS to the broker; with certificate and key, mutual."""

    ca: Path | None = None
    """Default: the system's."""
    certificate: Path | None = None
    key: Path | None = None


class Broker(Model):
    """The MQTT broker."""

    host: Word = "127.0.0.1"
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = None
    tls: Tls | None = None
    window: Annotated[Whole, Field(ge=1, le=100)] = 50
    """Unacknowledged publishes in flight."""
    frozen_after_s: Annotated[Number, Field(ge=1, le=600)] = 5.0
    """Machine seconds without an answer to the oldest publish or canary before the link is given up."""
    embedded: Switch = False
    """`hadir up` and `hadir demo` start a broker of their own on this port."""


class EmbeddedStore(Model):
    """The time-series store in SQLite, beside the ledger."""

    kind: Literal["embedded"]
    path: Path = Path("var/archive/points.sqlite")


class InfluxStore(Model):
    """InfluxDB line protocol over HTTP: `influx2` for InfluxDB 2 and 3 and VictoriaMetrics, `influx1` for 1.x."""

    kind: Literal["influx2", "influx1"]
    id: Identifier
    url: Annotated[str, StringConstraints(pattern=URL, max_length=1024)]
    org: Word = "hadir"
    bucket: Word = "hadir"
    """Bucket (2.x) or database (1.x)."""
    token_file: Path | None = None
    milliseconds: Switch = False
    """The store keeps milliseconds only (VictoriaMetrics)."""


Store = Annotated[EmbeddedStore | InfluxStore, Field(discriminator="kind")]


class Archive(Model):
    """The ledger and its projections."""

    ledger: Path = Path("var/archive/ledger.sqlite")
    worker: Identifier = "archive"
    stores: tuple[Store, ...] = (EmbeddedStore(kind="embedded"),)
    retain_people_days: Annotated[Whole, Field(ge=1, le=3650)] = 30


class Outbox(Model):
    """Bounds of the store-and-forward queue."""

    max_bytes: Annotated[Whole, Field(ge=1 << 20)] = 512 << 20
    max_age_days: Annotated[Number, Field(gt=0)] = 30.0
    batch: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    ballast_bytes: Annotated[Whole, Field(ge=0)] = 4 << 20


class People(Model):
    """Where identity lives. The table is the site's authority: on the archive's box only."""

    site_key: Path = Path("keys/site.key")
    table: Path = Path("var/archive/people.sqlite")


class Pause(Model):
    """A part of some days in which nobody is expected at a desk; the site's local time."""

    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    start: TimeOfDay
    end: TimeOfDay
    first: Day | None = None
    """Of a season such as Ramadan, with `last`."""
    last: Day | None = None


class DeskRules(Model):
    """A desk's life."""

    release_after_s: Seconds | None = 3600.0
    """Healthy and vacant for so long: `away` ends by itself; None: never."""
    away_after_s: Seconds = 300.0
    """Vacant for so long: taken becomes away."""
    warn_before_s: Seconds = 300.0
    end_of_day: TimeOfDay = time(19, 0)
    breaks: tuple[Pause, ...] = (
        Pause(days=("mon", "tue", "wed", "thu"), start=time(12, 0), end=time(13, 0)),
        Pause(days=("fri",), start=time(11, 30), end=time(13, 0)),
    )
    """Pause the release. Default: an hour at noon, ninety minutes on Friday (Perpres 21/2023)."""


class PresenceRules(Model):
    """A tag's person."""

    margin_db: Annotated[Number, Field(ge=0, le=30)] = 6.0
    """A challenger must be heard this much louder than the incumbent ..."""
    settle_s: Seconds = 10.0
    """... for so long."""
    smooth_s: Seconds = 5.0
    """Time constant of the smoothing."""
    tag_expect_s: Seconds = 1.0
    """Interval of the tags in use."""
    idle_after_s: Seconds = 600.0
    unknown_after_s: Seconds = 3600.0


class Rules(Model):
    """Choices of the rules; their meaning is in docs/rules.md."""

    desk: DeskRules = DeskRules()
    presence: PresenceRules = PresenceRules()
    hold_s: dict[str, Seconds] = {}
    """By modality (`radar`, `pir`, ...), over the defaults of the rules."""
    count_every_s: Seconds = 60.0


class Office(Model):
    """The whole of office.yaml."""

    version: Literal[1] = 1
    site: Identifier
    name: Name | None = None
    timezone: str = "Asia/Makassar"
    simulated: Switch = False
    """Events say quality `simulated`; a production archive refuses them."""
    buildings: tuple[Building, ...]
    gateways: tuple[Gateway, ...]
    devices: tuple[Device, ...] = ()
    broker: Broker = Broker()
    archive: Archive = Archive()
    outbox: Outbox = Outbox()
    people: People = People()
    rules: Rules = Rules()
    home_assistant: Switch = False

    _base: Path = Path()

    def model_post_init(self, context: Any) -> None:
        """Remember the folder of the file, given as validation context {"base": Path}."""
        if isinstance(context, dict) and "base" in context:
            object.__setattr__(self, "_base", Path(context["base"]))

    def data_folder(self, gateway: Gateway) -> Path:
        """Where a gateway keeps its outbox, boot counter, identity snapshot and control socket."""
        return self.path(gateway.data or Path("var") / gateway.id)

    def path(self, path: Path) -> Path:
        """`path` of the file, made absolute."""
        return path if path.is_absolute() else self._base / path
