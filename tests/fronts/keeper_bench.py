"""A real keeper on a fake link, behind a real socket: what the tests of the fronts stand on.

The link is the boundary: its device acknowledges every write, at once or when `let_answer` is set.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gattkeeper.core.limits import Limits
from gattkeeper.errors import InvalidCommandError, LinkError, UnknownDeviceError, UnsupportedError
from gattkeeper.fronts.service import Service, Submissions
from gattkeeper.fronts.socket.server import SocketFront, monotonic_us
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import Characteristic, Property, characteristic_ref, normal_uuid
from gattkeeper.model.gatt import Service as GattService
from gattkeeper.model.identity import looks_like_address, parse_address
from gattkeeper.model.operation import Operation, Pair, Read, Subscribe, Write
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import ConnectionEvents, DeviceRules, Journal, LinkTraits, Sighting
from gattkeeper.telemetry.timeline import Timeline

ADDRESSES = {"lounge": "F0:00:00:00:00:01", "kitchen": "F0:00:00:00:00:02"}
OPERATIONS = ("read", "write", "subscribe", "unsubscribe", "connect", "disconnect", "discover_services")


def attribute(uuid: str, handle: int, *properties: Property) -> Characteristic:
    bits = sum(one.value for one in properties)
    return Characteristic(uuid=normal_uuid(uuid), service=normal_uuid("fe50"), handle=handle, properties=bits)


BATTERY = attribute("2a19", 3, Property.READ)
MOTOR = attribute("fe51", 5, Property.WRITE, Property.WRITE_WITHOUT_RESPONSE)
PULSE = attribute("2a37", 7, Property.NOTIFY)
TABLE = (GattService(uuid=normal_uuid("fe50"), handle=1, characteristics=(BATTERY, MOTOR, PULSE)),)


class FakeConnection:
    """A connection whose device has a battery of 55 %, takes every write, and notifies when told."""

    def __init__(self, link: "FakeLink", events: ConnectionEvents) -> None:
        self.att_mtu = 23
        self.services = TABLE
        self._link = link
        self.events = events
        self._is_up = True

    async def perform(self, operation: Operation) -> AnswerValue:
        self._link.performed.append(operation)
        self._link.reached.set()
        if isinstance(operation, Pair) and self._link.on_pair is not None:
            await self._link.on_pair()
        await self._link.let_answer.wait()
        if self._link.refusal is not None:
            raise LinkError(self._link.refusal)
        if isinstance(operation, Subscribe):
            self._link.subscribed.set()
        if isinstance(operation, Write) and self._link.says is not None:
            self.notify(self._link.says)
        return bytes([55]) if isinstance(operation, Read) else None

    def notify(self, payload: bytes) -> None:
        self.events.notification(PULSE, payload)

    async def disconnect(self, *, quick: bool = False) -> str:
        if self._is_up:
            self._is_up = False
            self.events.lost(FAULT)
        return ""


class FakeLink:
    """A link that connects at once, or when `let_connect` is set."""

    name = "fake"

    def __init__(self, operations: tuple[str, ...] = ()) -> None:
        self.traits = LinkTraits(operations=frozenset(OPERATIONS + operations))
        self.on_pair: Callable[[], Awaitable[None]] | None = None  # what a pairing asks
        self.performed: list[Operation] = []
        self.connections: list[FakeConnection] = []
        self.says: bytes | None = None  # what the device notifies when it is written to
        self.refusal: Fault | None = None  # what the device answers to everything
        self.let_answer = asyncio.Event()
        self.let_answer.set()
        self.let_connect = asyncio.Event()
        self.let_connect.set()
        self.reached = asyncio.Event()
        self.subscribed = asyncio.Event()

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        self.on_adapter = on_adapter

    async def connect(self, device: object, events: ConnectionEvents, demand: object = None) -> FakeConnection:
        await self.let_connect.wait()
        self.connections.append(FakeConnection(self, events))
        return self.connections[-1]

    async def scan(self, duration_s: float) -> AsyncIterator[Sighting]:
        for address, name, rssi_dbm in (
            (ADDRESSES["lounge"], "Blind\x1b[2J", -61),
            (ADDRESSES["kitchen"], "", -48),
        ):
            yield Sighting(address=parse_address(address), name=name, rssi_dbm=rssi_dbm)

    async def close(self) -> None:
        for connection in self.connections:
            await connection.disconnect()


class Book:
    """Two blinds that understand `set_position` and `target_percent`."""

    def names(self) -> tuple[str, ...]:
        return tuple(ADDRESSES)

    def name_of(self, device: str) -> str:
        if device not in ADDRESSES and not looks_like_address(device):
            raise UnknownDeviceError(f"no device {device!r}: there is lounge, kitchen")
        return next((name for name, address in ADDRESSES.items() if address == device.upper()), device)

    def rules(self, device: str) -> DeviceRules:
        self.name_of(device)
        return DeviceRules(address=parse_address(ADDRESSES.get(device, device)), linger_us=1_000_000)

    def members(self, scope: str) -> tuple[str, ...]:
        if scope == "all":
            return self.names()
        return (self.name_of(scope),)

    def actions(self, device: str) -> tuple[str, ...]:
        return ("set_position", "target_percent")

    def act(self, device: str, action: str, argument: str | float | None) -> Command:
        self.rules(device)
        if action not in self.actions(device):
            raise UnsupportedError(f"{device} has no action {action!r}: it has set_position, target_percent")
        if isinstance(argument, str) and argument.isdigit():
            argument = int(argument)
        if not isinstance(argument, int | float) or not 0 <= argument <= 100:
            raise InvalidCommandError(f"{action} takes a number from 0 to 100, not {argument!r}")
        operation = Write(target=characteristic_ref("fe51"), payload=bytes([int(argument)]))
        label = f"{action} {argument:g}"
        return Command(device=device, operation=operation, coalesce_key="position", label=label)

    def stop(self, device: str) -> Command:
        operation = Write(target=characteristic_ref("fe51"), payload=b"\xff")
        return Command(device=device, operation=operation, priority=Priority.URGENT, label="stop")

    def may_repeat(self, device: str, write: Write) -> bool:
        return False

    def describe(self, command: Command, value: AnswerValue) -> str:
        return f"{value[0]} %" if isinstance(value, bytes) else str(value)


class Client:
    """A program at the other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, request: object) -> None:
        self.say_bytes(json.dumps(request).encode() + b"\n")

    def say_bytes(self, line: bytes) -> None:
        self.writer.write(line)

    async def hear(self) -> dict:
        line = await self.reader.readline()
        assert line, "the connection ended where an answer was expected"
        return json.loads(line)

    async def ask(self, request: object) -> dict:
        self.say(request)
        return await self.hear()

    async def gone(self) -> bool:
        """Whether the daemon closes the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        return True

    async def leave(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Bench:
    """Everything a test may look at."""

    def __init__(
        self, path: Path, limits: Limits | None, operations: tuple[str, ...], journal: Journal | None
    ) -> None:
        self.path = path
        self.link = FakeLink(operations)
        self.timeline = Timeline()
        self.keeper = Keeper(
            links={"fake": self.link}, book=Book(), observers=(self.timeline,), limits=limits, journal=journal
        )
        self.front = SocketFront(self.keeper, path, timeline=self.timeline)
        self.service = Service(
            keeper=self.keeper,
            submissions=Submissions(self.keeper),
            timeline=self.timeline,
            now_us=monotonic_us,
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=4_000_000)
        client = Client(reader, writer)
        try:
            yield client
        finally:
            await client.leave()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until something has happened; the test's own timeout bounds it."""
        while not condition():
            await asyncio.sleep(0)


FAULT = Fault(kind=FaultKind.LINK_LOST)


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    limits: Limits | None = None,
    operations: tuple[str, ...] = (),
    journal: Journal | None = None,
) -> AsyncIterator[Bench]:
    """A running keeper with its socket at `folder`/run/keeper.sock. `operations`: what its link can do besides."""
    standing = Bench(folder / "run" / "keeper.sock", limits, operations, journal)
    await standing.keeper.start()
    await standing.front.start()
    try:
        async with asyncio.timeout(20):
            yield standing
    finally:
        await standing.front.close()
        standing.link.let_answer.set()
        await standing.keeper.close()
