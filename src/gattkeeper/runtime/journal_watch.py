"""Whether the journal can be written, told as alerts: when that ends, and when it is so again.

Knows what was heard of it last. While it cannot be written it is asked: nobody may submit anything meanwhile.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from gattkeeper.errors import StorageError
from gattkeeper.model.record import Record
from gattkeeper.model.status import Alert, AlertKind
from gattkeeper.runtime.flaws import flaw_text
from gattkeeper.runtime.ports import Journal

ASK_EVERY_S = 5.0
"""How often a journal that cannot be written is asked: a page written and synced each time."""


class JournalWatch:
    """One for a keeper. Belongs to the event loop."""

    def __init__(self, journal: Journal, tell: Callable[[Alert], None]) -> None:
        self._journal = journal
        self._tell = tell
        self._fails = self._closed = False
        self._flaw = ""
        self._timer: asyncio.TimerHandle | None = None

    def append(self, row: Record, on_durable: Callable[[StorageError | None], None] | None = None) -> None:
        """Queue a row, and hear what becomes of it before `on_durable` does."""
        self._journal.append(row, partial(self._written, on_durable))

    def _written(
        self, on_durable: Callable[[StorageError | None], None] | None, error: StorageError | None
    ) -> None:
        self._heard(error)
        if on_durable is not None:
            on_durable(error)

    def look(self) -> None:
        """Hear what is known of the journal without a row: see `ports.Journal`."""
        self._heard(self._journal.fault)
        flaw, self._flaw = self._flaw, flaw_text(self._journal)
        if flaw != self._flaw:
            self._alert(AlertKind.JOURNAL_FLAW, self._flaw)

    def _heard(self, error: StorageError | None) -> None:
        if (error is not None) == self._fails:
            return
        self._fails = error is not None
        self._alert(AlertKind.JOURNAL, str(error or ""))
        self._ask_later()

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        self._ask_later()

    def _alert(self, kind: AlertKind, text: str) -> None:
        self._tell(Alert(kind=kind, device="journal", raised=bool(text), value=0, text=text))

    def _ask_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fails and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(ASK_EVERY_S, self._journal.probe, self._answered)

    def _answered(self, error: StorageError | None) -> None:
        self._heard(error)
        if error is not None:
            self._ask_later()
