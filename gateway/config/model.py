"""What office.yaml may say, with every default.

One file describes a site: its places, people's rules, gateways, devices, broker and archive. Relative paths are
relative to the file. load.py reads it and reports all mistakes at once.
"""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.config.calendars import Span, WorkingCalendar
from gateway.config.sources import Broker, Source
from gateway.config.types import (
    URL,
    Day,
    Identifier,
    Mapping,
    Model,
    Name,
    Number,
    Point,
    Point3,
    ReaderRole,
    Seconds,
    SpaceKind,
    Switch,
    TimeOfDay,
    Whole,
    Word,
)
from gateway.config.web import Web

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
    guests: Literal["allow", "refuse"] | None = None
    """Whether another unit's people may take the desk; default: the zone's, then that of rules.desk."""
    owner: Identifier | None = None
    """Gateway that decides this place; default: the zone's, then the floor's."""


class Zone(Model):
    """Part of a floor in which a tag may be located. A private one (toilet, prayer, lactation) is never an answer."""

    id: Identifier
    name: Name | None = None
    private: Switch = False
    neighbours: tuple[Identifier, ...] = ()
    area: Annotated[tuple[Point, ...], Field(min_length=3, max_length=200)] | None = None
    """Its corners, metres in the floor's coordinates; with receivers' `at`, tags are located by a radio map."""
    unit: Identifier | None = None
    guests: Literal["allow", "refuse"] | None = None
    owner: Identifier | None = None
    spaces: tuple[Space, ...] = ()


class Floor(Model):
    """A floor; `owner` is the gateway that decides its places unless a zone or space names another."""

    id: Identifier
    name: Name | None = None
    owner: Identifier | None = None
    plan: Path | None = None
    """GeoJSON floor plan."""
    survey: Path | None = None
    """What receivers heard on a calibration walk: CSV (or .gz) with t,receiver,rssi,x,y; seconds, dBm, metres."""
    zones: tuple[Zone, ...] = ()


class Building(Model):
    """A building; its coordinator sees to what crosses places: tags, people, one desk a person."""

    id: Identifier
    name: Name | None = None
    coordinators: Annotated[tuple[Identifier, ...], Field(max_length=8)] = ()
    """Gateways of the building that may be its coordinator, ranked: the first that lives leads. See election.py."""
    coordinator: Identifier | None = None
    """Short for one."""
    floors: tuple[Floor, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """Who may be its coordinator, ranked."""
        return self.coordinators or (() if self.coordinator is None else (self.coordinator,))


# --- hardware -------------------------------------------------------------------------------------------------------


class Light(Model):
    """A light beside a badge reader, on a line of a GPIO chip: taken, left or refused."""

    chip: Word = "/dev/gpiochip0"
    line: Annotated[Whole, Field(ge=0, le=511)]
    refused_line: Annotated[Whole, Field(ge=0, le=511)] | None = None
    """A light of its own for refused."""
    active_low: Switch = False


class Device(Model):
    """A fixed device: a reader, a sensor, a receiver. Personal badges and tags are people, not devices."""

    id: Identifier
    modality: Literal["contact", "counter", "environment", "pir", "radar", "seat"] | None = None
    """What its word is worth to the rules; default: what its driver says. Of a family with sensors of several kinds."""
    driver: Word
    """A name that `hadir devices --supported` lists; `receiver` for a BLE adapter."""
    place: str
    """`building/floor/zone/space` or `building/floor/zone`, without the site."""
    name: Name | None = None
    at: Point | Point3 | None = None
    """Where it hangs: x, y and, if known, its height; metres in the floor's coordinates."""
    address: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    """How it is known on a medium that many share: MAC address, DevEUI, EnOcean id, OSDP or Modbus address, MQTT topic,
    GPIO line, a door system's name of the reader; of a tag that hangs somewhere, the pid under which it is enrolled."""
    profile: Word | None = None
    """Which of its driver's profiles it has: EnOcean equipment profile, card format, a ready mapping."""
    mapping: Mapping | None = None
    """What its fields or registers mean, here or in a YAML file of its own."""
    role: ReaderRole = "desk"
    realm: Identifier | None = None
    """Of a badge reader: whose cards it reads; default: the site."""
    expect_s: Seconds | None = None
    """The interval between messages; default: what the driver declares. Stale after three."""
    hold_s: Seconds | None = None
    """How long a sign of presence holds; default by modality."""
    trust_s: Seconds = 86_400.0
    """How long a device that is silent by design is trusted after it was last heard."""
    light: Light | None = None
    """Of a badge reader that shows nothing itself."""


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


class Clock(Model):
    """When this site's boxes believe what their clocks show; see docs/reliability.md, Clocks."""

    trust: Literal["auto", "kernel", "always"] = "auto"
    """kernel: once something has synchronized it. auto: the same, and without that on a machine where nothing would:
    there it is right, or never will be. always: from the first moment."""


class People(Model):
    """Where identity lives. The table is the site's authority: on the archive's box only."""

    site_key: Path = Path("keys/site.key")
    table: Path = Path("var/archive/people.sqlite")


class Pause(Span):
    """A part of some days in which nobody is missed at a desk, such as a prayer; the site's local time."""

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
    no_show_after_s: Seconds = 900.0
    """Healthy and vacant for so long after a reservation's start: the reservation is released."""
    elsewhere_s: Annotated[Number, Field(ge=0, le=86_400)] = 7200.0
    """A tap elsewhere in the building keeps a desk for so long, a long meeting; `release_after_s` begins then."""
    lead_s: Annotated[Number, Field(ge=0, le=86_400)] = 900.0
    """So long before its start a reserved desk is kept from others."""
    guests: Literal["allow", "refuse"] = "allow"
    """Whether people of another unit may take or book a desk that has a `unit`; a zone or space may differ."""
    bookings: Literal["here", "external"] = "here"
    """Where desks are booked. `external`: only a booking system (role `system`) and operators make reservations."""
    end_of_day: TimeOfDay = time(19, 0)
    breaks: tuple[Pause, ...] = ()
    """Pause the release as well, beside the breaks of `calendar`: prayers."""


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
    hold_s: dict[str, Seconds] = Field(default_factory=dict)
    """By modality (`radar`, `pir`, ...), over the defaults of the rules."""
    count_every_s: Seconds = 60.0
    room_models: Path | None = None
    """Folder of what rooms' sensors mean there, as `hadir learn` writes it."""


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
    web: Web = Web()
    outbox: Outbox = Outbox()
    clock: Clock = Clock()
    people: People = People()
    calendar: WorkingCalendar = WorkingCalendar()
    rules: Rules = Rules()
    home_assistant: Switch = False
    device_keys: Path = Path("keys/devices.keys")
    """Secrets of devices, a line each: device id and key in hexadecimal; readable by its owner only."""

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
