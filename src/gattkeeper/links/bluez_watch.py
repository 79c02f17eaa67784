"""Watches BlueZ on a bus connection of its own: the service, its adapters, its device objects.

Knows D-Bus names and signals of org.bluez. Bleak does not notice when bluetoothd dies, when an adapter
is pulled out, or when the bus goes away; this does, within the event. It changes nothing in BlueZ, and
never starts it: who supervises the service restarts it.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from bleak.backends.bluezdbus.utils import get_dbus_authenticator
from dbus_fast import BusType, Message, MessageFlag, MessageType, unpack_variants
from dbus_fast.aio.message_bus import MessageBus
from dbus_fast.errors import AuthError, DBusFastError
from msgspec import Struct

from gattkeeper.errors import SettingsError
from gattkeeper.model.identity import looks_like_address, parse_address

BLUEZ = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"

ANSWER_S = 10.0
"""How long bluetoothd may take to list its objects, in seconds. A healthy one needs milliseconds, one
that the bus starts for us a second or two."""

NO_ADDRESS = "00:00:00:00:00:00"
"""What an adapter says whose maker, or firmware, gave it none."""

RECONNECT_S = 1.0
"""Pause before looking for a bus that went away, in seconds: seen within 2 s of its return."""

BUS_FAILURES = (OSError, EOFError, AuthError, DBusFastError)
"""What a call raises when there is no bus, or it goes away meanwhile, or does not answer in time."""

BUS = "org.freedesktop.DBus"
MANAGER = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"

_RULES = (
    f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{MANAGER}',member='InterfacesAdded'",
    f"type='signal',sender='{BLUEZ}',interface='{MANAGER}',member='InterfacesRemoved'",
    f"type='signal',sender='{BLUEZ}',interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{ADAPTER}'",
    f"type='signal',sender='{BLUEZ}',interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{DEVICE}'",
)

Objects = dict[str, dict[str, dict[str, Any]]]
"""Object path, interface, property: what BlueZ's ObjectManager gives."""


class BluezAdapter(Struct, frozen=True, kw_only=True):
    """An adapter as BlueZ shows it now."""

    path: str  # /org/bluez/hci0; the number may change, the address does not
    address: str
    powered: bool

    @property
    def hci(self) -> str:
        """The kernel's name for it: hci0."""
        return self.path.rpartition("/")[2]


class BluezEvents(Protocol):
    """What the watch tells its owner, on the event loop."""

    def bluez_changed(self) -> None:
        """The service or an adapter came, went, or changed its power: look at `up` and `adapters`."""

    def device_connected(self, path: str) -> None:
        """A device's link came up; its services are not known yet."""

    def device_disconnected(self, path: str) -> None:
        """A device's link went down."""

    def device_removed(self, path: str) -> None:
        """BlueZ dropped the object of a device, and with it any link."""

    def service_removed(self, path: str) -> None:
        """BlueZ dropped a service: its device changed its attribute table, or is going."""


