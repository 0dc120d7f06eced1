"""Holds what was stored against the truth. Pure: a story of the truth and events in, findings out.

Events are CloudEvents as the archive stores them (type, source, subject, time, sequence, dataclassification, data), one
mapping each, in any order. Events of persons (`who`, `sense`) are left out: each check-in has its own `evt` copy.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from firmware_sim.actions import SECOND
from firmware_sim.story import Outage, Story, TapTruth
from firmware_sim.tolerance import ANSWER_S, BY_MODALITY, TAP_S

Stored = Mapping[str, Any]
Series = list[tuple[int, str]]
"""(office ns, value from then on), in order of time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDED = SECOND // 1000
"""Times on the wire are rounded down to so much: an outcome may seem to be that much before its tap."""
_STARTED, _ENDED, _REJECTED = "desk.checkin.started", "desk.checkin.ended", "badge.rejected"
_OUTCOMES = {_STARTED: "started", _ENDED: "ended", _REJECTED: "rejected"}


class Unanswered(NamedTuple):
    """A tap without exactly one outcome in time, or an outcome without a tap."""

    tap: TapTruth | None
    cause: str
    """none, late, several, stray (an outcome at a reader that nobody had tapped)."""
    reader: str


class Misjudged(NamedTuple):
    """A tap that was answered, wrongly."""

    tap: TapTruth
    got: str


class Wrong(NamedTuple):
    """A place's state that differed from the truth for too long."""

    place: str
    aspect: str
    """occupancy (sensed) or life (free or taken)."""
    truth: str
    """What was true when it began."""
    start: int
    end: int
    seconds: float
    """Office seconds for which it was wrong, without those in which it was unknown."""


class UnknownShare(NamedTuple):
    """How much of all places' time was unknown, as shares of it."""

    share: float
    explained: float
    """What an injected outage at that place explains."""
    causes: Mapping[str, float]
    """The share by cause; `no_event` for a place that was never told of."""
    unnoticed: tuple[Outage, ...]
    """Outages during which the place was never unknown."""

    @property
    def unexplained(self) -> float:
        return self.share - self.explained


def unanswered(story: Story, events: Sequence[Stored], stored_at: Mapping[str, int] | None = None) -> list[Unanswered]:
    """Taps without exactly one stored outcome at their reader within ANSWER_S of machine time.

    `stored_at` is the machine time, ns, at which each event id was committed by the archive; one that is not in it
    came late. Without it an answer's lateness is judged by the event's own `recordedtime`.
    """
    found: list[Unanswered] = []
    answers = _answers(story, events)
    for reader, outcomes in answers.strays.items():
        found.extend(Unanswered(None, "stray", reader) for _ in outcomes)
    for tap in story.taps:
        outcomes = answers.by_tap.get(tap, [])
        if not outcomes:
            found.append(Unanswered(tap, "none", tap.reader))
        elif len(outcomes) > 1:
            found.append(Unanswered(tap, "several", tap.reader))
        elif not _in_time(story, tap, outcomes[0], stored_at):
            found.append(Unanswered(tap, "late", tap.reader))
    return found


def misjudged(story: Story, events: Sequence[Stored]) -> list[Misjudged]:
    """Taps with one outcome that is not the right one."""
    answers = _answers(story, events)
    return [
        Misjudged(tap, got)
        for tap, outcomes in answers.by_tap.items()
        if len(outcomes) == 1 and (got := _OUTCOMES[_type(outcomes[0])]) != tap.expected
    ]


def desk_states_wrong(
    story: Story,
    events: Sequence[Stored],
    real: Mapping[int, int] | None = None,
    kinds: Sequence[str] = ("desk", "room"),
) -> list[Wrong]:
    """Stretches in which a place's state differed from the truth for longer than the tolerance table allows.

    Sensed occupancy comes from occupancy.changed, life from check-ins, both at the event's `time`. Unknown is not
    wrong; but it does not end a wrong stretch, only a right state does.

    `real`: event time -> the same had the office not been hurried (Story.at_real_speed), for frames whose reading was
    traced. At 60 times speed the table's second for a tap is 17 ms of the machine; so long a busy one may well take to
    read a byte, and that says nothing about a gateway at real speed.
    """
    found: list[Wrong] = []
    by_place = _by_subject(events)
    real = real or {}
    for place, about in story.places.items():
        if about.kind not in kinds:
            continue
        mine = by_place.get(place, [])
        true = _words(story.occupied.get(place, []), "occupied", "vacant")
        found += _stretches(story, place, "occupancy", true, _at(_occupancy(mine), real), BY_MODALITY[about.modality])
        if about.reader:
            true = _words(_life_with_releases(story, place, mine), "taken", "free")
            found += _stretches(story, place, "life", true, _at(_life(mine), real), TAP_S)
    return found


