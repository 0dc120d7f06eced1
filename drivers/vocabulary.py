"""The words that drivers may say: kind -> units. One meaning, one word, one unit, whatever device measured it.

Those of presence come first. The others are of general-purpose sensors (BTHome names most of them): a gateway passes
them on without acting on them. A kind with several units says which one it means with each value.
"""

from __future__ import annotations

from collections.abc import Mapping

UNITS: Mapping[str, tuple[str, ...]] = {
    # who
    "badge": ("",),  # text: technology and number, `em4100:0F0368568B`, `wiegand26:1:5278`
    "keypad": ("",),  # text: the keys of one message
    "beacon": ("",),  # text: technology and identity, `ibeacon:<uuid>:<major>:<minor>`
    "tx_power": ("dBm",),
    # is somebody there
    "occupied": ("",),  # bool: somebody is there, by whatever means the device decides that
    "motion": ("",),  # bool: somebody or something moved
    "moving": ("",),  # bool: the device itself is being moved
    "opening": ("",),  # bool: true = open
    "count": ("",),  # people (or what the device counts) that are there now
    "entered_total": ("",),  # since the device was reset
    "left_total": ("",),
    "entered_period": ("",),  # since its last message
    "left_period": ("",),
    "distance": ("m", "mm"),
    "moving_distance": ("m",),
    "still_distance": ("m",),
    "target": ("",),  # [x m, y m, speed m/s]
    # the room
    "temperature": ("Cel",),
    "humidity": ("%RH",),
    "illuminance": ("lx",),
    "light_level": ("",),  # the device's own steps
    "co2": ("ppm",),
    "pressure": ("hPa",),
    "sound": ("dB",),
    "tvoc": ("ug/m3", "ppb", ""),  # "": the device's own index
    "pm2_5": ("ug/m3",),
    "pm10": ("ug/m3",),
    # the device
    "battery": ("%",),
    "battery_low": ("",),
    "battery_charging": ("",),
    "voltage": ("V",),
    "packet_counter": ("",),
    "tamper": ("",),
    "button": ("",),  # text: press, double_press, long_press, ...
    "online": ("",),  # bool: what a broker or a base station says of the device
    # of a protocol
    "sender": ("",),  # text, EnOcean: eight hex digits
    "rorg": ("",),  # text, EnOcean: two hex digits
    "osdp": ("",),  # {address, sequence, code, data_hex, crc_ok}
    # general-purpose sensors
    "acceleration": ("m/s2",),
    "carbon_monoxide": ("",),
    "channel": ("",),
    "cold": ("",),
    "conductivity": ("uS/cm",),
    "connectivity": ("",),
    "current": ("A",),
    "dewpoint": ("Cel",),
    "dimmer": ("",),  # [direction, steps]
    "device_type_id": ("",),
    "direction": ("deg",),
    "door": ("",),
    "duration": ("s",),
    "energy": ("kWh",),
    "firmware_version": ("",),  # text
    "garage_door": ("",),
    "gas": ("m3",),
    "gas_detected": ("",),
    "generic_boolean": ("",),
    "gyroscope": ("deg/s",),
    "heat": ("",),
    "light": ("",),
    "lock": ("",),
    "mass": ("kg", "lb"),
    "moisture": ("%",),
    "moisture_detected": ("",),
    "plug": ("",),
    "power": ("W", ""),  # "": bool, on or off
    "precipitation": ("mm",),
    "presence": ("",),
    "problem": ("",),
    "raw": ("",),  # text, hexadecimal
    "rotation": ("deg",),
    "rotational_speed": ("rpm",),
    "running": ("",),
    "safety": ("",),
    "settings_revision": ("",),
    "smoke": ("",),
    "sound_detected": ("",),
    "speed": ("m/s",),
    "text": ("",),
    "timestamp": ("s",),
    "uv_index": ("",),
    "vibration": ("",),
    "volume": ("L", "mL"),
    "volume_flow_rate": ("m3/h",),
    "volume_storage": ("L",),
    "water": ("L",),
    "window": ("",),
}
"""Units are UCUM-like; "" is a plain number, a bool or a text."""
