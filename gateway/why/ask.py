"""The command `hadir why`: asks the archive's ledger, or a running gateway for what is now."""

from __future__ import annotations

import argparse
import asyncio
import json
import stat
import sys
from pathlib import Path
from typing import Any

import apsw

from gateway.clock import SystemClock, parse_rfc3339, rfc3339
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.control import SOCKET, call
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.ledger_view import View
from gateway.why.changes import Changes
from gateway.why.live import resolve
from gateway.why.moment import moment
from gateway.why.person import PersonAt, admitted, is_pid
from gateway.why.place import PlaceAt
from gateway.why.rows import TIMED, Answer, of_calendar, with_times
from gateway.why.words import Words

OFFICE = Path("office.yaml")


def why(arguments: argparse.Namespace) -> int:
    """Print the answer. Raises HadirError, which says what to do."""
    source = arguments.source or OFFICE
    if (source / OFFICE).is_file():
        source /= OFFICE
    if is_socket(source):
        if arguments.at != "now":
            raise HadirError(
                "a gateway knows only now; the archive knows what was: give its office.yaml in place of a socket"
            )
        _print(_timed(asyncio.run(call(source, "why", {"place": arguments.what}))), arguments, None)
        return 0
    if not source.exists():
        text = f"there is no {source}: which site? hadir why office.yaml {arguments.what} --at TIME"
        raise HadirError(f"{text}, or give the control socket of a gateway")
    office = load(source)
    answer = answer_of(office, arguments.what, arguments.at, SystemClock().office())
    _print(answer, arguments, office)
    return 0


def answer_of(office: Office, what: str, when: str, now: int) -> Answer:
    """For `now` from the gateway that decides it, where that runs here; else from the ledger. Raises HadirError."""
    at = moment(when, office.timezone, now)
    person = admitted(office, what) if is_pid(what) else None
    place = "" if person is not None else resolve(office, Places(office), what)
    if when == "now" and (live := _live(office, place, what)) is not None:
        return live
    ledger = office.path(office.archive.ledger)
    if not ledger.is_file():
        text = f"there is no ledger {ledger} on this machine: ask on the archive's box"
        raise HadirError(f"{text}, or for `now` on the box of the gateway that decides it")
    view = View.open(ledger)
    try:
        if person is not None:
            found: Answer = {"pid": person.pid, **PersonAt(view, office, at, now).answer(person)}
        else:
            asked = PlaceAt(view, office, at)
            found = {"place": place, **(asked.space(place) if place in Places(office).spots else asked.zone(place))}
    except apsw.Error as error:
        raise HadirError(f"{ledger} cannot be read: {error}") from error
    finally:
        view.close()
    told = {"asked": what, "at": at, "source": "the archive", "calendar": of_calendar(office, at), **found}
    return {**told, "changes": Changes(office, at).of(told)}


def is_socket(path: Path) -> bool:
    """Whether a gateway is asked: its socket, the folder with the socket in it, or where one would be."""
    if path.is_dir() or path.name == SOCKET:
        return True
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _live(office: Office, place: str, what: str) -> Answer | None:
    """Of the gateway that decides a place, or that knows where people are; None where none of them runs here.

    Raises PermanentError when it says no.
    """
    owner = Places(office).owner(place) if place else ""
    for gateway in office.gateways:
        socket = office.data_folder(gateway) / SOCKET
        if (owner and gateway.id != owner) or not socket.exists():
            continue
        try:
            answer: Answer = _timed(asyncio.run(call(socket, "why", {"place": place or what})))
        except TransientError:
            continue  # it does not run: what the archive was told last is the answer
        except PermanentError as error:
            if owner or error.reason != "not_coordinator":
                raise
            continue
        return answer
    return None


def _print(answer: Answer, arguments: argparse.Namespace, office: Office | None) -> None:
    if arguments.json:
        sys.stdout.write(json.dumps(with_times(answer, rfc3339), indent=2) + "\n")
        return
    zone = office.timezone if office is not None else str(answer["timezone"])
    sys.stdout.write(Words(zone, int(answer["at"])).text(answer))


def _timed(answer: Any, name: str = "") -> Any:
    """The answer of a socket with its times as numbers again."""
    if isinstance(answer, dict):
        return {key: _timed(value, key) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_timed(value, name) for value in answer]
    timed = name in TIMED or name.endswith(tuple(f"_{end}" for end in TIMED))
    return parse_rfc3339(answer) if timed and isinstance(answer, str) else answer
