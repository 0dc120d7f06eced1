"""The peer as a contestant: TheengsGateway from PyPI, in a virtual environment of its own. Prints one JSON object.

python bench/theengs.py PORT ADVERTS SHARE-OF-STRANGERS, with the repository on PYTHONPATH. No discovery messages,
QoS 0, no store: its fastest settings.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time

from TheengsGateway.ble_gateway import Gateway
from TheengsGateway.config import DEFAULT_CONFIG

from bench.adverts import crowd
from bench.radio import as_bleak

logging.disable(logging.ERROR)
port, count, strangers = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
gateway = Gateway(dict(DEFAULT_CONFIG, host="127.0.0.1", port=port, discovery=0))
gateway.connect_mqtt()
threading.Thread(target=gateway.client.loop_forever, daemon=True).start()
while not gateway.client.is_connected():
    time.sleep(0.01)
radio = [as_bleak(one) for one in crowd(count, strangers=strangers)]
wall, cpu = time.perf_counter(), time.process_time()
for device, advert in radio:
    gateway.detection_callback(device, advert)
gateway.client.publish("bench/last", b"", 1).wait_for_publish()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"rate": count / wall, "cpu_us": cpu / count * 1e6, "published": gateway.published_messages}))
