"""What is wrong now, of all that the web application sees: gateways, devices, the archive, its own way to the broker.

Pure. What follows from something else is not said twice: behind a broker that is not reached nothing is known, a
gateway that is lost takes its devices along, and a line that is down stands for the devices on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.archive_health import ArchiveWord
from gateway.config.model import Gateway, Office
from gateway.config.sources import alone, shared
from gateway.contract.times import parsed
from gateway.equipment import LOW
from gateway.web.alarms_board import Problem, Urgency
from gateway.web.live import Live

NOW, TODAY, SOON = Urgency.NOW, Urgency.TODAY, Urgency.SOON
URGENCIES: Mapping[str, Urgency] = {
    "outbox_stalled": NOW,
    "outbox_damaged": NOW,
    "broker_lost": NOW,
    "archive_silent": NOW,
    "forward_stuck": NOW,
    "broker_refuses": NOW,
    "people_unknown": NOW,
    "clock_unknown": TODAY,
    "source_down": TODAY,
}
"""Of a gateway's own alarms (gateway/alarms.py); another word of a newer gateway: TODAY."""
SELF_TOLD = frozenset({"gateway_down"})
"""A coordinator's word about another gateway, whose status we read ourselves."""
OWN = frozenset({"web_no_broker", "archive_never", "archive_down", "archive_no_broker", "store_fails", "two_boots"})
"""What is seen without the broker."""
GONE: Mapping[str, str] = {"lost": "gateway_lost", "disconnected": "gateway_stopped"}
ABOUT_GATEWAYS = frozenset({*URGENCIES, *GONE.values(), "gateway_never", "dead_letters"})


def problems(office: Office, live: Live, archive: ArchiveWord | None) -> Iterator[Problem]:
    """Everything that is wrong. `archive`: its last word; None: it never said one on this box."""
    yield from _archive(archive)
    if not live.connected:
        yield Problem("web_no_broker", "", NOW)
        return
    for gateway in office.gateways:
        yield from _gateway(gateway, live)


def unsure(live: Live, problem: Problem) -> bool:
    """Whether nobody can tell if it is still there: the broker is away, or the gateway that would tell is."""
    device = live.devices.get(problem.about)
    gateway = problem.about.partition("/")[0] if device is None else str(device["gw"])
    status = live.gateways.get(gateway)
    if problem.name in OWN or (status is None and problem.name not in ABOUT_GATEWAYS):
        return False
    return not live.connected or (status is not None and status["state"] != "ready")


def _archive(word: ArchiveWord | None) -> Iterator[Problem]:
    if word is None:
        yield Problem("archive_never", "", NOW)
        return
    if word.silent:
        yield Problem("archive_down", "", NOW)
        return
    if not word.body.get("connected", True):
        yield Problem("archive_no_broker", "", NOW, str(word.body.get("link") or ""))
    stores = word.body.get("stores")
    for name, store in (stores if isinstance(stores, dict) else {}).items():
        if isinstance(store, dict) and store.get("problem"):
            yield Problem("store_fails", str(name), TODAY, str(store["problem"]))
    for name in word.body.get("two_boots") or ():
        yield Problem("two_boots", str(name), NOW)


def _gateway(gateway: Gateway, live: Live) -> Iterator[Problem]:
    status = live.gateways.get(gateway.id)
    if status is None:
        yield Problem("gateway_never", gateway.id, NOW)
        return
    if status["state"] != "ready":
        if status["state"] in GONE:  # one that sleeps was told to: nobody has to do anything
            yield Problem(GONE[status["state"]], gateway.id, NOW, since=_time(status.get("at")))
        return
    down = set()
    health = live.health.get(gateway.id)
    if health is not None:
        for problem in _told(gateway.id, health):
            down |= {problem.detail} if problem.name == "source_down" else set()
            if problem.name != "source_down" or _is_shared(gateway, problem.detail):
                yield problem
    yield from _devices(gateway, live, down)


def _told(gateway: str, health: Mapping[str, Any]) -> Iterator[Problem]:
    for alarm in health.get("alarms") or ():
        name = str(alarm["name"])
        if name not in SELF_TOLD:
            about = f"{gateway}/{alarm['about']}" if name == "source_down" else gateway
            detail = str(alarm["about"]) if name == "source_down" else str(alarm["about"] or alarm["why"])
            yield Problem(name, about, URGENCIES.get(name, TODAY), detail)
    dead = (health.get("backlog") or {}).get("dead") or 0
    if dead:
        yield Problem("dead_letters", gateway, TODAY, amount=int(dead))


def _is_shared(gateway: Gateway, source: str) -> bool:
    """Whether several devices hang on it; that of one is told as the device."""
    return all(alone(one) is None for one in gateway.sources if one.id == source)


def _devices(gateway: Gateway, live: Live, down: set[str]) -> Iterator[Problem]:
    """`down`: sources that do not work: what they bring is told with them."""
    behind = {device for source in gateway.sources if source.id in down for device in shared(source)}
    for name, device in live.devices.items():
        if device["gw"] != gateway.id:
            continue
        heard = _time(device.get("last_heard"))
        if device.get("alive") is False and name not in behind:
            # what is silent by design is not known to be alive, and never said to be dead
            stuck = device.get("cause") == "stuck"
            yield Problem(
                "device_stuck" if stuck else "device_silent", name, TODAY, str(device.get("cause") or ""), heard
            )
        battery = device.get("battery")
        if battery is not None and battery < LOW:
            yield Problem("battery_low", name, SOON, amount=round(battery))


def _time(text: str | None) -> int:
    return 0 if text is None else parsed(text)
