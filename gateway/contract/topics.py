"""Topics: class first, so that an ACL is a prefix; each gateway writes only its own (contract.md).

Every level is checked when a topic is built, so that nothing that came from a device can become one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.config.types import IDENTIFIER
from gateway.errors import PermanentError

PREFIX = "hadir/v1"
MAX_TOPIC = 400
LEVELS = 5
LEVEL = IDENTIFIER[1:-1].replace("(", "(?:")
TYPE = r"[a-z_]{1,32}(?:\.[a-z_]{1,32}){1,3}"
_IDENTIFIER, _TYPE, _NAME = re.compile(LEVEL), re.compile(TYPE), re.compile(r"[a-z](?:[a-z0-9_-]{0,30}[a-z0-9])?")
_HOME_ASSISTANT = re.compile(rf"homeassistant/device/({LEVEL})_({LEVEL})/config")


class Topic(NamedTuple):
    """A topic of hadir, taken apart. Fields that the class does not have are empty."""

    cls: str
    """evt, who, sense, hist, whohist, sensehist, state, agg, place, status, health, canary, dev, reading, whosight,
    people, coord, ack, cmd, whocmd, res, homeassistant."""
    site: str = ""
    building: str = ""
    gateway: str = ""
    """Who writes it; of people, ack, cmd and whocmd who reads it."""
    unit: str = ""
    place: str = ""
    """Five levels; of agg the zone's, which ends in `_`."""
    type: str = ""
    """Event type, command, device (dev, homeassistant), or the owner that a reading goes to."""
    client: str = ""
    """Of res: who asked."""


def identifier(text: str) -> str:
    """`text`, if it is an identifier. Raises PermanentError."""
    if not _IDENTIFIER.fullmatch(text):
        raise PermanentError("invalid", f"{text[:40]!r} is not an identifier")
    return text


def level(text: str) -> str:
    """`text`, if it is an identifier or `_`, which fills an empty level. Raises PermanentError."""
    return text if text == "_" else identifier(text)


@lru_cache(maxsize=8192)
def _place(text: str) -> str:
    levels = text.split("/", LEVELS)
    if len(levels) != LEVELS:
        raise PermanentError("invalid", f"{text[:60]!r} is not a place of five levels")
    identifier(levels[0])
    for part in levels[1:]:
        level(part)
    return text


def place(text: str) -> str:
    """`text`, if it is a place of five levels. Raises PermanentError."""
    if len(text) > MAX_TOPIC:  # before the cache: nothing big may rest in it
        raise PermanentError("invalid", f"a place of {len(text)} characters")
    return _place(text)


def _type(text: str) -> str:
    if len(text) > 64 or not _TYPE.fullmatch(text):
        raise PermanentError("invalid", f"{text[:40]!r} is not an event type")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PermanentError("invalid", f"{text[:40]!r} is not the name of a command")
    return text


def _join(*parts: str) -> str:
    return "/".join((PREFIX, *parts))


# --- building: all raise PermanentError for what cannot be a level ---------------------------------------------------


def evt(where: str, event_type: str) -> str:
    """Events without a person."""
    return _join("evt", place(where), _type(event_type))


def who(site: str, unit: str, gateway: str, event_type: str) -> str:
    """Acts of a person; `unit` is `_` for a person of none."""
    return _join("who", identifier(site), level(unit), identifier(gateway), _type(event_type))


def sense(site: str, building: str, gateway: str, event_type: str) -> str:
    """What was inferred about a person."""
    return _join("sense", identifier(site), identifier(building), identifier(gateway), _type(event_type))


def hist(site: str, gateway: str) -> str:
    """Batches of `evt` events that waited."""
    return _join("hist", identifier(site), identifier(gateway))


def whohist(site: str, unit: str, gateway: str) -> str:
    """Batches of `who` events that waited, of one unit."""
    return _join("whohist", identifier(site), level(unit), identifier(gateway))


def sensehist(site: str, building: str, gateway: str) -> str:
    """Batches of `sense` events that waited."""
    return _join("sensehist", identifier(site), identifier(building), identifier(gateway))


def history_of(live: str) -> str:
    """The history topic of an event's live topic."""
    topic = parse(live)
    match topic:
        case Topic(cls="who"):
            return whohist(topic.site, topic.unit, topic.gateway)
        case Topic(cls="sense"):
            return sensehist(topic.site, topic.building, topic.gateway)
        case _:
            raise PermanentError("invalid", "the history of `evt` needs the gateway: use hist()")


def state(where: str) -> str:
    """Retained: a place's state."""
    return _join("state", place(where))


def agg(zone: str) -> str:
    """Retained: a zone's sums. `zone` as a place: `site/building/floor/zone/_`."""
    head, _, space = place(zone).rpartition("/")
    if space != "_":
        raise PermanentError("invalid", f"{zone!r} is not a zone")
    return _join("agg", head)


def catalogue(where: str) -> str:
    """Retained: what a place is."""
    return _join("place", place(where))


def gateway_status(site: str, gateway: str) -> str:
    """Retained: ready, lost, disconnected, sleeping; also the last will."""
    return _join("gw", identifier(site), identifier(gateway), "status")


def gateway_health(site: str, gateway: str) -> str:
    """Counters and backlog."""
    return _join("gw", identifier(site), identifier(gateway), "health")


