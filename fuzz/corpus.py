"""What a driver is fed with: the payloads of its vectors, and what the configuration may say of its devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from drivers.api import Context, Driver, Frame
from gateway.conformance import ADDRESSES, PORTS, Vector, lines, payload_of
from gateway.decode import built_in

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
NO_CONTEXT = Context()


class Origin(NamedTuple):
    """Everything of a frame but its bytes, and what is known of its device."""

    medium: str
    address: str
    port: int | None
    context: Context

    def frame(self, payload: bytes) -> Frame:
        return Frame(self.medium, "fuzz", self.address, payload, -60, 0, 0, self.port)


class Corpus(NamedTuple):
    """Of one driver."""

    vectors: list[Vector]
    """Those of its media."""
    seeds: list[tuple[bytes, Origin]]
    origins: list[Origin]
    """Any medium, address, port and context that it may meet."""


def drivers(names: list[str] | None = None) -> Iterator[tuple[str, Driver]]:
    """(module, driver) of those that are built in; `names`: of these alone."""
    found = {driver.name: (module, driver) for module, driver in built_in()}
    unknown = set(names or ()) - found.keys()
    if unknown:
        raise SystemExit(f"no driver {', '.join(sorted(unknown))}")
    yield from (found[name] for name in names or found)


def vectors_of(module: str, driver: Driver) -> list[Vector]:
    """Of its own file, or of its module's where that has several drivers. The conformance suite looks there too."""
    _, _, *folders, last = module.split(".")
    paths = [VECTORS / f"{name}.jsonl" for name in (driver.name, "_".join((*folders, last)), *folders, last)]
    path = next((path for path in paths if path.exists()), None)
    return [] if path is None else [vector for vector in lines(path) if vector["medium"] in driver.media]


def corpus(driver: Driver, vectors: list[Vector]) -> Corpus:
    """Without vectors there is one empty seed."""
    seeds = [(payload_of(vector), _origin(driver, vector)) for vector in vectors]
    seeds = seeds or [(b"", Origin(driver.media[0], "", None, NO_CONTEXT))]
    contexts = list({repr(origin.context): origin.context for _, origin in seeds}.values())
    contexts += [Context(profile=profile) for profile in driver.profiles]
    contexts += [Context(key=bytes(range(size))) for size in driver.key_sizes]
    addresses = sorted({*ADDRESSES, *(origin.address for _, origin in seeds)})
    ports = [*PORTS, *{origin.port for _, origin in seeds}, 0, 255]
    most = max(len(driver.media), len(contexts), len(addresses), len(ports))
    origins = [
        Origin(medium, addresses[at * 7 % len(addresses)], ports[at * 5 % len(ports)], contexts[at % len(contexts)])
        for at in range(most)
        for medium in driver.media
    ]
    return Corpus(vectors, seeds, origins)


def described(payload: bytes, origin: Origin) -> dict[str, Any]:
    """The frame as a line of a vectors file has it."""
    made: dict[str, Any] = {"medium": origin.medium, "hex": payload.hex()}
    words = {
        "address": origin.address,
        "fport": origin.port,
        "key": origin.context.key.hex(),
        "profile": origin.context.profile,
        "mapping": dict(origin.context.mapping),
    }
    return made | {word: value for word, value in words.items() if value not in (None, "", {})}


def _origin(driver: Driver, vector: Vector) -> Origin:
    """With as much of the vector's context as the configuration would let through."""
    key = bytes.fromhex(vector.get("key", ""))
    profile = vector.get("profile") or vector.get("eep") or ""
    mapping = vector.get("mapping") or {}
    context = Context(
        key=key if len(key) in driver.key_sizes else b"",
        profile=profile if profile in driver.profiles else "",
        mapping=mapping if driver.check is not None and not driver.check(mapping) else {},
    )
    return Origin(vector["medium"], vector.get("address") or "", vector.get("fport"), context)
