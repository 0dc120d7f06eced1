"""What a running gateway holds now: the state of its rules, who contests it, and when it looks again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.config.document import did_you_mean, short
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract.envelope import Origin
from gateway.contract.times import parsed
from gateway.errors import PermanentError
from gateway.people import Directory
from gateway.views import Views
from gateway.why.changes import Changes
from gateway.why.person import is_pid
from gateway.why.rows import Answer, aged, of_calendar, summary

Explain = Callable[[str, str, int], dict[str, Any] | None]
"""gateway.pipeline.Pipeline.explain: (rule, key, now)."""
PREFIX, SUFFIX = "hadir.", ".v1"


class Live:
    """Answers of one gateway about what it decides."""

    def __init__(self, office: Office, origin: Origin, views: Views, directory: Directory, explain: Explain) -> None:
        self._office = office
        self._origin = origin
        self._places = Places(office)
        self._views = views
        self._directory = directory
        self._explain = explain

    def answer(self, what: str, now: int) -> Answer:
        """About a place or a person. Raises PermanentError: no_place, not_owner, nobody, not_coordinator."""
        found = self._person(what, now) if is_pid(what) else self._place(what, now)
        told: Answer = {
            "asked": what,
            "at": now,
            "source": f"gateway {self._origin.gateway}",
            "calendar": of_calendar(self._office, now),
            **found,
        }
        return {**told, "changes": Changes(self._office, now).of(told)}

    def _place(self, what: str, now: int) -> Answer:
        place = resolve(self._office, self._places, what)
        owner = self._places.owner(place)
        if owner != self._origin.gateway:
            raise PermanentError("not_owner", f'gateway "{owner}" decides that place: ask there')
        if place in self._places.areas:
            return self._zone(place, now)
        spot = self._places.spots[place]
        events = [self._brief(event) for event in self._views.events_at(place)]
        answer: Answer = {
            "place": place,
            "kind": spot.space.kind,
            "owner": owner,
            "owner_unit": None if spot.unit == "_" else spot.unit,
            "guests": spot.guests,
            "mode": spot.space.mode,
            "occupancy": self._occupancy(place, now),
            "before": sorted(events, key=lambda one: one["at"]),
            "after": [],
        }
        if spot.space.kind == "desk":
            answer["desk"] = self._explain("desk", place, now) or {"life": "free", "since": None}
        elif (claim := self._explain("desk", place, now) or {}).get("life", "free") != "free":
            answer["desk"] = claim
        return answer

    def _occupancy(self, place: str, now: int) -> Answer:
        """What is held, on what the last change rested, and what the rule has to say of now."""
        sensed = self._views.sensed(place)
        if sensed is None:
            return {"state": "unknown", "cause": "starting", "since": None}
        told: Answer = {
            "state": sensed.state,
            "cause": sensed.cause,
            "since": sensed.since,
            "confidence": sensed.confidence,
            "quality": sensed.quality,
            "gateway": self._origin.gateway,
        }
        event = next((one for one in self._views.events_at(place) if _type(one) == "occupancy.changed"), None)
        if event is not None and (event["data"]["state"], event["data"].get("cause")) == (sensed.state, sensed.cause):
            decided_at = parsed(event["time"])
            told |= {
                "decided_at": decided_at,
                "boot": event["source"].rpartition("/")[2],
                "sequence": int(event["sequence"]),
                "evidence": aged(event["data"].get("evidence") or (), now - decided_at),
                "challenger": event["data"].get("challenger"),
            }
        return {**told, **(self._explain("occupancy", place, now) or {})}

    def _zone(self, zone: str, now: int) -> Answer:
        spaces = {}
        for place in self._views.in_zone(zone):
            sensed = self._views.sensed(place)
            spaces[place] = {
                "state": "unknown" if sensed is None else sensed.state,
                "cause": "starting" if sensed is None else sensed.cause,
                "since": None if sensed is None else sensed.since,
            }
        events = [self._brief(event) for event in self._views.events_at(zone)]
        return {
            "place": zone,
            "kind": "zone",
            "owner": self._origin.gateway,
            "private": self._places.areas[zone].zone.private,
            "count": None,
            "spaces": spaces,
            "counting": self._explain("counting", zone, now),
            "before": events,
            "after": [],
        }

    def _person(self, pid: str, now: int) -> Answer:
        """A person, for whoever may use the control socket of their building's coordinator."""
        presence = self._explain("presence", pid, now)
        if presence is None:
            raise PermanentError("not_coordinator", "people are known to their building's coordinator only: ask there")
        entry = next((one for one in self._directory.entries.values() if one.pid == pid), None)
        if pid in self._directory.erased:
            raise PermanentError("nobody", f"{pid} was erased: nothing is kept")
        if entry is None:
            raise PermanentError("nobody", f"nobody whom this gateway was told of has the pid {pid}")
        held = presence or {"state": "unknown", "cause": "no_evidence", "since": None}
        desks = self._explain("one_desk", pid, now) or {}
        return {
            "pid": pid,
            "kind": "person",
            "unit": None if entry.unit == "_" else entry.unit,
            "visibility": entry.visibility,
            "quiet": entry.quiet,
            "presence": {name: value for name, value in held.items() if name not in ("desk", "workplace", "quiet")},
            "desk": _open(desks.get("desk")),
            "workplace": _open(held.get("workplace")),
        }

    def _brief(self, event: Mapping[str, Any]) -> Answer:
        return summary(_type(event), parsed(event["time"]), event["data"])


def resolve(office: Office, places: Places, what: str) -> str:
    """The space or zone that somebody means: in full, without the site, or its last level where that is the only one.

    Raises PermanentError: no_place, with what may be meant; ambiguous.
    """
    known = {**places.spots, **places.areas}
    levels = what.strip("/").split("/")
    inside = levels[1:] if levels[0] == office.site and len(levels) > 1 else levels
    full = "/".join([office.site, *inside, *["_"] * (4 - len(inside))])
    if full in known:
        return full
    if len(inside) == 1:
        names = [place for place in places.spots if place.endswith(f"/{inside[0]}")]
        names += [zone for zone in places.areas if zone.endswith(f"/{inside[0]}/_")]
        if len(names) == 1:
            return names[0]
        if names:
            raise PermanentError(
                "ambiguous", f'"{short(what)}" may be {", ".join(sorted(names)[:8])}: give more levels'
            )
    if len(inside) < 3 and any(place.startswith("/".join([office.site, *inside, ""])) for place in known):
        raise PermanentError("no_place", f'"{short(what)}" is neither a space nor a zone: ask about one of those in it')
    last = {place.removesuffix("/_").rpartition("/")[2]: place for place in known}
    text = f'there is no space "{short(what)}"'
    hint = did_you_mean(full, known) if len(inside) > 1 else did_you_mean(inside[0], last)
    raise PermanentError("no_place", text + hint)


def _type(event: Mapping[str, Any]) -> str:
    return str(event["type"]).removeprefix(PREFIX).removesuffix(SUFFIX)


def _open(held: Mapping[str, Any] | None) -> Answer | None:
    return (
        None
        if held is None
        else {"open": True, "place": held["place"], "since": held["since"], "method": held.get("method")}
    )
