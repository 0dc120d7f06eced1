"""The first part of docs/contract/README.md: how a backend reads what hadir says. Its programs are run by a test."""

from __future__ import annotations

GUIDE = """\
<!-- Made by `hadir schema`: change gateway/contract, not this file. -->
# The contract: what leaves a gateway

- `schemas/`: a JSON Schema (2020-12) for each event type and payload. They allow fields that they do not name.
- `asyncapi.yaml`: the topics as an AsyncAPI 3 document. `send` is what hadir sends, and a client receives.
- `conformance/`: samples of every type, and scenarios with the state that a subscriber must end in, for any language; a
  backend that takes the messages of each and ends in its `ends` does what this page asks.
  `gateway/contract/subscriber.py` is a reference subscriber in one page.

## What to subscribe to
| you want | subscribe to | and know that |
|---|---|---|
| what is free now | `state/SITE/#`, `gw/SITE/+/status`, perhaps `agg/SITE/#`, `place/SITE/#` | retained; expires |
| every change of a place | `evt/SITE/#` and `hist/SITE/+` | at least once, any order |
| acts of your agency's people | `who/SITE/UNIT/#` and `whohist/SITE/UNIT/+` | names people by pseudonym |
| what was inferred about people | `sense/SITE/BUILDING/#` and `sensehist/SITE/BUILDING/+` | not for integrators |

All below `hadir/v1/`. The class comes first, so that an account's rights are prefixes: a display may read `state`,
`agg` and `place` only; an agency's service its own unit; nobody but the archive reads every class, and nobody but
gateways and the archive writes (commands: `cmd` and `whocmd`). What your account may not read does not come: some
brokers refuse it in the SUBACK, Mosquitto 2.0 grants the subscription and stays silent. Who may not read `gw` sees a
lost gateway by `valid_until`, within 90 s. Any MQTT 5 or 3.1.1 client will do; nothing that matters is in MQTT 5
properties only. Every event is a structured CloudEvents 1.0 JSON object, alone on the live topics and in arrays on the
history topics:

```json
{"specversion":"1.0","type":"hadir.occupancy.changed.v1","source":"/ikn/gw/kk2-05/000041-b7f3",
 "id":"b095c863-bb96-5b7b-8983-799d715e3ac2","sequence":"000000001842","subject":"ikn/kk2/l05/timur/d-017",
 "time":"2026-11-24T01:30:02.117Z","recordedtime":"2026-11-24T01:30:02.140Z","datacontenttype":"application/json",
 "dataschema":"urn:hadir:schema:occupancy.changed:1.0","dataclassification":"internal",
 "data":{"state":"occupied","prev":"vacant","cause":null,"since":"2026-11-24T01:29:31.000Z","confidence":0.92,
  "evidence":[{"dev":"mmw-0a41","modality":"radar","kind":"occupied","value":true,"age_s":0.4,"weight":0.92}],
  "quality":"good","rule":"occupancy/1","clock":{"sync":"ntp","err_ms":8}}}
```

## Reading events
1. **Dedupe by `id`.** Delivery is at least once: an event may come live and again on a history topic. The same `id` is
   always the same bytes, but for one case: an erasure (8).
2. **Order** within a `source` (one boot of one gateway) by `sequence`; across sources by `time`, ties by `source`.
   `time` is when it happened, `recordedtime` when the gateway decided. Late events are normal: after an outage hours of
   them come on the history topics, while the live topics stay live.
3. **A gap is not a loss.** Sequences are contiguous over all classes, and you read some of them. What was truly lost is
   said by `gateway.gap`.
4. **Catch up** after you were away: a fixed client id, no clean start and a session expiry let the broker keep for you
   what comes meanwhile, as far as its queue reaches; acknowledge only what you have committed. What a broker drops is
   not sent to you again, since gateways answer to the archive: fetch it there, `GET /api/v1/events?after=<cursor>` of
   `hadir serve` ([api.md](../api.md)). `examples/hadir-client/` does both.
5. **Ignore what you do not know.** Within a major version fields, words and types are added, never changed: ignore an
   unknown field or type, read an unknown word as `unknown`. A new major has other types (`...v2`), is published beside
   the old one for 12 months, and `correlation` joins the two.
6. **Clocks.** `gateway.clock_corrected` shifts the times of its boot's events that say `clock.sync: none`, also of
   those that came before it. While a gateway does not know the time, events about people wait for up to ten minutes,
   and are told with the right times (`ntp`, `rtc`) if it is known by then. An event that was sent is never sent with
   other times: the same `id` is the same bytes. `rtc`: nothing keeps the clock now, it is right as far as is known, and
   `err_ms` says how far. `gateway.clock_stepped`: a known time was set to another; nothing that was told before moves.
7. **Corrections.** `presence.corrected`: `field` of the event, check-in or visit `target_id` is `new`; the field
   `event` with `new: null` makes it void.
8. **Erasure.** `privacy.erased` with a `pid`: forget the person, also when older messages come later. Without: it takes
   the place of the event with the same `id`, whose content is gone.
9. A check-in is told twice, with an `id` each: in `evt` without a person, in `who` with one; `checkin_id` joins them.
10. **Two coordinators.** What crosses places (`presence.*`, `workplace.*`) is said by the building's coordinator, with
    the `term` in which it leads, `led_since` when. Two may believe for a while that they lead: ignore what has a lower
    term (none: 0) and a `recordedtime` at or after the `led_since` of a higher one in the same building. The archive
    refuses it as `old_term`, as soon as it has heard of the higher term. What was recorded before is true.

An event has at most 8 kB and 16 levels, a batch at most 64 kB and 100 events. Events never expire. `quality` says
`simulated` for a simulated office, which has a site id of its own, and `replayed` for recordings.

This program keeps every event once, through restarts of the broker and of itself (paho-mqtt 2):

```python
# events.py BROKER PORT SITE
import json
import sqlite3
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

broker, port, site = sys.argv[1], int(sys.argv[2]), sys.argv[3]
base = sqlite3.connect("events.db")
base.execute("CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, source, sequence, time, type, subject, body)")
FIELDS = ("id", "source", "sequence", "time", "type", "subject")
STORE = (
    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET type = excluded.type,"
    " subject = excluded.subject, body = excluded.body WHERE excluded.type = 'hadir.privacy.erased.v1'"
)


def on_connect(client, _userdata, _flags, reason, _properties):
    print("connected:", reason, flush=True)
    client.subscribe([(f"hadir/v1/evt/{site}/#", 1), (f"hadir/v1/hist/{site}/+", 1)])


def on_message(client, _userdata, message):
    try:
        found = json.loads(message.payload)
        for event in found if isinstance(found, list) else [found]:
            base.execute(STORE, (*(event[name] for name in FIELDS), json.dumps(event)))
    except (ValueError, KeyError, TypeError) as error:
        print("not an event:", message.topic, error, flush=True)
    base.commit()
    client.ack(message.mid, message.qos)  # only now: what was not committed comes again


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "example-events", protocol=mqtt.MQTTv5, manual_ack=True)
client.on_connect, client.on_message = on_connect, on_message
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 7 * 86_400
client.connect(broker, port, clean_start=False, properties=session)
client.loop_forever()
```

## Reading states
Retained `state/<place>` says what a desk or a room is now, and a whole zone (`.../ZONE/_`): occupied when one of its
places is, else unknown when one is, else vacant. Three values, never two:

| value | means | a display shows |
|---|---|---|
| `occupied` | somebody or something holds the place | taken |
| `vacant` | sensors that work say that nobody is there | free, unless `desk.life` says otherwise |
| `unknown` | nobody knows, for a `cause` | neither free nor taken |

**A state that is missing, empty, past its `valid_until`, or whose `gw` is `lost` or `disconnected`, is `unknown` with
the cause `gateway_down`: never free, never the last value.** Gateways repeat their states every 30 s for 90 s, so that
silence shows. A place that nobody owns any more gets an empty message. `sensed` is what the sensors alone say;
`desk.life` is who claims it: `free`, `reserved`, `taken`, `away` or `out_of_order`, since about `desk.since`. A desk is
free to take when its state is `vacant` and its life is `free`. A room is reserved and never taken: who is sensed there
uses it, and a reservation for which nobody came is released. In `agg`, `unknown` is a number of its own: it is not
part of `free`. A state with a `term` is a coordinator's word for a lost owner: ignore it if you have seen a higher one.

| cause of `unknown` | means |
|---|---|
| `starting` | the gateway has just begun and has read no sensor yet |
| `sensor_stale` | a sensor of the place is silent |
| `radio_deaf` | the receiver that should hear its sensors or tags hears nothing |
| `gateway_down` | the gateway does not speak |
| `clock_bad` | times cannot be trusted |
| `no_evidence` | everything works, and what is heard does not tell, or nothing was heard for too long |
| `unconfigured` | no sensor is bound to the place |

A person is `present`, `left` or `unknown`; `left` only by an act (exit reader, check-out). Not being sensed is never
absence: read `unknown` as "we do not know", and never as "not at work".

```python
# states.py BROKER PORT SITE: a line for each desk and room, five times a second
import json
import sys
import time
from datetime import datetime, timezone

import paho.mqtt.client as mqtt

broker, port, site = sys.argv[1], int(sys.argv[2]), sys.argv[3]
states, gateways = {}, {}


def on_connect(client, _userdata, _flags, _reason, _properties):
    client.subscribe([(f"hadir/v1/state/{site}/#", 1), (f"hadir/v1/gw/{site}/+/status", 1)])


def on_message(_client, _userdata, message):
    _, _, kind, rest = message.topic.split("/", 3)
    held, key = (states, rest) if kind == "state" else (gateways, rest.split("/")[1])
    if message.payload:
        held[key] = json.loads(message.payload)
    else:
        held.pop(key, None)  # empty: nobody's place any more


def state_of(place):
    held = states.get(place)
    if held is None:
        return "unknown", "gateway_down"
    gone = gateways.get(held["gw"], {}).get("state") in ("lost", "disconnected")
    late = datetime.fromisoformat(held["valid_until"].replace("Z", "+00:00")) < datetime.now(timezone.utc)
    return ("unknown", "gateway_down") if gone or late else (held["state"], held["cause"])


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
client.on_connect, client.on_message = on_connect, on_message
client.connect(broker, port)
client.loop_start()
while True:
    time.sleep(0.2)
    for place in sorted(states):
        print(place, *state_of(place), flush=True)
```

## Reading time series
The archive projects its events into the stores that `archive.stores` of office.yaml lists. Place tags are `site`,
`building`, `floor`, `zone`, `space` and `kind`; fields are numbers. No person is in any of it.

| measurement | tags | fields |
|---|---|---|
| `space_state` | place | `state` 0 vacant, 1 occupied, 2 unknown, `occupied` 0 or 1, `confidence`, `seq` |
| `space_use_15m` | place | `used_s`, `known_s`, `capacity`, `peak`, `checkins`, `work_s`, and two more: below |
| `checkin` | place, `method` | `started` 1; or `ended` 1, `dwell_s`, `inferred` 0 or 1; `seq` |
| `zone_people` | place | `people`, `entries`, `exits`, `known` 0 or 1, `capacity`, `confidence`, `seq` |
| `gw_health` | `site`, `building`, `gateway` | `up` 0 or 1, `lost`, `backlog`, `backlog_bytes`, `clock_offset_ms` |
| `dev_health` | `site`, `building`, `gateway`, `dev` | `online` 0 or 1, `battery` |

- `occupied` is absent while it is unknown. `people`, `entries` and `exits` are absent while unknown, and below five:
  where `known` is 1 and `people` is absent, there are fewer than five, or none.
- **Divide by `known_s`, never by 900.** An outage lowers `known_s`; a desk of which nothing is known has `used_s` 0 and
  `known_s` 0, and is not an empty desk.
- `space_use_15m` stands at its quarter hour's start; `peak` is 1 if anybody was there. `work_s` is how much of it is
  working time by the site's calendar (hours, breaks, Ramadan, holidays), `work_known_s` and `work_used_s` are the known
  and used seconds within that: the rates of a report divide by `work_known_s`.
- Everything is UTC. Quarter hours are the same everywhere; days and Fridays are the site's (`timezone` in office.yaml).
- Late events change quarter hours of the last 40 days; a new or emptied store gets 400 days of them, and every event.
- The digits below a point's millisecond are its sequence modulo 10^6. A store that keeps milliseconds only
  (`milliseconds: true`) gets two points of one millisecond a millisecond apart, and a quarter hour that is computed
  again behind the one before: take the last point of a quarter hour.
- Tested against VictoriaMetrics 1.79 (`kind: influx2`, `milliseconds: true`; it must be run with
  `-influxMeasurementFieldSeparator=_ -dedup.minScrapeInterval=1ms`) and InfluxDB 1.6 (`kind: influx1`), each killed
  and healed. InfluxDB 2 and 3 take what the `influx2` writer sends, but no server of theirs could be had for a test.

"""
