"""Leases as their holders see them: a connection that stays until somebody ends it.

Knows holders, and whom to tell what. When a lease ends is decided in `core.leases`.
"""

import asyncio
from collections.abc import Callable
from typing import Self

from msgspec.structs import replace

from gattkeeper.core import events
from gattkeeper.core.effects import LeaseEnded
from gattkeeper.core.own_faults import LEASES_FULL
from gattkeeper.errors import RefusedError, error_for
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, Service
from gattkeeper.model.operation import Composite, Connect, Operation, Unsubscribe, Write
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import AdvertisedRssi
from gattkeeper.runtime.asking import AgentDesk
from gattkeeper.runtime.calls import DeviceKeeper, Hub
from gattkeeper.runtime.device import DEADLINE_S, Device
from gattkeeper.runtime.durations import optional_us, to_us
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.notifications import Notifications
from gattkeeper.runtime.ports import DeviceBook, LinkConnection


class Lease:
    """A program's hold on a device's connection. Made by `Keeper.lease`; `async with` closes it.

    `holder` tells people who that is. Where `renew_within` is not 0, it must be renewed as often, in seconds.
    `timeout` bounds one attempt to connect, `deadline` all of them, in seconds. It is not alone: others may hold
    the same connection; RefusedError when too many do.

    `device` is the device as this lease reaches it: its calls run only while the lease is active, never make a
    connection, and its subscriptions end with it. `on_end` is called once, soon after the lease has ended without
    being closed; `on_update` whenever `services` or `att_mtu` are others than before. Both on the event loop.
    """

    def __init__(self, leases: "Leases", keeper: DeviceKeeper, device: str, name: str, origin: Origin) -> None:
        self.id = name
        self._keeper = LeasedKeeper(self, keeper)
        self.device = Device(self._keeper, device)
        self.origin = origin
        self.fault: Fault | None = None  # why it ended, when that was not the holder's own doing
        self.on_end: Callable[[Fault], None] = lambda _fault: None
        self.on_update: Callable[[], None] = lambda: None
        self.readers: set[Notifications] = set()
        self.connection: LinkConnection | None = None
        self._leases = leases

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def active(self) -> bool:
        """Whether it holds the connection."""
        return self.connection is not None and self in self._leases

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table in force, or the last one; nothing is asked of the device."""
        return () if self.connection is None else self.connection.services

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, or the last one, in bytes."""
        return ATT_MTU_DEFAULT if self.connection is None else self.connection.att_mtu

    async def submit(
        self,
        operation: Operation | Composite,
        *,
        priority: Priority = Priority.NORMAL,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
        idempotent: bool = False,
    ) -> Handle:
        """Queue an operation under the lease: `Keeper.submit`, with its errors. Lengths of time are seconds."""
        return await self._keeper.submit(
            Command(
                device=self.device.name,
                operation=operation,
                priority=priority,
                attempt_timeout_us=optional_us("timeout", timeout),
                deadline_us=to_us("deadline", deadline),
                idempotent=idempotent,
            )
        )

    def renew(self) -> None:
        """The holder is still there: its time begins anew."""
        if self in self._leases:
            self._leases.feed(events.LeaseRenewed(lease=self.id))

    def close(self) -> None:
        """Hold the connection no more; what waits under the lease ends. More than once is the same as once."""
        if self in self._leases:
            self._leases.forget(self)
            self._leases.feed(events.LeaseClosed(lease=self.id))
            self._end_readers(None)

    def _end_readers(self, fault: Fault | None) -> None:
        for reader in self.readers:
            reader.end(fault)

    def ended(self, fault: Fault) -> None:
        """For the keeper: it is over. The holder hears of it when all of this event is done."""
        self._leases.forget(self)
        self.fault = fault
        self._end_readers(fault)
        asyncio.get_running_loop().call_soon(lambda: self.on_end(fault))

    def updated(self) -> None:
        """For the keeper: the connection it holds has another table, or ATT_MTU."""
        asyncio.get_running_loop().call_soon(self.on_update)


