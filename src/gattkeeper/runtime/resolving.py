"""What a person decides, on record before it counts: what an unknown command did, and a journal taken as it is.

Knows what each needs. What follows from one, and resolutions that the keeper finds out itself, are the pump's.
"""

import asyncio
from collections.abc import Callable

from gattkeeper.errors import InvalidCommandError, StorageError, UsageError
from gattkeeper.model.command import Origin
from gattkeeper.model.outcome import Resolution, Verdict
from gattkeeper.model.record import FlawAccepted
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.ports import Journal
from gattkeeper.runtime.pump import Pump


async def resolve(
    ledger: Ledger, pump: Pump, command_id: str, *, applied: bool, who: str, why: str, origin: Origin | None
) -> None:
    """See `Keeper.resolve`, with its errors."""
    handle = ledger.find(command_id)
    outcome = handle.outcome if handle is not None else None
    if handle is None or outcome is None or outcome.verdict is not Verdict.UNKNOWN:
        raise UsageError(f"{command_id} is not a command that ended unknown")
    if not who or not why:
        raise UsageError("a resolution says who decided, and why")
    if not ledger.resolve(command_id):
        raise UsageError(f"{command_id} is resolved already; a resolution is never changed")
    resolution = Resolution(command_id=command_id, applied=applied, who=who, why=why, origin=ledger.who(origin))
    command = handle.command
    await _durable(lambda written: pump.resolve(command, resolution, written))


async def accept_flaws(
    journal: Journal | None, ledger: Ledger, pump: Pump, *, who: str, why: str, origin: Origin | None
) -> tuple[str, ...]:
    """See `Keeper.accept_flaws`, with its errors."""
    if journal is None or not journal.flaws:
        raise UsageError("there is nothing to accept: the start found nothing missing from the journal")
    if not who.strip() or not why.strip():
        raise InvalidCommandError("who takes the journal as it is has to say who decides, and why")
    flaws = journal.flaws
    row = FlawAccepted(flaws=flaws, who=who, why=why, origin=ledger.who(origin), at_us=pump.now_us())

    def put(written: Callable[[StorageError | None], None]) -> None:
        def accepted(error: StorageError | None) -> None:
            if error is None:
                journal.accept_flaws()
                pump.rows.look()
            written(error)

        pump.rows.put(row, accepted)

    await _durable(put)
    return flaws


async def _durable(put: Callable[[Callable[[StorageError | None], None]], None]) -> None:
    """Have it written, and wait for that. Raises StorageError when it could not be."""
    durable: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()

    def written(error: StorageError | None) -> None:
        """Called also when nobody waits any more: what the journal says, holds."""
        if not durable.done():
            durable.set_result(error)

    put(written)
    error = await durable
    if error is not None:
        raise error
