"""DFRobot SEN0395, a 24 GHz presence radar that writes a line a second: `$JYBSS,1, , , *` (1: somebody is there).

115200 baud, 8N1. Fields two to four are reserved. Source: wiki.dfrobot.com/sen0395, Communication Protocol Description.
"""

from __future__ import annotations

import re

from drivers.api import Cut, DecodeError, Driver, Frame, Measurement, SerialSettings

LINE = re.compile(rb"\$JYBSS,([01]),[^$*\r\n]{0,16}\*")
BEGUN = re.compile(rb"\$[^$*\r\n]{0,24}\Z")
"""A line of which the end has not come yet."""


def decode(frame: Frame) -> list[Measurement]:
    """Whether somebody is there, moving or still."""
    found = LINE.fullmatch(frame.payload)
    if found is None:
        raise DecodeError("not $JYBSS,0 or 1,...*")
    return [Measurement("occupied", found[1] == b"1")]


def framer(state: bytes, data: bytes) -> Cut:
    """Cut lines; what stands between them is dropped, line ends as well."""
    buffer = state + data
    frames = [found[0] for found in LINE.finditer(buffer)]
    begun = BEGUN.search(buffer)
    kept = begun[0] if begun else b""
    garbage = len(buffer) - len(kept) - sum(map(len, frames))
    return Cut(kept, frames, {"garbage": garbage} if garbage else {})


DRIVER = Driver(
    name="sen0395",
    title="DFRobot SEN0395, 24 GHz presence radar",
    media=("serial:sen0395",),
    modality="radar",
    decode=decode,
    kinds=("occupied",),
    checked="2026-11-26",
    framer=framer,
    settings=SerialSettings(115_200),
    expect_s=1.0,
)