class BluezWatch:
    """One view on org.bluez, kept current by signals."""

    def __init__(self, events: BluezEvents) -> None:
        self._events = events
        self._adapters: dict[str, BluezAdapter] = {}
        self._up = False
        self._bus: MessageBus | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def up(self) -> bool:
        """Whether bluetoothd runs, as far as the bus says."""
        return self._up

    @property
    def adapters(self) -> tuple[BluezAdapter, ...]:
        """Every adapter, by path."""
        return tuple(self._adapters[path] for path in sorted(self._adapters))

    async def open(self) -> None:
        """Begin to watch. Raises SettingsError with what to do when bus or service are not there."""
        try:
            self._bus = await connected_bus(self._on_message)
        except BUS_FAILURES as error:
            raise SettingsError(no_bus(error)) from error
        try:
            self._take(await self._objects(MessageFlag.NONE))
        except TimeoutError as error:
            await self.close()
            raise SettingsError(
                f"the Bluetooth service does not answer within {ANSWER_S:.0f} s; "
                "restart it: sudo systemctl restart bluetooth"
            ) from error
        except _BluezError as error:
            await self.close()
            raise SettingsError(no_service(*error.args)) from error
        self._spawn(self._follow_bus())

    async def device(self, adapter_path: str, address: str) -> tuple[str, dict[str, Any]] | None:
        """Path and properties of BlueZ's object for a device, if it has one on this adapter.

        Raises the stack's own exceptions: TimeoutError and OSError; the caller reads them by table.
        """
        try:
            objects = await self._objects(MessageFlag.NO_AUTOSTART)
        except _BluezError:
            return None  # no service, no object: the watch hears of that by itself
        for path, interfaces in objects.items():
            properties = interfaces.get(DEVICE, {})
            if properties.get("Adapter") == adapter_path and properties.get("Address") == address:
                return path, properties
        return None

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._bus is not None:
            self._bus.disconnect()
            await end_of(self._bus)
            self._bus = None

    async def _objects(self, flags: MessageFlag) -> Objects:
        if self._bus is None:
            raise ConnectionResetError("the watch is closed")
        message = Message(destination=BLUEZ, path="/", interface=MANAGER, member="GetManagedObjects", flags=flags)
        async with asyncio.timeout(ANSWER_S):
            reply = await self._bus.call(message)
        if reply.message_type is MessageType.ERROR:
            raise _BluezError(str(reply.error_name), str(reply.body[0]) if reply.body else "")
        return {
            path: {interface: unpack_variants(values) for interface, values in interfaces.items()}
            for path, interfaces in reply.body[0].items()
        }

    def _take(self, objects: Objects) -> None:
        self._up = True
        self._adapters = {
            path: _adapter(path, interfaces[ADAPTER])
            for path, interfaces in objects.items()
            if ADAPTER in interfaces
        }

    async def _refresh(self) -> None:
        """After the service came back: what it shows now. One that is not ready is asked until it is, or goes."""
        with contextlib.suppress(_BluezError, *BUS_FAILURES):  # gone again, which is heard too
            while (objects := await self._objects_in_time()) is None:
                pass
            self._take(objects)
            self._events.bluez_changed()

    async def _objects_in_time(self) -> Objects | None:
        try:
            return await self._objects(MessageFlag.NO_AUTOSTART)
        except TimeoutError:
            return None

    def _down(self) -> None:
        was_up, self._up = self._up, False
        self._adapters = {}
        if was_up:  # a dying bus takes the service with it, and both are heard
            self._events.bluez_changed()

    async def _follow_bus(self) -> None:
        """Wait for the bus to go away, then for it to be back, and so on."""
        while True:
            if self._bus is not None:
                await end_of(self._bus)
                self._bus = None
                self._down()
            await asyncio.sleep(RECONNECT_S)
            with contextlib.suppress(*BUS_FAILURES):
                self._bus = await connected_bus(self._on_message)
                self._spawn(self._refresh())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        match message.member, message.body:
            case "NameOwnerChanged", [name, old, new] if name == BLUEZ:
                if old:
                    self._down()
                if new:
                    self._spawn(self._refresh())
            case "InterfacesAdded", [path, interfaces] if ADAPTER in interfaces:
                self._adapters[path] = _adapter(path, unpack_variants(interfaces[ADAPTER]))
                self._events.bluez_changed()
            case "InterfacesRemoved", [path, interfaces]:
                self._on_removed(path, interfaces)
            case "PropertiesChanged", [interface, changed, _]:
                self._on_properties(str(message.path), interface, unpack_variants(changed))

    def _on_removed(self, path: str, interfaces: list[str]) -> None:
        if ADAPTER in interfaces and self._adapters.pop(path, None) is not None:
            self._events.bluez_changed()
        if DEVICE in interfaces:
            self._events.device_removed(path)
        if SERVICE in interfaces:
            self._events.service_removed(path)

    def _on_properties(self, path: str, interface: str, changed: dict[str, Any]) -> None:
        if interface == DEVICE and "Connected" in changed:
            tell = self._events.device_connected if changed["Connected"] else self._events.device_disconnected
            tell(path)
        known = self._adapters.get(path)
        if interface == ADAPTER and known is not None and "Powered" in changed:
            self._adapters[path] = BluezAdapter(path=path, address=known.address, powered=changed["Powered"])
            self._events.bluez_changed()


