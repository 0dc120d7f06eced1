"""A private D-Bus for the simulated BlueZ."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 10.0
_PLAIN = re.compile(r"[-\w/.]{1,100}", re.ASCII)
"""Paths that may stand in an address of D-Bus as they are, and fit a Unix socket's 108 bytes."""
_CONF = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=bus.sock</listen>
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
    """Start dbus-daemon; its process, and the address for DBUS_SYSTEM_BUS_ADDRESS. End it by its pid.

    It accepts connections when this returns. Raises RuntimeError when it does not start. Ctrl-C is not for it, and it
    ends with the thread that calls this, however that ends (where util-linux's setpriv is present: it looks for no
    parent by itself).
    """
    folder = folder.resolve()
    path = folder / "bus.sock"
    path.unlink(missing_ok=True)  # of a bus that was killed here
    conf = folder / "bus.conf"
    conf.write_text(_CONF, encoding="ascii")
    bound = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it is ours still until it has its session
    try:
        process = subprocess.Popen(
            [*bound, "dbus-daemon", f"--config-file={conf}", "--nofork", "--nopidfile", "--nosyslog"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if not _PLAIN.fullmatch(str(path)):
        path = Path(f"/proc/{process.pid}/cwd/bus.sock")
    deadline = time.monotonic() + START_S
    while not _accepts(path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"dbus-daemon did not start (status {process.wait()})")
        time.sleep(0.01)
    return process, f"unix:path={path}"


def _accepts(path: Path) -> bool:
    """Whether somebody listens: the socket's file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
