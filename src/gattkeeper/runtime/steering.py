"""Commands that are taken back, or given another place in line, by somebody who is on record.

Knows which may be. What becomes of them is the scheduler's.
"""

from gattkeeper.core import events
from gattkeeper.errors import UsageError
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.record import CancelAsked, ReprioritiseAsked
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.pump import Pump


def cancel(ledger: Ledger, pump: Pump, command_id: str, origin: Origin | None) -> bool:
    """See `Keeper.cancel`."""
    handle = ledger.live(command_id)
    if handle is None or handle.command.stop:
        return False
    device, who = handle.command.device, ledger.who(origin)
    pump.rows.note(CancelAsked(asked=command_id, device=device, origin=who, at_us=pump.now_us()))
    pump.feed(events.CancelRequested(command_id=command_id))
    return True


def reprioritise(ledger: Ledger, pump: Pump, command_id: str, priority: Priority, origin: Origin | None) -> None:
    """See `Keeper.reprioritise`, with its errors."""
    handle = ledger.live(command_id)
    if handle is None or not pump.waits(command_id):
        raise UsageError(f"{command_id} does not wait: it has started or ended, or there is no such command")
    device, who = handle.command.device, ledger.who(origin)
    row = ReprioritiseAsked(asked=command_id, device=device, priority=priority, origin=who, at_us=pump.now_us())
    pump.rows.note(row)
    pump.feed(events.Reprioritised(command_id=command_id, priority=priority))
