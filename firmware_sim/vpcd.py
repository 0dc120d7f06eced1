"""Contactless cards on a reader of vpcd, the virtual reader of the vsmartcard project: what a card answers.

vpcd is a driver for pcscd that waits on a TCP port; a card is there while it is connected. Both sides send a length of
two bytes, high byte first, and so many bytes. One byte is a command: 0 off, 1 on, 2 reset, 4 answer to reset, please;
anything longer is a command of the host. Source: vsmartcard, virtualsmartcard/src/vpcd/vpcd.c and its documentation.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

ATR = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
"""Of a MIFARE Classic 1K. PC/SC, part 3, 3.1.3.2.3."""
WANTS_ATR = 4
GET_UID = bytes.fromhex("FFCA000000")


class Card:
    """A card that is held to the reader: `async with Card(port, uid)`."""

    def __init__(self, port: int, uid: bytes, status: bytes = b"\x90\x00", atr: bytes = ATR) -> None:
        self.asked: list[bytes] = []
        """What the host wanted of it."""
        self._port = port
        self._uid = uid
        self._status = status
        self._atr = atr
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Card:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._task = asyncio.get_running_loop().create_task(self._serve(reader, self._writer), name="card")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answer = self._answer(message)
                if answer:
                    writer.write(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, message: bytes) -> bytes:
        if len(message) == 1:
            return self._atr if message[0] == WANTS_ATR else b""
        self.asked.append(message)
        return self._uid + self._status if message == GET_UID else b"\x90\x00"
