"""Hop 1, BLE: real `bleak` scans an adapter; the watchdog looks at adverts received, not at what BlueZ says of itself.

A scan can go deaf without any error (the daemon was restarted, the controller hangs), so silence is evidence as well:

    no advert for too long (silence.py)    -> deaf; the scan is begun anew
    still none, or a scan is in the way    -> the adapter's power goes off and on, once; then patience that doubles
    the daemon changes hands, the adapter
      goes or is switched off              -> deaf; the scan is begun anew as soon as it is there again

An adapter is followed by its address: the kernel may give it another index, and its index to another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from drivers.api import Claim, Driver, Frame
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.adverts import SERVICE_DATA_16, advert_filter, put_together
from gateway.sources.base import Deliver, OnState, SourceState, Teller, at_once
from gateway.sources.bluetoothd import watch_daemon
from gateway.sources.silence import Silence

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

    from gateway.sources.bluetoothd import Daemon

START_S = 5.0
"""To begin a scan; with a daemon that goes on being slow it grows to three times that."""
SWITCH_S = 5.0
"""To switch an adapter."""
REVIVE_S = 60.0
"""While nobody is heard, an adapter's power goes off and on no oftener than that."""
BUS_S = 0.5
"""Between two looks for a bus that is gone."""
STOP_S = 1.0
"""A gateway that is told to end has 2 s."""
LOOK_S, LOOK_DOWN_S = 0.5, 0.2
"""How often adverts are counted, while they come and while none has come yet."""
LEAST_S = 0.01
"""Between two looks: a wait may end a little early."""
PHONE = "ble_rpa"
"""Medium of a private address that somebody here has the key of: nothing of the advert but its address is passed on."""
IN_PROGRESS = "org.bluez.Error.InProgress"
NO_RSSI = -127
"""What bleak says when BlueZ said nothing: a remembered device, not one that was heard now."""
_ADVICE = (
    ("ServiceUnknown", "the Bluetooth daemon does not run: apt-get install bluez; systemctl start bluetooth"),
    ("NameHasNoOwner", "the Bluetooth daemon does not run: systemctl start bluetooth"),
    ("adapter '", "is it plugged in? `bluetoothctl list` shows what is there"),
    ("No Bluetooth adapters", "is one plugged in? `bluetoothctl list` shows what is there"),
    ("NotReady", "it is switched off: rfkill unblock bluetooth; bluetoothctl power on"),
    ("--experimental", "or write mode: active in office.yaml"),
    ("AccessDenied", "the user of hadir must be in group bluetooth"),
)
"""What BlueZ or bleak says, and what to do about it."""


