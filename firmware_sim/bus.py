"""A private D-Bus for the simulated BlueZ."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

_CONF = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*" eavesdrop="true"/>
  </policy>
  <limit name="max_outgoing_bytes">268435456</limit>
  <limit name="max_incoming_bytes">268435456</limit>
</busconfig>
"""


def available() -> bool:
    """Whether a bus can be started here."""
    return shutil.which("dbus-daemon") is not None


def start_bus(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start dbus-daemon; its process, and the address for DBUS_SYSTEM_BUS_ADDRESS. End it by its pid."""
    socket = folder / "bus.sock"
    conf = folder / "bus.conf"
    conf.write_text(_CONF.format(socket=socket), encoding="ascii")
    process = subprocess.Popen(
        ["dbus-daemon", f"--config-file={conf}", "--nofork", "--nopidfile", "--nosyslog"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for the bus: whoever started it ends it
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"dbus-daemon did not start (status {process.wait()})")
        time.sleep(0.01)
    return process, f"unix:path={socket}"
