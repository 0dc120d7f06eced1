"""Hop 1, BLE: real `bleak` scans an adapter; the watchdog looks at adverts received, not at what BlueZ says of itself.

A scan can go deaf without any error (the daemon was restarted, the controller hangs), so silence is the only evidence:
no advert of anybody for `watchdog_s` begins the scan anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from drivers.api import Claim, Driver, Frame
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.adverts import SERVICE_DATA_16, advert_filter
from gateway.sources.base import Deliver, SourceState

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

START_S = 15.0
STOP_S = 5.0
MAX_AD = 251
"""Longest data of one AD structure of ours: anything longer cannot be put together again."""


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
        mode: Literal["active", "passive"] = "passive",
        watchdog_s: float = 15.0,
        on_state: Callable[[SourceState], None] | None = None,
    ) -> None:
        """`on_state` is called when the source becomes able or unable to hear."""
        self.id = source_id
        self.state = SourceState()
        self._adapter = adapter
        self._claimed = list(claimed)
        self._accept = advert_filter(self._claimed)
        self._clock = clock
        self._counters = counters
        self._mode: Literal["active", "passive"] = mode
        self._watchdog = int(watchdog_s * SECOND)
        self._on_state = on_state
        self._heard = 0

    async def run(self, deliver: Deliver) -> None:
        """Scan until it goes deaf. Raises TransientError."""
        from bleak import BleakScanner
        from bleak.exc import BleakError

        handle = self.callback(deliver)
        scanner = BleakScanner(handle, scanning_mode=self._mode, bluez=self._bluez(), adapter=self._adapter)
        self._heard = self._clock.machine()
        try:
            async with asyncio.timeout(START_S):
                await scanner.start()
            self.state.opens += 1
            await self._watch()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            self._say(up=False, problem=f"{self._adapter}: {error or type(error).__name__}")
            raise TransientError(self.state.problem) from error
        finally:
            await self._stop(scanner)

    def callback(self, deliver: Deliver) -> Callable[[BLEDevice, AdvertisementData], None]:
        """What bleak calls for each advert. It must not raise: bleak would only log that."""
        accept, clock, source_id, state = self._accept, self._clock, self.id, self.state

        def handle(device: BLEDevice, advert: AdvertisementData) -> None:
            self._heard = machine = clock.machine()
            found = accept(advert.manufacturer_data, advert.service_data)
            if found is None:
                return
            driver, payload = found
            if len(payload) > MAX_AD + 4:
                self._counters.add("ble.dropped", "oversize")
                return
            state.frames += 1
            state.last_frame = machine
            medium = f"ble_adv:{driver.name}"
            deliver(Frame(medium, source_id, device.address, payload, advert.rssi, clock.office(), machine))

        return handle

    async def _watch(self) -> None:
        self._heard = started = self._clock.machine()
        period = max(0.2, self._watchdog / SECOND / 4)
        while True:
            await asyncio.sleep(period if self.state.up else min(period, 0.2))
            now = self._clock.machine()
            if self._heard > started and not self.state.up:
                self._say(up=True, problem="")
            if now - self._heard > self._watchdog:
                self._counters.add("ble.deaf")
                self._say(up=False, problem=f"{self._adapter}: no advert for {(now - self._heard) / SECOND:.0f} s")
                raise TransientError(self.state.problem)

    def _say(self, *, up: bool, problem: str) -> None:
        changed = self.state.up != up
        self.state.up, self.state.problem = up, problem
        if changed and self._on_state is not None:
            self._on_state(self.state)

    def _bluez(self) -> BlueZScannerArgs:
        if self._mode == "active":
            return {}
        from bleak.args.bluez import OrPattern
        from bleak.assigned_numbers import AdvertisementDataType

        patterns: list[OrPattern | tuple[int, AdvertisementDataType, bytes]] = []
        for claim, _ in self._claimed:
            if claim.company is not None:
                data = claim.company.to_bytes(2, "little") + claim.prefix
                patterns.append(OrPattern(0, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA, data))
            elif claim.service is not None:
                data = claim.service.to_bytes(2, "little") + claim.prefix
                patterns.append(OrPattern(0, AdvertisementDataType(SERVICE_DATA_16), data))
        return {"or_patterns": patterns}

    async def _stop(self, scanner: Any) -> None:
        """A scan that went deaf may fail to stop as well; what matters is that the next one starts."""
        from bleak.exc import BleakError

        try:
            async with asyncio.timeout(STOP_S):
                await scanner.stop()
        except (BleakError, OSError, EOFError, TimeoutError):
            self._counters.add("ble.stop_failed")