class BleSource:
    """One Bluetooth adapter."""

    def __init__(
        self,
        source_id: str,
        adapter: str,
        claimed: Iterable[tuple[Claim, Driver]],
        clock: Clock,
        counters: Counters,
        *,
        sensors: Mapping[str, Driver] | None = None,
        is_ours: Callable[[str], bool] | None = None,
        mode: Literal["active", "passive"] = "passive",
        watchdog_s: float = 15.0,
        on_state: OnState | None = None,
    ) -> None:
        """`claimed`: of personal tags. `sensors`: by address, fixed devices of which every advert is wanted. `is_ours`:
        whether a phone's private address belongs to somebody who gave its key.

        `on_state` is called when the source becomes able or unable to hear.
        """
        self.id = source_id
        self.state = SourceState()
        self._adapter = adapter
        self._claimed = list(claimed)
        self._sensors = dict(sensors or {})
        self._is_ours = is_ours
        self._clock = clock
        self._counters = counters
        self._mode: Literal["active", "passive"] = mode
        self._watchdog = int(watchdog_s * SECOND)
        self._silence = Silence(self._watchdog)
        self._teller = Teller(self.state, on_state)
        self._address = "" if adapter.startswith("hci") else adapter
        """Of the adapter: known from the configuration, or since it was there under its index."""
        self._timeouts = 0
        """Scans in a row that did not begin in time."""
        self._revived = (-1, 0)
        """Adverts heard until the power went off and on last, and when that was."""
        self._switched_off = False
        """We did that, and have to put it right."""
        self._listening = False
        """A scan runs; an advert that comes later says nothing about the radio."""
        self._broken: BaseException | None = None

    async def run(self, deliver: Deliver) -> None:
        """Scan until cancelled. Raises TransientError: no bus, no adapter, or deaf in spite of a new scan."""
        try:
            from bleak.exc import BleakError
            from dbus_fast.errors import DBusFastError
        except ImportError as error:
            self._teller.down("missing", f"{error.name} is not installed: pip install 'hadir[ble]'")
            raise TransientError(self.state.problem) from error
        handle = self.callback(deliver)
        try:
            async with watch_daemon() as daemon:
                while True:
                    name = await self._find(daemon)
                    try:
                        await self._scan(handle, daemon, name)
                    except BleakError as error:
                        if IN_PROGRESS in str(error):
                            await self._revive(daemon, name)
                        raise
        except (BleakError, DBusFastError, OSError, EOFError) as error:
            slow = isinstance(error, TimeoutError)
            self._timeouts = self._timeouts + 1 if slow else 0
            self._teller.down("radio_deaf", f"{self._adapter}: {words(error)}")
            missing = isinstance(error, OSError) and not slow
            raise TransientError(self.state.problem, sign=self._appears if missing else None) from error
        finally:
            self.state.up = False

    def callback(self, deliver: Deliver) -> Callable[[BLEDevice, AdvertisementData], None]:
        """What bleak calls for each advert. No advert makes it raise: bleak would only log that."""
        accept, clock, counters, source_id = advert_filter(self._claimed), self._clock, self._counters, self.id
        state = self.state
        media = {driver.name: f"ble_adv:{driver.name}" for _, driver in self._claimed}
        sensors, is_ours = self._sensors, self._is_ours

        def handle(device: BLEDevice, advert: AdvertisementData) -> None:
            state.adverts += 1
            if sensors and device.address in sensors:
                medium = "ble_adv"
                payload = put_together(advert.manufacturer_data, advert.service_data, advert.local_name)
            else:
                found = accept(advert.manufacturer_data, advert.service_data)
                if found is not None:
                    driver, payload = found
                    medium = media[driver.name]
                elif is_ours is not None and is_ours(device.address):
                    medium, payload = PHONE, b"\x00"
                else:
                    return
            if not payload:
                counters.add("ble.dropped", "oversize")
                return
            rssi = None if advert.rssi == NO_RSSI else advert.rssi
            machine = clock.machine()
            state.frames += 1
            state.last_frame = machine
            try:
                if self._listening and not state.up:
                    self._teller.up()  # first: what is said before its source is up is not believed
                deliver(Frame(medium, source_id, device.address, payload, rssi, clock.office(), machine))
            except BaseException as error:
                counters.add("ble.deliver_failed")
                self._broken = error  # a bug behind the source: `run` ends with it
                raise

        return handle

    async def _find(self, daemon: Daemon) -> str:
        """The present name of the adapter. Raises OSError: it is not there, or is switched off."""
        async with asyncio.timeout(START_S):
            await daemon.look()
        name = self._named(daemon)
        if not name:
            other = daemon.adapters.get(self._adapter)
            if other is not None:
                raise OSError(f"adapter '{self._address}' not found, {self._adapter} is {other.address} now")
            raise OSError(f"adapter '{self._adapter}' not found")
        if self._switched_off:
            await self._switch(daemon, name, on=True)
        elif not daemon.adapters[name].powered:
            raise OSError(f"{name} NotReady")
        self._address = daemon.adapters[name].address
        return name

    def _named(self, daemon: Daemon) -> str:
        """The present name of the adapter; empty: it is not there."""
        if not self._address:
            return self._adapter if self._adapter in daemon.adapters else ""
        alike = [name for name, one in daemon.adapters.items() if one.address == self._address]
        if self._adapter in alike:
            return self._adapter
        return alike[0] if len(alike) == 1 else ""  # cheap ones share an address: then only the index tells them apart

    async def _appears(self) -> None:
        """Return when the adapter can be used: a daemon, a bus, a dongle or its power is there again."""
        from dbus_fast.errors import DBusFastError

        while True:
            with suppress(DBusFastError, OSError, EOFError):
                async with watch_daemon() as daemon:
                    while True:
                        if daemon.owner and not daemon.looked:
                            await daemon.look()
                        name = self._named(daemon)
                        if name and daemon.adapters[name].powered:
                            return
                        await daemon.change(LOOK_S)
            await asyncio.sleep(BUS_S)

    async def _scan(self, handle: Callable[[BLEDevice, AdvertisementData], None], daemon: Daemon, name: str) -> None:
        """One scan, until it should be begun anew."""
        from bleak import BleakScanner

        scanner = BleakScanner(handle, scanning_mode=self._mode, bluez=self._bluez(name))
        try:
            self._listening = True  # the first adverts come before `start` returns
            async with asyncio.timeout(START_S * min(3, max(1, self._timeouts))):
                await scanner.start()
            self.state.opens += 1
            self._timeouts = 0
            await self._listen(daemon, name)
        finally:
            self._listening = False
            await self._stop(scanner)

    async def _listen(self, daemon: Daemon, name: str) -> None:
        """Return when the scan is of no more use. Raises TransientError, OSError."""
        owner, adapter = daemon.owner, daemon.adapters.get(name)
        self._silence.begin(self._clock.machine(), self.state.adverts)
        look = min(LOOK_S, self._watchdog / SECOND / 4)
        while True:
            left_s = max(LEAST_S, self._silence.left(self._clock.machine()) / SECOND)
            await daemon.change(min(left_s, look if self.state.up else min(look, LOOK_DOWN_S)))
            if self._broken is not None:
                raise self._broken
            if daemon.owner != owner:
                self._counters.add("ble.daemon_changed")
                self._teller.down("radio_deaf", f"{self._adapter}: the Bluetooth daemon ended or was started anew")
                return
            if daemon.adapters.get(name) != adapter:
                self._counters.add("ble.adapter_changed")
                self._teller.down("radio_deaf", f"{self._adapter}: the adapter was unplugged or switched")
                return
            now = self._clock.machine()
            if self._silence.hears(now, self.state.adverts):
                self._teller.up()
            elif self._silence.deaf(now):
                self._counters.add("ble.deaf")
                silent = self._silence.lasts(now) / SECOND
                self._teller.down("radio_deaf", f"{self._adapter}: no advert for {silent:.0f} s")
                if self._silence.scans == 1:
                    return
                if self._silence.scans == 2 and self.state.adverts:
                    await self._revive(daemon, name)
                raise TransientError(self.state.problem, sign=at_once)

    async def _revive(self, daemon: Daemon, name: str) -> None:
        """Power off and on: it clears a controller that hangs, and a scan that the daemon has lost track of."""
        now, (heard, at) = self._clock.machine(), self._revived
        if heard == self.state.adverts and now - at < REVIVE_S * SECOND:
            return
        self._revived = self.state.adverts, now
        self._counters.add("ble.revived")
        for on in (False, True):
            await self._switch(daemon, name, on=on)

    async def _switch(self, daemon: Daemon, name: str, *, on: bool) -> None:
        """Counted where it fails: the next scan says what is wrong."""
        try:
            self._switched_off = True
            async with asyncio.timeout(SWITCH_S):
                await daemon.switch(name, on=on)
            self._switched_off = not on
        except OSError:
            self._counters.add("ble.switch_failed")

    def _bluez(self, name: str) -> BlueZScannerArgs:
        """Active: every advert is wanted, BlueZ would keep back those that bring no new data. Passive: the claims."""
        if self._mode == "active":
            return {"adapter": name, "filters": {"DuplicateData": True}}
        from bleak.args.bluez import OrPattern, OrPatternLike
        from bleak.assigned_numbers import AdvertisementDataType

        patterns: list[OrPatternLike] = []
        wanted = [claim for claim, _ in self._claimed]
        wanted += [claim for driver in self._sensors.values() for claim in driver.claims]
        for claim in dict.fromkeys(wanted):
            if claim.company is not None:
                data = claim.company.to_bytes(2, "little") + claim.prefix
                patterns.append(OrPattern(0, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA, data))
            elif claim.service is not None:
                data = claim.service.to_bytes(2, "little") + claim.prefix
                patterns.append(OrPattern(0, AdvertisementDataType(SERVICE_DATA_16), data))
        return {"adapter": name, "or_patterns": patterns}

    async def _stop(self, scanner: Any) -> None:
        """A scan that went deaf may fail to stop as well; what matters is that the next one starts."""
        from bleak.exc import BleakError

        try:
            async with asyncio.timeout(STOP_S):
                await scanner.stop()
        except (BleakError, OSError, EOFError, TimeoutError):
            self._counters.add("ble.stop_failed")


def words(error: BaseException) -> str:
    """Why there is nothing to hear, and what to do about it."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"no system bus ({error.strerror}): apt-get install dbus bluez"
    said = str(error) or "BlueZ does not answer: systemctl restart bluetooth"
    advice = next((advice for sign, advice in _ADVICE if sign in said), "")
    return f"{said}; {advice}" if advice else said
