"""The virtual adapters of the settings: one radio in memory, with the devices that are marked as virtual.

Knows which settings make which world. What the world does is `world`'s business.
"""

from collections.abc import Callable

from gattkeeper.daemon.settings_model import DeviceSettings, Settings, VirtualAdapter
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.world import Applied, AppliedFile, VirtualBlind, VirtualRadio, quieten_bumble


class VirtualWorld:
    """What stands behind the virtual adapters: each of them hears every device.

    `links` by the adapter's name. Raises SettingsError where Bumble is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        quieten_bumble()
        numbers = {name: number for number, name in enumerate(settings.adapters, start=1)}
        adapters = {name: one for name, one in settings.adapters.items() if isinstance(one, VirtualAdapter)}
        self._logs = {
            name: AppliedFile(one.applied_log) for name, one in adapters.items() if one.applied_log is not None
        }
        self._radio = VirtualRadio(connection_interval_s=next(iter(adapters.values())).connection_interval)
        self._blinds = [
            VirtualBlind(name, device.address.value, applied_sink=self._sink(device))
            for name, device in settings.devices.items()
            if device.virtual == "blind"
        ]
        self.links = {
            name: BumbleLink(self._radio.adapter(f"C0:00:00:00:00:{numbers[name]:02X}"), name=name)
            for name in adapters
        }

    def _sink(self, device: DeviceSettings) -> Callable[[Applied], None]:
        """The log of the first of its adapters that has one."""
        logs = (self._logs[name] for name in device.adapters or self._logs if name in self._logs)
        return next(logs, lambda _applied: None)

    async def start(self) -> None:
        """Put the devices on the air."""
        for blind in self._blinds:
            await self._radio.add(blind.device)

    async def close(self) -> None:
        """Switch the radio off."""
        await self._radio.close()
        for log in self._logs.values():
            log.close()
