"""AltBeacon adverts, encode only.

AltBeacon Protocol Specification v1.0: manufacturer data of the maker's company, BE AC, 20 bytes of identity (big
endian), signed dBm at one metre, one byte of the maker's own.
"""

from __future__ import annotations

from firmware_sim.beacon import Advert

RADIUS_NETWORKS = 0x0118


def altbeacon(identity: bytes, power_1m: int = -59, company: int = RADIUS_NETWORKS, reserved: int = 0) -> Advert:
    """An AltBeacon; `identity` has 20 bytes and `power_1m` is 0 to -127 dBm."""
    if len(identity) != 20 or not -127 <= power_1m <= 0:
        raise ValueError(f"20 bytes of identity and 0 to -127 dBm, not {len(identity)} and {power_1m}")
    body = b"\xbe\xac" + identity + power_1m.to_bytes(1, "big", signed=True) + bytes((reserved,))
    return Advert({company: body}, {})
