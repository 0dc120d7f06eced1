"""Home Assistant's MQTT discovery of a place's occupancy, only where the site asks for it. Never a person tracker.

Source: Home Assistant, MQTT integration, "device discovery" and "binary sensor" (2026): a retained JSON document.
"""

from __future__ import annotations

from pydantic_core import to_json

from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.state import VALID_S

OCCUPIED = "{{ {'occupied': 'ON', 'vacant': 'OFF'}.get(value_json.state, 'None') }}"
"""`None` is Home Assistant's unknown: unknown must not read as empty."""


def discovery(origin: Origin, device: str, place: str, name: str) -> bytes:
    """Payload of `homeassistant/device/<gw>_<dev>/config`."""
    identity = f"hadir_{origin.site}_{origin.gateway}_{device}"
    state = topics.state(place)
    return to_json(
        {
            "device": {"identifiers": [identity], "name": name, "manufacturer": "hadir"},
            "origin": {"name": "hadir"},
            "components": {
                "occupancy": {
                    "platform": "binary_sensor",
                    "device_class": "occupancy",
                    "unique_id": f"{identity}_occupancy",
                    "state_topic": state,
                    "value_template": OCCUPIED,
                    "json_attributes_topic": state,
                    "expire_after": VALID_S,
                }
            },
        }
    )
