"""docs/devices.md: what the installed drivers read, by how it is connected, and how each is written in office.yaml.

Everything in a table comes from the drivers; the examples are loaded by a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from drivers.api import Driver
from gateway.decode import supported


class Medium(NamedTuple):
    """One way of connecting devices."""

    title: str
    reads: tuple[str, ...]
    """Media of drivers; with a colon at its end, all that begin so."""
    text: str
    sources: str
    """Of a gateway, as office.yaml writes them."""
    devices: str


INTRODUCTION = """\
<!-- Made by `hadir devices --guide`: change the drivers or gateway/devices_guide.py, not this file. -->
# Devices that hadir reads

{drivers} drivers. `hadir devices --supported` lists those of your installation, with those of other packages.
*Interval* is the device's own: without a message for three of them it is `unknown`, never vacant. *Silent by design*
means that it sends only when something happens; it is believed for a day after it was last heard (`trust_s`). *Checked*
is the day on which its test vectors were last compared with where they come from. What a device means is said once, in
`drivers/vocabulary.py`. A device that is not here takes one small file: [add-a-driver.md](add-a-driver.md).

`modality` says what a device's word is worth to the rules. A driver has one; a family with sensors of several kinds
(BTHome, Xiaomi, EnOcean, Modbus, JSON over MQTT) is told apart by `modality:` of the device in office.yaml:

| modality | the device | "nobody" counts as |
|---|---|---|
| `radar` | says all the time who is there, moving or still | vacant |
| `seat` | keeps a state of its own and tells its changes (desk, chair, ceiling sensors) | vacant |
| `counter` | counts people | vacant at 0 |
| `pir` | tells of movements | vacant when nothing moved for `hold_s` (300 s) |
| `contact` | a door: somebody passed | nothing |
| `environment` | climate, light, sound | nothing |
| `badge`, `tag` | a person's | nothing |

Secrets (BTHome, Xiaomi, OSDP) stand in `keys/devices.keys`, mode 600, a line each: device id and key in hexadecimal.
"""

BADGES = """\
## Readers that beep by themselves

The beep of an RDM6300 board, a USB wedge or a PC/SC reader says that it has read a card. It does not say that anybody
is checked in: the card may be nobody's, the desk taken, the disk full. hadir answers only when the event is on disk.
Where the reader can show that (OSDP: light and buzzer; ACR122U: its light), hadir lets it. For all others, put a light
beside the reader, on a GPIO line of the gateway, or a display that follows the desk's state:

```yaml
devices:
  - {id: rdr-1, driver: rdm6300, place: b/f/z/d1, light: {line: 5, refused_line: 6}}
```

Taken: on for 1.5 s. Left: two short flashes. Refused: three, or the refused line. Silence the reader's own beeper if
you can.

Readers that belong to a door system, and what is then possible: [door-systems.md](door-systems.md).

## Names of serial adapters

Write `/dev/serial/by-id/...`: ttyUSB numbers change with the order of plugging in. Two adapters of one product without
a serial number have one such name; `hadir check` says so, and lists `/dev/serial/by-path/...`, which tells them apart
by the socket that they are in. A GPIO chip's number can change as well: give it a name by a udev rule. A Bluetooth
adapter may be written by its address (`adapter: "00:1A:7D:DA:71:13"`, from `bluetoothctl list`); one that is written
as hci0 is followed by the address that it had when the gateway started.

## When a source fails

The others go on. It is opened again as soon as its name is there again (a line, a reader, a Bluetooth daemon or
adapter), and otherwise after a random pause of up to 5 s that grows with each failure; `hadir status` shows its last
error in words, `dev/...` and `gw/.../health` say since when, and every place that depends on it is `unknown` with its
cause until it is heard again.
"""

MEDIA = (
    Medium(
        "On a serial line of its own",
        ("serial:",),
        "Badge readers, Wiegand bridges and radars with USB or UART. Baud and parity come from the driver.",
        "- {id: tty-1, type: serial, port: /dev/serial/by-id/usb-reader-1, device: rdr-1}",
        "- {id: rdr-1, driver: rdm6300, place: b/f/z/d1}",
    ),
    Medium(
        "OSDP bus",
        ("wiegand",),
        """\
