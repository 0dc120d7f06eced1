"""The conformance suite's laws with many more examples: `settings(profile "fuzz")` of Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import Any

from drivers.api import Cut, Driver, Frame, Measurement
from fuzz.corpus import NO_CONTEXT, Corpus, Origin
from fuzz.laws import Stuck, Tally, name_of, watchdog
from gateway.conformance import suite


def laws(driver: Driver, corpus: Corpus, examples: int, seed: int, names: Iterable[str] = ()) -> Tally:
    """Run each law that is a Hypothesis test (`names`: those alone); of a broken one the smallest example is kept."""
    import hypothesis
    from hypothesis import HealthCheck, settings

    from tests.drivers.encoders import FRAMES

    settings.register_profile(
        "fuzz", max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    tally = Tally()
    last: list[tuple[bytes, Origin]] = [corpus.seeds[0]]
    before = settings.get_current_profile_name()
    settings.load_profile("fuzz")  # the suite takes it when it is made
    try:
        made = suite(_watched(driver, last), corpus.vectors, frames=FRAMES.get(driver.name))
    finally:
        settings.load_profile(before)
    done = 0

    def counted(test: Callable[..., Any]) -> Callable[..., Any]:
        """Counts the examples."""

        @wraps(test)
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            return test(*args, **kwargs)

        return run

    for name in names or [name for name in dir(made) if hasattr(getattr(made, name), "hypothesis")]:
        law = hypothesis.seed(seed)(getattr(made, name))
        law.hypothesis.inner_test = counted(law.hypothesis.inner_test)
        try:
            with watchdog(lambda: done, 10):
                law(made())
        except (Exception, BaseExceptionGroup, Stuck) as error:  # noqa: BLE001 - this is what is looked for
            tally.fail(f"{name}, {name_of(error)}", *last[0])
    tally.calls["hypothesis"] = done
    return tally


def _watched(driver: Driver, last: list[tuple[bytes, Origin]]) -> Driver:
    """Remembers what it was asked: Hypothesis shows the smallest example last."""
    decode, framer = driver.decode, driver.framer

    def watched(frame: Frame) -> list[Measurement]:
        last[0] = (frame.payload, Origin(frame.medium, frame.address, frame.port, NO_CONTEXT))
        return decode(frame)

    def watched_framer(state: bytes, data: bytes) -> Cut:
        last[0] = (state + data, Origin(driver.media[0], "", None, NO_CONTEXT))
        return framer(state, data)  # type: ignore[misc]

    return replace(driver, decode=watched, framer=None if framer is None else watched_framer)
