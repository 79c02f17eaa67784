"""One command handed over: what was asked for before under its key, or a new one for the scheduler.

Knows the order in which that is looked at. Who waits until it is durable is the caller's business.
"""

from collections.abc import Callable

from gattkeeper.core.events import Event, Submitted
from gattkeeper.model.command import Command
from gattkeeper.runtime.flaws import check
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.ports import Journal


def begin(
    ledger: Ledger, feed: Callable[[Event], None], journal: Journal | None, command: Command
) -> tuple[Handle, bool]:
    """The handle of a command that was checked, and whether it is new. Raises ConflictError, StorageError."""
    known = ledger.find_by_key(command) if command.idempotency_key else None
    if known is not None:
        return known, False
    check(journal, command)
    handle = ledger.open(command)
    feed(Submitted(command=handle.command))
    return handle, True
