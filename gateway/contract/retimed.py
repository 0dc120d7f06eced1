"""An event that was stored before the time was known, and was never sent: with its right times."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from gateway.clock import Quality
from gateway.contract.decoding import TIMES, decode
from gateway.contract.times import parsed, written


def retimed(body: bytes, time: Callable[[int], int], clock: Quality) -> bytes:
    """`body` with all of its times as `time` gives them, ns, and the quality of the clock that they are of now.

    Its id, its sequence and everything else stand. Raises PermanentError where that is no event any more.
    """
    item: dict[str, Any] = json.loads(body)
    data: dict[str, Any] = item["data"]

    def move(held: dict[str, Any], key: str) -> None:
        if held.get(key) is not None:
            held[key] = written(time(parsed(held[key])))

    move(item, "time")
    move(item, "recordedtime")
    for key in TIMES & data.keys():
        move(data, key)
    data["clock"] = {"sync": clock.sync} if clock.err_ms is None else {"sync": clock.sync, "err_ms": clock.err_ms}
    made: bytes = to_json(item)
    decode(made)
    return made
