"""A journal that could not be opened at the start, and may come later: until then every row fails, saying why.

Knows whether it is there. With it a keeper takes nothing on but emergency stops; when to look again is for others.
"""

import asyncio

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.record import Record
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rows import OnDurable


class LateJournal:
    """A `runtime.ports.Journal`. Until it has come, nothing that an earlier keeper wrote is known."""

    def __init__(self, fault: StorageError) -> None:
        self.fault: StorageError | None = fault
        self.flaws: tuple[str, ...] = ()
        self.holds = False
        self._come: SqliteJournal | None = None

    def take(self, journal: SqliteJournal) -> None:
        """It is open: rows go there from now on."""
        self.fault, self._come = None, journal
        self.flaws, self.holds = journal.flaws, journal.holds

    def accept_flaws(self) -> None:
        """As the journal does; there are none before it has come."""
        self.flaws, self.holds = (), False
        if self._come is not None:
            self._come.accept_flaws()

    def append(self, record: Record, on_durable: OnDurable | None = None) -> None:
        """Queue one row, or fail as a row does that could not be written."""
        if self._come is not None:
            self._come.append(record, on_durable)
        elif on_durable is not None:
            asyncio.get_running_loop().call_soon(on_durable, self.fault)

    def probe(self, on_durable: OnDurable) -> None:
        """Ask the journal, or give the words of why it is not there."""
        if self._come is not None:
            self._come.probe(on_durable)
        else:
            asyncio.get_running_loop().call_soon(on_durable, self.fault)

    def find_key(self, idempotency_key: str) -> str:
        """As the journal says; empty without it, and the command is refused all the same."""
        return self._come.find_key(idempotency_key) if self._come is not None else ""

    def records_of(self, command_id: str) -> list[Record]:
        """As the journal says; none without it."""
        return self._come.records_of(command_id) if self._come is not None else []

    def unresolved(self) -> list[Command]:
        """As the journal says; none without it, and what they would hold back is refused all the same."""
        return self._come.unresolved() if self._come is not None else []

    async def close(self) -> None:
        """Let go of the journal, if it came."""
        if self._come is not None:
            await self._come.close()
