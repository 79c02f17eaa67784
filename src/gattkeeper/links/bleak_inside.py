"""The few places where we reach inside Bleak, each with the reason. Nothing else may.

Knows names of Bleak 3.1 that it does not promise to keep. Does nothing on other stacks than BlueZ.

Bleak keeps one manager per event loop: its own copy of BlueZ's objects, fed by signals. It does not
watch who owns the name org.bluez. When bluetoothd is killed no signal says that links are down, so the
copy still shows them connected, and a later connect "succeeds" without a single call. Bleak does rebuild
everything when the manager's own bus connection ends (`_handle_bus_disconnect`: the copy is emptied and
every client told that its link is down): ending it is therefore what makes Bleak forget.
"""

import asyncio
import contextlib
import inspect
import sys

from bleak import BleakClient
from bleak.backends import client as clients
from bleak.backends import scanner as scanners
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.backends.service import BleakGATTServiceCollection

from gattkeeper.errors import SettingsError
from gattkeeper.links.bluez_version import bluez_version

_VERSION_MIN = (5, 55)
"""What Bleak 3.1 asks for: with an older one it refuses every connection. Nothing of ours asks for more."""


def own_client() -> type[BaseBleakClient]:
    """Bleak's own class of clients for this platform, also where a program's Bleak is served by a keeper.

    Whoever puts a function in the place of Bleak's choice has Bleak's own in its `__wrapped__`.
    """
    own: type[BaseBleakClient] = inspect.unwrap(clients.get_platform_client_backend_type)()[0]
    return own


def own_scanner() -> type[BaseBleakScanner]:
    """Bleak's own class of scanners, likewise."""
    own: type[BaseBleakScanner] = inspect.unwrap(scanners.get_platform_scanner_backend_type)()[0]
    return own


async def forget_bluez() -> None:
    """Make Bleak forget what it believes about BlueZ; the next call of it asks anew."""
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.manager import _global_instances  # noqa: PLC0415

    manager = _global_instances.get(asyncio.get_running_loop())
    bus = None if manager is None else manager._bus  # noqa: SLF001
    if bus is None:
        return
    bus.disconnect()
    # Shielded: a cancel would reach the bus's one future for its end, which Bleak waits for as well.
    with contextlib.suppress(Exception):  # it repeats what ended the connection, if anything did
        await asyncio.shield(bus.wait_for_disconnect())  # type: ignore[no-untyped-call,unused-ignore]
    await asyncio.sleep(0)  # lets Bleak's own task, woken by the same event, tell its clients


async def whole_services(client: BleakClient) -> BleakGATTServiceCollection:
    """The services of a client that has just connected, once Bleak has heard of all of them.

    Seldom, and with much going on, a new device's last characteristics are missing from what Bleak shows after a
    connect: it looks when BlueZ says that services are resolved, whatever was not shown by then. BlueZ shows all
    that it owes before it answers a call, so after any answer on Bleak's own bus connection its copy is whole.
    """
    if sys.platform != "linux":
        return client.services
    from bleak.backends.bluezdbus.manager import _global_instances  # noqa: PLC0415
    from dbus_fast import Message  # noqa: PLC0415

    manager = _global_instances.get(asyncio.get_running_loop())
    bus = None if manager is None else manager._bus  # noqa: SLF001
    path = getattr(client._backend, "_device_path", None)  # noqa: SLF001
    if manager is None or bus is None or path is None:
        return client.services
    await bus.call(
        Message(
            destination="org.bluez",
            path=path,
            interface="org.freedesktop.DBus.Properties",
            member="Get",
            signature="ss",
            body=["org.bluez.Device1", "ServicesResolved"],
        )
    )
    client._backend.services = await manager.get_services(path, use_cached=False, requested_services=None)  # noqa: SLF001
    return client.services


async def end_discovery(adapter_path: str) -> None:
    """Ask BlueZ to end a discovery of ours that Bleak has lost track of.

    BlueZ counts discoveries per bus connection. Bleak drops its record of one that was cancelled while
    starting; if BlueZ grants it later, every further scan is refused as already in progress.
    """
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.manager import _global_instances  # noqa: PLC0415
    from dbus_fast import Message, MessageFlag  # noqa: PLC0415

    manager = _global_instances.get(asyncio.get_running_loop())
    bus = None if manager is None else manager._bus  # noqa: SLF001
    if bus is None or not bus.connected:
        return
    message = Message(
        destination="org.bluez",
        path=adapter_path,
        interface="org.bluez.Adapter1",
        member="StopDiscovery",
        flags=MessageFlag.NO_REPLY_EXPECTED,
    )
    with contextlib.suppress(Exception):  # a bus that is gone has ended the discovery with it
        await bus.send(message)


async def check_version() -> None:
    """Find out BlueZ's version now, not inside the first connect. Raises SettingsError when it is too old.

    Bleak's own check, when a connect is cancelled meanwhile, is waited for by every later connect, for ever; and a
    bluetoothctl that hangs is left running. A version that nobody tells is taken for good, as Bleak does.
    """
    if sys.platform != "linux":
        return
    from bleak.backends.bluezdbus.version import BlueZFeatures  # noqa: PLC0415

    if BlueZFeatures.checked_bluez_version and BlueZFeatures.supported_version:
        return
    version = await asyncio.to_thread(bluez_version)
    BlueZFeatures.supported_version = version is None or version >= _VERSION_MIN
    BlueZFeatures.checked_bluez_version = True
    if version is not None and version < _VERSION_MIN:
        raise SettingsError(
            f"BlueZ {version[0]}.{version[1]} is too old: Bleak makes no connection with one before "
            f"{_VERSION_MIN[0]}.{_VERSION_MIN[1]} (`bluetoothctl --version`, or `bluetoothd --version` where that"
            " is missing); update the package bluez"
        )