def unknown_share(story: Story, events: Sequence[Stored]) -> UnknownShare:
    """How much of the places' time was unknown, why, and how much of it the injected outages explain."""
    by_place = _by_subject(events)
    total = (story.end - story.begin) * len(story.places)
    causes: Counter[str] = Counter()
    explained = 0
    unnoticed: list[Outage] = []
    for place, about in story.places.items():
        spans = _unknown_spans(story, by_place.get(place, []))
        for start, end, cause in spans:
            causes[cause] += end - start
        grace = int(BY_MODALITY[about.modality] * SECOND)
        for outage in (o for o in story.outages if o.place == place and o.start < story.end):
            covered = sum(max(0, min(end, outage.end + grace) - max(start, outage.start)) for start, end, _ in spans)
            explained += covered
            if not covered and outage.end <= story.end:
                unnoticed.append(outage)
    if not total:
        return UnknownShare(0.0, 0.0, {}, ())
    shares = {cause: ns / total for cause, ns in sorted(causes.items())}
    return UnknownShare(sum(causes.values()) / total, explained / total, shares, tuple(unnoticed))


def duplicated(events: Iterable[Stored]) -> list[Stored]:
    """Events that are stored twice: by id, or by type, subject, time and data. Each surplus one is in the list once."""
    ids: set[str] = set()
    contents: set[tuple[str, str, str, str]] = set()
    surplus: list[Stored] = []
    for event in events:
        data = json.dumps(event["data"], sort_keys=True, separators=(",", ":"))
        content = (event["type"], event["subject"], event["time"], data)
        if event["id"] in ids or content in contents:
            surplus.append(event)
        ids.add(event["id"])
        contents.add(content)
    return surplus


# --- outcomes of taps -------------------------------------------------------------------------------------------------


class _Answers(NamedTuple):
    by_tap: dict[TapTruth, list[Stored]]
    strays: dict[str, list[Stored]]


def _answers(story: Story, events: Sequence[Stored]) -> _Answers:
    """Each outcome belongs to the last tap at its reader that it can be of."""
    taps: dict[str, list[TapTruth]] = {}
    for tap in sorted(story.taps, key=lambda tap: tap.office):
        taps.setdefault(tap.reader, []).append(tap)
    answers = _Answers({}, {})
    for event in events:
        reader = _reader(event)
        if reader is None or not (at := _time(event["time"])) <= story.end + int(ANSWER_S * SECOND * story.speed):
            continue
        before = [tap for tap in taps.get(reader, []) if tap.office - _ROUNDED <= at]
        if before:
            answers.by_tap.setdefault(before[-1], []).append(event)
        else:
            answers.strays.setdefault(reader, []).append(event)
    return answers


def _reader(event: Stored) -> str | None:
    """The reader whose tap this event is the outcome of; None for everything else."""
    data = event["data"]
    match _type(event):
        case "badge.rejected":
            return str(data["reader"])
        case "desk.checkin.started":
            if data.get("method") != "badge":
                return None
        case "desk.checkin.ended":
            if data.get("reason") != "user":
                return None
        case _:
            return None
    if not _is_evt(event):
        return None
    evidence: Sequence[Mapping[str, str]] = data.get("evidence") or [{}]
    return evidence[0].get("dev")


def _in_time(story: Story, tap: TapTruth, event: Stored, stored_at: Mapping[str, int] | None) -> bool:
    if stored_at is None:
        at: int | None = story.machine_at(_time(event.get("recordedtime", event["time"])))
    else:
        at = stored_at.get(event["id"])
    return at is not None and at - tap.machine <= ANSWER_S * SECOND


