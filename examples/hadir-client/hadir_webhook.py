"""A receiver of hadir's webhooks: checks the signature, handles what is new, and answers. Standard library only.

    HADIR_HOOK_SECRET=... python hadir_webhook.py 8000

office.yaml: web: {hooks: [{id: agency, url: "http://127.0.0.1:8000/hook", secret_file: keys/hook-agency}]}
"""

from __future__ import annotations

import hmac
import json
import os
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WINDOW_S = 300
MOST = 1 << 20
SEEN: set[str] = set()
"""Ids that were handled, while it runs. A real receiver keeps them on a disk, with what it has made of the events."""


def verified(secret: bytes, header: str, body: bytes, now: float) -> bool:
    """Whether it is from hadir, unchanged, and of now."""
    found = re.fullmatch(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", header)
    if found is None:
        return False
    expected = hmac.new(secret, found[1].encode() + b"." + body, "sha256").hexdigest()
    return hmac.compare_digest(expected, found[2]) and abs(now - int(found[1])) <= WINDOW_S


def handle(event: dict[str, Any]) -> None:
    """What your backend does with it. It may come twice: at least once is what webhooks promise."""
    print(event["time"], event["type"], event["subject"], flush=True)


class Hook(BaseHTTPRequestHandler):
    """2xx only for what is kept: everything else comes again."""

    timeout = 10.0
    """Seconds without a byte."""

    def do_POST(self) -> None:
        """One message."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,8}", length) or int(length) > MOST:  # anybody may ask, signed or not
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        secret = os.environ["HADIR_HOOK_SECRET"].encode()
        if not verified(secret, self.headers.get("Hadir-Signature", ""), body, time.time()):
            self.send_error(401)
            return
        for event in json.loads(body)["events"]:
            if event["id"] not in SEEN:
                handle(event)
                SEEN.add(event["id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: events may be about people."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
