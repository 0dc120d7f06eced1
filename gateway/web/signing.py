"""The signature of a webhook, on both sides.

    Hadir-Signature: t=1795660200,v1=<HMAC-SHA256 of "<t>.<body>" by the hook's secret, in hexadecimal>

`t` is when it was sent, in seconds since 1970. A receiver takes a message only when the signature is right (compared
in constant time, over the body's bytes as they came) and `t` is not further than WINDOW_S from its own clock: what
was recorded on the way cannot be sent again later. Within the window the same message may come twice, as it may by
itself: deliveries are at least once, and events are told apart by their `id`.
"""

from __future__ import annotations

import hmac
import re

HEADER = "Hadir-Signature"
WINDOW_S = 300
_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(secret: bytes, at_s: int, body: bytes) -> str:
    """The header's value."""
    return f"t={at_s},v1={_mac(secret, at_s, body)}"


def verify(secret: bytes, header: str, body: bytes, now_s: float, window_s: float = WINDOW_S) -> bool:
    """Whether a message is the sender's and of now."""
    found = _FORM.fullmatch(header)
    if found is None:
        return False
    at_s = int(found[1])
    return hmac.compare_digest(_mac(secret, at_s, body), found[2]) and abs(now_s - at_s) <= window_s


def _mac(secret: bytes, at_s: int, body: bytes) -> str:
    return hmac.new(secret, b"%d." % at_s + body, "sha256").hexdigest()
