"""A device as a library user holds it: calls that read like sequential code.

Knows how a call becomes a command, and an outcome a value or an exception.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gattkeeper.errors import InvalidCommandError, RefusedError, StorageError, error_for
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.gatt import CharacteristicRef, Service, characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Read,
    ReadRssi,
    RequestMtu,
    Subscribe,
    Unsubscribe,
    Write,
    WriteMode,
)
from gattkeeper.model.outcome import AnswerValue, Outcome
from gattkeeper.runtime.durations import optional_us, to_us
from gattkeeper.runtime.notifications import Notifications

if TYPE_CHECKING:
    from gattkeeper.runtime.keeper import Keeper

Pointer = str | int | tuple[str, str] | CharacteristicRef
"""A characteristic: UUID ("2a19"), (service, characteristic), or a handle of the current connection."""

DEADLINE_S = 30.0
"""Default bound on waiting, connecting and all attempts of one command together."""


class Device:
    """One device of a keeper. Made by `Keeper.device`.

    Every call waits its turn in the queue, runs once, and is retried only where that is safe. It returns when the
    verdict is delivered or sent. Otherwise it raises `CommandNotDeliveredError` (the device does not
    have it), `CommandUnknownError` (it may have happened), or one of their kin; each has `.outcome`.
    Before anything is queued: `UsageError` for a wrong call, `RefusedError` when it must wait for later,
    `StorageError` when the journal cannot be written. Cancelling the calling task cancels the command.

    `timeout` bounds one attempt, `deadline` everything; both in seconds.
    """

    def __init__(self, keeper: "Keeper", name: str) -> None:
        self._keeper = keeper
        self.name = name

    def __repr__(self) -> str:
        return f"Device({self.name!r})"

    async def run(self, command: Command) -> Outcome:
        """Submit a command and wait for its outcome; raise unless it succeeded."""
        handle = await self._keeper.submit(command)
        try:
            outcome = await handle.wait()
        except asyncio.CancelledError:
            self._keeper.cancel(handle.id)
            raise
        if not outcome.succeeded:
            raise error_for(outcome)
        return outcome

    async def _do(
        self,
        operation: Operation,
        priority: Priority,
        timeout: float | None,
        deadline: float = DEADLINE_S,
    ) -> AnswerValue:
        outcome = await self.run(
            Command(
                device=self.name,
                operation=operation,
                priority=priority,
                attempt_timeout_us=optional_us("timeout", timeout),
                deadline_us=to_us("deadline", deadline),
            )
        )
        return outcome.value

    async def read(
        self,
        characteristic: Pointer,
        *,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
    ) -> bytes:
        """Read a characteristic's value, as the bytes the device gave."""
        value = await self._do(Read(target=_ref(characteristic)), priority, timeout, deadline)
        return value if isinstance(value, bytes) else b""

    async def write(
        self,
        characteristic: Pointer,
        payload: bytes,
        *,
        response: bool = True,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
        queue_timeout: float | None = None,
        idempotent: bool = False,
        coalesce_key: str = "",
        survive_reconnect: bool = False,
        idempotency_key: str = "",
    ) -> Outcome:
        """Write 1 to 512 bytes to a characteristic.

        `response=False` asks for no acknowledgement: the verdict is `sent` at best. `idempotent=True` is
        the licence to repeat the write after an attempt that ended unclear. Of the writes waiting with
        one `coalesce_key` only the newest stays. `survive_reconnect` lets it wait on when the link is lost.
        """
        mode = WriteMode.WITH_RESPONSE if response else WriteMode.WITHOUT_RESPONSE
        return await self.run(
            Command(
                device=self.name,
                operation=Write(target=_ref(characteristic), payload=bytes(payload), mode=mode),
                priority=priority,
                attempt_timeout_us=optional_us("timeout", timeout),
                deadline_us=to_us("deadline", deadline),
                queue_timeout_us=optional_us("queue_timeout", queue_timeout),
                idempotent=idempotent,
                coalesce_key=coalesce_key,
                survive_reconnect=survive_reconnect,
                idempotency_key=idempotency_key,
            )
        )

    async def act(self, action: str, argument: str | float | None = None, *, idempotency_key: str = "") -> Outcome:
        """Carry out an action of the device's profile: `await lounge.act("set_position", 73)`."""
        command = self._keeper.book.act(self.name, action, argument)
        return await self.run(replace(command, idempotency_key=idempotency_key))

    @asynccontextmanager
    async def subscribe(
        self, characteristic: Pointer, *, priority: Priority = Priority.NORMAL
    ) -> AsyncIterator[Notifications]:
        """Notifications, or indications, of a characteristic while the block runs.

        `async with lounge.subscribe("2a37") as values: async for payload in values: …`. Several
        subscribers share one registration at the device. It is restored after a reconnect, before
        anything else runs.
        """
        target = _ref(characteristic)
        reader = Notifications(target)
        self._keeper.hub.add(self.name, reader)  # before the device is asked: no first value is lost
        try:
            await self._do(Subscribe(target=target), priority, None)
            yield reader
        finally:
            if self._keeper.hub.remove(self.name, reader) and not self._keeper.closing:
                with suppress(RefusedError, StorageError):  # the keeper has other worries
                    await self._keeper.submit(Command(device=self.name, operation=Unsubscribe(target=target)))

    async def connect(self, *, timeout: float | None = None) -> None:
        """Bring the connection up and discover the services; it is kept for the linger time."""
        await self._do(Connect(), Priority.NORMAL, timeout)

    async def disconnect(self) -> None:
        """Cancel what waits for the device and take the connection down."""
        await self._do(Disconnect(), Priority.NORMAL, None)

    async def services(self) -> tuple[Service, ...]:
        """Discover services, characteristics and descriptors."""
        value = await self._do(DiscoverServices(), Priority.NORMAL, None)
        return value if isinstance(value, tuple) else ()

    async def request_mtu(self, att_mtu: int = 517) -> int:
        """Ask for an ATT_MTU of 23 to 517 bytes; returns the one in force. Raises InvalidCommandError."""
        if not 23 <= att_mtu <= 517:
            raise InvalidCommandError(f"att_mtu must be from 23 to 517 bytes, not {att_mtu}")
        value = await self._do(RequestMtu(att_mtu=att_mtu), Priority.NORMAL, None)
        return value if isinstance(value, int) else 0

    async def rssi(self) -> int:
        """The connection's signal strength in dBm. Raises UnsupportedError where the stack cannot tell."""
        value = await self._do(ReadRssi(), Priority.NORMAL, None)
        return value if isinstance(value, int) else 0

    async def pair(self) -> None:
        """Pair with the device."""
        await self._do(Pair(), Priority.NORMAL, None)


def _ref(pointer: Pointer) -> CharacteristicRef:
    try:
        return characteristic_ref(pointer)
    except ValueError as error:
        raise InvalidCommandError(str(error)) from None
