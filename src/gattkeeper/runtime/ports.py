"""What the runtime needs from the world: links, a journal, a book of devices, observers.

Knows shapes only. `links`, `storage`, `devices` and `telemetry` fill them; `daemon.assembly` joins them.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, Service
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation, Write
from gattkeeper.model.outcome import AnswerValue, Outcome, Phase, PhaseMark, Resolution
from gattkeeper.model.record import Record
from gattkeeper.model.security import NO_DEMAND, Demand, Proof, SecurityLevel
from gattkeeper.model.status import Alert
from gattkeeper.runtime.asking import Asking


class Sighting(Struct, frozen=True, kw_only=True):
    """One advertisement, as the link heard it."""

    address: DeviceAddress
    name: str = ""
    rssi_dbm: int | None = None
    services: tuple[str, ...] = ()  # UUIDs, in full
    manufacturer_data: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}  # by UUID, in full
    tx_power_dbm: int | None = None
    connected: bool = False  # connected through us, so it may be silent: what was heard of it last, if anything


class LinkTraits(Struct, frozen=True, kw_only=True):
    """What a link can do."""

    operations: frozenset[str]  # names as `model.operation.kind_of` gives them
    bypass: bool = False  # a write without response overtakes a pending request on any characteristic
    bypass_other: bool = False  # the same, but only on another characteristic than the pending one
    aside: frozenset[str] = frozenset()  # operations that use no ATT bearer: they run beside any other
    unanswered: frozenset[str] = (
        frozenset()
    )  # operations the stack never answers: the link ends them after a while
    forgets: bool = False  # a bond can be forgotten without a connection
    discovers_beside: bool = False  # another connection may be begun once CONNECTED was told of this one
    proves: bool = False  # it knows how secure its connections are; others take no demand but none
    rungs: tuple[Rung, ...] = ()  # what it can do about an adapter that is wedged, mildest first


class ConnectionEvents(Protocol):
    """What a connection tells its owner. All of it is called on the event loop."""

    def progress(self, phase: Phase) -> None:
        """While `Link.connect` runs: SCAN, CONNECTED, DISCOVERED. CONNECT_START is the owner's own.

        CONNECTED: the link is up, and what is left to do concerns this link alone.
        """

    def sighted(self, sighting: Sighting) -> None:
        """While `Link.connect` runs: the advertisement of the device that it had to look for."""

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        """A notification or an indication arrived."""

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        """News of the connection, the answer to nothing: another ATT_MTU, or another attribute table.

        `att_mtu` is in bytes, `table` as `model.gatt.table_digest` makes it; None: as before. A link that does
        not learn of them need not call it. What happens before `connect` has returned, its result shows.
        """

    def pairing(self, *, under_way: bool) -> None:
        """Somebody pairs on the connection from now on, or that is over. Links that hear of neither are silent."""

    def proved(self, proof: Proof) -> None:
        """How secure the connection is, before `connect` returns and whenever it changes; unsaid: not at all."""

    def asking(self) -> Asking | None:
        """Who is asked while we pair on the connection; None: nobody, so there can be no passkey."""

    def lost(self, fault: Fault) -> None:
        """The connection is down, asked for or not. Called exactly once, after `connect` returned."""


class LinkConnection(Protocol):
    """One live connection.

    The owner has one operation running at a time; beside it at most a bypassing stop, and queries that are
    among `LinkTraits.aside`.
    """

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table in force: discovered on this connection, or proved to be still the same."""

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once: no retry, no time-out of its own.

        Raises LinkError, and never anything else but CancelledError from its own caller. Cancelling
        leaves the operation's fate open: the owner then disconnects.
        """

    async def disconnect(self, *, quick: bool = False) -> str:
        """Take the connection down and let go of everything it held. Never raises; may take seconds.

        `quick`: an emergency stop waits for it, so by the quickest means there is; also asked for while another
        call of it is under way. Gives what was used, in words, where a stack has more than one means; else "".
        """


class Link(Protocol):
    """Our door to one adapter of one stack."""

    @property
    def name(self) -> str:
        """The adapter as people know it: its address where there is one."""

    @property
    def traits(self) -> LinkTraits:
        """What it can do."""

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """Take hold of the adapter. `on_adapter(False, fault)` when it goes away later, True when back.

        Raises SettingsError, with what to do, when there is no such adapter, stack or bus.
        """

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """Connect and discover services, once. Raises LinkError.

        What is demanded is proved before anything of the device is read. A connection that proves too little fails
        with `insufficient_security`; without `demand.strict` it is made all the same, in a bounded time.

        The owner calls one at a time and bounds it by cancelling: then the attempt has ended, and a
        connection that came up late is down, when the cancelled call is over.
        """

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard, for so long. Not while connecting."""

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """Do one of `traits.rungs`, once; about that device, where a rung is about one.

        What is lost with it is told as ever. When it returns, the adapter is there again. Raises LinkError when
        it cannot be done, or there is nothing for it to do. The owner bounds it by cancelling.
        """

    async def bonded(self, device: DeviceAddress) -> bool:
        """Whether this adapter has keys of the device. Raises LinkError when that cannot be told now."""

    async def forget(self, device: DeviceAddress) -> None:
        """Give up our half of the bond with a device that is not connected, if there is one.

        Asked of links with `traits.forgets` only. Raises LinkError. The owner bounds it by cancelling.
        """

    async def close(self) -> None:
        """Let go of the adapter; every connection of it is lost."""


