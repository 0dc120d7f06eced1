"""The laws that every driver keeps, as a test class for pytest: for built-in drivers and for a stranger's.

    from pathlib import Path
    from gateway.conformance import suite
    from hadir_acme import DRIVER

    TestAcme = suite(DRIVER, Path(__file__).with_name("acme.jsonl"))

needs pytest and hypothesis. A vectors file has one JSON object a line: {"id", "medium", "hex" or "bits", "expected":
[{"kind", "value", "unit"?, "channel"?}] or "reject": true, "origin", "licence"}, and where the driver wants them
"address", "fport", "key", "profile" (or "eep"), "mapping", and "forbid_kinds".
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.api import Context, Cut, DecodeError, Driver, Frame, Measurement
from drivers.vocabulary import UNITS
from gateway.decode_cli import packed, run

if TYPE_CHECKING:
    from hypothesis import strategies as st

MODALITIES = ("badge", "contact", "counter", "environment", "pir", "radar", "seat", "tag")
MOST_KEPT = 512
"""Bytes that a framer may keep for the next call."""
ADDRESSES = ("", "A4:C1:38:8D:18:B2")
PORTS = (None, 1, 2, 6, 85, 102, 103, 136)

Vector = Mapping[str, Any]


class Broken(AssertionError):
    """A law that a driver does not keep."""


def demand(true: object, what: object) -> None:
    """Raises Broken with `what` is wrong."""
    if not true:
        raise Broken(what)


def lines(path: Path) -> list[Vector]:
    """The vectors of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


# --- vectors ---------------------------------------------------------------------------------------------------------


def answer(vector: Vector, named: Mapping[str, Driver] | None = None) -> dict[str, Any]:
    """What `hadir decode` answers; `named`: the drivers that it tries, else all that are installed."""
    out = io.StringIO()
    run([json.dumps(vector)], out, named)
    made: dict[str, Any] = json.loads(out.getvalue())
    demand(made.pop("id") == vector["id"], "the answer has another id")
    return made


def same(want: object, got: object) -> bool:
    """Equal, numbers within a thousandth; a bool is not a number, and whole numbers are exact."""
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(same, want, got))
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int) and isinstance(got, int):
        return want == got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=1e-3, abs_tol=0.011)
    return type(want) is type(got) and want == got


def check_vector(vector: Vector, named: Mapping[str, Driver] | None = None) -> None:
    """Every expected value is there, in a unit of the vocabulary; a frame to be refused is. Raises Broken."""
    made = answer(vector, named)
    if vector.get("reject"):
        demand("error" in made or (vector.get("or_empty") and not made["measurements"]), f"not refused: {made}")
        return
    demand("error" not in made, made)
    for item in vector["expected"]:
        kinds = {item["kind"], *item.get("alt_kinds", ())}
        found = [m for m in made["measurements"] if m["kind"] in kinds and same(item["value"], m["value"])]
        demand(found, f"{item} is not among {made['measurements']}")
    forbidden = {m["kind"] for m in made["measurements"]} & set(vector.get("forbid_kinds", ()))
    demand(not forbidden, f"says {forbidden}")
    for m in made["measurements"]:
        demand(m["unit"] in UNITS.get(m["kind"], ()), f"{m} is not in the vocabulary")


def payload_of(vector: Vector) -> bytes:
    """The bytes of a vector as a driver gets them."""
    if "bits" in vector:
        bits = vector["bits"].replace(" ", "")
        return packed(bits, counted=vector["medium"] == "wiegand")
    return bytes.fromhex(vector["hex"])


# --- laws for any bytes ----------------------------------------------------------------------------------------------


def check_declared(driver: Driver) -> None:
    """What a driver says of itself fits together. Raises Broken."""
    serial = [medium for medium in driver.media if medium.startswith("serial:")]
    demand(driver.media, "reads no medium")
    demand(driver.title, "has no title")
    demand(driver.modality in MODALITIES, f"modality {driver.modality} is none of {MODALITIES}")
    demand(driver.kinds and set(driver.kinds) <= UNITS.keys(), f"kinds {set(driver.kinds) - UNITS.keys()}")
    demand(len(set(driver.kinds)) == len(driver.kinds), "names a kind twice")
    date.fromisoformat(driver.checked)
    demand(serial in ([], [f"serial:{driver.name}"]), f"its serial medium is serial:{driver.name}")
    demand(bool(serial) == (driver.framer is not None) == (driver.settings is not None), "a line needs framer and baud")
    demand(bool(driver.claims) == ("ble_adv" in driver.media), "adverts and claims go together")
    for claim in driver.claims:
        demand(claim.company is None or claim.service is None, f"{claim}: company or service")
        demand(claim.prefix or claim.company is not None or claim.service is not None, f"{claim}: claims everything")
    demand(set(driver.profile_modality.values()) <= set(MODALITIES), "a profile's modality is none of them")
    demand(driver.profile_modality.keys() <= set(driver.profiles), "a modality of a profile that it does not have")
    needs = driver.key_sizes or driver.profiles or driver.check
    demand(driver.decode_with is not None or not needs, "key, profiles and mapping are for decode_with")