def chosen_adapter(wanted: str, adapters: tuple[BluezAdapter, ...]) -> BluezAdapter:
    """The adapter that the settings mean. Raises SettingsError with what to do."""
    there = ", ".join(f"{each.hci} ({each.address})" for each in adapters) or "none at all"
    if wanted:
        address = parse_address(wanted).value if looks_like_address(wanted) else ""
        fitting = [each for each in adapters if address == each.address or wanted == each.hci]
        missing = f"there is no adapter {wanted}; BlueZ has {there}"
    else:
        fitting = [each for each in adapters if each.powered] or list(adapters)
        missing = "BlueZ has no Bluetooth adapter; plug one in, and see `rfkill list` and `dmesg` if it is"
    if not fitting:
        raise SettingsError(missing)
    chosen = fitting[0]
    alike = [each.hci for each in adapters if each.address == chosen.address]
    if len(alike) > 1 or chosen.address == NO_ADDRESS:
        what = f"{' and '.join(alike)} have one address" if len(alike) > 1 else f"{chosen.hci} has no address"
        raise SettingsError(
            f"{what} ({chosen.address}): nobody can tell such adapters apart; unplug one, or give it an address"
            " of its own (btmgmt public-addr)"
        )
    if not chosen.powered:
        raise SettingsError(
            f"the adapter {chosen.hci} ({chosen.address}) is powered off; "
            "switch it on: bluetoothctl power on (if that is refused: rfkill unblock bluetooth)"
        )
    return chosen


class _BluezError(Exception):
    """The bus answered for BlueZ, or BlueZ refused: error name and text."""


def _adapter(path: str, properties: dict[str, Any]) -> BluezAdapter:
    return BluezAdapter(path=path, address=str(properties["Address"]), powered=bool(properties["Powered"]))


async def connected_bus(on_message: Callable[[Message], None]) -> MessageBus:
    """A connection to the system bus that hears BlueZ. Raises `BUS_FAILURES`, within twice `ANSWER_S`."""
    bus = await joined()
    try:
        async with asyncio.timeout(ANSWER_S):
            bus.add_message_handler(on_message)
            for rule in _RULES:
                await bus.call(
                    Message(
                        destination=BUS,
                        path="/org/freedesktop/DBus",
                        interface=BUS,
                        member="AddMatch",
                        signature="s",
                        body=[rule],
                    )
                )
    except BaseException:
        bus.disconnect()
        raise
    return bus


async def joined() -> MessageBus:
    """A connection to the system bus. Raises `BUS_FAILURES`, within `ANSWER_S`.

    Bounded, as dbus-fast may wait for ever here: a connection of the same process that fails in this moment takes
    away the reader of whichever socket has its number now. One that failed is never told to have ended.
    """
    bus = MessageBus(bus_type=BusType.SYSTEM, auth=get_dbus_authenticator())
    try:
        async with asyncio.timeout(ANSWER_S):
            return await bus.connect()
    except BaseException:
        bus.disconnect()  # lets go of the socket, which exists even when connecting failed
        raise


async def end_of(bus: MessageBus) -> None:
    """Wait until a bus connection has ended, by whatever cause.

    Shielded, as a cancel would reach the connection's one future for its end.
    """
    with contextlib.suppress(Exception):
        await asyncio.shield(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]


def no_bus(error: Exception) -> str:
    """Why there is no system bus for us, with what to do."""
    address = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
    where = f"at DBUS_SYSTEM_BUS_ADDRESS={address}" if address else "at /var/run/dbus/system_bus_socket"
    if isinstance(error, AuthError | PermissionError):
        return (
            f"the system D-Bus {where} does not let this user in ({error}); "
            "see its policy, and in a container with other user ids BLEAK_DBUS_AUTH_UID"
        )
    return (
        f"no system D-Bus {where} ({error}); start it (sudo systemctl start dbus), in a container mount "
        "the host's (--volume /var/run/dbus:/var/run/dbus)" + (", or correct that variable" if address else "")
    )


def no_service(name: str, text: str) -> str:
    """What a refusal of the bus means, with what to do: D-Bus error name and text."""
    if name.endswith("AccessDenied") and "AppArmor" in text:
        return (
            f"AppArmor forbids this program to speak to the Bluetooth service ({text}); let its profile send to "
            "org.bluez on the system bus, or start the container with --security-opt apparmor=unconfined"
        )
    if name.endswith("AccessDenied"):
        return f"D-Bus forbids this user to speak to the Bluetooth service ({text}); add it to the group bluetooth"
    return f"the Bluetooth service does not run ({text}); start it: sudo systemctl start bluetooth"
