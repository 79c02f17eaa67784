"""Leases of one connection of the socket: what its client holds, until the client lets go, or is gone.

Knows who may name which lease. What a lease is stands in `runtime.leases`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import msgspec

from gattkeeper.errors import CommandError, UsageError
from gattkeeper.fronts import answers
from gattkeeper.fronts.answers import Answer
from gattkeeper.fronts.socket import requests
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.operation import Connect
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.leases import Lease

RENEW_WITHIN_S = 30.0
"""A client that is frozen, or blocks its own loop, for so long holds nothing any more. It renews more often."""

OVER_KEPT = 256
"""Leases that are over of which a connection still knows that they were its own."""


class Holdings:
    """The leases of one connection."""

    def __init__(self) -> None:
        self._open: dict[str, Lease] = {}
        self._over: deque[str] = deque(maxlen=OVER_KEPT)

    @contextmanager
    def keep(self, lease: Lease) -> Iterator[None]:
        """Know a lease while the block runs, and close it then."""
        self._open[lease.id] = lease
        try:
            yield
        finally:
            del self._open[lease.id]
            self._over.append(lease.id)
            lease.close()

    def check(self, lease: str) -> None:
        """Raises UsageError for a lease that is, or was, none of this connection."""
        if lease and lease not in self._open and lease not in self._over:
            raise UsageError(f"{lease!r} is no lease of this connection")

    def lease(self, name: str) -> Lease:
        """One that is held now. Raises UsageError."""
        if name not in self._open:
            raise UsageError(f"{name!r} is not held on this connection, or not any more")
        return self._open[name]


async def hold(
    keeper: Keeper, request: requests.Hold, origin: Origin, held: Holdings
) -> AsyncGenerator[Answer, None]:
    """Hold a device until the request is ended; answered once it is connected, and when the lease ends."""
    priority = Priority.NORMAL if request.priority is None else Priority[request.priority.upper()]
    holder = request.holder.strip() or origin.principal
    try:
        lease = await keeper.lease(
            request.device,
            holder=holder if origin.pid is None else f"{holder} (pid {origin.pid})",
            renew_within=RENEW_WITHIN_S,
            timeout=request.timeout,
            deadline=request.deadline,
            priority=priority,
            origin=origin,
        )
    except CommandError as error:
        connect = Command(device=request.device, operation=Connect(), label="connect")
        yield {"outcome": answers.outcome_answer(keeper.book, connect, error.outcome)}
        return
    with held.keep(lease):
        news = asyncio.Event()
        lease.on_update = news.set
        lease.on_end = lambda _fault: news.set()
        told = {"lease": lease.id, "device": lease.device.name, "renew_within": RENEW_WITHIN_S}
        yield {"held": {**told, **_table(lease)}}
        while lease.fault is None:
            await news.wait()
            news.clear()
            if lease.fault is None:
                yield {"updated": _table(lease)}
        yield {"ended": msgspec.to_builtins(lease.fault)}


def _table(lease: Lease) -> Answer:
    return {"att_mtu": lease.att_mtu, "services": msgspec.to_builtins(lease.services)}