def check_frame(driver: Driver, frame: Frame, context: Context | None = None) -> list[Measurement]:
    """Whatever comes in: a DecodeError, or measurements as declared, and the same ones each time. Raises Broken."""
    decode_with = driver.decode_with

    def read() -> list[Measurement]:
        if context is None or decode_with is None:
            return driver.decode(frame)
        return decode_with(frame, context).measurements

    try:
        made = read()
    except DecodeError:
        return []
    for measurement in made:
        demand(isinstance(measurement, Measurement), f"{measurement!r} is no Measurement")
        json.dumps(measurement.value, allow_nan=False)
        demand(measurement.kind in driver.kinds, f"kind {measurement.kind} is not declared")
        demand(measurement.unit in UNITS[measurement.kind], f"{measurement}: unit")
    demand(made == read(), "says another thing the second time")
    return made


def cut(driver: Driver, pieces: Iterable[bytes]) -> Cut:
    """Feed the pieces one after the other; the state, all frames, and everything dropped. Raises Broken."""
    framer = driver.framer
    if framer is None:
        raise Broken("has no framer")
    state, frames, dropped, fed = b"", list[bytes](), dict[str, int](), 0
    for piece in pieces:
        fed += len(piece)
        made = framer(state, piece)
        demand(len(made.state) <= MOST_KEPT, f"keeps {len(made.state)} bytes")
        demand(all(size > 0 for size in made.dropped.values()), f"dropped {made.dropped}")
        state = made.state
        frames += made.frames
        for cause, size in made.dropped.items():
            dropped[cause] = dropped.get(cause, 0) + size
    kept = sum(map(len, frames)) + len(state) + sum(dropped.values())
    demand(kept == fed, f"{fed - kept} bytes of {fed} are not accounted for")
    return Cut(state, frames, dropped)


def whole_frames(driver: Driver, vectors: Iterable[Vector]) -> list[bytes]:
    """Frames of a line that its vectors hold."""
    good = (vector for vector in vectors if not vector.get("reject"))
    return [frame for vector in good for frame in cut(driver, [payload_of(vector)]).frames]


# --- the class -------------------------------------------------------------------------------------------------------


