"""Ready plans: what Zigbee2MQTT, Tasmota, ESPHome and Shelly devices publish, and on which topics.

Sources, read 2026-11-26: zigbee2mqtt.io, MQTT topics and messages, device availability, exposes; Tasmota documentation,
PIR motion sensors, buttons and switches, MQTT; esphome.io, MQTT client component, LD2410 and LD2450 sensors; Shelly
API, Gen1 (Motion, Door/Window 2) and Gen2 (MQTT, notifications, PresenceZone, Illuminance, DevicePower). A PIR sensor's
`occupancy` in Zigbee2MQTT is motion with the sensor's own hold; `contact: true` is a closed door. A radar that says
`occupancy` needs a mapping, {path: occupancy, kind: occupied}: from a radar, no motion is not nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.occupancy.mqtt_json.plan import Field, Plan, field, only

_ZIGBEE = Plan(
    status={"availability": "{address}/availability", "bridge": "{first}/bridge/state"},
    topics={"state": "{address}"},
    fields=(
        field("state", "occupancy", "motion"),
        field("state", "presence", "occupied"),
        field("state", "contact", "opening", invert=True),
        field("state", "people_count", "count"),
        field("state", "target_distance", "distance"),
        field("state", "illuminance_lux", "illuminance"),  # before 2.0 `illuminance` beside it is the raw value
        field("state", "illuminance", "illuminance"),
        field("state", "temperature", "temperature"),
        field("state", "humidity", "humidity"),
        field("state", "pressure", "pressure"),
        field("state", "co2", "co2"),
        field("state", "pm25", "pm2_5"),
        field("state", "pm10", "pm10"),
        field("state", "noise", "sound"),
        field("state", "battery", "battery"),
        field("state", "battery_low", "battery_low"),
        field("state", "voltage", "voltage", scale=0.001),
        field("state", "tamper", "tamper"),
        field("state", "vibration", "vibration"),
        field("state", "action", "button"),
    ),
)
_TASMOTA = Plan(
    status={"availability": "tele/{address}/LWT"},
    topics={"sensor": "tele/{address}/SENSOR", "stat": "stat/{address}/+"},
    fields=(
        field("stat/PIR*", "", "motion"),
        field("stat/MOTION*", "", "motion"),
        *(field(f"stat/{name}", f"{at}Switch1.Action", "motion") for name, at in (("SWITCH*", ""), ("RESULT", ""))),
        *(
            one
            for name, at in (("sensor", ""), ("stat/STATUS8", "StatusSNS."), ("stat/STATUS10", "StatusSNS."))
            for one in (
                field(name, f"{at}Switch1.Action", "motion"),
                field(name, f"{at}Switch1", "motion"),
                field(name, f"{at}*.Illuminance", "illuminance"),
                field(name, f"{at}*.Temperature", "temperature", only=only(f"{at}TempUnit", "C")),
                field(
                    name,
                    f"{at}*.Temperature",
                    "temperature",
                    scale=5 / 9,
                    offset=-160 / 9,
                    only=only(f"{at}TempUnit", "F"),
                ),
                field(name, f"{at}*.Humidity", "humidity"),
                field(name, f"{at}*.CarbonDioxide", "co2"),
                field(name, f"{at}*.Pressure", "pressure", only=only(f"{at}PressureUnit", "hPa")),
            )
        ),
    ),
)
_ESPHOME = Plan(
    status={"availability": "{address}/status"},
    topics={"binary_sensor": "{address}/binary_sensor/+/state", "sensor": "{address}/sensor/+/state"},
    fields=(
        Field("*zone*", ()),  # nobody is in this zone, and yet somebody may be in another: a mapping says which counts
        Field("binary_sensor/*still*", ()),  # of a radar: nobody sits still, and yet somebody may walk
        field("binary_sensor/*moving*", "", "motion"),
        field("binary_sensor/*motion*", "", "motion"),
        field("binary_sensor/pir*", "", "motion"),
        field("binary_sensor/*_pir*", "", "motion"),
        field("binary_sensor/*presence*", "", "occupied"),
        field("binary_sensor/*occupan*", "", "occupied"),
        field("binary_sensor/*target*", "", "occupied"),
        field("binary_sensor/*door*", "", "opening"),
        field("binary_sensor/*window*", "", "opening"),
        field("binary_sensor/*contact*", "", "opening"),
        field("sensor/*moving*distance*", "", "moving_distance", scale=0.01),
        field("sensor/*still*distance*", "", "still_distance", scale=0.01),
        field("sensor/*detection*distance*", "", "distance", scale=0.01),
        Field("sensor/*still*", ()),
        Field("sensor/*moving*", ()),
        field("sensor/*target_count*", "", "count"),
        field("sensor/*people*", "", "count"),
        field("sensor/*illuminance*", "", "illuminance"),
        field("sensor/*lux*", "", "illuminance"),
        field("sensor/*temperature*", "", "temperature"),
        field("sensor/*humidity*", "", "humidity"),
        field("sensor/*co2*", "", "co2"),
        field("sensor/*battery*", "", "battery"),
    ),
)
_SHELLY1 = Plan(
    status={"availability": "shellies/{address}/online"},
    topics={"status": "shellies/{address}/status", "sensor": "shellies/{address}/sensor/+"},
    fields=(
        field("status", "motion", "motion", only=only("active", "true")),  # else its detection is switched off
        field("status", "vibration", "vibration"),
        field("status", "lux", "illuminance"),
        field("status", "bat", "battery"),
        field("sensor/motion", "", "motion"),
        field("sensor/state", "", "opening"),
        field("sensor/lux", "", "illuminance"),
        field("sensor/battery", "", "battery"),
        field("sensor/temperature", "", "temperature"),
        field("sensor/humidity", "", "humidity"),
        field("sensor/vibration", "", "vibration", table={"-1": None}),
    ),
)
_SHELLY2 = Plan(
    status={"availability": "{address}/online"},
    topics={"event": "{address}/events/rpc", "status": "{address}/status/+"},
    fields=tuple(
        field(topic.format(part), f"{at.format(part)}{path}", kind)
        for topic, at in (("event", "params.{}."), ("status/{}", ""))
        for part, path, kind in (
            ("presencezone:200", "state", "occupied"),  # the zone that is always there: the whole of what it sees
            ("presencezone:200", "num_objects", "count"),
            ("illuminance:0", "lux", "illuminance"),
            ("temperature:0", "tC", "temperature"),
            ("humidity:0", "rh", "humidity"),
            ("devicepower:0", "battery.percent", "battery"),
            ("devicepower:0", "battery.V", "voltage"),
        )
    ),
)
PLANS: Mapping[str, Plan] = {
    "": Plan({}, {"state": "{address}"}, ()),
    "zigbee2mqtt": _ZIGBEE,
    "tasmota": _TASMOTA,
    "esphome": _ESPHOME,
    "shelly1": _SHELLY1,
    "shelly1_sleeping": _SHELLY1._replace(status={}),
    "shelly2": _SHELLY2,
    "shelly2_sleeping": _SHELLY2._replace(status={}),
}
"""By profile. A sleeping device leaves the broker after each message: that says nothing about it."""
