"""Carries events to the scheduler and performs what it asks for, all of it, before the next event.

Knows the event loop's clock and who performs which effect. Decides nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from gattkeeper.core import effects, events
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.errors import StorageError
from gattkeeper.model import record
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Outcome, PhaseMark, Resolution
from gattkeeper.model.status import Alert
from gattkeeper.runtime.asking import AgentDesk
from gattkeeper.runtime.forgetting import Forgetting
from gattkeeper.runtime.hearing import Hearing
from gattkeeper.runtime.leases import Leases
from gattkeeper.runtime.ports import Journal, Link
from gattkeeper.runtime.recording import Recorder
from gattkeeper.runtime.recoveries import Recoveries
from gattkeeper.runtime.rows import Rows
from gattkeeper.runtime.sessions import DISCONNECT_TIMEOUT_S, Session

REWRITE_AFTER_S = 1.0
"""How long an outcome that could not be written waits before it is tried again."""

WHO = "gattkeeper"
"""Who found out, where nobody had to decide."""

OWN = Origin(front="keeper")
"""By whom it was handed in then."""


class PumpListener(Protocol):
    """Whom the pump tells what callers and watchers want to know."""

    def accepted(self, command: Command, at_us: int) -> None:
        """Taken on; not durable yet."""

    def durable(self, command_id: str, error: StorageError | None) -> None:
        """The accepted row is durable, or could not be written."""

    def refused(self, command_id: str, refusal: effects.Refusal, text: str) -> None:
        """Nothing was queued."""

    def marked(self, command: Command, mark: PhaseMark) -> None:
        """A command entered a phase."""

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        """The outcome is durable, or could not be written: either way it is the truth."""

    def resolves(self, command_id: str) -> bool:
        """Whether this is the first to find out what an unknown command did: then its row is written next."""

    def resolved(self, command: Command, resolution: Resolution, at_us: int, error: StorageError | None) -> None:
        """The resolution is durable, or could not be written: then nothing is resolved."""

    def connection(self, device: str, state: str, at_us: int) -> None:
        """A connection changed."""

    def availability(self, device: str, state: str, at_us: int) -> None:
        """A device is left alone, may be tried again, or is back."""

    def alert(self, alert: Alert, at_us: int) -> None:
        """A gauge crossed its threshold, or is well below it again."""

    def notification(self, device: str, characteristic: Characteristic, payload: bytes) -> None:
        """A device pushed a value."""

    def subscription_ended(self, device: str, target: CharacteristicRef, fault: Fault) -> None:
        """A subscription is over without its reader's asking."""

    def route(self, device: str, adapter: str) -> tuple[Link, DeviceAddress]:
        """The link of an adapter, and a device's address there."""

    def keeps_payloads(self, device: str) -> bool:
        """Whether the bytes of its commands go on record, or only what they are known by."""


