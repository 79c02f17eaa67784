"""A resolution that a person hands in: whether it may be, and on record before it counts.

Knows what a resolution needs. What follows from one, and those that the keeper finds out itself, are the pump's.
"""

import asyncio

from gattkeeper.errors import StorageError, UsageError
from gattkeeper.model.command import Origin
from gattkeeper.model.outcome import Resolution, Verdict
from gattkeeper.runtime.ledger import Ledger
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
    durable: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()

    def written(error: StorageError | None) -> None:
        """Called also when nobody waits any more: what the journal says, holds."""
        if not durable.done():
            durable.set_result(error)

    pump.resolve(handle.command, resolution, written)
    error = await durable
    if error is not None:
        raise error
