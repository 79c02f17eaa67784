"""Scanning through Bleak, each start and stop bounded, and never left running.

Knows advertisements. Whether the adapter is free for a scan is its caller's business.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gattkeeper.errors import LinkError
from gattkeeper.links import bleak_inside
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.ports import Sighting

SCAN_CALL_S = 10.0
"""Bound on starting and on stopping a scan, in seconds. BlueZ keeps one caller waiting per adapter: when
a second program asks meanwhile, the first is never answered, and Bleak holds its lock until it is."""

SIGHTINGS_MAX = 1000
"""Advertisements kept for a reader who does not keep up; older ones are dropped."""

Heard = tuple[BLEDevice, AdvertisementData]


class Scanner:
    """Scans with one adapter: BlueZ's path of it, /org/bluez/hci0; empty where the stack chooses."""

    def __init__(self, guard: Guard, adapter_path: str) -> None:
        self._guard = guard
        self._adapter_path = adapter_path

    async def find(self, address: DeviceAddress) -> tuple[BLEDevice, Sighting]:
        """Scan until the device advertises: for ever, if nobody cancels. Raises LinkError."""
        async with contextlib.aclosing(self.heard(None)) as advertisements:
            async for device, advertisement in advertisements:
                if device.address.upper() == address.value:
                    return device, _sighting(device, advertisement)
        raise AssertionError("a scan without end ended")

    async def sightings(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard, for so long. Raises LinkError."""
        async with contextlib.aclosing(self.heard(duration_s)) as advertisements:
            async for device, advertisement in advertisements:
                yield _sighting(device, advertisement)

    async def heard(self, duration_s: float | None) -> AsyncGenerator[Heard, None]:
        """Every advertisement from now on; None: without end."""
        queue: asyncio.Queue[Heard] = asyncio.Queue(SIGHTINGS_MAX)

        def detected(device: BLEDevice, advertisement: AdvertisementData) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((device, advertisement))

        bluez: BlueZScannerArgs = {}
        if self._adapter_path:
            bluez["adapter"] = self._adapter_path.rpartition("/")[2]
        scanner = BleakScanner(detected, bluez=bluez, backend=bleak_inside.own_scanner())
        await self._start(scanner)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(duration_s):
                    while True:
                        yield await queue.get()
        finally:
            await self._stop(scanner)

    async def _start(self, scanner: BleakScanner) -> None:
        try:
            await self._guard.run(scanner.start(), phase="connect", limit_s=SCAN_CALL_S, overrun=FaultKind.BUSY)
        except BaseException:
            if self._adapter_path:
                await bleak_inside.end_discovery(self._adapter_path)
            raise

    async def _stop(self, scanner: BleakScanner) -> None:
        """Raises LinkError: a refused stop leaves BlueZ believing that it scans, and it hears nothing."""
        try:
            await self._guard.run(scanner.stop(), phase="connect", limit_s=SCAN_CALL_S, overrun=FaultKind.BUSY)
        except LinkError as error:
            if error.fault.name.endswith(".InProgress"):
                raise LinkError(_stuck(error.fault)) from error
            raise


def _stuck(fault: Fault) -> Fault:
    return Fault(kind=FaultKind.WEDGED, ran=fault.ran, stack=fault.stack, name=fault.name, text=fault.text)


def _sighting(device: BLEDevice, advertisement: AdvertisementData) -> Sighting:
    return Sighting(
        address=DeviceAddress(value=device.address.upper()),
        name=advertisement.local_name or device.name or "",
        rssi_dbm=advertisement.rssi,
        services=tuple(advertisement.service_uuids),
        manufacturer_data=dict(advertisement.manufacturer_data),
        service_data={uuid.lower(): data for uuid, data in advertisement.service_data.items()},
        tx_power_dbm=advertisement.tx_power,
    )
