"""The virtual adapter of the settings: a radio in memory, with the devices that are marked as virtual.

Knows which settings make which world. What the world does is `world`'s business.
"""

from collections.abc import Callable

from gattkeeper.daemon.settings_model import Settings, VirtualAdapter
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.world import Applied, AppliedFile, VirtualBlind, VirtualRadio, quieten_bumble


class VirtualWorld:
    """What stands behind one virtual adapter. Raises SettingsError where Bumble is not installed."""

    def __init__(self, settings: Settings, name: str, adapter: VirtualAdapter, *, number: int) -> None:
        quieten_bumble()
        self._log = AppliedFile(adapter.applied_log) if adapter.applied_log is not None else None
        sink: Callable[[Applied], None] = self._log if self._log is not None else lambda _applied: None
        self._radio = VirtualRadio(connection_interval_s=adapter.connection_interval)
        self._blinds = [
            VirtualBlind(device_name, device.address.value, applied_sink=sink)
            for device_name, device in settings.devices.items()
            if device.virtual == "blind" and device.adapter in ("", name)
        ]
        self.link = BumbleLink(self._radio.adapter(f"C0:00:00:00:00:{number:02X}"), name=name)

    async def start(self) -> None:
        """Put the devices on the air."""
        for blind in self._blinds:
            await self._radio.add(blind.device)

    async def close(self) -> None:
        """Switch the radio off."""
        await self._radio.close()
        if self._log is not None:
            self._log.close()
