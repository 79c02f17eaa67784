"""The drop-in with a keeper in the same process and event loop.

Knows `Keeper.lease`, and that values go from the link to the program's callback in one call.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from gattkeeper.bleak.doors import WAIT_S, Hold
from gattkeeper.bleak.hints import Hints
from gattkeeper.errors import RefusedError, StorageError
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import CharacteristicRef, Service
from gattkeeper.model.operation import Operation, Subscribe, Unsubscribe
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.calls import success_of
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.leases import Lease
from gattkeeper.runtime.ports import Sighting

_log = logging.getLogger(__name__)


class _Pusher:
    """Implements `notifications.Reader`: gives each value to a callback at once."""

    def __init__(self, target: CharacteristicRef, push: Callable[[bytes], None]) -> None:
        self.target = target
        self._push = push

    def push(self, payload: bytes) -> None:
        try:
            self._push(payload)
        except Exception:  # noqa: BLE001 - the program's own trouble, the keeper goes on
            _log.exception("a notification callback failed")

    def end(self, fault: Fault | None = None) -> None:
        """The connection's end says it as well."""


class _Held:
    """A lease as a `Hold`."""

    def __init__(self, keeper: Keeper, lease: Lease) -> None:
        self._keeper = keeper
        self._lease = lease
        self._pushers: dict[CharacteristicRef, _Pusher] = {}

    @property
    def name(self) -> str:
        return self._lease.device.name

    @property
    def active(self) -> bool:
        return self._lease.active

    @property
    def services(self) -> tuple[Service, ...]:
        return self._lease.services

    @property
    def att_mtu(self) -> int:
        return self._lease.att_mtu

    async def run(self, operation: Operation, hints: Hints) -> AnswerValue:
        handle = await self._lease.submit(operation, priority=hints.priority, idempotent=hints.idempotent)
        return (await success_of(self._keeper, handle)).value

    async def subscribe(self, target: CharacteristicRef, hints: Hints, push: Callable[[bytes], None]) -> None:
        pusher = self._pushers[target] = _Pusher(target, push)
        self._keeper.hub.add(self.name, pusher)  # before the device is asked: no first value is lost
        try:
            await self.run(Subscribe(target=target), hints)
        except BaseException:
            self._silence(target)
            raise

    async def unsubscribe(self, target: CharacteristicRef, hints: Hints) -> None:
        if self._silence(target):
            await self.run(Unsubscribe(target=target), hints)

    def _silence(self, target: CharacteristicRef) -> bool:
        """No more for us; whether nobody else wants it either."""
        pusher = self._pushers.pop(target, None)
        return pusher is not None and self._keeper.hub.remove(self.name, pusher)

    def silence(self) -> None:
        """No more of anything."""
        for target in tuple(self._pushers):
            self._silence(target)

    async def close(self) -> None:
        for target in tuple(self._pushers):
            if self._silence(target) and self._lease.active:
                with suppress(RefusedError, StorageError):  # the keeper has other worries
                    await self._lease.submit(Unsubscribe(target=target))
        self._lease.close()


class InProcess:
    """A `Door` to a keeper of this event loop."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def hold(
        self, device: str, *, holder: str, timeout: float, hints: Hints, on_end: Callable[[], None]
    ) -> Hold:
        """See `Door`."""
        lease = await self._keeper.lease(
            device, holder=holder, timeout=timeout, deadline=timeout + WAIT_S, priority=hints.priority
        )
        held = _Held(self._keeper, lease)

        def ended(_fault: Fault) -> None:
            held.silence()
            on_end()

        lease.on_end = ended
        return held

    async def unpair(self, device: str) -> None:
        """See `Door`."""
        await self._keeper.device(device).unpair()

    def scan(self) -> AsyncGenerator[Sighting, None]:
        """See `Door`."""
        return self._keeper.scan(None)

    async def problem_with_scan(self) -> str:
        """See `Door`."""
        adapter = next(iter(self._keeper.status().adapters))
        return "" if adapter.up else f"the adapter {adapter.name} is not there"

    async def close(self) -> None:
        """See `Door`. The keeper is its owner's."""