Readers with OSDP v2 on RS-485, several on one line (`pip install 'hadir[osdp]'`). Secure Channel is required: a
reader without a key of its own in `keys/devices.keys` is down, never read in clear, and the default key SCBK-D is
never used. `secure: false` lets readers without a key be read in clear. Light and buzzer answer each tap. hadir is
the bus's only controller: with a second one readers show `failed`, or come and go.""",
        "- {id: bus-1, type: osdp, port: /dev/serial/by-id/usb-rs485-1, baud: 9600, devices: [rdr-1]}",
        '- {id: rdr-1, driver: wiegand, address: "1", place: b/f/z/d1}',
    ),
    Medium(
        "Keyboard",
        ("keyboard",),
        """\
Readers that type the card's number. The reader is taken for hadir alone; the user must be in group `input`. Ten
decimal digits lack a byte of an EM4100 card: such a reader's taps are refused as ambiguous. Set it to hexadecimal.""",
        "- {id: wedge-1, type: keyboard, port: /dev/input/by-id/usb-reader-event-kbd, device: rdr-1}",
        "- {id: rdr-1, driver: keyboard, profile: em10h, place: b/f/z/d1}",
    ),
    Medium(
        "PC/SC",
        ("pcsc",),
        """\
ACR122U and other readers behind `pcscd` (`apt-get install pcscd`). A random UID, as phones have, is nobody's.""",
        "- {id: acr-1, type: pcsc, reader: ACS ACR122U, device: rdr-1}",
        "- {id: rdr-1, driver: pcsc, place: b/f/z/d1}",
    ),
    Medium(
        "Door systems",
        ("door",),
        """\
Badge events of an access-control system by MQTT, webhook or CSV: [door-systems.md](door-systems.md).""",
        """\
- id: doors
  type: door_mqtt
  topic: acs/events
  fields: {reader: door.reader, badge: card.number, facility: card.facility, at: time, id: event.id}
  devices: [gate-1]""",
        "- {id: gate-1, driver: door, profile: wiegand26, address: Gate A, place: b/f/z, role: in_out}",
    ),
    Medium(
        "Bluetooth",
        ("ble_adv", "ble_rpa"),
        """\
Personal tags are enrolled with people and need no entry here. Fixed sensors are devices, known by their address; the
adapter that hears them names them. What nobody enrolled or configured yields nothing at all, and a phone is seen only
if its owner gave its identity key (`hadir people enrol --credential irk:...`; scan with `mode: active`). A rolling
Eddystone-EID is enrolled by its key: `eddystone-eik:<key>:<exponent>:<second at which its clock was 0>`. Encrypted
frames are believed once: an old one that somebody recorded is dropped (`decode.dropped{Replayed}`), and a changed
battery is survived after a few frames.""",
        "- {id: ble-1, type: ble, adapter: hci0, device: rcv-1, devices: [th-1]}",
        """\
- {id: rcv-1, driver: receiver, place: b/f/z}
- {id: th-1, driver: bthome, address: "A4:C1:38:05:8E:E9", modality: radar, place: b/f/z/d1}""",
    ),
    Medium(
        "EnOcean",
        ("serial:enocean_esp3",),
        """\
A TCM 310 or USB 300 stick on serial ESP3; devices by their id, the profile says what a telegram means. A teach-in
telegram is never data.""",
        "- {id: stick-1, type: enocean, port: /dev/serial/by-id/usb-EnOcean-1, devices: [pir-1]}",
        '- {id: pir-1, driver: enocean_esp3, profile: A5-07-01, address: "0512ABCD", place: b/f/z/d1}',
    ),
    Medium(
        "Modbus",
        ("modbus",),
        """\
RTU on a serial port or TCP (`pip install 'hadir[modbus]'`); the mapping says what its registers mean, here or in a
file of its own. A unit that does not answer is down by itself; the others go on.""",
        "- {id: bus-2, type: modbus, port: /dev/serial/by-id/usb-rs485-2, poll_s: 5, devices: [people-1]}",
        """\
- id: people-1
  driver: modbus
  address: "3"
  modality: counter
  place: b/f/z/r1
  mapping: {values: [{kind: count, function: input, register: 100, type: uint16}]}""",
    ),
    Medium(
        "LoRaWAN",
        ("lorawan:",),
        """\
Uplinks of ChirpStack v4 or The Things Stack v3 over their MQTT integration; devices by DevEUI, any model of the
driver's list. Let ChirpStack publish with `qos=1`: an uplink is then acknowledged when it is on disk.""",
        "- {id: lora-1, type: lorawan, network: chirpstack, devices: [seat-1]}",
        '- {id: seat-1, driver: milesight_vs340, address: "24e124538c123456", place: b/f/z/d1}',
    ),
    Medium(
        "JSON over MQTT",
        ("mqtt",),
        """\
Anything that publishes JSON or words: Zigbee2MQTT, Tasmota, ESPHome and Shelly by a ready profile, others by a
mapping of their fields. A device that its bridge or last will calls offline is `unknown`, not vacant; a retained old
state is never taken for a new one.""",
        "- {id: zigbee-1, type: mqtt, devices: [mmw-1]}",
        """\
- {id: mmw-1, driver: mqtt_json, profile: zigbee2mqtt, modality: radar, address: zigbee2mqtt/d1, place: b/f/z/d1}""",
    ),
    Medium(
        "GPIO",
        ("gpio",),
        """\
Contacts and motion sensors on the gateway's own lines (`pip install 'hadir[gpio]'`), debounced by the kernel.""",
        "- {id: lines-1, type: gpio, chip: /dev/gpiochip0, bias: pull_up, devices: [door-1]}",
        '- {id: door-1, driver: gpio_door, address: "17", place: b/f/z/r1}',
    ),
    Medium(
        "Cards as such",
        ("em4100", "osdp"),
        "For `hadir decode`: a card's own bits, packets off a bus.",
        "",
        "",
    ),
)


