"""The scanner of the drop-in: `BleakScanner(backend=gattkeeper.bleak.Scanner)`.

Knows Bleak's scanner interface. Every scanner hears the one scan that the keeper has running; it pauses while a
connection is made, and goes on.
"""

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner

from gattkeeper.bleak.doors import Door
from gattkeeper.bleak.errors import scan_error
from gattkeeper.bleak.finding import find_door
from gattkeeper.errors import GattkeeperError, RefusedError
from gattkeeper.runtime.ports import Sighting

if TYPE_CHECKING:
    from gattkeeper.runtime.keeper import Keeper  # a program that only speaks to the daemon does without it

RSSI_UNKNOWN = -127
"""What Bleak has for an advertisement without a strength."""

SOURCE = "gattkeeper"
"""`BLEDevice.details["source"]` of every device that is found here."""

_log = logging.getLogger(__name__)


class Scanner(BaseBleakScanner):
    """Bleak's scanner, with the keeper behind it. `keeper` is one of this process; else see `find_door`.

    `bluez`, `cb` and the scanning mode are taken and have no effect: which adapters there are, the settings say,
    and the scan that everybody shares is active.
    """

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None = None,
        service_uuids: list[str] | None = None,
        scanning_mode: str = "active",  # noqa: ARG002 - Bleak gives it to every scanner
        *,
        keeper: "Keeper | None" = None,
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._keeper = keeper
        self._door: Door | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to hear. Raises BleakBluetoothNotAvailableError, BleakError."""
        if self._listening is not None:
            return
        self.seen_devices = {}
        try:
            self._door = await find_door(self._keeper)
            problem = await self._door.problem_with_scan()
            if problem:
                raise RefusedError(problem)
        except GattkeeperError as error:
            await self.stop()
            raise scan_error(error) from error
        self._listening = asyncio.get_running_loop().create_task(self._listen(self._door))

    async def stop(self) -> None:
        """Hear no more."""
        listening, self._listening = self._listening, None
        door, self._door = self._door, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait({listening})
        if door is not None:
            await door.close()

    async def _listen(self, door: Door) -> None:
        try:
            async with aclosing(door.scan()) as sightings:
                async for sighting in sightings:
                    self._heard(sighting)
        except GattkeeperError as error:
            _log.warning("the scan ended: %s", error)

    def _heard(self, sighting: Sighting) -> None:
        if not self.is_allowed_uuid(list(sighting.services)):
            return
        key = sighting.address.spelled
        known = self.seen_devices.get(key)
        heard = _advertisement(sighting, None if known is None else known[1])
        details = {"source": SOURCE, "address": key}
        device = self.create_or_update_device(
            key, sighting.address.value, heard.local_name or (known[0].name if known else None), details, heard
        )
        try:
            self.call_detection_callbacks(device, heard)
        except Exception:  # noqa: BLE001 - the program's own trouble, and other callbacks go on
            _log.exception("a detection callback failed; scanning goes on")


def _advertisement(sighting: Sighting, before: AdvertisementData | None) -> AdvertisementData:
    """What is known of a device by now: it sends its data in parts, and Bleak on Linux puts them together."""
    return AdvertisementData(
        local_name=sighting.name or (before.local_name if before else None),
        manufacturer_data={**(before.manufacturer_data if before else {}), **sighting.manufacturer_data},
        service_data={**(before.service_data if before else {}), **sighting.service_data},
        service_uuids=list(dict.fromkeys([*(before.service_uuids if before else ()), *sighting.services])),
        tx_power=before.tx_power if sighting.tx_power_dbm is None and before else sighting.tx_power_dbm,
        rssi=RSSI_UNKNOWN if sighting.rssi_dbm is None else sighting.rssi_dbm,
        platform_data=(sighting,),
    )
