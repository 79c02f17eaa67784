"""Passes on what the pump tells: to callers, to watchers, to readers of notifications.

Knows who listens. A watcher that fails is logged and changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from gattkeeper.core import effects
from gattkeeper.errors import (
    LatchedError,
    QueueClosedError,
    QueueFullError,
    RefusedError,
    StoppedError,
    StorageError,
)
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Outcome, PhaseMark, Resolution
from gattkeeper.model.status import Alert
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.notifications import NotificationHub
from gattkeeper.runtime.ports import Link, Observer
from gattkeeper.runtime.raised import RaisedAlerts
from gattkeeper.runtime.ways import Ways

_log = logging.getLogger(__name__)

_REFUSALS: dict[effects.Refusal, type[RefusedError]] = {
    effects.Refusal.QUEUE_FULL: QueueFullError,
    effects.Refusal.CLOSED: QueueClosedError,
    effects.Refusal.STOPPED: StoppedError,
    effects.Refusal.LATCHED: LatchedError,
}


class Switchboard:
    """Implements `pump.PumpListener`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        hub: NotificationHub,
        observers: Sequence[Observer],
        ways: Ways,
    ) -> None:
        self.moved = asyncio.Event()  # set whenever something ended or a connection changed
        self.raised = RaisedAlerts()
        self._ledger = ledger
        self._hub = hub
        self._observers = tuple(observers)
        self._ways = ways

    def route(self, device: str, adapter: str) -> tuple[Link, DeviceAddress]:
        """See `PumpListener`."""
        return self._ways.link(adapter), self._ways[device].address

    def keeps_payloads(self, device: str) -> bool:
        """See `PumpListener`."""
        return self._ways[device].journal_payloads

    def accepted(self, command: Command, at_us: int) -> None:
        """See `PumpListener`."""
        for observer in self._observers:
            self._tell(observer.accepted, command, at_us)

    def durable(self, command_id: str, error: StorageError | None) -> None:
        """See `PumpListener`."""
        handle = self._ledger.find(command_id)
        if handle is not None:
            handle.settle(error)
            if error is not None and not handle.command.stop:
                self._ledger.strike(handle)

    def refused(self, command_id: str, refusal: effects.Refusal, text: str) -> None:
        """See `PumpListener`."""
        handle = self._ledger.live(command_id)
        if handle is not None:
            handle.settle(_REFUSALS[refusal](text))
            self._ledger.strike(handle)

    def marked(self, command: Command, mark: PhaseMark) -> None:
        """See `PumpListener`."""
        for observer in self._observers:
            self._tell(observer.marked, command, mark)

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        """See `PumpListener`."""
        handle = self._ledger.close(command.id)
        if handle is not None:
            handle.end(outcome)
        for observer in self._observers:
            self._tell(observer.ended, command, outcome, at_us)
        self.moved.set()

    def resolves(self, command_id: str) -> bool:
        """See `PumpListener`."""
        return self._ledger.resolve(command_id)

    def resolved(self, command: Command, resolution: Resolution, at_us: int, error: StorageError | None) -> None:
        """See `PumpListener`."""
        if error is not None:
            self._ledger.reopen(command.id)
            return
        self._ledger.resolved(resolution)
        for observer in self._observers:
            self._tell(observer.resolved, command, resolution, at_us)

    def connection(self, device: str, state: str, at_us: int) -> None:
        """See `PumpListener`."""
        for observer in self._observers:
            self._tell(observer.connection, device, state, at_us)
        self.moved.set()

    def availability(self, device: str, state: str, at_us: int) -> None:
        """See `PumpListener`."""
        for observer in self._observers:
            self._tell(observer.availability, device, state, at_us)

    def alert(self, alert: Alert, at_us: int) -> None:
        """See `PumpListener`."""
        self.raised.note(alert)
        for observer in self._observers:
            self._tell(observer.alert, alert, at_us)

    def notification(self, device: str, characteristic: Characteristic, payload: bytes) -> None:
        """See `PumpListener`."""
        self._hub.push(device, characteristic, payload)

    def subscription_ended(self, device: str, target: CharacteristicRef, fault: Fault) -> None:
        """See `PumpListener`."""
        self._hub.end(device, target, fault)

    def _tell(self, what: Callable[..., None], *news: object) -> None:
        try:
            what(*news)
        except Exception:  # noqa: BLE001 - whatever a watcher does wrong, the commands go on
            _log.exception("a watcher failed; the command it watched goes on")
