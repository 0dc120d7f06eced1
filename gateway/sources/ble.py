"""Hop 1, BLE: real `bleak` scans an adapter; the watchdog looks at adverts received, not at what BlueZ says of itself.

A scan can go deaf without any error (the daemon was restarted, the controller hangs), so silence is the only evidence:

    no advert for `watchdog_s`     -> deaf; the scan is begun anew
    still none                     -> TransientError; the supervisor tries again, with patience that doubles
    the daemon changes hands       -> deaf; the scan is begun anew as soon as the new one answers
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
from gateway.sources.base import Deliver, OnState, SourceState, Teller

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

    from gateway.sources.bluetoothd import Daemon

START_S = 15.0
"""To begin a scan, and to wait for a daemon that died."""
STOP_S = 1.0
"""A gateway that is told to end has 2 s."""
LOOK_S, LOOK_DOWN_S = 1.0, 0.2
"""How often adverts are counted, while they come and while none has come yet."""
PATIENCE = 6
"""The watchdog of a radio that stays silent doubles up to this many times: an empty office at night is silent too."""
PHONE = "ble_rpa"
"""Medium of a private address that somebody here has the key of: nothing of the advert but its address is passed on."""
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
        self._teller = Teller(self.state, on_state)
        self._silent = 0
        """Scans in a row that heard nobody."""
        self._listening = False
        """A scan runs; an advert that comes later says nothing about the radio."""
        self._broken: BaseException | None = None

    async def run(self, deliver: Deliver) -> None:
        """Scan until cancelled. Raises TransientError: no bus, no adapter, or deaf in spite of a new scan."""
        try:
            from bleak.exc import BleakError
            from dbus_fast.errors import DBusFastError

            from gateway.sources.bluetoothd import watch_daemon
        except ImportError as error:
            self._teller.down("missing", f"{error.name} is not installed: pip install 'hadir[ble]'")
            raise TransientError(self.state.problem) from error
        handle = self.callback(deliver)
        try:
            async with watch_daemon() as daemon:
                while True:
                    await self._scan(handle, daemon)
                    await self._until_back(daemon)
        except (BleakError, DBusFastError, OSError, EOFError, TimeoutError) as error:
            self._teller.down("radio_deaf", f"{self._adapter}: {words(error)}")
            raise TransientError(self.state.problem) from error
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

    async def _scan(self, handle: Callable[[BLEDevice, AdvertisementData], None], daemon: Daemon) -> None:
        """One scan, until it should be begun anew."""
        from bleak import BleakScanner

        scanner = BleakScanner(handle, scanning_mode=self._mode, bluez=self._bluez())
        try:
            self._listening = True  # the first adverts come before `start` returns
            async with asyncio.timeout(START_S):
                await scanner.start()
            self.state.opens += 1
            await self._listen(daemon)
        finally:
            self._listening = False
            await self._stop(scanner)

    async def _listen(self, daemon: Daemon) -> None:
        """Return when the scan is of no more use. Raises TransientError, OSError."""
        owner, heard, last = daemon.owner, self.state.adverts, self._clock.machine()
        patience = self._watchdog << min(self._silent, PATIENCE)
        look = min(LOOK_S, self._watchdog / SECOND / 4)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(look if self.state.up else min(look, LOOK_DOWN_S)):
                    await daemon.changed.wait()
            daemon.changed.clear()
            if self._broken is not None:
                raise self._broken
            if not daemon.reachable:
                raise OSError("the system bus is gone")
            if daemon.owner != owner:
                self._counters.add("ble.daemon_changed")
                self._teller.down("radio_deaf", f"{self._adapter}: the Bluetooth daemon ended or was started anew")
                return
            now = self._clock.machine()
            if self.state.adverts != heard:
                heard, last, self._silent = self.state.adverts, now, 0
                patience = self._watchdog
                self._teller.up()
            elif now - last > patience:
                self._silent += 1
                self._counters.add("ble.deaf")
                self._teller.down("radio_deaf", f"{self._adapter}: no advert for {(now - last) / SECOND:.0f} s")
                if self._silent > 1:
                    raise TransientError(self.state.problem)
                return

    async def _until_back(self, daemon: Daemon) -> None:
        """Return when a Bluetooth daemon answers. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            while not daemon.owner:
                await daemon.changed.wait()
                daemon.changed.clear()

    def _bluez(self) -> BlueZScannerArgs:
        """Active: every advert is wanted, BlueZ would keep back those that bring no new data. Passive: the claims."""
        if self._mode == "active":
            return {"adapter": self._adapter, "filters": {"DuplicateData": True}}
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
        return {"adapter": self._adapter, "or_patterns": patterns}

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
