"""A device as a library user holds it: calls that read like sequential code.

Knows how a call becomes a command, and an outcome a value or an exception.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

from msgspec.structs import replace

from gattkeeper.errors import (
    CommandNotDeliveredError,
    ConflictError,
    RefusedError,
    StorageError,
)
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.gatt import Service
from gattkeeper.model.operation import (
    KIND_CONFLICT,
    Composite,
    Connect,
    Disconnect,
    DiscoverServices,
    LongWrite,
    Operation,
    Pair,
    Phy,
    Read,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    Sequence,
    Step,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Unsubscribe,
    Write,
    WriteThenWait,
)
from gattkeeper.model.outcome import ConnectionParameters, Outcome, Phys
from gattkeeper.model.status import AdvertisedRssi
from gattkeeper.runtime.asking import PairingAgent
from gattkeeper.runtime.calls import (
    DeviceKeeper,
    Pointer,
    answer_of,
    member,
    mode_of,
    mtu_request,
    pace_request,
    phy_request,
    priority_request,
    success_of,
    target_of,
    write_of,
)
from gattkeeper.runtime.durations import optional_us, to_us
from gattkeeper.runtime.notifications import Notifications

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

    def __init__(self, keeper: DeviceKeeper, name: str) -> None:
        self._keeper = keeper
        self.name = name

    def __repr__(self) -> str:
        return f"Device({self.name!r})"

    async def run(self, command: Command) -> Outcome:
        """Submit a command and wait for its outcome; raise unless it succeeded."""
        return await success_of(self._keeper, await self._keeper.submit(command))

    async def _do(
        self,
        operation: Operation | Composite,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
        **said: Any,
    ) -> Outcome:
        return await self.run(
            Command(
                device=self.name,
                operation=operation,
                priority=priority,
                attempt_timeout_us=optional_us("timeout", timeout),
                deadline_us=to_us("deadline", deadline),
                **said,
            )
        )

    async def read(
        self,
        characteristic: Pointer,
        *,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
    ) -> bytes:
        """Read a characteristic's value, as the bytes the device gave."""
        outcome = await self._do(Read(target=target_of(characteristic)), priority, timeout, deadline)
        return answer_of(bytes, outcome.value)

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
        """Write 1 to 512 bytes to a characteristic: all or nothing, also where several requests carry them.

        `response=False` asks for no acknowledgement: the verdict is `sent` at best, and ATT_MTU - 3 bytes are
        the most. `idempotent=True` is
        the licence to repeat the write after an attempt that ended unclear. Of the writes waiting with
        one `coalesce_key` only the newest stays. `survive_reconnect` lets it wait on when the link is lost.
        """
        return await self._do(
            write_of(characteristic, payload, response=response),
            priority,
            timeout,
            deadline,
            queue_timeout_us=optional_us("queue_timeout", queue_timeout),
            idempotent=idempotent,
            coalesce_key=coalesce_key,
            survive_reconnect=survive_reconnect,
            idempotency_key=idempotency_key,
        )

    async def write_then_wait(
        self,
        characteristic: Pointer,
        payload: bytes,
        *,
        answer: Pointer,
        starts_with: bytes = b"",
        timeout: float = 5.0,
        response: bool = True,
        priority: Priority = Priority.NORMAL,
        deadline: float = DEADLINE_S,
        idempotent: bool = False,
        survive_reconnect: bool = False,
        idempotency_key: str = "",
    ) -> bytes:
        """Write 1 to 512 bytes, and wait for the notification that answers: returns its payload.

        It is the first one of `answer` that begins with `starts_with` and arrives after the write was handed over,
        also when that is before the write was acknowledged. The subscription it takes is made first, and ends with
        the connection. Readers of `subscribe` get the value as well. Nothing else of the device's queue runs
        meanwhile, but an emergency stop does, and ends the wait.

        `timeout` seconds bound the wait once the write is acknowledged. When they are over, or the link is lost,
        CommandUnknownError is raised: the device has the write, and has not said what it made of it.
        `idempotent` and `survive_reconnect` as for `write`, until the write is acknowledged.
        """
        operation = WriteThenWait(
            write=write_of(characteristic, payload, response=response),
            answer=target_of(answer),
            starts_with=bytes(starts_with),
            timeout_us=to_us("timeout", timeout),
        )
        outcome = await self._do(
            operation,
            priority,
            None,
            deadline,
            idempotent=idempotent,
            survive_reconnect=survive_reconnect,
            idempotency_key=idempotency_key,
        )
        return answer_of(bytes, outcome.value)

    async def act(self, action: str, argument: str | float | None = None, *, idempotency_key: str = "") -> Outcome:
        """Carry out an action of the device's profile: `await lounge.act("set_position", 73)`."""
        command = self._keeper.book.act(self.name, action, argument)
        return await self.run(replace(command, idempotency_key=idempotency_key))

    async def long_write(
        self,
        characteristic: Pointer,
        payload: bytes,
        *,
        response: bool = True,
        atomic: bool = False,
        idempotent: bool = False,
        survive_reconnect: bool = False,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
    ) -> Outcome:
        """Write 1 to 16384 bytes as several writes of ATT_MTU - 3 bytes, for a device whose protocol joins them.

        This is not the prepared write of ATT: each chunk takes effect by itself. Chunks are as long as the
        connection they go on allows. A chunk that failed is tried again, and the rest follows it, where `write`
        would try again: with `survive_reconnect` also on the next connection. Between chunks a command of higher
        priority may run, unless `atomic`: then nothing but an emergency stop may, and once the first chunk was
        carried out none is tried again. `timeout` bounds each chunk, in seconds.

        When it ends early no further chunk goes out, and `.outcome.progress` says how many were answered well;
        with one at least the verdict is unknown, cause `partly` where it is clear which.
        """
        operation = LongWrite(
            target=target_of(characteristic),
            payload=bytes(payload),
            mode=mode_of(response=response),
            atomic=atomic,
        )
        return await self._do(
            operation, priority, timeout, deadline, idempotent=idempotent, survive_reconnect=survive_reconnect
        )

    async def sequence(
        self,
        *steps: Step,
        undo: Write | None = None,
        lease: float = 10.0,
        idempotent: bool = False,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
    ) -> Outcome:
        """Carry out 1 to 64 reads and writes of `model.operation` with nothing of anybody else's between them.

        Only an emergency stop of the device may come between. The first step that fails ends it: the rest is
        never sent, `.outcome.progress` says how many steps were answered well and `.outcome.fault` why the next
        was not. A step is tried again only while none has been carried out. It is delivered when every step was
        (sent, when one went without response), and not delivered when none that changes the device can have run;
        else it is unknown: with cause `partly` when it is clear which steps ran. `.values` holds what each step
        brought: bytes of a read, None of a write.

        `undo` is written, as the command `<id>-undo`, when any of it may have run and not all of it did, also
        after a cancel; before whatever else waits, but after a running emergency stop, and never behind a latched
        one. `lease` seconds bound all steps together, `timeout` each of them. `idempotent=True` is the licence to
        repeat the first step, and the undo, after an attempt that ended unclear.
        """
        operation = Sequence(steps=steps, undo=undo, lease_us=to_us("lease", lease))
        return await self._do(operation, priority, timeout, deadline, idempotent=idempotent)

    @asynccontextmanager
    async def subscribe(
        self,
        characteristic: Pointer,
        *,
        kind: SubscriptionKind | str = SubscriptionKind.EITHER,
        priority: Priority = Priority.NORMAL,
    ) -> AsyncIterator[Notifications]:
        """Notifications, or indications, of a characteristic while the block runs.

        `async with lounge.subscribe("2a37") as values: async for payload in values: …`. Several
        subscribers share one registration at the device. It is restored after a reconnect, before
        anything else runs. `kind` is "notify", "indicate" or "either", for a characteristic that has
        both and a stack that leaves the choice. Raises ConflictError when the link has one of the other kind.
        """
        wanted = Subscribe(target=target_of(characteristic), kind=member(SubscriptionKind, "kind", kind))
        target = wanted.target
        reader = Notifications(target)
        self._keeper.hub.add(self.name, reader)  # before the device is asked: no first value is lost
        try:
            await self._subscribe(wanted, priority)
            yield reader
        finally:
            if self._keeper.hub.remove(self.name, reader) and not self._keeper.closing:
                with suppress(RefusedError, StorageError):  # the keeper has other worries
                    await self._keeper.submit(Command(device=self.name, operation=Unsubscribe(target=target)))

    async def _subscribe(self, wanted: Subscribe, priority: Priority) -> None:
        try:
            await self._do(wanted, priority)
        except CommandNotDeliveredError as error:
            fault = error.outcome.fault
            if fault is not None and fault.name == KIND_CONFLICT:
                raise ConflictError(str(fault)) from error
            raise

    async def connect(self, *, timeout: float | None = None) -> None:
        """Bring the connection up and discover the services; it is kept for the linger time."""
        await self._do(Connect(), timeout=timeout)

    async def disconnect(self) -> None:
        """Cancel what waits for the device and take the connection down."""
        await self._do(Disconnect())

    async def services(self) -> tuple[Service, ...]:
        """Discover services, characteristics and descriptors."""
        return answer_of(tuple, (await self._do(DiscoverServices())).value)

    async def request_mtu(self, att_mtu: int = 517) -> int:
        """Ask for an ATT_MTU of 23 to 517 bytes; returns the one in force. Raises InvalidCommandError."""
        return answer_of(int, (await self._do(mtu_request(att_mtu))).value)

    async def rssi(self) -> int:
        """The connection's signal strength in dBm. Raises UnsupportedError where the stack cannot tell."""
        return answer_of(int, (await self._do(ReadRssi())).value)

    @property
    def advertised_rssi(self) -> AdvertisedRssi | None:
        """How strongly it was heard when it last advertised, on any stack; None: it was not. No scan is begun."""
        return self._keeper.advertised_rssi(self.name)

    async def pair(self, agent: PairingAgent | None = None) -> None:
        """Pair with the device, or encrypt with the bond there is. `agent` is asked instead of the keeper's own.

        Raises ConflictError while another caller's agent is asked about the device.
        """
        with self._keeper.agents.on_behalf(self.name, agent) if agent is not None else nullcontext():
            await self._do(Pair())

    async def unpair(self) -> None:
        """Forget our half of the bond with the device; its connection ends. The device keeps its half."""
        await self._do(Unpair())

    async def phy(self) -> Phys:
        """The PHY in each direction. Raises UnsupportedError where the stack cannot tell."""
        return answer_of(Phys, (await self._do(ReadPhy())).value)

    async def set_phy(self, *, tx: Phy | str | None = None, rx: Phy | str | None = None) -> Phys:
        """Ask for a PHY towards the device (tx) and from it (rx): "1m", "2m", "coded", None for no preference.

        Returns those in force then: the device has a say in it. Raises InvalidCommandError for other names,
        UnsupportedError where the stack cannot ask.
        """
        return answer_of(Phys, (await self._do(phy_request(tx, rx))).value)

    async def request_connection_parameters(
        self, *, interval_min: float, interval_max: float, latency: int = 0, supervision_timeout: float = 5.0
    ) -> ConnectionParameters | None:
        """Ask for another pace of the connection; the one in force then, None where the stack never says.

        The interval, in seconds, is chosen between the two, 0.0075 to 4 by 0.00125. `latency` is how many
        connection events the device may sleep through, up to 499. After `supervision_timeout` seconds of silence,
        0.1 to 32 by 0.01, the connection is lost; it must be longer than twice the longest sleep.

        Raises InvalidCommandError for other figures, UnsupportedError where the stack cannot ask.
        """
        wanted = pace_request(
            interval_min=interval_min,
            interval_max=interval_max,
            latency=latency,
            supervision_timeout=supervision_timeout,
        )
        return await self._change_pace(wanted)

    async def request_connection_priority(self, priority: str) -> ConnectionParameters | None:
        """Ask for the pace that Android has under this name: high, balanced or low_power.

        Returns the one in force then, None where the stack never says.
        Raises InvalidCommandError for other names, UnsupportedError where the stack cannot ask.
        """
        return await self._change_pace(priority_request(priority))

    async def _change_pace(self, wanted: RequestConnectionParameters) -> ConnectionParameters | None:
        value = (await self._do(wanted)).value
        return None if value is None else answer_of(ConnectionParameters, value)
