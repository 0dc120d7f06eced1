"""An answer as text: what was held, since when and why, what lost, what came before and after, what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.why.moment import clock, spoken
from gateway.why.rows import Answer


class Words:
    """Writes one answer; times in the site's zone."""

    def __init__(self, zone: str, at: int) -> None:
        self._zone = zone
        self._at = at

    def text(self, answer: Mapping[str, Any]) -> str:
        """The whole of it, with a line feed at the end."""
        return "".join(f"{line}\n" for line in self._lines(answer))

    def _lines(self, answer: Mapping[str, Any]) -> Iterator[str]:
        who = answer.get("pid") or answer["place"]
        yield f"{who} at {spoken(self._at, self._zone)}, as {answer['source']} has it"
        yield from self._calendar(answer["calendar"])
        if answer["kind"] == "person":
            yield from self._person(answer)
        elif answer["kind"] == "zone":
            yield from self._zone_lines(answer)
        else:
            yield from self._held("", answer["occupancy"])
            if "desk" in answer:
                yield from self._desk(answer["desk"], answer)
        for name in ("before", "after"):
            if answer.get(name):
                yield f"{name}:"
                yield from (f"  {self._clock(one['at'])}  {event(one, self._clock)}" for one in answer[name])
        yield "what would change it:"
        yield from (f"  - {line}" for line in answer["changes"])

    def _calendar(self, told: Answer) -> Iterator[str]:
        if told.get("problem"):
            yield f"calendar: {told['problem']}"
            return
        kind = {"work": "working time", "break": "a break", "off": "no working time"}[told["kind"]]
        more = [f"until {self._clock(told['until'])}"] if told["kind"] != "off" else []
        more += [told["holiday"]] if told.get("holiday") else []
        yield f"calendar: {', '.join([kind, *more, *told['notes']])}"

    def _held(self, name: str, held: Answer) -> Iterator[str]:
        """A state with everything that it rests on."""
        since = f" since {self._clock(held['since'])}" if held.get("since") else ""
        cause = f" ({held['cause']})" if held.get("cause") else ""
        more = [f"confidence {held['confidence']:g}"] if held.get("confidence") is not None else []
        more += [f"quality {held['quality']}"] if held.get("quality") not in (None, "good") else []
        more += ["decided late"] if held.get("late") else []
        zone = f" in {held['zone']}" if held.get("zone") else ""
        yield f"{name}{held['state']}{cause}{zone}{since}{', ' if more else ''}{', '.join(more)}"
        if held.get("why"):
            yield f"  because {held['why']}"
        if "last_told" in held:
            yield from (f"  {line}" for line in self._held("last said: ", held["last_told"]))
            return
        yield from self._behind(held)

    def _behind(self, held: Answer) -> Iterator[str]:
        if held.get("decided_at"):
            by = f"{held.get('rule') or 'the gateway'} on {held['gateway']}, event {held['boot']}/{held['sequence']}"
            yield f"  decided {self._clock(held['decided_at'])} by {by}"
        if held.get("method"):
            yield f"  borne out by {held['method']}, assurance {held.get('assurance') or 'claimed'}"
        for item in held.get("evidence") or ():
            yield f"  evidence: {evidence(item)}"
        if held.get("evidence") == []:
            yield "  evidence: none"
        yield from _lost(held)
        if held.get("holds"):
            yield from self._holds(held["holds"])

    def _holds(self, holds: Answer) -> Iterator[str]:
        """What it rests on now, of a running gateway."""
        for item in holds["votes"]:
            yield f"  now: {evidence(item)}"
        if holds["loses"]:
            yield f"  now against it: {holds['loses']['state']}, weight {holds['loses']['weight']:g}"
        if holds["stuck"]:
            yield f"  not believed, as it is stuck: {', '.join(holds['stuck'])}"
        if holds.get("model"):
            model = holds["model"]
            yield f"  its model: log-odds {model['log_odds']:+g} of somebody, {100 * model['heard']:.0f} % of it heard"
        for dev, air in holds.get("air", {}).items():
            share = f"somebody {100 * air['somebody']:.0f} %"
            yield f"  the air by {dev}: {air['ppm']:g} ppm, {air['base']} with nobody in it; {share}"

    def _desk(self, desk: Answer, answer: Mapping[str, Any]) -> Iterator[str]:
        since = f" since {self._clock(desk['since'])}" if desk.get("since") else ""
        yield f"{answer['kind']}: {desk['life']}{since}"
        if answer.get("owner_unit"):
            guests = "guests are allowed" if answer["guests"] else "it refuses other units"
            yield f"  it belongs to {answer['owner_unit']}; {guests}"
        if desk.get("vacant_since") and desk.get("doubt_s"):
            vacant = self._clock(desk["vacant_since"])
            yield f"  nobody since {vacant}, but for short doubts, together {desk['doubt_s']:g} s, which do not count"
        if desk.get("reservation"):
            booked = desk["reservation"]
            came = ", and somebody came" if booked.get("used") else ""
            yield f"  reserved from {self._clock(booked['since'])} to {self._clock(booked['until'])}{came}"
        checkin = desk.get("checkin")
        if checkin:
            how = "by its reservation" if checkin.get("matches_reservation") else "as a walk-up"
            yield f"  taken {self._clock(checkin['since'])} by {checkin['method']}, {how}"
            yield f"  check-in {checkin['checkin_id']}"
            if checkin.get("rule"):
                by = f"{checkin['rule']} on {checkin['gateway']}, event {checkin['boot']}/{checkin['sequence']}"
                yield f"  decided by {by}"
            yield from (f"  evidence: {evidence(item)}" for item in checkin.get("evidence") or ())
            yield from _lost(checkin)
            if checkin.get("elsewhere_until"):
                yield f"  its holder acted, or is booked, elsewhere until {self._clock(checkin['elsewhere_until'])}"
        elif desk.get("ended"):
            yield f"  ended: {event(desk['ended'], self._clock)}"
            yield from (f"    evidence: {evidence(item)}" for item in desk["ended"].get("evidence") or ())
            yield from (f"  {line}" for line in _lost(desk["ended"]))

    def _zone_lines(self, answer: Mapping[str, Any]) -> Iterator[str]:
        if answer.get("private"):
            yield "a private zone: nothing is sensed in it, and it is never an answer"
        count = answer.get("count")
        if count is not None:
            people = count.get("occupancy")
            known = f"{people} people" if people is not None else "not told (unknown, or fewer than five)"
            yield f"count: {known}, by {count.get('method')}"
            yield from self._behind(count)
        for place, held in answer["spaces"].items():
            cause = f" ({held['cause']})" if held.get("cause") else ""
            since = f" since {self._clock(held['since'])}" if held.get("since") else ""
            yield f"  {place}: {held['state']}{cause}{since}"

    def _person(self, answer: Mapping[str, Any]) -> Iterator[str]:
        yield f"for the person and the keeper of the people table only (visibility: {answer['visibility']})"
        if answer["quiet"]:
            yield "does not want to be sensed: only what they did on purpose is known"
        if answer.get("retained_days"):
            yield f"rows about people are kept for {answer['retained_days']} days: older ones are gone"
        yield from self._held("", answer["presence"])
        for name in ("desk", "workplace"):
            held = answer.get(name)
            if held is None:
                yield f"{name}: no check-in is known"
            elif held["open"]:
                by = f" by {held['method']}" if held.get("method") else ""
                yield f"{name}: checked in at {held['place']} since {self._clock(held['since'])}{by}"
            else:
                how = f"{held.get('reason') or 'ended'}, {held.get('ended_by') or 'act'}"
                yield f"{name}: left {held['place']} {self._clock(held['since'])} ({how})"

    def _clock(self, at: int) -> str:
        return clock(at, self._at, self._zone)


