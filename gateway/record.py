"""`hadir record`: what the rules of a running gateway are given, into a file."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from gateway.clock import SECOND, SystemClock
from gateway.config.model import Office
from gateway.control import call
from gateway.errors import HadirError, PermanentError
from gateway.recording import header

FETCH_S = 0.5


def record(arguments: argparse.Namespace) -> int:
    """`hadir record SOCKET FILE`: until the time is up or Ctrl-C."""
    try:
        handle = os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise HadirError(f"{arguments.output}: {error.strerror}; choose another name") from error
    made = Recorder(arguments.socket)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        try:
            asyncio.run(made.run(out, arguments.seconds))
        except KeyboardInterrupt:
            pass
        finally:
            if made.begun:
                sys.stdout.write(f"recorded {made.count} inputs to {arguments.output}\n")
            else:
                arguments.output.unlink()
    return 0


class Recorder:
    """Fetches what the rules of a running gateway are given."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.begun = False
        self.count = 0

    async def run(self, out: TextIO, seconds: float) -> None:
        """For `seconds`, or until cancelled (0). Raises HadirError when the gateway does not answer."""
        clock = SystemClock()
        answer: Mapping[str, Any] = await call(self._socket, "record", {"after": None})
        out.write(header(Office.model_validate(answer["office"]), answer["gateway"]) + "\n")
        out.write(json.dumps({"facts": answer["facts"]}, separators=(",", ":")) + "\n")
        out.flush()
        self.begun = True
        cursor, end = answer["cursor"], clock.machine() + int(seconds * SECOND)
        more = True
        while more:
            more = not seconds or clock.machine() < end
            left = FETCH_S if not seconds else min(FETCH_S, max(0.0, (end - clock.machine()) / SECOND))
            await asyncio.sleep(left)
            answer = await call(self._socket, "record", {"after": cursor})
            if answer["lost"]:
                raise PermanentError("lost", f"{answer['lost']} inputs: the gateway is busier than this recording")
            cursor = answer["cursor"]
            out.writelines(f"{text}\n" for text in answer["lines"])
            self.count += len(answer["lines"])
            out.flush()
