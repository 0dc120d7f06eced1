"""All suites but atheris over one driver, in a process of its own: one JSON object last.

python -m fuzz.one DRIVER FRAMES EXAMPLES SEED [DEFECT]
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

from drivers.api import Driver
from fuzz.corpus import Corpus, corpus, drivers, vectors_of
from fuzz.defects import DEFECTS
from fuzz.laws import Stuck, Tally, name_of
from fuzz.mutation import damage, exercise, forge, stream, with_context, without_context
from fuzz.properties import laws


def fuzz(module: str, driver: Driver, frames: int, examples: int, seed: int, defect: str = "") -> dict[str, Any]:
    """Suite -> what it found."""
    fed = corpus(driver, vectors_of(module, driver))
    if defect:
        driver = DEFECTS[defect](driver)
    rng = str(seed)
    suites: dict[str, Callable[[], Tally]] = {
        "decode": lambda: exercise(driver, "decode", without_context(driver), fed, frames, rng),
        "decode_with": lambda: exercise(driver, "decode_with", with_context(driver), fed, frames, rng),
        "framer": lambda: stream(driver, fed, frames, rng),
        "damage": lambda: damage(driver, fed, frames, rng),
        "forge": lambda: forge(driver, fed, frames // 10, rng),
        "hypothesis": lambda: laws(driver, fed, examples, seed),
    }
    if driver.decode_with is None:
        del suites["decode_with"]
    if driver.framer is None:
        del suites["framer"]
    if not examples:
        del suites["hypothesis"]
    return {suite: _told(run, fed).as_json() for suite, run in suites.items()}


def _told(run: Callable[[], Tally], fed: Corpus) -> Tally:
    """A driver that cannot even read its vectors has failed as well."""
    try:
        return run()
    except (Exception, Stuck) as error:  # noqa: BLE001 - this is what is looked for
        tally = Tally()
        tally.fail(name_of(error), *fed.seeds[0])
        return tally


def main() -> None:
    name, frames, examples, seed = sys.argv[1:5]
    [(module, driver)] = drivers([name])
    gc.freeze()
    print(json.dumps(fuzz(module, driver, int(frames), int(examples), int(seed), *sys.argv[5:])))


if __name__ == "__main__":
    main()
