"""The judge of the proof: what it must call lost, stored twice and wrong, in a ledger of our own making."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.book import Action, Book, read
from faults.judge import Hole, Verdict, holes, judge
from faults.office import place
from gateway.contract.envelope import Origin, decode, encode
from gateway.ledger import Ledger
from rules.api import Event

PEOPLE = ["p-00000000000000a1", "p-00000000000000b2"]
VISIT = "5b0c5c8e-1111-5222-8333-444455556666"
ORIGIN = Origin(site="kantor", building="utama", gateway="gw-01", boot="000001-abcd")
T0 = 1_795_484_700_000_000_000
TAPS = [Action(1, 0, T0), Action(2, 1, T0 + 1_000_000), Action(3, 0, T0 + 60_000_000_000)]


class Told:
    """Both copies of an act, in the ledger."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite"
        self._sequence = 0

    def tell(self, action: Action, word: str, *, person: str = "", classes: tuple[str, ...] = ("evt", "who")) -> None:
        events = []
        for cls in classes:
            self._sequence += 1
            data = {"checkin_id": VISIT, "method": "badge"}
            if word == "ended":
                data |= {
                    "reason": "user",
                    "ended_by": "act",
                    "last_evidence": action.at,
                    "start": action.at,
                    "dwell_s": 0,
                }
                data["place"] = place(action.card)
            who = person or PEOPLE[action.card]
            event = Event(f"desk.checkin.{word}", place(action.card), action.at, data, cls, who if cls == "who" else "")
            made = encode(event, ORIGIN, sequence=self._sequence, recorded_at=action.at, rule="desk/1")
            events.append(decode(made.body))
        ledger = Ledger(self.path)
        ledger.commit(events)
        ledger.close()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def verdict(folder: Path, told: Told, *, accepted: int = 3) -> Verdict:
    book = Book(folder / "book")
    book.offer(TAPS)
    book.accept(TAPS[:accepted])
    book.close()
    return judge(folder / "book", told.path, PEOPLE)


def test_all_is_well(tmp_path: Path, told: Told) -> None:
    for action, word in zip(TAPS, ("started", "started", "ended"), strict=True):
        told.tell(action, word)
    assert verdict(tmp_path, told) == Verdict(3, 3, 3, 0, 0, 0, 0)


def test_what_is_missing_or_half_there_is_lost(tmp_path: Path, told: Told) -> None:
    told.tell(TAPS[0], "started")
    told.tell(TAPS[1], "started", classes=("evt",))
    found = verdict(tmp_path, told)
    assert (found.stored, found.lost, found.duplicated) == (1, 2, 0)


def test_an_act_twice_is_a_duplicate_and_out_of_turn(tmp_path: Path, told: Told) -> None:
    told.tell(TAPS[0], "started")
    told.tell(TAPS[0], "started")
    told.tell(TAPS[1], "started")
    told.tell(TAPS[2], "ended")
    found = verdict(tmp_path, told)
    assert (found.stored, found.lost, found.duplicated, found.wrong) == (3, 0, 2, 2)


def test_somebody_elses_act_is_wrong(tmp_path: Path, told: Told) -> None:
    told.tell(TAPS[0], "started", person=PEOPLE[1])
    told.tell(TAPS[1], "started")
    told.tell(TAPS[2], "ended")
    assert verdict(tmp_path, told).wrong == 1


def test_what_was_never_accepted_is_in_doubt_and_not_lost(tmp_path: Path, told: Told) -> None:
    told.tell(TAPS[0], "started")
    told.tell(TAPS[1], "started")
    found = verdict(tmp_path, told, accepted=1)
    assert (found.offered, found.accepted, found.stored, found.lost, found.doubtful) == (3, 1, 1, 0, 1)


def test_the_book_survives_its_writer(tmp_path: Path) -> None:
    first = Book(tmp_path / "book")
    first.offer(TAPS[:2])
    first.accept(TAPS[:1])
    again = Book(tmp_path / "book")
    again.offer(TAPS[2:])
    assert read(tmp_path / "book") == (TAPS, {1})


def test_whatever_a_boot_has_numbered_and_the_archive_has_not_is_lost(told: Told) -> None:
    told.tell(TAPS[0], "started")
    boot = (ORIGIN.gateway, ORIGIN.boot)
    assert holes(told.path, {boot: 2, ("gw-01", "000009-ffff"): 7}) == []
    told._sequence = 4
    told.tell(TAPS[1], "started")
    found = holes(told.path, {boot: 8})
    assert found == [Hole(*boot, 3, 4), Hole(*boot, 7, 8)]
    assert [hole.many for hole in found] == [2, 2]
