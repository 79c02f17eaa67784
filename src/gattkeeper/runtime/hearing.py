"""How strongly devices were heard when they last advertised, and how long ago that is.

Knows advertisements only. The strength of a live connection is another thing (`ReadRssi`), which not every stack
tells; one is never passed off as the other.
"""

import asyncio

from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.status import AdvertisedRssi
from gattkeeper.runtime.ports import Sighting

DEVICES_MAX = 1024
"""Devices remembered; the one that was heard longest ago is forgotten."""


class Hearing:
    """What was heard of devices, by address: scans note it, and connections that had to look for their device."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, float]] = {}  # dBm, and the loop's time

    def note(self, sighting: Sighting) -> None:
        """An advertisement; one without a strength tells nothing."""
        if sighting.rssi_dbm is None:
            return
        self._heard.pop(sighting.address.value, None)
        self._heard[sighting.address.value] = (sighting.rssi_dbm, asyncio.get_running_loop().time())
        if len(self._heard) > DEVICES_MAX:
            del self._heard[next(iter(self._heard))]

    def of(self, address: DeviceAddress) -> AdvertisedRssi | None:
        """The last one of a device; None: it was not heard."""
        if address.value not in self._heard:
            return None
        rssi_dbm, heard_at = self._heard[address.value]
        age_us = round((asyncio.get_running_loop().time() - heard_at) * 1e6)
        return AdvertisedRssi(rssi_dbm=rssi_dbm, age_us=age_us)
