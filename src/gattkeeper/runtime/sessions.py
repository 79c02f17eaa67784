"""One device's connection as the pump holds it: tasks around a link, and what they tell the scheduler.

Knows how to start, bound and abandon calls into a stack. Decides nothing: every end becomes an event.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from gattkeeper.core import events
from gattkeeper.core.own_faults import TABLE_CHANGED
from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, Service, table_digest
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation, names_handle
from gattkeeper.model.outcome import Phase
from gattkeeper.model.security import Demand, Proof
from gattkeeper.runtime.asking import AgentDesk, Asking
from gattkeeper.runtime.hearing import Hearing
from gattkeeper.runtime.leases import Leases
from gattkeeper.runtime.ports import Link, LinkConnection, Sighting

DISCONNECT_TIMEOUT_S = 12.0
"""A polite disconnect, by default: BlueZ waits 2 s before it cuts the link, Bleak up to 10 s for the news."""

ABANDON_TIMEOUT_S = 5.0
"""How long a cancelled call into a stack may take to end, before the second cancel and after it."""

_ABANDONED = Fault(kind=FaultKind.CANCELLED, ran=Ran.NO, stack="keeper", name="abandoned")
_STUCK = Fault(
    kind=FaultKind.WEDGED,
    ran=Ran.NO,
    stack="keeper",
    name="stuck",
    text="the stack ignores that its call was cancelled",
)


def unexpected(error: BaseException, ran: Ran) -> Fault:
    """A link broke its promise to raise only LinkError; the fault carries what it raised instead."""
    return Fault(kind=FaultKind.UNLISTED, ran=ran, stack="link", name=type(error).__name__, text=str(error)[:200])


class Session:
    """One epoch of one device. Implements `ports.ConnectionEvents`."""

    def __init__(
        self,
        *,
        device: str,
        adapter: str,
        epoch: int,
        feed: Callable[[events.Event], None],
        jitter: Callable[[], float],
        on_notification: Callable[[events.Notified], None],
        disconnect_timeout_s: float = DISCONNECT_TIMEOUT_S,
        agents: AgentDesk | None = None,
        hearing: Hearing | None = None,
        leases: Leases | None = None,
    ) -> None:
        self._device = device
        self._adapter = adapter
        self._epoch = epoch
        self._feed = feed
        self._jitter = jitter
        self._on_notification = on_notification
        self._disconnect_timeout_s = disconnect_timeout_s
        self._agents = agents
        self._hearing = hearing
        self._leases = leases
        self._connection: LinkConnection | None = None
        self._up = False  # the scheduler was told
        self._over = False  # nothing of this session counts any more
        self._early_loss: Fault | None = None
        self._proof = Proof()
        self._tasks: set[asyncio.Task[None]] = set()
        self._performing: dict[int, asyncio.Task[None]] = {}  # by token
        self._connecting: asyncio.Task[None] | None = None
        self._route: tuple[Link, DeviceAddress] | None = None

    def progress(self, phase: Phase) -> None:
        """See `ports.ConnectionEvents`."""
        if not self._over:
            self._feed(events.ConnectProgressed(device=self._device, epoch=self._epoch, phase=phase))

    def sighted(self, sighting: Sighting) -> None:
        """See `ports.ConnectionEvents`."""
        if self._hearing is not None:
            self._hearing.note(sighting)

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        """See `ports.ConnectionEvents`."""
        if not self._over:
            self._on_notification(
                events.Notified(
                    device=self._device, epoch=self._epoch, characteristic=characteristic, payload=payload
                )
            )

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        """See `ports.ConnectionEvents`."""
        if self._up and not self._over:
            self._feed(
                events.ConnectionUpdated(device=self._device, epoch=self._epoch, att_mtu=att_mtu, table=table)
            )
            if self._leases is not None:
                self._leases.updated(self._device)

    def pairing(self, *, under_way: bool) -> None:
        """See `ports.ConnectionEvents`."""
        if not self._over:
            kind = events.PairingStarted if under_way else events.PairingEnded
            self._feed(kind(device=self._device, epoch=self._epoch))
            if not under_way and self._route is not None:
                self._spawn(self._look_at_bond(*self._route))

    def proved(self, proof: Proof) -> None:
        """See `ports.ConnectionEvents`."""
        self._proof = proof
        if self._up and not self._over:
            self._feed(events.ConnectionUpdated(device=self._device, epoch=self._epoch, proof=proof))

    def asking(self) -> Asking | None:
        """See `ports.ConnectionEvents`."""
        return None if self._agents is None else self._agents.asking(self._device)

    def lost(self, fault: Fault) -> None:
        """See `ports.ConnectionEvents`."""
        if not self._up:
            self._early_loss = fault
        elif not self._over:
            self._feed(
                events.ConnectionLost(device=self._device, epoch=self._epoch, fault=fault, jitter=self._jitter())
            )

    def start(self, link: Link, address: DeviceAddress, demand: Demand) -> None:
        """Connect; ends in `Connected` or `ConnectFailed`."""
        self._route = link, address
        self._connecting = self._spawn(self._connect(link, address, demand))

    def abandon(self) -> None:
        """End the attempt; `ConnectFailed` when nothing is left of it, or when the stack is stuck."""
        self._over = True
        self._spawn(self._abandon())

    def dispatch(self, token: int, operation: Operation) -> None:
        """Run an operation; ends in `Answered` or `Failed`."""
        if self._connection is not None:
            work = self._perform(token, operation, self._connection, self._connection.services)
            self._performing[token] = asyncio.get_running_loop().create_task(work)

    def disconnect(self, *, quick: bool = False) -> None:
        """Let go of everything; `DisconnectDone` in any case."""
        self._over = True
        running = {*self._tasks, *self._performing.values()}
        self._tasks, self._performing = set(), {}
        for task in running:
            task.cancel()
        self._spawn(self._disconnect(running, quick=quick))

    def hurry(self) -> None:
        """Let go of it quickly from now on; that it is done the first call tells."""
        if self._connection is not None:
            self._spawn(self._hurry(self._connection))

    async def _hurry(self, connection: LinkConnection) -> None:
        await _let_go(connection, self._disconnect_timeout_s, quick=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _connect(self, link: Link, address: DeviceAddress, demand: Demand) -> None:
        try:
            connection = await link.connect(address, self, demand)
        except LinkError as error:
            self._connect_failed(error.fault)
        except asyncio.CancelledError:
            if not self._over:  # a stack's own cancel, not ours
                self._connect_failed(unexpected(asyncio.CancelledError(), Ran.NO))
        except Exception as error:  # noqa: BLE001 - a broken link must not take the keeper down
            self._connect_failed(unexpected(error, Ran.NO))
        else:
            self._connection = connection
            if self._over:
                await _let_go(connection, self._disconnect_timeout_s)  # it came after we gave up
            elif self._early_loss is not None:
                await _let_go(
                    connection, self._disconnect_timeout_s
                )  # it is gone already; the attempt's own bound holds for this too
                self._connect_failed(replace(self._early_loss, ran=Ran.NO))
            else:
                self._up = True
                if self._leases is not None:
                    self._leases.up(self._device, connection)
                self._feed(
                    events.Connected(
                        device=self._device,
                        epoch=self._epoch,
                        att_mtu=connection.att_mtu,
                        table=table_digest(connection.services),
                        proof=self._proof,
                    )
                )

    def _connect_failed(self, fault: Fault) -> None:
        if not self._over:
            self._over = True
            self._feed(
                events.ConnectFailed(device=self._device, epoch=self._epoch, fault=fault, jitter=self._jitter())
            )

    async def _look_at_bond(self, link: Link, address: DeviceAddress) -> None:
        """After a pairing, however it ended: whether there are keys now."""
        try:
            bonded = await link.bonded(address)
        except LinkError:
            return
        self._feed(events.Bonded(device=self._device, adapter=self._adapter, bonded=bonded))

    async def _abandon(self) -> None:
        stuck = await outlast(self._connecting)
        self._feed(
            events.ConnectFailed(
                device=self._device,
                epoch=self._epoch,
                fault=_STUCK if stuck else _ABANDONED,
                jitter=self._jitter(),
            )
        )

    async def _perform(
        self, token: int, operation: Operation, connection: LinkConnection, services: tuple[Service, ...]
    ) -> None:
        """`services` is the table that was in force when the scheduler decided."""
        fault: Fault | None = None
        value = None
        try:
            if connection.services is services or not names_handle(operation):
                value = await connection.perform(operation)
            else:
                fault = TABLE_CHANGED
        except LinkError as error:
            fault = error.fault
        except asyncio.CancelledError:
            if self._over:
                raise
            fault = unexpected(asyncio.CancelledError(), Ran.MAYBE)
        except Exception as error:  # noqa: BLE001 - a broken link must not take the keeper down
            fault = unexpected(error, Ran.MAYBE)
        if self._over:
            return
        del self._performing[token]  # before anything follows from its end
        if fault is None:
            self._feed(events.Answered(device=self._device, epoch=self._epoch, token=token, value=value))
        else:
            self._feed(
                events.Failed(
                    device=self._device, epoch=self._epoch, token=token, fault=fault, jitter=self._jitter()
                )
            )

    async def _disconnect(self, running: set[asyncio.Task[None]], *, quick: bool) -> None:
        if running:
            await asyncio.wait(running, timeout=ABANDON_TIMEOUT_S)
        means = ""
        if self._connection is not None:
            means = await _let_go(self._connection, self._disconnect_timeout_s, quick=quick)
        self._feed(events.DisconnectDone(device=self._device, epoch=self._epoch, means=means))


async def _let_go(connection: LinkConnection, timeout_s: float, *, quick: bool = False) -> str:
    """Take down what nobody will use, in a bounded time. A link that raises, and must not, changes nothing.

    By which means, as the link tells.
    """
    task = asyncio.get_running_loop().create_task(connection.disconnect(quick=quick))
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        await outlast(task)
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else ""


async def outlast(task: "asyncio.Task[Any] | None") -> bool:
    """Cancel a task, twice if need be, and wait for its end. True: it is stuck and left to itself.

    Bleak's clean-up can swallow the first cancel while BlueZ does not answer; the second ends it.
    """
    for _ in range(2):
        if task is None or task.done():
            break
        task.cancel()
        await asyncio.wait({task}, timeout=ABANDON_TIMEOUT_S)
    if task is None:
        return False
    if task.done():
        if not task.cancelled():
            task.exception()  # looked at, so that nobody reports it as never retrieved
        return False
    return True