def suite(
    driver: Driver,
    vectors: Path | Sequence[Vector],
    *,
    beside: Iterable[Driver] = (),
    frames: st.SearchStrategy[bytes] | None = None,
    examples: int | None = None,
) -> type:
    """A test class for pytest.

    `beside`: drivers of the same family, which may read a vector of this file instead. `frames`: more good frames of
    the line than the vectors hold. `examples`: how many are tried for each law, else what Hypothesis's profile says.
    """
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st

    many = settings(deadline=None, max_examples=examples or settings().max_examples)
    every = lines(vectors) if isinstance(vectors, Path) else list(vectors)
    own = [vector for vector in every if vector["medium"] in driver.media]
    rejected = [vector for vector in every if vector.get("reject")]
    family = {one.name: one for one in (driver, *beside)}

    class Laws:
        """Of a driver."""

        def test_it_declares_itself(self) -> None:
            check_declared(driver)

        def test_it_has_vectors_good_and_bad(self) -> None:
            demand(any(not vector.get("reject") for vector in own), f"no vector of {driver.media}")
            demand(rejected, "no vector that is to be refused")
            for vector in own:
                demand(vector.get("origin") and vector.get("licence"), f"{vector['id']}: where is it from?")

        @pytest.mark.parametrize("vector", own, ids=[vector["id"] for vector in own])
        def test_vector(self, vector: Vector) -> None:
            check_vector(vector, family)

        @many
        @given(data=st.data())
        def test_any_bytes(self, data: st.DataObject) -> None:
            payload = _damaged(data.draw, st, [payload_of(vector) for vector in own])
            pick: Callable[[Sequence[Any]], Any] = lambda items: data.draw(st.sampled_from(items))  # noqa: E731
            frame = Frame(pick(driver.media), "test", pick(ADDRESSES), payload, -60, port=pick(PORTS))
            check_frame(driver, frame)
            if driver.decode_with is not None:
                check_frame(driver, frame, Context())
                mapping = pick([vector.get("mapping", {}) for vector in own] or [{}])
                key = bytes(pick(driver.key_sizes or (0,)))
                check_frame(driver, frame, Context(key=key, profile=pick(driver.profiles or ("",)), mapping=mapping))

    if driver.framer is None:
        return Laws

    known = whole_frames(driver, own)
    simulated = st.nothing() if frames is None else frames
    good = st.one_of(st.sampled_from(known) if known else st.nothing(), simulated)
    heads = st.builds(lambda frame, at: frame[: at % len(frame)], good, st.integers(0, 60))
    tails = st.builds(lambda frame, at: frame[1 + at % len(frame) :], good, st.integers(0, 60))
    lies = st.builds(lambda frame, at, more: frame[: at % 8] + more, good, st.integers(0, 7), st.binary(max_size=8))
    between = st.lists(st.one_of(st.binary(max_size=20), heads, tails, lies), max_size=4).map(b"".join)
    marks = st.lists(st.integers(0, 400), max_size=12)

    class LineLaws(Laws):
        """Of one that reads a serial line: the next good frame is always read, whatever comes between."""

        @many
        @given(data=st.data())
        def test_good_frames_are_read_whatever_is_between_and_however_split(self, data: st.DataObject) -> None:
            sent = data.draw(st.lists(good, min_size=1, max_size=4))
            stream = b"".join(data.draw(between) + frame for frame in sent)
            left = iter(cut(driver, split(stream, data.draw(marks))).frames)
            demand(all(frame in left for frame in sent), "a good frame is lost")

        @many
        @given(data=st.data())
        def test_the_split_does_not_matter(self, data: st.DataObject) -> None:
            stream = b"".join(data.draw(st.lists(st.one_of(good, between), max_size=5)))
            whole, pieces = cut(driver, [stream]), cut(driver, split(stream, data.draw(marks)))
            demand((pieces.frames, pieces.state) == (whole.frames, whole.state), "another split, other frames")

        def test_split_at_every_byte(self) -> None:
            some = known[:3]
            stream = b"\x00" + b"".join(some)
            demand(cut(driver, [bytes((byte,)) for byte in stream]).frames == some, "byte by byte")
            for at in range(len(stream)):
                demand(cut(driver, [stream[:at], stream[at:]]).frames == some, f"split at {at}")

        def test_a_frame_that_breaks_off_anywhere_costs_itself_alone(self) -> None:
            for frame in known[:3]:
                for at in range(1, len(frame)):
                    made = cut(driver, [frame[:at], frame, frame[at:], frame])
                    demand(made.frames == [frame, frame], f"broken off at {at}")
                    causes = made.dropped.keys() - {"garbage", "unfinished", "oversize", "BadChecksum"}
                    demand(not causes, f"unknown causes {causes}")

        @many
        @given(broken=good, frame=good, at=st.integers(0, 60), bits=st.integers(1, 255))
        def test_a_damaged_byte_never_costs_the_frame_that_follows(
            self, broken: bytes, frame: bytes, at: int, bits: int
        ) -> None:
            made = bytearray(broken)
            made[at % len(broken)] ^= bits
            demand(cut(driver, [bytes(made), frame]).frames[-1:] == [frame], "lost")

        @many
        @given(stream=st.lists(st.binary(max_size=600), max_size=6))
        def test_any_stream_is_bounded_and_accounted_for(self, stream: list[bytes]) -> None:
            cut(driver, stream)

        def test_a_flood_is_dropped_and_the_good_frame_behind_it_is_read(self) -> None:
            frame = known[0]
            for flood in (b"\xff", *(frame[:size] for size in range(1, len(frame)))):
                demand(cut(driver, [flood * 1024, frame]).frames == [frame], f"after a flood of {flood!r}")

    return LineLaws


def split(stream: bytes, at: Sequence[int]) -> list[bytes]:
    """The stream in pieces."""
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[start:end] for start, end in pairwise(marks)]


def _damaged(draw: Callable[[Any], Any], st: Any, payloads: Sequence[bytes]) -> bytes:
    """Random bytes, and real payloads with random damage, which get further into a decoder."""
    kind = draw(st.sampled_from(("random", "changed", "cut", "doubled", "longer")))
    if kind == "random" or not payloads:
        return bytes(draw(st.binary(max_size=64)))
    payload = bytearray(draw(st.sampled_from(payloads)))
    for _ in range(draw(st.integers(0, 3))):
        if payload:
            payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    match kind:
        case "cut":
            return bytes(payload[: draw(st.integers(0, len(payload)))])
        case "doubled":
            return bytes(payload * 2)
        case "longer":
            return bytes(payload) + bytes(draw(st.binary(max_size=8)))
        case _:
            return bytes(payload)
