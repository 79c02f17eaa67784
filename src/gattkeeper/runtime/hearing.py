"""What was heard of devices when they last advertised, how strongly, and how long ago that is.

Knows advertisements only. The strength of a live connection is another thing (`ReadRssi`), which not every stack
tells; one is never passed off as the other.
"""

import asyncio

from msgspec.structs import replace

from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.status import AdvertisedRssi, KeeperStatus
from gattkeeper.runtime.ports import Sighting

DEVICES_MAX = 1024
"""Devices remembered; the one that was heard longest ago is forgotten."""


class Hearing:
    """What was heard of devices, by address: scans note it, and connections that had to look for their device."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[Sighting, float]] = {}  # and the loop's time of its strength

    def note(self, sighting: Sighting) -> None:
        """An advertisement. What it does not tell, strength included, stays as it was told before."""
        if sighting.connected:
            return  # a memory of ours
        key, now = sighting.address.value, asyncio.get_running_loop().time()
        before, heard_at = self._heard.pop(key, (None, now))
        self._heard[key] = (
            sighting if before is None else _together(sighting, before),
            heard_at if sighting.rssi_dbm is None else now,
        )
        if len(self._heard) > DEVICES_MAX:
            del self._heard[next(iter(self._heard))]

    def of(self, address: DeviceAddress) -> AdvertisedRssi | None:
        """How strongly a device was heard last; None: it was not, or without a strength."""
        sighting, heard_at = self._heard.get(address.value, (None, 0.0))
        if sighting is None or sighting.rssi_dbm is None:
            return None
        age_us = round((asyncio.get_running_loop().time() - heard_at) * 1e6)
        return AdvertisedRssi(rssi_dbm=sighting.rssi_dbm, age_us=age_us)

    def remembered(self, address: DeviceAddress) -> Sighting:
        """A device that is connected, as it was heard last, however long ago; its address if it never was."""
        sighting, _ = self._heard.get(address.value, (Sighting(address=address), 0.0))
        return replace(sighting, connected=True)


def connected_by(adapter: str, status: KeeperStatus) -> list[str]:
    """The devices that are connected, by any adapter when none is named."""
    return [
        device.name
        for device in status.devices
        if device.connection == "connected" and adapter in ("", device.adapter)
    ]


def _together(sighting: Sighting, before: Sighting) -> Sighting:
    """Devices send their data in parts, and not every part with each advertisement."""
    return replace(
        sighting,
        name=sighting.name or before.name,
        rssi_dbm=before.rssi_dbm if sighting.rssi_dbm is None else sighting.rssi_dbm,
        services=sighting.services or before.services,
        manufacturer_data=sighting.manufacturer_data or before.manufacturer_data,
        service_data=sighting.service_data or before.service_data,
        tx_power_dbm=before.tx_power_dbm if sighting.tx_power_dbm is None else sighting.tx_power_dbm,
    )
