"""What needs somebody, the most urgent first: made of a gateway's status, each with its cause and the next step.

Pure. An alarm is there as long as its cause is; who shows it says it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

STUCK_S = 60.0
"""A reading for another gateway waits for its answer no longer than that where all is well."""


class Alarm(NamedTuple):
    """One thing that is wrong."""

    name: str
    """Stable word."""
    about: str
    """What it is about: a source, a topic, a gateway; empty: the gateway itself."""
    why: str
    do: str
    """The next step."""


def alarms(status: Mapping[str, Any]) -> list[Alarm]:
    """Of a status as `hadir status` shows it."""
    return [alarm for look in _LOOKS for alarm in look(status)]


def _disk(status: Mapping[str, Any]) -> Iterator[Alarm]:
    if why := status["stalled"]:
        yield Alarm(
            "outbox_stalled", "", f"nothing is accepted: {why}", "make room on the gateway's disk, or replace it"
        )
    for told in status["set_aside"]:
        yield Alarm(
            "outbox_damaged", "", told, "replace the card or disk; keep the file until what it says is looked into"
        )


def _way(status: Mapping[str, Any]) -> Iterator[Alarm]:
    """One of these at a time: the first link of the chain that is broken."""
    link = status["link"]
    if not link["connected"]:
        yield Alarm(
            "broker_lost", "", link["reason"] or "not connected yet", "see whether the broker runs and is reached"
        )
    elif status["archive_silent_s"]:
        why = f"connected, but for {status['archive_silent_s']:.0f} s nothing of what is sent has reached the archive"
        yield Alarm("archive_silent", "", why, "see whether `hadir ingest` runs and is connected, and its log and disk")
    for topic, why in status["broker_refuses"].items():
        yield Alarm(
            "broker_refuses", topic, why, "let this gateway's user do so in the broker's ACL (config/hadir.acl)"
        )


def _neighbours(status: Mapping[str, Any]) -> Iterator[Alarm]:
    forwarding = status["forwarding"]
    if status["link"]["connected"] and (forwarding["oldest_s"] or 0.0) > STUCK_S:
        count, oldest = forwarding["count"], forwarding["oldest_s"]
        why = f"{count} readings for other gateways have no answer, the oldest for {oldest:.0f} s"
        yield Alarm(
            "forward_stuck",
            "",
            why,
            "see whether the gateway of those places runs, and whether the ACL allows reading/",
        )


def _clock(status: Mapping[str, Any]) -> Iterator[Alarm]:
    clock = status["clock"]
    if clock["sync"] == "none":
        why = clock["problem"] or "the time is not known"
        yield Alarm("clock_unknown", "", why, "let the machine reach a time server (timedatectl)")


def _equipment(status: Mapping[str, Any]) -> Iterator[Alarm]:
    for source, why in status["sources"].items():
        yield Alarm("source_down", source, why, "see to its cable, power or address; `hadir check` names what is there")
    if why := status["people_problem"]:
        yield Alarm("people_unknown", "", why, "see whether the archive runs; `hadir people` enrols")


def _others(status: Mapping[str, Any]) -> Iterator[Alarm]:
    for gateway in status["down"]:
        yield Alarm("gateway_down", gateway, "not heard; its places are unknown", "see to its power and network")


_Look = Callable[[Mapping[str, Any]], Iterator[Alarm]]
_LOOKS: tuple[_Look, ...] = (_disk, _way, _neighbours, _clock, _equipment, _others)
