"""The walk: proposes a spot, waits until somebody stands there, listens, writes, shows how far the floor is covered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from gateway.errors import HadirError
from gateway.survey import picture
from gateway.survey.feed import Ended, Feed
from gateway.survey.ground import COVERED, Ground, Point, Spot, Visit, following
from gateway.survey.store import Store

HELP = """\
  Enter      I stand there: listen
  12.5 3.0   I stand at these metres instead: listen
  s          skip this spot          z ZONE     go on in another zone
  u          undo the last spot      p          show the floor
  q          quit; it goes on here next time
  @T ...     with a tape: wind it to second T first (since 1970, or +seconds)
"""


class Walk:
    """One sitting."""

    def __init__(
        self, ground: Ground, store: Store, feed: Feed, seconds: float, lines: TextIO, out: TextIO, *, tty: bool
    ) -> None:
        """`lines`: what the walker types. `tty`: whether `out` is a terminal in which a line can be written over."""
        self._ground = ground
        self._store = store
        self._feed = feed
        self._seconds = seconds
        self._lines = lines
        self._out = out
        self._tty = tty
        self._skipped: frozenset[Spot] = frozenset()
        self._zone: str | None = None
        self._here: Point | None = None
        self._next: Spot | None = None

    def run(self) -> None:
        """Until all is covered, the walker quits, or the tape is over."""
        self._propose()
        self._show()
        self._say(HELP)
        while True:
            word = self._ask()
            if word is None or word in ("q", "quit"):
                return
            try:
                if self._do(word):
                    self._propose()
                    self._show()
            except Ended as error:
                self._say(f"{error}\n")
                return
            except HadirError as error:
                self._say(f"{error}\n")

    def _propose(self) -> None:
        states = self._ground.states(self._store.visits)
        self._next = following(states, self._skipped, self._here, self._zone)
        self._zone = None if self._next is None else self._next.zone

    def _ask(self) -> str | None:
        """What the walker answers; None: nothing more."""
        if self._next is None:
            left = "skipped or covered" if self._skipped else "covered"
            self._say(f"every spot is {left}; coordinates for more, or q > ")
        else:
            spot, number = self._next, [*self._ground.zones].index(self._next.zone) + 1
            where = "the middle of zone" if spot.middle else "the next spot in zone"
            of = f"{spot.zone} ({number} of {len(self._ground.zones)})"
            self._say(f"go to {where} {of}: {spot.x:g} {spot.y:g}; Enter when you stand there > ")
        line = self._lines.readline()
        if not self._tty or not line:
            self._say("\n")
        return " ".join(line.lower().split()) if line else None

    def _do(self, word: str) -> bool:
        """Whether another spot is to be proposed. Raises HadirError."""
        if word.startswith("@"):
            at, _, word = word[1:].partition(" ")
            self._feed.wind(at)
        match word.split():
            case []:
                if self._next is None:
                    return False
                self._stand(self._next.x, self._next.y)
            case ["s"] if self._next is not None:
                self._skipped |= {self._next}
            case ["u"]:
                self._undo()
            case ["p"]:
                self._show()
                return False
            case ["z", zone]:
                if zone not in self._ground.zones:
                    raise HadirError(f"there is no zone {zone[:40]}; zones are {', '.join(self._ground.zones)}")
                self._zone = zone
            case [x, y] if _is_number(x) and _is_number(y):
                self._own(float(x), float(y))
            case _:
                self._say(HELP)
                return False
        return True

    def _own(self, x: float, y: float) -> None:
        if self._ground.is_far(x, y):
            left, low, right, high = self._ground.box
            box = f"{left:g} to {right:g}, {low:g} to {high:g}"
            raise HadirError(f"{x:g} {y:g} is far outside the floor, which is {box} metres")
        if self._ground.zone_at(x, y) is None:
            self._say(f"{x:g} {y:g} is in no zone; it is taken all the same\n")
        self._stand(x, y)

    def _stand(self, x: float, y: float) -> None:
        self._here = (x, y)
        self._say(f"stand still at {x:g} {y:g} for {self._seconds:g} s\n")
        heard = self._feed.stand(self._seconds, self._told())
        if self._tty:
            self._say("\r\033[K")
        visit = Visit(x, y, tuple(heard))
        if not heard:
            if self._next is not None and (x, y) == (self._next.x, self._next.y):
                self._skipped |= {self._next}
            self._say("nothing was heard: is it the right tag, and is it awake? Nothing is written\n")
            return
        self._store.add(visit)
        self._skipped -= {spot for spot in self._skipped if (spot.x, spot.y) == (x, y)}
        self._say(f"written: {len(heard)} packets of {len(visit.counts())} receivers\n")
        self._say(picture.receivers(self._ground, visit))
        spot = self._next
        if spot is None or (x, y) != (spot.x, spot.y) or self._ground.state(spot, self._store.visits) == COVERED:
            return
        self._skipped |= {spot}  # it would be thin again: others first; a later walk asks anew
        self._say("that is thin; go there again by its coordinates, or on\n")

    def _told(self) -> Callable[[float, Mapping[str, int]], None]:
        def told(left: float, counts: Mapping[str, int]) -> None:
            if self._tty:
                most = sorted(counts, key=lambda name: -counts[name])
                heard = "  ".join(f"{name} {counts[name]}" for name in most[:6])
                self._say(f"\r\033[K{left:4.0f} s  {heard or 'nothing yet'}")

        return told

    def _undo(self) -> None:
        gone = self._store.undo()
        if gone is None:
            self._say("there is nothing to undo\n")
        else:
            self._here = (gone.x, gone.y)
            self._zone = self._ground.zone_at(gone.x, gone.y) or self._zone
            self._skipped -= {spot for spot in self._skipped if (spot.x, spot.y) == (gone.x, gone.y)}
            self._say(f"taken out: {len(gone.heard)} packets at {gone.x:g} {gone.y:g}\n")

    def _show(self) -> None:
        states = self._ground.states(self._store.visits)
        self._say(picture.picture(self._ground, states, self._store.visits, self._next))

    def _say(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _is_number(word: str) -> bool:
    try:
        return abs(float(word)) < 1e6
    except ValueError:
        return False
