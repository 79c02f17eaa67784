"""The rows of the journal, as what happened becomes them.

Knows what of a command goes on record, and what is written later if it must be. Who waits for a row is the pump's.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from gattkeeper.core import effects
from gattkeeper.errors import StorageError
from gattkeeper.model import record
from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome
from gattkeeper.model.status import Alert, AlertKind
from gattkeeper.runtime.journal_watch import JournalWatch
from gattkeeper.runtime.ports import Journal

NOTES_KEPT = 1_000
"""Notes that could not be written and wait for a journal that can be; beyond these the oldest are lost."""

OnDurable = Callable[[StorageError | None], None]


class Rows:
    """`keeps` says of a device whether its payloads go on record.

    `tell` hears that the journal fails, or is back; `now_us` is the keeper's clock.
    """

    def __init__(
        self,
        journal: Journal | None,
        *,
        now_us: Callable[[], int],
        keeps: Callable[[str], bool],
        tell: Callable[[Alert, int], None],
    ) -> None:
        self._watch = JournalWatch(journal, self.alert) if journal is not None else None
        self.are_kept = journal is not None  # else no row needs to be made
        self._now_us = now_us
        self._keeps = keeps
        self._tell = tell
        self._closed = False  # nothing of ours follows any more
        self._missed: deque[record.Note] = deque(maxlen=NOTES_KEPT)

    def put(self, row: record.Record, on_durable: OnDurable | None = None) -> None:
        """Write a row; `on_durable` hears of it at once where there is no journal."""
        if self._watch is not None:
            self._watch.append(row, on_durable)
        elif on_durable is not None:
            on_durable(None)

    def look(self) -> None:
        """Tell what is known of the journal without a row."""
        if self._watch is not None:
            self._watch.look()

    def note(self, row: record.Note) -> None:
        """Write down what happened around the commands: now, or as soon as the journal can be written again."""
        if not self._closed:
            self.put(row, partial(self._noted, row))

    def close(self) -> None:
        """Try once more to write what is missing; nothing is written afterwards."""
        self._write_missed()
        self._closed = True
        if self._watch is not None:
            self._watch.close()

    def accepted(self, command: Command, at_us: int) -> record.Accepted:
        """The row of a command that was taken on."""
        return record.accepted(command, at_us, keep=self._keeps(command.device))

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> record.Ended:
        """The row of its outcome."""
        return record.ended(outcome, at_us, keep=self._keeps(command.device))

    def attempt(self, effect: effects.RecordAttempt) -> None:
        """An attempt failed, and the command goes on."""
        row = record.AttemptFailed(
            command_id=effect.command_id,
            attempt=effect.attempt,
            epoch=effect.epoch,
            at_us=self._now_us(),
            fault=effect.fault,
        )
        self.put(row)

    def rung(self, effect: effects.RecordRung) -> None:
        """Something was done about an adapter."""
        row = record.Recovery(
            adapter=effect.adapter,
            rung=effect.rung,
            why=effect.why,
            at_us=effect.at_us,
            device=effect.device,
            fault=effect.fault,
        )
        self.note(row)

    def latch(self, effect: effects.LatchChanged) -> None:
        """A latch was set, or opened."""
        self.note(record.Latch(device=effect.device, by=effect.by, held=effect.held, at_us=self._now_us()))

    def alert(self, alert: Alert) -> None:
        """Something alarming began, or is over: told, and written down after what was missed."""
        if alert.kind is AlertKind.JOURNAL and not alert.raised:
            self._write_missed()
        at_us = self._now_us()
        self._tell(alert, at_us)
        self.note(record.Alerted(alert=alert, at_us=at_us))

    def _noted(self, row: record.Note, error: StorageError | None) -> None:
        if error is not None:
            self._missed.append(row)

    def _write_missed(self) -> None:
        missed, self._missed = self._missed, deque(maxlen=NOTES_KEPT)
        for row in missed:
            self.note(row)
