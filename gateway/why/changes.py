"""In plain words, what would change what is held: by the configuration as it is, at a time as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.model import Device, Office
from gateway.why.moment import clock
from gateway.why.rows import Answer


class Changes:
    """Sentences for one answer."""

    def __init__(self, office: Office, at: int) -> None:
        self._office = office
        self._at = at

    def of(self, answer: Mapping[str, Any]) -> list[str]:
        """What would change it, the nearest first."""
        if answer["kind"] == "person":
            return [*self._presence(answer["presence"])]
        if answer["kind"] == "zone":
            return ["a zone says what its spaces say: ask `hadir why` about one of them"]
        found = [*self._occupancy(str(answer["place"]), answer["occupancy"])]
        return (
            [*found, *self._desk(answer["desk"], answer["occupancy"], str(answer["kind"]))]
            if "desk" in answer
            else found
        )

    # --- a place ----------------------------------------------------------------------------------------------------

    def _occupancy(self, place: str, held: Answer) -> Iterator[str]:
        sensors = self._sensors(place)
        named = ", ".join(device.id for device in sensors) or "none is bound to it"
        if held.get("next_due"):
            yield f"its rule looks again at {self._clock(held['next_due'])}, if nothing is heard before"
        match held["state"], held["cause"]:
            case "occupied", _:
                yield f"vacant: when the devices of the place ({named}) have seen nobody for as long as each one holds"
                yield "unknown: when none of them is heard for three of its intervals, or its gateway is lost"
            case "vacant", _:
                yield f"occupied: as soon as one of its devices ({named}) sees somebody, or a badge is tapped there"
                yield "unknown: when none of them is heard for three of its intervals, or its gateway is lost"
            case _, "unconfigured":
                yield "a sensor: none that bears witness is bound to the place in office.yaml"
            case _, "gateway_down":
                yield "its gateway: when it is heard again it says what its sensors see"
            case _, "radio_deaf":
                yield "its receivers: when they hear again"
            case _, "clock_bad":
                yield "the gateway's clock: when it is synchronized"
            case _:
                yield f"a word of one of its devices ({named})"

    def _sensors(self, place: str) -> list[Device]:
        short = place.partition("/")[2]
        return [device for device in self._office.devices if device.place == short and device.driver != "receiver"]

    def _desk(self, desk: Answer, occupancy: Answer, kind: str) -> Iterator[str]:
        rules = self._office.rules.desk
        match desk["life"]:
            case "out_of_order":
                yield "desk: an operator, or its `mode` in office.yaml, puts it into use again"
                return
            case "free":
                yield "taken: a badge at its reader, or a check-in by web, QR code or kiosk"
                return
            case "reserved":
                if kind == "desk":
                    yield "taken: whoever reserved it taps; anybody else is refused"
                else:
                    yield "used: as soon as somebody is sensed there in its time; then it is no no-show"
                if (desk.get("reservation") or {}).get("used"):
                    return
                grace = f"{rules.no_show_after_s / 60:g} min of the reservation"
                yield self._release(desk, occupancy, grace, "the reservation is released as a no-show")
                return
            case _:
                pass
        yield "free: its holder taps again, leaves by web or kiosk, or takes another desk"
        if desk.get("away_due"):
            yield f"away: at {self._clock(desk['away_due'])}, if it stays vacant"
        if rules.release_after_s is not None:
            grace = f"{rules.release_after_s / 60:g} min"
            yield self._release(desk, occupancy, grace, "it is released")
            if desk.get("paused"):
                yield "a break is on, which pauses that"
        if desk.get("end_of_day_due"):
            yield f"free: the day ends at {self._clock(desk['end_of_day_due'])}, unless somebody is sensed there then"

    def _release(self, desk: Answer, occupancy: Answer, grace: str, what: str) -> str:
        due = desk.get("release_due")
        if due:
            warned = f" (a warning goes out {self._office.rules.desk.warn_before_s / 60:g} min before)"
            when = f"at {self._clock(due)}" if due > self._at else f"as it was due at {self._clock(due)}"
            return f"free: {what} {when}, if it stays vacant; breaks do not count{warned}"
        if occupancy["state"] == "unknown":
            return f"free: {what} only after {grace} sensed vacant; while nobody knows, nothing is released"
        return f"free: {what} after {grace} sensed vacant; a short doubt pauses that, and one that lasts begins it anew"

    # --- a person ---------------------------------------------------------------------------------------------------

    def _presence(self, held: Answer) -> Iterator[str]:
        rules = self._office.rules.presence
        if held["state"] in ("present", "idle"):
            yield "another zone: their tag, a badge at a zone's reader, or a desk taken there"
            if held["state"] == "present":
                yield f"idle: {self._due(held, 'idle_due', rules.idle_after_s)}"
            yield f"unknown (no_evidence): {self._due(held, 'unknown_due', rules.unknown_after_s)}"
            yield "left: only an act, such as a badge at a reader of role out, in_out or kiosk"
        else:
            yield "present: a tag that is located, a badge, or a desk that is taken"
            yield "that nothing is known is no evidence of absence: the office is one of several places to work in"

    def _due(self, held: Answer, name: str, after_s: float) -> str:
        if held.get(name):
            return f"at {self._clock(held[name])} without new evidence"
        return f"after {after_s / 60:g} min without new evidence"

    def _clock(self, at: int) -> str:
        return clock(at, self._at, self._office.timezone)
