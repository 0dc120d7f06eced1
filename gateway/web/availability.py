"""What is free, for many who ask at once: each place's text is made once a change, each answer once a beat.

An answer may be BEAT_S behind the live picture, and says the version that it is of.
"""

from __future__ import annotations

import gzip
import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.clock import SECOND, Clock
from gateway.web.live import STATUSES, Live, PlaceNow

BEAT_S = 0.25
MOST = 256
"""Answers that are kept: one a question."""
MOST_BYTES = 32 << 20
"""Of them together: a long answer is over a megabyte."""
SMALL = 1_000
"""Bytes below which nothing is compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which places are asked for."""

    place: str = ""
    """Its first levels; empty: everywhere."""
    kind: str = ""
    status: str = ""
    limit: int = 1_000
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer, ready to be sent."""

    version: int
    body: bytes
    packed: bytes
    """The same by gzip; empty: too small for that."""

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.body) + len(self.packed)


class Availability:
    """Of one live picture. Used from the event loop."""

    def __init__(self, live: Live, clock: Clock) -> None:
        """`clock`: its machine time is asked."""
        self._live = live
        self._clock = clock
        self._texts: dict[str, tuple[PlaceNow, bytes]] = {}
        self._order: dict[tuple[str, str], list[str]] = {}
        self._kept: OrderedDict[Question, tuple[int, Given]] = OrderedDict()
        self.held = 0
        """Bytes of answers."""

    def ask(self, question: Question) -> Given:
        """The answer as of now, or as of BEAT_S ago at most."""
        machine = self._clock.machine()
        known = self._kept.get(question)
        if known is not None:
            made_at, given = known
            if given.version == self._live.version or machine - made_at < BEAT_S * SECOND:
                return given
        given = self._made(question)
        self._kept[question] = (machine, given)
        self._kept.move_to_end(question)
        self.held += given.size - (0 if known is None else known[1].size)
        while len(self._kept) > MOST or (self.held > MOST_BYTES and len(self._kept) > 1):
            self.held -= self._kept.popitem(last=False)[1][1].size
        return given

    def _made(self, question: Question) -> Given:
        counts = dict.fromkeys(STATUSES, 0)
        texts: list[bytes] = []
        last, more = "", False
        for place in self._places(question.place, question.kind):
            now = self._live.now(place)
            if now is None:
                continue
            counts[now.status] += 1
            if place <= question.after or question.status not in ("", now.status):
                continue
            if len(texts) == question.limit:
                more = True
                continue
            texts.append(self._text(now))
            last = place
        version = self._live.version
        head = {"version": version, "connected": self._live.connected, "counts": counts, "next": last if more else None}
        body = json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"items":[' + b",".join(texts) + b"]}"
        packed = gzip.compress(body, 1, mtime=0) if len(body) > SMALL else b""
        return Given(version=version, body=body, packed=packed)

    def _places(self, above: str, kind: str) -> Iterable[str]:
        """In order; found once."""
        key = (above, kind)
        if key not in self._order:
            if len(self._order) > MOST:
                self._order.clear()
            self._order[key] = sorted(
                now.place
                for now in self._live.all()
                if kind in ("", now.kind) and (not above or now.place == above or now.place.startswith(f"{above}/"))
            )
        return self._order[key]

    def _text(self, now: PlaceNow) -> bytes:
        known = self._texts.get(now.place)
        if known is not None and known[0] is now:
            return known[1]
        told = {
            "place": now.place,
            "kind": now.kind,
            "name": now.name,
            "unit": now.unit,
            "accessible": now.accessible,
            "status": now.status,
            "cause": now.cause or None,
        }
        text = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
        self._texts[now.place] = (now, text)
        return text