class LeasedKeeper:
    """Implements `calls.DeviceKeeper`: its commands and readers belong to a lease."""

    def __init__(self, lease: Lease, keeper: DeviceKeeper) -> None:
        self._lease = lease
        self._keeper = keeper

    @property
    def book(self) -> DeviceBook:
        """See `DeviceKeeper`."""
        return self._keeper.book

    @property
    def hub(self) -> "LeasedHub":
        """See `DeviceKeeper`."""
        return LeasedHub(self._lease.readers, self._keeper.hub)

    @property
    def agents(self) -> AgentDesk:
        """See `DeviceKeeper`."""
        return self._keeper.agents

    @property
    def closing(self) -> bool:
        """See `DeviceKeeper`."""
        return self._keeper.closing

    async def submit(self, command: Command) -> Handle:
        """The command, under the lease. An Unsubscribe outlives it: nothing is left at the device.

        Who holds a lease may know nothing of the device's profile: what that allows to be repeated, may be.
        """
        operation = command.operation
        known = isinstance(operation, Write) and self.book.may_repeat(command.device, operation)
        return await self._keeper.submit(
            replace(
                command,
                lease="" if isinstance(operation, Unsubscribe) else self._lease.id,
                idempotent=command.idempotent or known,
                survive_reconnect=False,
                origin=self._lease.origin,
            )
        )

    def advertised_rssi(self, device: str) -> AdvertisedRssi | None:
        """See `DeviceKeeper`."""
        return self._keeper.advertised_rssi(device)

    def cancel(self, command_id: str, *, origin: Origin | None = None) -> bool:
        """See `DeviceKeeper`."""
        return self._keeper.cancel(command_id, origin=origin)


class LeasedHub:
    """Implements `calls.Hub`: remembers which readers end with the lease."""

    def __init__(self, readers: set[Notifications], hub: Hub) -> None:
        self._readers = readers
        self._hub = hub

    def add(self, device: str, reader: Notifications) -> None:
        """See `Hub`."""
        self._readers.add(reader)
        self._hub.add(device, reader)

    def remove(self, device: str, reader: Notifications) -> bool:
        """See `Hub`."""
        self._readers.discard(reader)
        return self._hub.remove(device, reader)


def connect_of(device: str, timeout: float | None, deadline: float, priority: Priority, origin: Origin) -> Command:
    """The command that makes a lease active; lengths of time are seconds."""
    return Command(
        device=device,
        operation=Connect(),
        priority=priority,
        attempt_timeout_us=optional_us("timeout", timeout),
        deadline_us=to_us("deadline", deadline),
        origin=origin,
    )


class Leases:
    """Every lease of a keeper that is open, and the connections there are, by device."""

    def __init__(self, feed: Callable[[events.Event], None]) -> None:
        self.feed = feed
        self._open: dict[str, Lease] = {}
        self._connections: dict[str, LinkConnection] = {}
        self._count = 0

    def __contains__(self, lease: Lease) -> bool:
        return lease.id in self._open

    def forget(self, lease: Lease) -> None:
        """It is over."""
        del self._open[lease.id]

    def up(self, device: str, connection: LinkConnection) -> None:
        """A connection is about to be used."""
        self._connections[device] = connection

    def updated(self, device: str) -> None:
        """News of a device's connection: its holders may want to look."""
        for lease in self._open.values():
            if lease.device.name == device and lease.active:
                lease.updated()

    def ended(self, effect: LeaseEnded) -> None:
        """The core ended a lease."""
        if effect.lease in self._open:
            self._open[effect.lease].ended(effect.fault)

    async def hold(self, keeper: DeviceKeeper, connect: Command, holder: str, renew_within: float) -> Lease:
        """See `Keeper.lease`: connect, in the name of a lease."""
        renew_within_us = to_us("renew_within", renew_within) if renew_within else 0
        self._count += 1
        name, device = f"l{self._count}", connect.device
        lease = self._open[name] = Lease(self, keeper, device, name, connect.origin)
        self.feed(events.LeaseOpened(device=device, lease=name, holder=holder, renew_within_us=renew_within_us))
        if lease.fault is LEASES_FULL:
            raise RefusedError(str(lease.fault))
        try:
            outcome = await lease.device.run(connect)
        except BaseException:
            lease.close()
            raise
        lease.connection = self._connections[device]
        if lease.fault is not None:  # it went as soon as it had come
            raise error_for(
                replace(outcome, verdict=Verdict.NOT_DELIVERED, cause=Cause.NEVER_SENT, fault=lease.fault)
            )
        return lease
