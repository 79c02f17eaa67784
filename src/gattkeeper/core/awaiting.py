"""The notification that answers a write: armed with the hand-over, waited for once the write is answered.

Knows one wait. While it lasts the device is the command's own, but nothing is on the bearer: whatever ends it,
nothing is owed.
"""

from gattkeeper.core.attempts import free
from gattkeeper.core.ending import end
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import SlotPhase
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.model.gatt import Characteristic, matches
from gattkeeper.model.operation import Write, WriteThenWait
from gattkeeper.model.outcome import Cause, Phase, Verdict


def armed(device: DeviceState) -> WriteThenWait | None:
    """What a notification of the device would answer now; None when it would answer nothing."""
    slot = device.slot
    if slot is None or slot.entry is None or slot.phase is not SlotPhase.IN_FLIGHT or slot.heard is not None:
        return None
    operation = slot.entry.command.operation
    listens = slot.role is SlotRole.AWAITING or (slot.role is SlotRole.MAIN and isinstance(slot.operation, Write))
    return operation if listens and isinstance(operation, WriteThenWait) else None


def notified(state: State, device: DeviceState, characteristic: Characteristic, payload: bytes) -> None:
    """A value arrived. One that comes before the write is answered is kept until it is clear how that ends."""
    operation, slot = armed(device), device.slot
    if operation is None or slot is None or slot.entry is None:
        return
    if not matches(operation.answer, characteristic) or not payload.startswith(operation.starts_with):
        return
    slot.heard = payload
    if slot.role is SlotRole.AWAITING:
        free(state, device, slot)
        acknowledge(state, device, slot.entry, payload)


def is_evidence(entry: Entry) -> bool:
    """Whether what was heard also tells about a write that the stack says nothing of: any value would not."""
    operation = entry.command.operation
    return isinstance(operation, WriteThenWait) and bool(operation.starts_with)


def acknowledge(state: State, device: DeviceState, entry: Entry, payload: bytes) -> None:
    """The device itself has said it: that holds whatever the stack says about the write."""
    end(state, device, entry, Verdict.DELIVERED, Cause.APP_ACK, value=payload)


def begin(state: State, device: DeviceState, entry: Entry, operation: WriteThenWait) -> Slot:
    """The write was answered well: hold the device until the notification, or for as long as it may take."""
    state.mark(entry, Phase.AWAITING, f"{operation.answer}, for {operation.timeout_us / 1e6:.3g} s at most")
    slot = Slot(
        token=device.new_token(),
        operation=operation.write,
        role=SlotRole.AWAITING,
        phase=SlotPhase.IN_FLIGHT,
        entry=entry,
        handed_over_at=state.now,
        times_out_at=state.now + operation.timeout_us,
    )
    state.timers.set(("attempt", device.name, slot.token), slot.times_out_at)
    return slot
