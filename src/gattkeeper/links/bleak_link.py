"""The link to Bluetooth through Bleak: BlueZ on Linux, and whatever else Bleak runs on.

Knows one adapter, the connections on it, and how Bleak and BlueZ misbehave. Decides nothing about
repeating, waiting or order: its owner makes one link at a time and bounds that by cancelling.

On Linux a watch of our own follows the service and the adapter, which Bleak does not; elsewhere the
platform has one adapter, and Bleak says when a device is gone.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bleak.backends.device import BLEDevice
from msgspec.structs import replace

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links import bleak_inside
from gattkeeper.links.bleak_connection import OPERATIONS, BleakConnection
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.links.bleak_scan import Scanner
from gattkeeper.links.bluez_cut import cut
from gattkeeper.links.bluez_identity import must_be_of_kind
from gattkeeper.links.pairing_faults import doubted, ended_the_service
from gattkeeper.links.privileged_client import PrivilegedClient
from gattkeeper.links.targets import refusal
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Phase
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.privileged.wire import SOCKET as PRIVILEGED_SOCKET
from gattkeeper.runtime.ports import ConnectionEvents, LinkConnection, LinkTraits, Sighting

if TYPE_CHECKING:
    from gattkeeper.links.bluez_adapter import FollowedAdapter
    from gattkeeper.links.bluez_consent import Consent
    from gattkeeper.links.bluez_watch import BluezAdapter, BluezWatch  # needs D-Bus, which is on Linux only

CANCEL_GRACE_S = 5.0
"""How long a cancelled call of Bleak may take before it is cancelled again, and again before it is left
alone, in seconds. A healthy BlueZ answers the Disconnect of a cancelled connect in milliseconds."""

RUNG_S = 20.0
"""How long one rung of the recovery may take at BlueZ, and the adapter to be there again after it, in seconds."""

_BLUEZ = sys.platform == "linux"
# Only BlueZ is known to let a write without response pass a request pending on another characteristic.


class BleakLink:
    """One adapter through Bleak.

    `adapter` is an address ("F4:4E:FC:00:00:01") or the kernel's name ("hci0"); empty: the first that is
    powered on. What it stands for is settled by `open`: from then on the adapter is known by its address
    and found again under whatever number it returns. On other systems than Linux it must be empty.

    `restart_service`: whether its recovery may restart the Bluetooth service, under every program that uses it.
    `privileged` is the socket of the privileged program; where there is none, no rung needs it. `beside` has the
    connections of all links of this process, where there are several: BlueZ asks one of them about all.
    """

    def __init__(
        self,
        adapter: str = "",
        *,
        cancel_grace_s: float = CANCEL_GRACE_S,
        restart_service: bool = False,
        privileged: Path = PRIVILEGED_SOCKET,
        beside: set[BleakConnection] | None = None,
    ) -> None:
        self._wanted = adapter
        self._restart_service = restart_service
        self._privileged = PrivilegedClient(privileged)
        self._guard = Guard(cancel_grace_s)
        self._watch: BluezWatch | None = None
        self._followed: FollowedAdapter | None = None  # where the platform says which it is
        self._absence: Fault | None = None  # why the adapter cannot be used now
        self._on_adapter: Callable[[bool, Fault | None], None] = lambda _up, _fault: None
        self._beside = set[BleakConnection]() if beside is None else beside
        self._connections: set[BleakConnection] = set()  # also those still coming up or letting go
        self._by_bonds: dict[str, None] = {}  # the addresses of paired devices that are being connected
        self._forgetting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._consent: Consent | None = None  # where the stack asks for one

    @property
    def name(self) -> str:
        """The adapter's address; before `open`, and where there is none, what it was asked for as."""
        return self._followed.address if self._followed is not None else self._wanted or "default"

    @cached_property
    def traits(self) -> LinkTraits:
        """What Bleak can do; kept, because each command asks for it.

        BlueZ negotiates the MTU and discovers by itself: both are answered from it.

        A read of a characteristic that is subscribed to is also seen as a notification on BlueZ.
        """
        rungs = self._rungs() if _BLUEZ else ()
        return LinkTraits(
            operations=OPERATIONS, bypass_other=_BLUEZ, forgets=_BLUEZ, discovers_beside=_BLUEZ, rungs=rungs
        )

    def _rungs(self) -> tuple[Rung, ...]:
        from gattkeeper.links.bluez_recovery import RUNGS  # noqa: PLC0415 - needs D-Bus, which is on Linux only

        hard = (Rung.HARD_RESET,) if self._privileged.there else ()
        service = (Rung.RESTART_SERVICE,) if self._restart_service else ()
        return RUNGS + hard + service

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """Take hold of the adapter. Raises SettingsError, with what to do."""
        if sys.platform != "linux":
            if self._wanted:
                raise SettingsError(
                    f"adapter {self._wanted!r}: only Linux has a choice of adapters; leave it empty"
                )
            return
        from gattkeeper.links.bluez_adapter import FollowedAdapter  # noqa: PLC0415 - needs D-Bus
        from gattkeeper.links.bluez_consent import Consent  # noqa: PLC0415
        from gattkeeper.links.bluez_watch import BluezWatch, chosen_adapter  # noqa: PLC0415

        watch = BluezWatch(self)
        await watch.open()
        try:
            self._followed = FollowedAdapter(self._wanted, chosen_adapter(self._wanted, watch.adapters))
            await bleak_inside.check_version()
        except BaseException:
            await watch.close()
            raise
        self._watch = watch
        self._absence = None
        self._consent = Consent(self._consents)
        await self._consent.stand()
        self._on_adapter = on_adapter

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """Connect and discover services, once. Raises LinkError.

        Takes no demand: no stack that Bleak speaks to tells how secure a connection is.

        A device that BlueZ has an object for is connected without a scan: a device with a live link
        cannot be scanned for, and is adopted. Otherwise scans until it advertises.
        """
        if demand.asks:
            raise refusal("unprovable", "nobody can tell how secure a connection of this stack is")
        await self._ready()
        await self._wait_for_ends(device)
        found = await self._known(device)
        if found is None:
            events.progress(Phase.SCAN)
            found, sighting = await self._scanner().find(device)
            events.sighted(sighting)
        must_be_of_kind(device, found)
        connection = BleakConnection(found, events, self._guard, self)
        self._connections.add(connection)
        self._beside.add(connection)
        paired = isinstance(found.details, dict) and found.details.get("props", {}).get("Paired")
        if paired:
            self._by_bonds[found.address] = None
        try:
            await connection.establish()
        except LinkError as error:
            if paired:
                raise LinkError(doubted(error.fault)) from error
            raise
        finally:
            self._by_bonds.pop(found.address, None)
        return connection

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard, for so long. Raises LinkError."""
        await self._ready()
        async with contextlib.aclosing(self._scanner().sightings(duration_s)) as sightings:
            async for sighting in sightings:
                yield sighting

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """Do one rung at BlueZ, and wait until the adapter is there again. Raises LinkError."""
        from gattkeeper.links.bluez_recovery import BluezRecovery  # noqa: PLC0415 - needs D-Bus

        adapter = self._adapter
        if self._watch is None or adapter is None:
            raise LinkError(self._absence or _absent(FaultKind.ADAPTER_GONE, "there is no adapter to recover"))

        async def climb(watch: "BluezWatch", adapter: "BluezAdapter") -> None:
            recovery = BluezRecovery(
                adapter=adapter,
                device=lambda: watch.device(adapter.path, device.value),
                privileged=self._privileged,
                until=self._until_usable,
            )
            await recovery.climb(rung)
            await self._until_usable(True)

        await self._guard.run(climb(self._watch, adapter), phase="connect", limit_s=RUNG_S)

    async def bonded(self, device: DeviceAddress) -> bool:
        """Whether BlueZ keeps keys of the device on this adapter; False elsewhere, where nobody tells."""
        await self._ready()
        known = await self._known(device)
        properties = {} if known is None else known.details["props"]
        return bool(properties.get("Bonded", properties.get("Paired")))  # the former in newer BlueZ only

    async def forget(self, device: DeviceAddress) -> None:
        """Have BlueZ drop the device, and with it the keys. Raises LinkError."""
        from gattkeeper.links.bluez_call import remove_device  # noqa: PLC0415 - needs D-Bus

        await self._ready()
        known = await self._known(device)
        await self._ready()  # else there was nobody left who could have known it
        if known is not None and self._adapter is not None:
            call = remove_device(self._adapter.path, known.details["path"])
            await self._guard.run(call, phase="operation", limit_s=RUNG_S)

    async def _until_usable(self, usable: bool) -> None:  # noqa: FBT001 - a question with two answers
        while (self._absence is None) is not usable:
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        """Let go of the adapter; every connection of it is lost. Takes as long as disconnecting does."""
        self._absence = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="keeper", text="the link is closed")
        self._on_adapter = lambda _up, _fault: None
        await asyncio.gather(*(connection.disconnect() for connection in list(self._connections)))
        if self._watch is not None:
            await self._watch.close()
        if self._consent is not None:
            await self._consent.close()
        await self.settled()

    async def settled(self) -> None:
        """Wait until Bleak has forgotten a BlueZ that is gone."""
        if self._forgetting is not None:
            await asyncio.shield(self._forgetting)

    async def cut(self, device: BLEDevice) -> str:
        """End a device's link past BlueZ; what came of it, in words. Elsewhere there is no such way."""
        if self._followed is None:
            return ""
        return await cut(self._privileged, self._followed.address, device.details["props"])

    def ended(self, connection: BleakConnection) -> None:
        """A connection is down and holds nothing any more."""
        self._connections.discard(connection)
        self._beside.discard(connection)

    def bluez_changed(self) -> None:
        """The watch saw the service or an adapter change: tell whom it concerns, once per change."""
        if self._watch is not None and self._followed is not None:
            self._followed.look(self._watch.adapters)
        absence = self._why_absent()
        if absence is not None and absence.kind is FaultKind.STACK_GONE and not self._is_forgetting():
            self._forgetting = asyncio.ensure_future(bleak_inside.forget_bluez())
        before, self._absence = self._absence, absence
        if absence is not None:
            for connection in list(self._connections):
                connection.fail(replace(absence, ran=Ran.MAYBE))
        self._changed.set()
        if self._consent is not None and absence is None and before is not None:
            self._consent.stand_again()
        if (absence is None) != (before is None):
            self._on_adapter(absence is None, absence)

    async def _consents(self, path: str) -> bool:
        """Whether a device may be paired that BlueZ pairs by itself: one that we wait for, if nobody says no."""
        waiting = [each for each in self._beside if each.path == path and each.is_waiting]
        if not waiting:
            return False
        events = waiting[0].events
        asking = events.asking()
        if asking is None:
            return True
        events.pairing(under_way=True)
        try:
            return await asking.confirm()
        finally:
            events.pairing(under_way=False)

    def device_connected(self, path: str) -> None:
        """The watch saw a device's link come up."""
        for connection in self._connections:
            if connection.path == path:
                connection.connected()

    def device_disconnected(self, path: str) -> None:
        """The watch saw a device's link go down. Bleak says so too, unless another's callback in it raises."""
        for connection in list(self._connections):
            if connection.path == path:
                connection.disconnected()

    def device_removed(self, path: str) -> None:
        """The watch saw BlueZ drop a device's object. Bleak does not take that for a loss."""
        fault = Fault(kind=FaultKind.LINK_LOST, stack="bluez", text="BlueZ dropped the device")
        for connection in list(self._connections):
            if connection.path == path:
                connection.fail(fault)

    def service_removed(self, path: str) -> None:
        """The watch saw BlueZ drop a service. Bleak goes on with the paths that it knows, which are handles."""
        for connection in self._connections:
            if connection.path and path.startswith(f"{connection.path}/"):
                connection.table_changed()

    def _scanner(self) -> Scanner:
        return Scanner(self._guard, "" if self._adapter is None else self._adapter.path)

    @property
    def _adapter(self) -> "BluezAdapter | None":
        """The adapter under its present number."""
        return self._followed.present if self._followed is not None else None

    def _why_absent(self) -> Fault | None:
        if self._watch is None or self._followed is None:
            return self._absence
        if not self._watch.up:
            doubt = ended_the_service(next(reversed(self._by_bonds))) if self._by_bonds else ""
            return _absent(FaultKind.STACK_GONE, f"the Bluetooth service is gone{doubt}")
        if self._adapter is None:
            return _absent(FaultKind.ADAPTER_GONE, f"{self._followed.text} is gone")
        if not self._adapter.powered:
            cure = "bluetoothctl power on; if that is refused: rfkill unblock bluetooth"
            text = f"the adapter {self._followed.address} is powered off ({cure})"
            return _absent(FaultKind.ADAPTER_GONE, text)
        return None

    def _is_forgetting(self) -> bool:
        return self._forgetting is not None and not self._forgetting.done()

    async def _ready(self) -> None:
        await self.settled()
        if self._absence is not None:
            raise LinkError(self._absence)

    async def _wait_for_ends(self, device: DeviceAddress) -> None:
        """Two clients on one device share its link, and the first to disconnect drops it for both."""
        for connection in list(self._connections):
            if connection.address.upper() != device.value:
                continue
            if not connection.is_lost:
                text = "the device is connected already"
                raise LinkError(Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="keeper", text=text))
            await connection.disconnect()

    async def _known(self, device: DeviceAddress) -> BLEDevice | None:
        """BlueZ's own object for the device, if it has one."""
        adapter = self._adapter
        if self._watch is None or adapter is None:
            return None
        found = await self._guard.run(self._watch.device(adapter.path, device.value), phase="connect")
        if found is None:
            return None
        path, properties = found
        return BLEDevice(device.value, properties.get("Alias"), {"path": path, "props": properties})


def _absent(kind: FaultKind, text: str) -> Fault:
    return Fault(kind=kind, ran=Ran.NO, stack="bluez", text=text)