# --- states -----------------------------------------------------------------------------------------------------------


def _by_subject(events: Iterable[Stored]) -> dict[str, list[Stored]]:
    """Events without a person, by place, in order of time; of one source in its own order."""
    found: dict[str, list[Stored]] = {}
    for event in events:
        if _is_evt(event):
            found.setdefault(event["subject"], []).append(event)
    for mine in found.values():
        mine.sort(key=lambda event: (_time(event["time"]), event["source"], event["sequence"]))
    return found


def _occupancy(mine: Sequence[Stored]) -> Series:
    return [(_time(event["time"]), event["data"]["state"]) for event in mine if _type(event) == "occupancy.changed"]


def _life(mine: Sequence[Stored]) -> Series:
    told = {_STARTED: "taken", _ENDED: "free"}
    series = [(_time(event["time"]), told[_type(event)]) for event in mine if _type(event) in told]
    return [(0, "free"), *series]


def _at(series: Series, real: Mapping[int, int]) -> Series:
    """The series with its times at real speed."""
    return sorted(((real.get(at, at), value) for at, value in series), key=lambda change: change[0])


def _life_with_releases(story: Story, place: str, mine: Sequence[Stored]) -> list[tuple[int, bool]]:
    """The truth about a check-in: taps, and releases that the gateway inferred while nobody sat there."""
    series = list(story.taken.get(place, []))
    for event in mine:
        if _type(event) == _ENDED and event["data"].get("reason") not in ("user", "moved"):
            at = _time(event["time"])
            if story.vacant_at(place, at):
                series.append((at, False))
    return sorted(series)


def _words(series: Iterable[tuple[int, bool]], yes: str, no: str) -> Series:
    return [(0, no), *((at, yes if value else no) for at, value in series)]


def _stretches(story: Story, place: str, aspect: str, true: Series, got: Series, tolerance_s: float) -> list[Wrong]:
    found: list[Wrong] = []
    started, wrong_ns, first = 0, 0, ""

    def close(end: int) -> None:
        if wrong_ns > tolerance_s * SECOND:
            found.append(Wrong(place, aspect, first, started, end, wrong_ns / SECOND))

    for start, end, truth, told in _pieces(story.begin, story.end, true, got):
        if told == truth:
            close(start)
            wrong_ns = 0
        elif told != "unknown":
            if not wrong_ns:
                started, first = start, truth
            wrong_ns += end - start
    close(story.end)
    return found


def _pieces(begin: int, end: int, true: Series, got: Series) -> Iterable[tuple[int, int, str, str]]:
    """(from, to, truth, told) between all changes within the window."""
    changes = sorted({begin, end, *(at for at, _ in (*true, *got) if begin < at < end)})
    i = j = -1
    for start, stop in pairwise(changes):
        while i + 1 < len(true) and true[i + 1][0] <= start:
            i += 1
        while j + 1 < len(got) and got[j + 1][0] <= start:
            j += 1
        yield start, stop, true[i][1], got[j][1] if j >= 0 else "unknown"


def _unknown_spans(story: Story, mine: Sequence[Stored]) -> list[tuple[int, int, str]]:
    """(from, to, cause) within the window."""
    changes = [
        (_time(event["time"]), event["data"]["state"], event["data"].get("cause") or "no_cause")
        for event in mine
        if _type(event) == "occupancy.changed"
    ]
    spans: list[tuple[int, int, str]] = []
    at, state, cause = 0, "unknown", "no_event"
    for following in (*changes, (story.end, "", "")):
        start, end = max(at, story.begin), min(following[0], story.end)
        if state == "unknown" and end > start:
            spans.append((start, end, cause))
        at, state, cause = following
    return spans


# --- fields of an event -----------------------------------------------------------------------------------------------


def _type(event: Stored) -> str:
    """Without product and version: `hadir.badge.rejected.v1` is `badge.rejected`."""
    name: str = event["type"]
    return name.removeprefix("hadir.").rpartition(".v")[0] if name.startswith("hadir.") else name


def _is_evt(event: Stored) -> bool:
    return event.get("dataclassification", "internal") == "internal" and "pid" not in event["data"]


def _time(text: str) -> int:
    delta: timedelta = datetime.fromisoformat(text) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1_000
