"""Coverage-guided: atheris (libFuzzer) over the instrumented module of one driver. A process of its own.

    python -m fuzz.guided MODULE DRIVER RUNS SEED WORK [DEFECT]

writes WORK/result.json. An input begins with three bytes: which call (decode, decode_with, the framer; bit 7: with its
checksum made right first), whose medium, address and port, whose context.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from drivers.api import DecodeError, Driver
from fuzz.corpus import Corpus, Origin, corpus, vectors_of
from fuzz.defects import DEFECTS
from fuzz.integrity import CHECKS
from fuzz.laws import Stuck, Tally, check_cut, check_measurements, name_of, watchdog
from fuzz.mutation import LONGEST, with_context, without_context
from gateway.conformance import Broken

HEAD = 3


def target(driver: Driver, fed: Corpus, tally: Tally) -> Callable[[bytes], None]:
    """What libFuzzer calls with its bytes."""
    reads = [without_context(driver)] + ([] if driver.decode_with is None else [with_context(driver)])
    ways = len(reads) + (driver.framer is not None)
    framer, check = driver.framer, CHECKS.get(driver.name)
    limit, done = 0.0, 0

    def read(payload: bytes, origin: Origin, way: int) -> None:
        nonlocal limit
        started = perf_counter()
        try:
            if way == len(reads) and framer is not None:
                cut = framer(b"", payload)
                check_cut(0, len(payload), cut)
                made, parts = [], cut.frames
            else:
                made, parts = reads[way](payload, origin), []
        except DecodeError as error:
            tally.refused[error.kind] = tally.refused.get(error.kind, 0) + 1
            made, parts = [], []
        took = perf_counter() - started
        if took > limit and way < len(reads):
            limit = tally.clock(took, reads[way], payload, origin)
        tally.said += bool(made)
        check_measurements(driver, made)
        if made and check is not None and not check.holds(payload):
            raise Broken("believes a frame whose check does not hold")
        for part in parts:
            read(part, origin, 0)

    def one(data: bytes) -> None:
        nonlocal done
        done += 1
        tally.calls["atheris"] = done
        if len(data) < HEAD:
            return
        way, payload = (data[0] & 127) % ways, data[HEAD:]
        if check is not None and data[0] & 128:
            payload = check.seal(payload)
        where, knows = fed.origins[data[1] % len(fed.origins)], fed.origins[data[2] % len(fed.origins)]
        origin = where._replace(context=knows.context)
        try:
            read(payload, origin, way)
        except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            tally.fail(name_of(error), payload, origin)

    return one


def write_inputs(folder: Path, driver: Driver, fed: Corpus) -> None:
    """The vectors as inputs, for each call."""
    folder.mkdir(parents=True, exist_ok=True)
    ways = 1 + (driver.decode_with is not None) + (driver.framer is not None)
    for number, (payload, origin) in enumerate(fed.seeds):
        at = next((at for at, one in enumerate(fed.origins) if one[:3] == origin[:3]), 0)
        knows = next((at for at, one in enumerate(fed.origins) if one.context == origin.context), 0)
        for way in range(ways):
            (folder / f"{number:04d}-{way}").write_bytes(bytes((way, at & 255, knows & 255)) + payload)


def main() -> None:
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    module, name, runs, seed, work = sys.argv[1:6]
    # drivers.api and the vocabulary are here already and stay as they are: only the driver's own code is instrumented
    with atheris.instrument_imports(include=["drivers"]), contextlib.redirect_stderr(sys.stdout):
        made = importlib.import_module(module)
    driver = next(one for one in getattr(made, "DRIVERS", None) or [made.DRIVER] if one.name == name)
    fed = corpus(driver, vectors_of(module, driver))
    write_inputs(Path(work, "inputs"), driver, fed)
    if sys.argv[6:]:
        driver = DEFECTS[sys.argv[6]](driver)
    tally = Tally()
    one = target(driver, fed, tally)
    last = int(runs)

    def counted(data: bytes) -> None:
        one(data)
        if tally.calls.get("atheris", 0) >= last or not tally.goes_on:
            Path(work, "result.json").write_text(json.dumps(tally.as_json()), encoding="utf-8")
            sys.stdout.flush()
            os._exit(0)

    options = [
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        "-timeout=0",
        f"-artifact_prefix={work}/",
        "-print_final_stats=1",
    ]
    # without libFuzzer's own alarm, which would take the place of ours
    atheris.Setup([sys.argv[0], *options, str(Path(work, "inputs"))], counted)
    with watchdog(lambda: tally.calls.get("atheris", 0)):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