def _lost(held: Mapping[str, Any]) -> Iterator[str]:
    """The answer that was not given."""
    lost = held.get("challenger")
    if lost:
        what = lost.get("state") or lost.get("zone") or f"{lost['occupancy']} people, by {lost['method']}"
        yield f"  lost: {what}, weight {lost['weight']:g}"


def evidence(item: Mapping[str, Any]) -> str:
    """One item: fixed equipment, or a personal thing by what heard it."""
    if "dev" not in item:
        return f"a {item['modality']}, heard by {item['via']}"
    value = item["value"]
    if value is None or isinstance(value, bool):  # a count of 1 is none
        value = {True: "yes", False: "no", None: "not known"}[value]
    then = " when it was decided" if "age_now_s" in item else ""
    age = f"{item['age_s']:g} s old{then}"
    if item.get("age_now_s", item["age_s"]) > item["age_s"]:
        age += f", {item['age_now_s']:g} s by then"
    return f"{item['dev']} ({item['modality']}) {item['kind']}: {value}, weight {item['weight']:g}, {age}"


def event(one: Mapping[str, Any], write: Any) -> str:
    """An event in one line."""
    kind = one["type"].rpartition(".")[0] or one["type"]
    match one["type"]:
        case "occupancy.changed":
            cause = f" ({one['cause']})" if one.get("cause") else ""
            return f"{one['state']}{cause}, was {one.get('prev', 'unknown')}"
        case "occupancy.counted":
            people = one.get("occupancy")
            return f"{people} people" if people is not None else "count not told"
        case "desk.checkin.started":
            return f"desk taken by {one.get('method')}"
        case "desk.checkin.ended":
            return f"desk left: {one.get('reason')} ({one.get('ended_by')})"
        case "desk.release.warning":
            return f"warning: {one.get('cause')} due at {write(one['due'])}"
        case "badge.rejected":
            return f"a badge was refused: {one.get('cause')}"
        case _ if one["type"].startswith("desk.reservation."):
            cause = f" ({one['cause']})" if one.get("cause") else ""
            return f"reservation {one['type'].rpartition('.')[2]}{cause}"
        case _ if kind == "presence":
            zone = f" in {one['zone']}" if one.get("zone") else ""
            cause = f" ({one['cause']})" if one.get("cause") else ""
            return f"{one['type'].rpartition('.')[2]}: {one.get('state', '')}{cause}{zone}"
        case _:
            return str(one["type"])