def guide(named: Mapping[str, Driver]) -> str:
    """The page. Every driver stands in it once."""
    found = {name: medium for medium in MEDIA for name in _drivers_of(medium, named)}
    sections = (_section(medium, [named[name] for name, of in found.items() if of is medium]) for medium in MEDIA)
    return "\n".join((INTRODUCTION.format(drivers=len(named)), *sections, BADGES))


def _drivers_of(medium: Medium, named: Mapping[str, Driver]) -> list[str]:
    exact = {word for other in MEDIA for word in other.reads if not word.endswith(":")}
    return [
        driver.name
        for driver in named.values()
        if any(_is(name, medium.reads) and (name not in exact or name in medium.reads) for name in driver.media)
    ]


def _is(name: str, reads: tuple[str, ...]) -> bool:
    return any(name == word or (word.endswith(":") and name.startswith(word)) for word in reads)


def _section(medium: Medium, drivers: Iterable[Driver]) -> str:
    rows = ["| driver | product | modality | measures | interval | needs | checked |", "|---|---|---|---|---|---|---|"]
    for row in supported({driver.name: driver for driver in drivers}):
        cells = (f"`{row.driver}`", row.title, row.modality, _short(row.kinds), row.interval, row.needs, row.checked)
        rows.append(f"| {' | '.join(cells)} |")
    example = ""
    if medium.sources:
        example = f"\n```yaml\nsources:\n{_indented(medium.sources)}\ndevices:\n{_indented(medium.devices)}\n```\n"
    return f"## {medium.title}\n\n{medium.text}\n{example}\n" + "\n".join(rows) + "\n"


def _short(kinds: str, most: int = 8) -> str:
    words = kinds.split(", ")
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
