"""What can be done through BlueZ about an adapter that does not work any more: one rung at a time.

Knows D-Bus calls, systemd's for the service, and the privileged program's verbs. That each is bounded, that the
adapter is there again afterwards, and when a rung is due are others' business.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import Variant
from msgspec import Struct

from gattkeeper.errors import LinkError
from gattkeeper.links.bluez_call import ask, own_bus, remove_device
from gattkeeper.links.bluez_cut import cut_request
from gattkeeper.links.bluez_watch import ADAPTER, DEVICE, BluezAdapter
from gattkeeper.links.privileged_client import PrivilegedClient
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.privileged.wire import Request

RUNGS = (Rung.DISCONNECT_DEVICE, Rung.FORGET_DEVICE, Rung.STOP_DISCOVERY, Rung.POWER_CYCLE)
"""What needs no privilege."""

_PROPERTIES = "org.freedesktop.DBus.Properties"
_SYSTEMD = "org.freedesktop.systemd1"


class BluezRecovery(Struct, frozen=True, kw_only=True):
    """One adapter, and the device whose trouble was the last sign.

    `device` asks BlueZ for its path and properties; None: BlueZ does not know it. Only who needs them asks: the
    harder rungs are for a BlueZ that answers no more.
    """

    adapter: BluezAdapter
    device: Callable[[], Awaitable[tuple[str, dict[str, Any]] | None]]
    privileged: PrivilegedClient
    until: Callable[[bool], Awaitable[None]]  # that the adapter can be used, or cannot

    async def climb(self, rung: Rung) -> None:
        """Do it. Raises LinkError, Bleak's errors and those of the bus."""
        await _CLIMBS[rung](self)

    async def disconnect_device(self) -> None:
        """Ends a link that another program, or an earlier life, left behind; a pending Connect as well."""
        path, properties = await self._known()
        if self.privileged.there and properties.get("Connected"):
            await self.privileged.ask(cut_request(self.adapter.address, properties))
        else:
            await _call(path, DEVICE, "Disconnect")

    async def forget_device(self) -> None:
        """BlueZ makes a new object when it hears the device. A paired one keeps its keys: it is left alone."""
        path, properties = await self._known()
        if properties.get("Paired"):
            raise _nothing("the device is paired: to forget it would lose its keys")
        await remove_device(self.adapter.path, path)

    async def stop_discovery(self) -> None:
        """A stale mark of a discovery goes when one is begun and ended properly, on the same connection."""
        async with own_bus() as bus:
            await ask(bus, self.adapter.path, ADAPTER, "StartDiscovery")
            await ask(bus, self.adapter.path, ADAPTER, "StopDiscovery")

    async def power_cycle(self) -> None:
        """Drops all links, and what only the controller still knows of. On again also when off was refused."""
        try:
            await self._power(on=False)
            await self.until(False)
        finally:
            await self._power(on=True)

    async def hard_reset(self) -> None:
        """Through the kernel, past bluetoothd; where that fails the USB device, where it is one."""
        try:
            await self.privileged.ask(Request("reset_adapter", self.adapter.address))
        except LinkError as first:
            try:
                await self.privileged.ask(Request("reset_usb", self.adapter.address))
            except LinkError as second:
                raise _nothing(f"{first.fault.text}; {second.fault.text}") from second

    async def restart_service(self) -> None:
        """Every program's Bluetooth goes with it: only where the settings allow it."""
        body = ["bluetooth.service", "replace"]
        await _call(
            "/org/freedesktop/systemd1", f"{_SYSTEMD}.Manager", "RestartUnit", "ss", body, destination=_SYSTEMD
        )
        await self.until(False)

    async def _known(self) -> tuple[str, dict[str, Any]]:
        known = await self.device()
        if known is None:
            raise _nothing("BlueZ does not know the device")
        return known

    async def _power(self, *, on: bool) -> None:
        body = [ADAPTER, "Powered", Variant("b", on)]
        await _call(self.adapter.path, _PROPERTIES, "Set", "ssv", body)


_CLIMBS: dict[Rung, Callable[[BluezRecovery], Awaitable[None]]] = {
    Rung.DISCONNECT_DEVICE: BluezRecovery.disconnect_device,
    Rung.FORGET_DEVICE: BluezRecovery.forget_device,
    Rung.STOP_DISCOVERY: BluezRecovery.stop_discovery,
    Rung.POWER_CYCLE: BluezRecovery.power_cycle,
    Rung.HARD_RESET: BluezRecovery.hard_reset,
    Rung.RESTART_SERVICE: BluezRecovery.restart_service,
}


def _nothing(text: str) -> LinkError:
    return LinkError(Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="keeper", name="no_cure", text=text))


async def _call(path: str, interface: str, member: str, signature: str = "", body: Any = (), **where: str) -> None:
    async with own_bus() as bus:
        await ask(bus, path, interface, member, signature, body, **where)