class Pump:
    """One scheduler on one event loop. `feed` may be called from effects and callbacks alike."""

    def __init__(
        self,
        scheduler: Scheduler,
        listener: PumpListener,
        *,
        journal: Journal | None,
        jitter: Callable[[], float],
        disconnect_timeout_s: float = DISCONNECT_TIMEOUT_S,
        recorder: Recorder | None = None,
        agents: AgentDesk | None = None,
        hearing: Hearing | None = None,
        leases: Leases | None = None,
    ) -> None:
        self._disconnect_timeout_s, self._recorder = disconnect_timeout_s, recorder
        self._agents, self._hearing, self._leases = agents, hearing, leases or Leases(self.feed)
        self._scheduler, self._listener = scheduler, listener
        self.rows = Rows(journal, now_us=self.now_us, keeps=listener.keeps_payloads, tell=listener.alert)
        self._jitter, self._loop = jitter, asyncio.get_running_loop()
        self._events, self._running = deque[events.Event](), False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._sessions: dict[str, Session] = {}
        self.recoveries, self.forgetting = Recoveries(self.feed), Forgetting(self.feed, jitter)
        self._owed: dict[str, tuple[record.Record, ...]] = {}  # rows of what was told, to be written in this order
        self._closed = False  # nothing is taken in any more
        self._accepting: dict[str, effects.Finish | None] = {}  # accepted row not durable yet; its end, if early
        self._unrecorded: dict[str, record.Accepted] = {}  # rows that failed; only a stop goes on without
        self._performers: dict[type, Callable[..., None]] = {
            effects.Accept: self._accept,
            effects.Refuse: self._refuse,
            effects.RecordIntent: self._record_intent,
            effects.RecordAttempt: self.rows.attempt,
            effects.Dispatch: self._dispatch,
            effects.Forget: self._forget,
            effects.StartConnect: self._start_connect,
            effects.AbandonConnect: self._abandon_connect,
            effects.StartDisconnect: self._start_disconnect,
            effects.HurryDisconnect: self._hurry_disconnect,
            effects.Recover: self._recover,
            effects.RecordRung: self.rows.rung,
            effects.LatchChanged: self.rows.latch,
            effects.Finish: self._finish,
            effects.Resolve: self._resolve,
            effects.Marked: self._marked,
            effects.ConnectionChanged: self._connection_changed,
            effects.AvailabilityChanged: self._availability_changed,
            effects.AlertChanged: self._alert_changed,
            effects.LeaseEnded: self._leases.ended,
            effects.SubscriptionEnded: self._subscription_ended,
        }

    @property
    def holds_ends(self) -> bool:
        """Whether an outcome waits to be written and told, until its command's acceptance is durable."""
        return any(self._accepting.values())

    @property
    def owes(self) -> bool:
        """Whether the journal does not have an outcome yet that was told."""
        return bool(self._owed)

    def waits(self, command_id: str) -> bool:
        """Whether a command stands in line, and its place there may be changed."""
        return self._scheduler.waits(command_id)

    def now_us(self) -> int:
        """The loop's monotonic clock in microseconds: the only clock anything is decided by."""
        return int(self._loop.time() * 1_000_000)

    def feed(self, event: events.Event) -> None:
        """Take an event in. Events that effects cause wait until all effects are performed."""
        if self._closed:
            return
        self._events.append(event)
        if self._running:
            return
        self._running, performers = True, self._performers
        try:
            while self._events:
                event, now_us = self._events.popleft(), self.now_us()
                caused = self._scheduler.handle(event, now_us)
                if self._recorder is not None:
                    self._recorder.note(event, now_us, caused)
                for effect in caused:
                    performers[type(effect)](effect)
        finally:
            self._running = False
        self._arm()

    def close(self) -> None:
        """Take in nothing more, and try once more to write what is owed to the journal."""
        self._closed = True
        self._disarm()
        owed, self._owed = self._owed, {}
        for rows in owed.values():
            for row in rows:
                self.rows.put(row)
        self.rows.close()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        """A timer that rings too early is left alone: most of what is timed never comes due."""
        if self._timer is not None and not self._scheduler.may_wake_before(self._timer_at):
            return
        at_us = self._scheduler.wakeup_at()
        if at_us is None or (self._timer is not None and self._timer_at <= at_us):
            return
        self._disarm()
        self._timer_at = at_us
        # a microsecond late rather than early: the scheduler's clock is rounded down
        self._timer = self._loop.call_at((at_us + 1) / 1_000_000, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.feed(events.Ticked(jitter=self._jitter()))

    def _accept(self, effect: effects.Accept) -> None:
        self._listener.accepted(effect.command, effect.at_us)
        if not self.rows.are_kept:
            self._listener.durable(effect.command.id, None)
            return
        row = self.rows.accepted(effect.command, effect.at_us)
        self._accepting[effect.command.id] = None
        self.rows.put(row, partial(self._accepted, row))

    def _accepted(self, row: record.Accepted, error: StorageError | None) -> None:
        command_id = row.command.id
        early = self._accepting.pop(command_id)
        if error is not None:
            self._unrecorded[command_id] = row
            self.feed(events.AcceptFailed(command_id=command_id))
        if early is not None:
            self._finish(early)
        self._listener.durable(command_id, error)

    def _refuse(self, effect: effects.Refuse) -> None:
        self._listener.refused(effect.command_id, effect.refusal, effect.text)

    def _record_intent(self, effect: effects.RecordIntent) -> None:
        row = record.Intended(
            command_id=effect.command_id,
            attempt=effect.attempt,
            epoch=effect.epoch,
            at_us=self.now_us(),
            step=effect.step,
        )
        self.rows.put(row, partial(self._intended, effect.device, effect.token) if effect.awaited else None)

    def _intended(self, device: str, token: int, error: StorageError | None) -> None:
        if error is None:
            self.feed(events.IntentRecorded(device=device, token=token))
        else:
            fault = Fault(kind=FaultKind.JOURNAL, ran=Ran.NO, stack="journal", name=error.code, text=str(error))
            self.feed(events.IntentFailed(device=device, token=token, fault=fault))

    def _dispatch(self, effect: effects.Dispatch) -> None:
        self._sessions[effect.device].dispatch(effect.token, effect.operation)

    def _forget(self, effect: effects.Forget) -> None:
        link, address = self._listener.route(effect.device, effect.adapter)
        self.forgetting.start(link, effect, address)

    def _start_connect(self, effect: effects.StartConnect) -> None:
        link, address = self._listener.route(effect.device, effect.adapter)
        session = Session(
            device=effect.device,
            adapter=effect.adapter,
            epoch=effect.epoch,
            feed=self.feed,
            jitter=self._jitter,
            on_notification=self._notified,
            disconnect_timeout_s=self._disconnect_timeout_s,
            agents=self._agents,
            hearing=self._hearing,
            leases=self._leases,
        )
        self._sessions[effect.device] = session
        session.start(link, address, effect.demand)

    def _notified(self, event: events.Notified) -> None:
        """Readers get every value. The scheduler gets those that may answer a command: mostly none."""
        self._listener.notification(event.device, event.characteristic, event.payload)
        if self._scheduler.awaits(event.device):
            self.feed(event)

    def _abandon_connect(self, effect: effects.AbandonConnect) -> None:
        self._sessions[effect.device].abandon()

    def _start_disconnect(self, effect: effects.StartDisconnect) -> None:
        self._sessions[effect.device].disconnect(quick=effect.quick)

    def _hurry_disconnect(self, effect: effects.HurryDisconnect) -> None:
        self._sessions[effect.device].hurry()

    def _recover(self, effect: effects.Recover) -> None:
        link, address = self._listener.route(effect.device, effect.adapter)
        self.recoveries.start(link, effect, address)

    def _finish(self, effect: effects.Finish) -> None:
        if not self.rows.are_kept:
            self._listener.ended(effect.command, effect.outcome, effect.at_us)
            return
        tell = partial(self._ended, effect.command, effect.outcome, effect.at_us)
        if effect.command.id in self._accepting:
            self._accepting[effect.command.id] = effect  # no end in the journal without its beginning
            return
        ended = self.rows.ended(effect.command, effect.outcome, effect.at_us)
        unrecorded = self._unrecorded.pop(effect.command.id, None)
        if unrecorded is None:
            self.rows.put(ended, tell)
            return
        if effect.command.stop:  # it went out all the same, and the journal shall say so
            self._owe(effect.command.id, (unrecorded, ended))
        tell(None)

    def _ended(self, command: Command, outcome: Outcome, at_us: int, error: StorageError | None) -> None:
        """Tell the caller either way: it is the truth. The row is owed until the journal has it."""
        if error is not None:
            self._owe(command.id, (self.rows.ended(command, outcome, at_us),))
        self._listener.ended(command, outcome, at_us)

    def _owe(self, command_id: str, rows: tuple[record.Record, ...]) -> None:
        if not self._closed:
            self._owed[command_id] = rows
            self._loop.call_later(REWRITE_AFTER_S, self._pay, command_id)

    def _pay(self, command_id: str) -> None:
        """Try again, one row after the other: no end without its beginning."""
        rows = self._owed.pop(command_id, ())
        if rows:
            self.rows.put(rows[0], partial(self._paid, command_id, rows))

    def _paid(self, command_id: str, rows: tuple[record.Record, ...], error: StorageError | None) -> None:
        if error is not None:
            self._owe(command_id, rows)
        elif rows[1:] and not self._closed:  # else the next start says unknown: true, though less than was known
            self.rows.put(rows[1], partial(self._paid, command_id, rows[1:]))

    def _resolve(self, effect: effects.Resolve) -> None:
        """Not while the journal does not have the outcome: then the latch holds, until the next look."""
        command = effect.command
        if command.id not in self._owed and self._listener.resolves(command.id):
            resolution = Resolution(
                command_id=command.id, applied=effect.applied, who=WHO, why=effect.why, origin=OWN
            )
            self.resolve(command, resolution)

    def resolve(
        self,
        command: Command,
        resolution: Resolution,
        then: Callable[[StorageError | None], None] = lambda _error: None,
    ) -> None:
        """Write down what became known; once that is durable a latch opens. `then` hears what went wrong."""
        row = record.Resolved(resolution=resolution, at_us=self.now_us())
        self.rows.put(row, partial(self._resolved, command, row, then))

    def _resolved(
        self,
        command: Command,
        row: record.Resolved,
        then: Callable[[StorageError | None], None],
        error: StorageError | None,
    ) -> None:
        self._listener.resolved(command, row.resolution, row.at_us, error)
        if error is None:
            self.feed(events.Resolved(command_id=command.id, device=command.device))
        then(error)

    def _marked(self, effect: effects.Marked) -> None:
        self._listener.marked(effect.command, effect.mark)

    def _connection_changed(self, effect: effects.ConnectionChanged) -> None:
        self._listener.connection(effect.device, effect.state, self.now_us())

    def _availability_changed(self, effect: effects.AvailabilityChanged) -> None:
        self._listener.availability(effect.device, effect.state, self.now_us())

    def _alert_changed(self, effect: effects.AlertChanged) -> None:
        self.rows.alert(effect.alert)

    def _subscription_ended(self, effect: effects.SubscriptionEnded) -> None:
        self._listener.subscription_ended(effect.device, effect.target, effect.fault)
