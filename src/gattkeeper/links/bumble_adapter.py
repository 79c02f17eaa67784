"""One adapter that Bumble drives: connecting, scanning, and what is left to clean up afterwards.

Knows Bumble's Device and HCI. Opening the adapter, and opening it again, is the business of `bumble_link`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.host import Host
from msgspec.structs import replace

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links import bumble_bonds
from gattkeeper.links.bumble_bonds import BondFile, BondMemory
from gattkeeper.links.bumble_commands import guard_commands
from gattkeeper.links.bumble_connection import ASIDE, BumbleConnection
from gattkeeper.links.bumble_faults import ADAPTER_GONE, as_link_errors
from gattkeeper.links.bumble_guard import guard_att
from gattkeeper.links.bumble_pairing import Pairings
from gattkeeper.links.bumble_reading import device_address, sighting_of
from gattkeeper.links.bumble_seeking import Seeker
from gattkeeper.links.bumble_smp import KeptSession, guard_smp
from gattkeeper.links.fault_tables.hci import hci_fault
from gattkeeper.links.known_tables import KnownTables
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Phase
from gattkeeper.model.security import Demand
from gattkeeper.runtime.ports import ConnectionEvents, Sighting

CLEAN_UP_S = 2.0
"""How long the adapter may take to end a connection attempt or a scan, in each step."""

HEARD_MAX = 256
"""Advertisements kept for a scan whose reader is slow; later ones are dropped, they come again."""

_OWN_KIND = hci.OwnAddressType.RANDOM  # works with every controller; not all of them have a public address
_STATIC_BITS = 0xC0  # the two highest bits of a random static address are ones (Vol 6, Part B, 1.3.2.1)

_OPTIONAL = {
    "read_rssi": hci.HCI_READ_RSSI_COMMAND,
    "read_phy": hci.HCI_LE_READ_PHY_COMMAND,
    "set_phy": hci.HCI_LE_SET_PHY_COMMAND,
    "request_connection_parameters": hci.HCI_LE_CONNECTION_UPDATE_COMMAND,
}
"""Operations that need a command which not every controller has."""

_HARDWARE_ERROR = Fault(
    kind=FaultKind.ADAPTER_GONE,
    stack="hci",
    name="hardware_error",
    text="the adapter reports a failure of its own",
)
"""With the controller's own code, which means something to its maker (Vol 4, Part E, 7.7.16)."""


