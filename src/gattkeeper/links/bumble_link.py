"""The link over Bumble: an adapter of our own, without BlueZ or any other Bluetooth service of the system.

Knows when the adapter is there. Imports no Bumble until a link is made: it is optional, and slow to import.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.known_tables import KnownTables
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, LinkConnection, LinkTraits, Sighting

if TYPE_CHECKING:
    from bumble.host import Host

    from gattkeeper.links.bumble_adapter import BumbleAdapter

ANSWER_S = 10.0
"""How long opening an adapter and setting it up may take."""

REOPEN_PAUSE_S = 2.0
"""Pause between two looks for an adapter that went away."""

_OPERATIONS = frozenset(
    {
        "read",
        "write",
        "read_descriptor",
        "write_descriptor",
        "subscribe",
        "unsubscribe",
        "request_mtu",
        "discover_services",
        "pair",
        "unpair",
        "connect",
        "disconnect",
    }
)


_RESET = Fault(
    kind=FaultKind.ADAPTER_GONE, ran=Ran.MAYBE, stack="keeper", name="reset", text="the adapter is being reset"
)


async def _nothing_to_close() -> None:
    pass


class BumbleLink:
    """A `runtime.ports.Link` to one controller.

    `open_host` brings up a Bumble host on the controller, and is called again after the controller went away;
    `close_host` lets go of what it opened. `bonds` is the file for the keys of paired devices; without it they
    are forgotten when the adapter is closed or goes away. `bonds_optional`: an adapter without an address of its
    own, which no device would know again, is used without the file, where it would be refused else. Raises
    SettingsError where Bumble is not installed.
    """

    def __init__(
        self,
        open_host: "Callable[[], Awaitable[Host]]",
        *,
        name: str,
        close_host: Callable[[], Awaitable[None]] = _nothing_to_close,
        bonds: Path | None = None,
        bonds_optional: bool = False,
    ) -> None:
        _require_bumble()
        self._open_host = open_host
        self._close_host = close_host
        self._bonds = bonds
        self._bonds_optional = bonds_optional
        self._known = KnownTables()
        self._name = name
        self._traits = _traits(_OPERATIONS, frozenset())
        self._on_adapter: Callable[[bool, Fault | None], None] = lambda _up, _fault: None
        self._adapter: BumbleAdapter | None = None
        self._reopening: asyncio.Task[None] | None = None

    @classmethod
    def on_transport(
        cls, transport_name: str, *, bonds: Path | None = None, bonds_optional: bool = False
    ) -> "BumbleLink":
        """A link to the controller that Bumble finds under a transport name.

        For example `usb:0`, `serial:/dev/ttyACM0,1000000`, `tcp-client:192.0.2.7:1234`, `hci-socket:0`.
        """
        _require_bumble()
        from gattkeeper.links.bumble_transport import NamedTransport  # noqa: PLC0415 - Bumble is optional

        transport = NamedTransport(transport_name)
        return cls(
            transport.open_host,
            name=transport_name,
            close_host=transport.close,
            bonds=bonds,
            bonds_optional=bonds_optional,
        )

    @property
    def name(self) -> str:
        """The controller's address once it is open and has one; before that the name it was given."""
        return self._name

    @property
    def traits(self) -> LinkTraits:
        """What it can do; RSSI, PHYs and connection parameters depend on the controller, known once it is open."""
        return self._traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """Take hold of the adapter. Raises SettingsError, with what to do."""
        self._on_adapter = on_adapter
        self._adapter = await self._start(self._open_host)
        self._name = self._adapter.address or self._name
        self._traits = _traits(_OPERATIONS | self._adapter.optional_operations, self._adapter.aside)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """Connect and discover services, once; wait for the device until cancelled. Raises LinkError."""
        return await self._present().connect(device, events, demand)

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard, for so long. Raises LinkError."""
        return self._present().scan(duration_s)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:  # noqa: ARG002 - both are the adapter's
        """Reset the controller (POWER_CYCLE), or close the way to it and open it again first (HARD_RESET).

        Raises LinkError when it does not come up; then it is looked for as one that went away.
        """
        adapter = self._present()
        self._adapter = None
        host = adapter.let_go(_RESET)
        self._on_adapter(False, _RESET)

        async def same_host() -> "Host":
            return host

        try:
            if rung is Rung.HARD_RESET:
                await self._close_host()
                self._adapter = await self._start(self._open_host)
            else:
                self._adapter = await self._start(same_host)
        except SettingsError as error:
            raise LinkError(
                Fault(kind=FaultKind.WEDGED, ran=Ran.MAYBE, stack="hci", name=rung.value, text=str(error))
            ) from error
        finally:
            if self._adapter is None:
                self._reopening = asyncio.create_task(self._reopen())
        self._on_adapter(True, None)

    async def bonded(self, device: DeviceAddress) -> bool:
        """Whether this adapter has keys of the device: a file of bonds keeps those of each adapter apart."""
        return await self._present().bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        """Delete this adapter's half of the bond with a device. Raises LinkError."""
        await self._present().forget(device)

    async def close(self) -> None:
        """Disconnect everything and let go of the adapter. Never raises."""
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.gather(self._reopening, return_exceptions=True)
            self._reopening = None
        adapter, self._adapter = self._adapter, None
        if adapter is not None:
            await adapter.stop()
        await self._close_host()

    def _present(self) -> "BumbleAdapter":
        if self._adapter is None:
            raise LinkError(
                Fault(
                    kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="hci", text=f"adapter {self._name} is not there"
                )
            )
        return self._adapter

    async def _start(self, open_host: "Callable[[], Awaitable[Host]]") -> "BumbleAdapter":
        from gattkeeper.links.bumble_adapter import BumbleAdapter  # noqa: PLC0415 - Bumble is optional

        adapter = None
        try:
            async with asyncio.timeout(ANSWER_S):
                adapter = await BumbleAdapter.start(
                    await open_host(),
                    self._gone,
                    known=self._known,
                    bonds=self._bonds,
                    bonds_optional=self._bonds_optional,
                )
        except TimeoutError as error:
            raise SettingsError(
                f"adapter {self._name}: nothing answered within {ANSWER_S:g} s; is it a Bluetooth controller, "
                "is the speed right, and does no other program hold it?"
            ) from error
        except SettingsError:
            raise
        except Exception as error:
            raise SettingsError(f"adapter {self._name} cannot be used: {error or type(error).__name__}") from error
        finally:
            if adapter is None:
                await self._close_host()
        return adapter

    def _gone(self, fault: Fault) -> None:
        if self._adapter is None:
            return  # it went away while the link is being closed
        self._adapter = None
        self._on_adapter(False, fault)
        self._reopening = asyncio.create_task(self._reopen())

    async def _reopen(self) -> None:
        """Look for the adapter until it is back."""
        await self._close_host()
        while self._adapter is None:
            await asyncio.sleep(REOPEN_PAUSE_S)
            with suppress(SettingsError):
                self._adapter = await self._start(self._open_host)
        self._on_adapter(True, None)


def _traits(operations: frozenset[str], aside: frozenset[str]) -> LinkTraits:
    return LinkTraits(
        operations=operations,
        bypass=True,
        aside=aside,
        forgets=True,
        discovers_beside=True,
        proves=True,
        rungs=(Rung.POWER_CYCLE, Rung.HARD_RESET),
    )


def _require_bumble() -> None:
    try:
        import bumble.device  # noqa: F401, PLC0415 - whether it is there
    except ImportError as error:
        raise SettingsError("this link needs Bumble: pip install 'gattkeeper[bumble]'") from error
