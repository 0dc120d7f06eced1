"""Topics: class first, so that an ACL is a prefix; each gateway writes only its own (contract.md).

Every level is checked when a topic is built, so that nothing that came from a device can become one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.config.model import IDENTIFIER
from gateway.errors import PermanentError

PREFIX = "hadir/v1"
MAX_TOPIC = 400
LEVELS = 5
_IDENTIFIER = re.compile(IDENTIFIER)
_TYPE = re.compile(r"^[a-z_]+(\.[a-z_]+){1,3}$")


class Topic(NamedTuple):
    """A topic of hadir, taken apart. Fields that the class does not have are empty."""

    cls: str
    """evt, who, sense, hist, whohist, sensehist, state, agg, place, status, health, dev, reading, ..."""
    site: str = ""
    building: str = ""
    gateway: str = ""
    unit: str = ""
    place: str = ""
    type: str = ""
    """Event type or command name."""


def identifier(text: str) -> str:
    """`text`, if it is an identifier or `_`. Raises PermanentError."""
    if text != "_" and not _IDENTIFIER.match(text):
        raise PermanentError("invalid", f"{text[:40]!r} is not an identifier")
    return text


@lru_cache(maxsize=65_536)
def place(text: str) -> str:
    """`text`, if it is a place of five levels. Raises PermanentError."""
    levels = text.split("/", LEVELS)
    if len(levels) != LEVELS or levels[0] == "_":
        raise PermanentError("invalid", f"{text[:60]!r} is not a place of five levels")
    for level in levels:
        identifier(level)
    return text


def _type(text: str) -> str:
    if not _TYPE.match(text) or len(text) > 64:
        raise PermanentError("invalid", f"{text[:40]!r} is not an event type")
    return text


def evt(where: str, event_type: str) -> str:
    return f"{PREFIX}/evt/{place(where)}/{_type(event_type)}"


def who(site: str, unit: str, gateway: str, event_type: str) -> str:
    return f"{PREFIX}/who/{identifier(site)}/{identifier(unit)}/{identifier(gateway)}/{_type(event_type)}"


def sense(site: str, building: str, gateway: str, event_type: str) -> str:
    return f"{PREFIX}/sense/{identifier(site)}/{identifier(building)}/{identifier(gateway)}/{_type(event_type)}"


def hist(site: str, gateway: str) -> str:
    return f"{PREFIX}/hist/{identifier(site)}/{identifier(gateway)}"


def whohist(site: str, unit: str, gateway: str) -> str:
    return f"{PREFIX}/whohist/{identifier(site)}/{identifier(unit)}/{identifier(gateway)}"


def sensehist(site: str, building: str, gateway: str) -> str:
    return f"{PREFIX}/sensehist/{identifier(site)}/{identifier(building)}/{identifier(gateway)}"


def state(where: str) -> str:
    return f"{PREFIX}/state/{place(where)}"


def agg(zone: str) -> str:
    """`zone` as a place: `site/building/floor/zone/_`."""
    return f"{PREFIX}/agg/{place(zone).rpartition('/')[0]}"


def catalogue(where: str) -> str:
    return f"{PREFIX}/place/{place(where)}"


def gateway_status(site: str, gateway: str) -> str:
    return f"{PREFIX}/gw/{identifier(site)}/{identifier(gateway)}/status"


def gateway_health(site: str, gateway: str) -> str:
    return f"{PREFIX}/gw/{identifier(site)}/{identifier(gateway)}/health"


def device(site: str, gateway: str, dev: str) -> str:
    return f"{PREFIX}/dev/{identifier(site)}/{identifier(gateway)}/{identifier(dev)}"


def reading(site: str, owner: str, gateway: str) -> str:
    return f"{PREFIX}/reading/{identifier(site)}/{identifier(owner)}/{identifier(gateway)}"


def whosight(site: str, building: str, gateway: str) -> str:
    return f"{PREFIX}/whosight/{identifier(site)}/{identifier(building)}/{identifier(gateway)}"


def people(site: str, gateway: str) -> str:
    return f"{PREFIX}/people/{identifier(site)}/{identifier(gateway)}"


def coord(site: str, building: str, gateway: str) -> str:
    return f"{PREFIX}/coord/{identifier(site)}/{identifier(building)}/{identifier(gateway)}"


def ack(site: str, gateway: str) -> str:
    return f"{PREFIX}/ack/{identifier(site)}/{identifier(gateway)}"


def command(site: str, gateway: str, name: str, *, person: bool) -> str:
    return f"{PREFIX}/{'whocmd' if person else 'cmd'}/{identifier(site)}/{identifier(gateway)}/{identifier(name)}"


def result(client: str, name: str) -> str:
    return f"{PREFIX}/res/{identifier(client)}/{identifier(name)}"


def parse(topic: str) -> Topic | None:
    """The parts of a topic; None for what is not one of ours."""
    if len(topic) > MAX_TOPIC or not topic.startswith(f"{PREFIX}/"):
        return None
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
    return Topic(cls, identifier(site), "", identifier(gateway), identifier(unit), "", _type(event_type))


def _parse_sense(cls: str, levels: list[str]) -> Topic:
    site, building, gateway, event_type = levels
    return Topic(cls, identifier(site), identifier(building), identifier(gateway), "", "", _type(event_type))


def _parse_hist(cls: str, levels: list[str]) -> Topic:
    site, gateway = levels
    return Topic(cls, identifier(site), "", identifier(gateway))


def _parse_whohist(cls: str, levels: list[str]) -> Topic:
    site, unit, gateway = levels
    return Topic(cls, identifier(site), "", identifier(gateway), identifier(unit))


def _parse_in_building(cls: str, levels: list[str]) -> Topic:
    site, building, gateway = levels
    return Topic(cls, identifier(site), identifier(building), identifier(gateway))


def _parse_agg(cls: str, levels: list[str]) -> Topic:
    return Topic(cls, site=levels[0], building=levels[1], place=place("/".join([*levels, "_"])))


def _parse_gw(_cls: str, levels: list[str]) -> Topic:
    site, gateway, what = levels
    if what not in ("status", "health"):
        raise ValueError(what)
    return Topic(what, identifier(site), "", identifier(gateway))


def _parse_named(cls: str, levels: list[str]) -> Topic:
    site, gateway, name = levels
    return Topic(cls, identifier(site), "", identifier(gateway), "", "", identifier(name))


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
    "cmd": _parse_named,
    "whocmd": _parse_named,
}
