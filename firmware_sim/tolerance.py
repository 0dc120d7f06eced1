"""How long a desk's state may differ from the truth, in seconds of office time.

The figures are physics, not excuses: a tap is an act and counts at once; a radar's own no-one delay, its reporting
interval at 60 times speed and a missed still target pass in half a minute; a motion sensor says nothing between two
movements, so that a hold of five minutes is right for it.
"""

from __future__ import annotations

from collections.abc import Mapping

TAP_S = 1.0
BY_MODALITY: Mapping[str, float] = {
    "radar": 35.0,
    "seat": 35.0,
    "counter": 35.0,
    "pir": 330.0,
    "environment": 900.0,
}
"""By the sensor that a place has; `pir` is motion only, `environment` CO2 only: the air of a room fills and clears in a
quarter of an hour at best."""
ANSWER_S = 2.0
"""From a tap's last byte to its outcome at that reader, machine time."""
UNEXPLAINED_SHARE = 0.01
"""Share of desk time that may be unknown without an injected outage."""