def canary(site: str, gateway: str) -> str:
    """By which a gateway asks the broker (empty) and the archive (numbered) whether they are there."""
    return _join("gw", identifier(site), identifier(gateway), "canary")


def device(site: str, gateway: str, dev: str) -> str:
    """Retained: a fixed device."""
    return _join("dev", identifier(site), identifier(gateway), identifier(dev))


def reading(site: str, owner: str, gateway: str) -> str:
    """Readings of `gateway` for a place that `owner` decides."""
    return _join("reading", identifier(site), identifier(owner), identifier(gateway))


def whosight(site: str, building: str, gateway: str) -> str:
    """Tags that `gateway` hears, for the building's coordinators only."""
    return _join("whosight", identifier(site), identifier(building), identifier(gateway))


def people(site: str, gateway: str) -> str:
    """Identity snapshots for `gateway`."""
    return _join("people", identifier(site), identifier(gateway))


def coord(site: str, building: str, gateway: str) -> str:
    """Beats of a candidate for coordinator."""
    return _join("coord", identifier(site), identifier(building), identifier(gateway))


def ack(site: str, gateway: str) -> str:
    """The archive's acknowledgements to `gateway`."""
    return _join("ack", identifier(site), identifier(gateway))


def command(site: str, gateway: str, name: str, *, person: bool) -> str:
    """A command to `gateway`; `person`: its body holds a pid."""
    return _join("whocmd" if person else "cmd", identifier(site), identifier(gateway), _name(name))


def result(client: str, name: str) -> str:
    """The answer to `client`."""
    return _join("res", identifier(client), _name(name))


def home_assistant(gateway: str, dev: str) -> str:
    """Retained: discovery of a fixed device by Home Assistant."""
    return f"homeassistant/device/{identifier(gateway)}_{identifier(dev)}/config"


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(topic: str) -> Topic | None:
    """The parts of a topic; None for what is not one of ours."""
    if len(topic) > MAX_TOPIC:
        return None
    if not topic.startswith(f"{PREFIX}/"):
        found = _HOME_ASSISTANT.fullmatch(topic)
        return Topic("homeassistant", gateway=found[1], type=found[2]) if found else None
    cls, *levels = topic[len(PREFIX) + 1 :].split("/")
    try:
        return _PARSERS[cls](cls, levels) if cls in _PARSERS else None
    except (PermanentError, ValueError, IndexError):
        return None


def _parse_place(cls: str, levels: list[str]) -> Topic:
    where = place("/".join(levels))
    return Topic(cls, site=levels[0], building=levels[1], place=where)


def _parse_evt(cls: str, levels: list[str]) -> Topic:
    where = place("/".join(levels[:-1]))
    return Topic(cls, site=levels[0], building=levels[1], place=where, type=_type(levels[-1]))


def _parse_who(cls: str, levels: list[str]) -> Topic:
    site, unit, gateway, event_type = levels
    return Topic(cls, identifier(site), "", identifier(gateway), level(unit), "", _type(event_type))


def _parse_sense(cls: str, levels: list[str]) -> Topic:
    site, building, gateway, event_type = levels
    return Topic(cls, identifier(site), identifier(building), identifier(gateway), "", "", _type(event_type))


def _parse_hist(cls: str, levels: list[str]) -> Topic:
    site, gateway = levels
    return Topic(cls, identifier(site), "", identifier(gateway))


def _parse_whohist(cls: str, levels: list[str]) -> Topic:
    site, unit, gateway = levels
    return Topic(cls, identifier(site), "", identifier(gateway), level(unit))


def _parse_in_building(cls: str, levels: list[str]) -> Topic:
    site, building, gateway = levels
    return Topic(cls, identifier(site), identifier(building), identifier(gateway))


def _parse_agg(cls: str, levels: list[str]) -> Topic:
    return Topic(cls, site=levels[0], building=levels[1], place=place("/".join([*levels, "_"])))


def _parse_gw(_cls: str, levels: list[str]) -> Topic:
    site, gateway, what = levels
    if what not in ("status", "health", "canary"):
        raise ValueError(what)
    return Topic(what, identifier(site), "", identifier(gateway))


def _parse_named(cls: str, levels: list[str]) -> Topic:
    site, gateway, name = levels
    return Topic(cls, identifier(site), "", identifier(gateway), "", "", identifier(name))


def _parse_command(cls: str, levels: list[str]) -> Topic:
    site, gateway, name = levels
    return Topic(cls, identifier(site), "", identifier(gateway), "", "", _name(name))


def _parse_result(cls: str, levels: list[str]) -> Topic:
    client, name = levels
    return Topic(cls, type=_name(name), client=identifier(client))


def _parse_reading(cls: str, levels: list[str]) -> Topic:
    site, owner, gateway = levels
    return Topic(cls, identifier(site), "", identifier(gateway), "", "", identifier(owner))


_PARSERS = {
    "evt": _parse_evt,
    "who": _parse_who,
    "sense": _parse_sense,
    "hist": _parse_hist,
    "whohist": _parse_whohist,
    "sensehist": _parse_in_building,
    "state": _parse_place,
    "agg": _parse_agg,
    "place": _parse_place,
    "gw": _parse_gw,
    "dev": _parse_named,
    "reading": _parse_reading,
    "whosight": _parse_in_building,
    "people": _parse_hist,
    "coord": _parse_in_building,
    "ack": _parse_hist,
    "cmd": _parse_command,
    "whocmd": _parse_command,
    "res": _parse_result,
}