class BumbleAdapter:
    """A controller that answers. `on_gone` is called once, when the way to it breaks down."""

    def __init__(self, device: Device, on_gone: Callable[[Fault], None], known: KnownTables) -> None:
        self._device = device
        self._known = known
        self._on_gone = on_gone
        self._gone = False
        self._connections: set[BumbleConnection] = set()
        self._cleaning: set[asyncio.Task[Any]] = set()
        self._in_the_way: set[asyncio.Task[Any]] = set()  # of those: the end of an attempt, or of a scan
        self._attempt: asyncio.Future[BumbleConnection] | None = None  # the connection that is waited for
        self._heard: asyncio.Queue[Advertisement | None] | None = None  # of the scan that runs; None: adapter gone
        self._seeker = Seeker(device, self._hearing)
        guard_att(device)
        guard_smp(device)
        device.host.on_hci_hardware_error_event = self._on_hardware_error
        device.on(device.EVENT_CONNECTION, self._on_connection)
        device.on(device.EVENT_FLUSH, self._on_flush)

    @classmethod
    async def start(
        cls,
        host: Host,
        on_gone: Callable[[Fault], None],
        *,
        known: KnownTables,
        bonds: Path | None = None,
        bonds_optional: bool = False,
    ) -> "BumbleAdapter":
        """Reset the controller behind a host and set it up. Bonds are kept in a file, or until it is gone.

        `known` has the attribute tables of devices that were connected before, also through another adapter.
        Raises SettingsError, with what to do about the bonds, and what Bumble raises; may wait for ever.
        """
        guard_commands(host)
        # Bumble would tell devices its public address as the one to know it by, and then connects with another.
        config = DeviceConfiguration(name="gattkeeper", identity_address_type=_OWN_KIND)
        device = Device(config=config, host=host)
        device.smp_session_proxy = KeptSession
        device.keystore = BondMemory()
        Pairings.install(device)
        await device.power_on()
        public_address = _public_address(device)
        if public_address:
            await _take_address(device, public_address)
        if bonds is not None and (public_address or not bonds_optional):
            device.keystore = await _open_bonds(public_address, bonds)
            await device.refresh_resolving_list()
        return cls(device, on_gone, known)

    @property
    def address(self) -> str:
        """The controller's public address; empty when it has none."""
        return _public_address(self._device)

    @property
    def optional_operations(self) -> frozenset[str]:
        """What this controller can do beyond what every one can."""
        supports = self._device.host.supports_command
        return frozenset(kind for kind, command in _OPTIONAL.items() if supports(command))

    @property
    def aside(self) -> frozenset[str]:
        """Which of them need no ATT bearer."""
        return self.optional_operations & ASIDE

    async def connect(self, address: DeviceAddress, events: ConnectionEvents, demand: Demand) -> BumbleConnection:
        """Connect, prove what is demanded, and discover services.

        Raises LinkError; nothing of it has reached the device.
        """
        if self._in_the_way:
            await asyncio.wait(self._in_the_way)
        try:
            with as_link_errors(lambda: ADAPTER_GONE):
                connection = await self._bring_up(await self._seeker.address_of(address, events))
            events.progress(Phase.CONNECTED)
            try:
                await connection.trust.prove(demand, events)
                await connection.prepare()
            except BaseException:
                await asyncio.shield(self._spawn(connection.disconnect()))
                raise
        except LinkError as error:
            raise LinkError(_not_connected(error.fault)) from error
        events.progress(Phase.DISCOVERED)
        connection.announce(events)
        return connection

    async def bonded(self, address: DeviceAddress) -> bool:
        """Whether there are keys of the device, under the address that it paired with. Raises LinkError."""
        with as_link_errors(lambda: ADAPTER_GONE):
            return bool(await bumble_bonds.names(self._device, address))

    async def forget(self, address: DeviceAddress) -> None:
        """Delete the keys of the device. Raises LinkError."""
        with as_link_errors(lambda: ADAPTER_GONE):
            await bumble_bonds.forget(self._device, *await bumble_bonds.names(self._device, address))

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard. Raises LinkError."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + duration_s
        async with self._hearing() as heard:
            while ends_at > loop.time():
                try:
                    async with asyncio.timeout_at(
                        ends_at
                    ):  # `wait_for` loses a cancel that meets an advertisement
                        advertisement = await heard.get()
                except TimeoutError:
                    return
                if advertisement is None:
                    raise LinkError(replace(ADAPTER_GONE, ran=Ran.NO))
                yield sighting_of(advertisement)

    async def stop(self) -> None:
        """Disconnect everything and wait until all is cleaned up. Never raises."""
        for connection in tuple(self._connections):
            self._spawn(connection.disconnect())
        while self._cleaning:
            await asyncio.wait(self._cleaning)
        self._gone = True

    async def _bring_up(self, address: hci.Address) -> BumbleConnection:
        """One connection attempt. It is over when this call is, also when it is cancelled."""
        self._attempt = asyncio.get_running_loop().create_future()
        connecting = asyncio.create_task(
            self._device.connect_le(address, own_address_type=_OWN_KIND, timeout=None)
        )
        try:
            await asyncio.shield(connecting)
            return self._attempt.result()
        except asyncio.CancelledError:
            await self._clean_up(self._abandon(connecting, self._attempt))
            raise
        finally:
            self._attempt = None

    async def _abandon(self, connecting: asyncio.Task[Any], attempt: asyncio.Future[BumbleConnection]) -> None:
        """End an attempt that nobody waits for any more, and the connection if it came up after all.

        Bumble leaves the controller connecting when its own call is cancelled, and refuses the next one.
        """
        if self._gone:
            return
        if not self._device.is_scanning:  # else Bumble still listens for the address to connect to
            with suppress(Exception):
                async with asyncio.timeout(CLEAN_UP_S):
                    await self._device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
            await asyncio.wait((connecting,), timeout=CLEAN_UP_S)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        # Bumble forgets it with its call, and without it cannot report a connection that comes up even later.
        self._device.connect_own_address_type = _OWN_KIND
        if attempt.done():
            await attempt.result().disconnect()

    def _on_connection(self, connection: Connection) -> None:
        made = BumbleConnection(connection, self._ended, self._known)
        self._connections.add(made)
        if self._attempt is not None and not self._attempt.done():
            self._attempt.set_result(made)
        else:  # it came up after its attempt was given up
            self._spawn(made.disconnect())

    def _ended(self, connection: BumbleConnection) -> None:
        self._connections.discard(connection)
        if connection.trust.is_doubtful:  # what it said of its table is not to be believed another time
            self._known.forget(connection.identity)

    def _on_flush(self) -> None:
        """Bumble's host lost its transport."""
        self._end(ADAPTER_GONE)

    def _on_hardware_error(self, event: hci.HCI_Event) -> None:
        """The controller says that it has failed, and needs a reset. Bumble does nothing about it."""
        self._end(replace(_HARDWARE_ERROR, code=event.parameters[0] if event.parameters else None))

    def _end(self, fault: Fault) -> None:
        """Everything of this adapter is void."""
        if not self._gone:
            self._void(fault)
            self._on_gone(fault)

    def let_go(self, fault: Fault) -> Host:
        """Everything of this adapter is void; its host, for another start."""
        host = self._device.host
        self._void(fault)
        self._device.on_flush()  # what Bumble itself waits for ends as well
        self._device.host = None
        return host

    def _void(self, fault: Fault) -> None:
        self._gone = True
        for connection in tuple(self._connections):
            connection.end(fault)
        if self._heard is not None:
            self._heard.put_nowait(None)

    @asynccontextmanager
    async def _hearing(self) -> AsyncIterator[asyncio.Queue[Advertisement | None]]:
        """Scan; the queue gets what is heard, and None when the adapter goes away. Raises LinkError."""
        heard: asyncio.Queue[Advertisement | None] = asyncio.Queue()

        def on_advertisement(advertisement: Advertisement) -> None:
            self._seeker.note(advertisement)
            if heard.qsize() < HEARD_MAX:
                heard.put_nowait(advertisement)

        self._heard = heard
        self._device.on(self._device.EVENT_ADVERTISEMENT, on_advertisement)
        try:
            with as_link_errors(lambda: ADAPTER_GONE):
                await self._device.start_scanning()
            yield heard
        finally:
            self._heard = None
            self._device.remove_listener(self._device.EVENT_ADVERTISEMENT, on_advertisement)
            await self._clean_up(self._stop_scanning())

    async def _stop_scanning(self) -> None:
        if self._gone:
            return
        with suppress(Exception):  # an adapter that cannot stop says so again at the next thing it is asked
            async with asyncio.timeout(CLEAN_UP_S):
                await self._device.stop_scanning()

    async def _clean_up(self, cleaning: Coroutine[Any, Any, Any]) -> None:
        """Finish this even when the caller is cancelled once more, and before the next attempt."""
        task = self._spawn(cleaning)
        self._in_the_way.add(task)
        task.add_done_callback(self._in_the_way.discard)
        await asyncio.shield(task)

    def _spawn(self, cleaning: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(cleaning)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)
        return task


def _public_address(device: Device) -> str:
    address = device.public_address
    return "" if address in (hci.Address.ANY, hci.Address.NIL) else device_address(address).value


async def _open_bonds(public_address: str, path: Path) -> BondFile:
    if not public_address:
        raise SettingsError(
            "the adapter has no address of its own, so no device would know it again: leave its file of bonds out"
        )
    return await BondFile.open(public_address, path)


async def _take_address(device: Device, public_address: str) -> None:
    """Show devices a static address made from the controller's own: Bumble takes a new one at every start."""
    octets = bytes.fromhex(public_address.replace(":", ""))
    static = bytes([octets[0] | _STATIC_BITS, *octets[1:]]).hex(":").upper()
    device.static_address = device.random_address = hci.Address(static, hci.Address.RANDOM_DEVICE_ADDRESS)
    await device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=device.random_address))


def _not_connected(fault: Fault) -> Fault:
    """The same for a connection attempt: the code of a connection lost so early is that of a failed attempt."""
    if fault.stack == "hci" and fault.code is not None:
        return hci_fault(fault.code)
    return replace(fault, ran=Ran.NO)