class Journal(Protocol):
    """The durable record. Rows become durable in the order in which they were appended."""

    fault: StorageError | None
    """Why it takes no row, while it could not even be opened; None of any other, whatever happens to its rows."""

    flaws: tuple[str, ...]
    """What is missing or was changed as far as a start sees, a sentence each, until somebody accepts it."""

    holds: bool
    """Whether nothing that changes a device may start until then."""

    def append(self, record: Record, on_durable: Callable[[StorageError | None], None] | None = None) -> None:
        """Queue one row; never blocks. `on_durable` is called on the loop, with what went wrong if so."""

    def probe(self, on_durable: Callable[[StorageError | None], None]) -> None:
        """Find out whether a row could be written now, without one. `on_durable` as for `append`."""

    def accept_flaws(self) -> None:
        """Somebody accepted `flaws`, and that is on record: there are none from now on, and it `holds` nothing."""

    def find_key(self, idempotency_key: str) -> str:
        """The command id that was accepted under this key, or an empty string."""

    def records_of(self, command_id: str) -> list[Record]:
        """Every durable row about one command, oldest first."""

    def unresolved(self) -> list[Command]:
        """Commands that ended unknown and have no resolution, oldest first."""

    async def close(self) -> None:
        """Make durable what was appended, then let go of the file."""


class DeviceRules(Struct, frozen=True, kw_only=True):
    """What the settings say about one device, as far as the keeper needs it."""

    address: DeviceAddress
    adapter: str = ""  # the adapter's name in the settings; empty: whichever hears the device best
    others: tuple[str, ...] = ()  # adapters that may be used where that one cannot be, in this order
    safety: bool = False  # latch after an unknown outcome
    linger_us: int = 8_000_000  # how long an idle connection is kept
    security: SecurityLevel = SecurityLevel.NONE  # what a connection has to prove before it is used
    journal_payloads: bool = False  # the journal keeps payloads and values; else their length and SHA-256 only


class DeviceBook(Protocol):
    """Devices, groups and actions by name."""

    def names(self) -> tuple[str, ...]:
        """Every device of the settings, in their order."""

    def name_of(self, device: str) -> str:
        """The one name of a device, however it was spelled: by name or by address.

        Raises UnknownDeviceError, naming near misses.
        """

    def rules(self, device: str) -> DeviceRules:
        """Raises UnknownDeviceError, naming near misses. A bare address is a device of its own."""

    def members(self, scope: str) -> tuple[str, ...]:
        """The devices of a scope: a device's own name, a group's members, or "all"."""

    def actions(self, device: str) -> tuple[str, ...]:
        """The names of the device's actions, for people."""

    def act(self, device: str, action: str, argument: str | float | None) -> Command:
        """The command, without id, that carries an action out.

        Raises UnknownDeviceError, UnsupportedError (no such action), InvalidCommandError (argument).
        """

    def stop(self, device: str) -> Command:
        """The command, without id, of the device's emergency stop; Disconnect where none is declared."""

    def may_repeat(self, device: str, write: Write) -> bool:
        """Whether the device's profile allows this very write to be done twice."""

    def describe(self, command: Command, value: AnswerValue) -> str:
        """What a command's value means to a person ("55 %"); hex bytes where no action decodes it."""


class Observer(Protocol):
    """Told what happens; changes nothing. Called on the event loop, must not block."""

    def accepted(self, command: Command, at_us: int) -> None:
        """A command was taken on."""

    def marked(self, command: Command, mark: PhaseMark) -> None:
        """A command entered a phase."""

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        """A command has its outcome; its marks are all in `outcome.timeline`."""

    def resolved(self, command: Command, resolution: Resolution, at_us: int) -> None:
        """It is known, and on record, what a command that ended unknown did."""

    def connection(self, device: str, state: str, at_us: int) -> None:
        """A device's connection changed: `core.lifecycle.ConnectionState` values."""

    def availability(self, device: str, state: str, at_us: int) -> None:
        """A device is left alone, may be tried again, or is back: `core.lifecycle.Availability` values."""

    def alert(self, alert: Alert, at_us: int) -> None:
        """A gauge crossed its threshold, or is well below it again: once each."""
