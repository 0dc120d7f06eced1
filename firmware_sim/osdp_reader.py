"""`python -m firmware_sim.osdp_reader PORT ADDRESS`: an OSDP reader, the peripheral of libosdp (extra: osdp).

It takes what happens to it from standard input and tells what it is told to show, both JSON Lines:

    in    {"card": "0110..."}  a card's bits    {"keys": "12#"}  keys that are pressed
    out   {"ready": true}      it listens       {"secure": true}  a secure channel opens or closes
          {"led": {...}}, {"buzzer": {...}}     what it shall show, as libosdp has it
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
from collections.abc import Sequence
from typing import Any

import serial

POLL_S = 0.01
KEYS = {"#": 0x0D, "*": 0x7F} | {digit: ord(digit) for digit in "0123456789"}
"""As osdp_KEYPAD has them: # and * are enter and clear."""


class Wire:
    """libosdp's channel on a serial line that does not block.

    It hands over one whole command for this reader at a time: libosdp 3.2 forgets what it has read beyond one packet.
    """

    id = 1

    def __init__(self, line: serial.Serial, address: int) -> None:
        self._line = line
        self._address = address
        self._kept = b""
        self._ready = b""
        self._pause = False

    def read(self, most: int) -> bytes:
        """The next bytes of a command; none behind its end, until asked anew."""
        if not self._ready and not self._pause:
            self._kept += self._line.read(4096)
            self._ready = self._cut()
        part, self._ready = self._ready[:most], self._ready[most:]
        self._pause = len(part) == most and not self._ready
        return part

    def write(self, data: bytes) -> int:
        """Send it whole."""
        return self._line.write(data) or 0

    def flush(self) -> None:
        """Nothing: what lies there is the next command."""

    def _cut(self) -> bytes:
        while (at := self._kept.find(0x53)) >= 0 and len(self._kept) >= at + 4:
            end = at + int.from_bytes(self._kept[at + 2 : at + 4], "little")
            if end > at + 256 or end < at + 7:
                self._kept = self._kept[at + 1 :]
                continue
            if len(self._kept) < end:
                break
            packet, self._kept = self._kept[at:end], self._kept[end:]
            if packet[1] == self._address:
                return b"\xff" + packet
        return b""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m firmware_sim.osdp_reader", description=__doc__)
    parser.add_argument("port")
    parser.add_argument("address", type=int)
    parser.add_argument("--key", type=bytes.fromhex, help="SCBK, 32 hexadecimal digits; none: it speaks in clear")
    parser.add_argument("--install", action="store_true", help="it also takes the default key, SCBK-D")
    parser.add_argument("--insecure", action="store_true", help="it can do Secure Channel, and does not insist")
    parser.add_argument("--mute", action="store_true", help="it has no light and no buzzer")
    args = parser.parse_args(arguments)

    import osdp_sys

    osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
    flags = osdp_sys.FLAG_INSTALL_MODE if args.install else 0
    if args.key and not (args.install or args.insecure):
        flags |= osdp_sys.FLAG_ENFORCE_SECURE
    info = {
        "name": f"reader {args.address}",
        "address": args.address,
        "flags": flags,
        "channel": Wire(serial.Serial(args.port, timeout=0), args.address),
        "version": 1,
        "model": 1,
        "vendor_code": 0x00CAFE,
        "serial_number": args.address,
        "firmware_version": 1,
    }
    if args.key:
        info["scbk"] = args.key
    able = {osdp_sys.CAP_COMMUNICATION_SECURITY: bool(args.key or args.install), osdp_sys.CAP_OUTPUT_CONTROL: True}
    able |= {osdp_sys.CAP_READER_LED_CONTROL: not args.mute, osdp_sys.CAP_READER_AUDIBLE_OUTPUT: not args.mute}
    capabilities = [{"function_code": code, "compliance_level": 1, "num_items": 1} for code, can in able.items() if can]
    device = osdp_sys.PeripheralDevice(info, capabilities=capabilities)
    words = {osdp_sys.CMD_LED: "led", osdp_sys.CMD_BUZZER: "buzzer"}

    def told(command: dict[str, Any]) -> tuple[int, None]:
        word = words.get(command.pop("command"))
        if word:
            _say({word: command})
        return 0, None

    device.set_command_callback(told)
    return _run(device, osdp_sys)


def _run(device: Any, library: Any) -> int:
    secure, kept, handle = False, b"", sys.stdin.fileno()
    _say({"ready": True})
    while True:
        if select.select([handle], [], [], POLL_S)[0]:
            data = os.read(handle, 4096)
            if not data:
                return 0
            *lines, kept = (kept + data).split(b"\n")
            for line in lines:
                device.submit_event(_event(json.loads(line), library))
        device.refresh()
        if device.is_sc_active() != secure:
            secure = not secure
            _say({"secure": secure})


def _event(happening: dict[str, str], library: Any) -> dict[str, Any]:
    """What the panel is told of it."""
    match happening:
        case {"card": bits}:
            padded = bits + "0" * (-len(bits) % 8)
            data = int(padded, 2).to_bytes(len(padded) // 8, "big")
            return {
                "event": library.EVENT_CARDREAD,
                "reader_no": 0,
                "direction": 0,
                "format": library.CARD_FMT_RAW_WIEGAND,
                "length": len(bits),
                "data": data,
            }
        case {"keys": keys}:
            return {"event": library.EVENT_KEYPRESS, "reader_no": 0, "data": bytes(KEYS[key] for key in keys)}
        case _:
            raise ValueError(f"nothing that can happen to a reader: {happening}")


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
