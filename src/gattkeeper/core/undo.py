"""What a sequence leaves behind when it does not come to its end: its lease, and its undo.

Knows the two. The undo is a command of its own, with rows, tries and an outcome like any other; it goes before
everything that waits for the device, and after a running emergency stop.
"""

from msgspec.structs import replace

from gattkeeper.core.admission import take_on
from gattkeeper.core.answering import release
from gattkeeper.core.ending import end_failed
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import SlotPhase
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Operation

LEASE_OVER = Fault(
    kind=FaultKind.TIMED_OUT,
    ran=Ran.MAYBE,
    stack="keeper",
    name="lease",
    text="the sequence held the device for as long as it may",
)


def lease_over(state: State, command_id: str) -> None:
    """The steps took too long together. One that waits again holds nothing: its lease begins anew."""
    entry = state.entries[command_id]
    device = state.devices[entry.command.device]
    slot = device.slot
    if slot is None or slot.entry is not entry or slot.phase is SlotPhase.RELEASING:
        return
    if slot.phase is SlotPhase.IN_FLIGHT:
        release(state, device, slot, LEASE_OVER)
        end_failed(state, device, entry, LEASE_OVER)
    else:
        device.slot = None
        end_failed(state, device, entry, replace(LEASE_OVER, ran=Ran.NO))


def take_on_owed(state: State, device: DeviceState, sequence: Entry, operation: Operation) -> None:
    """Put the undo of a sequence that has ended first in line. Not behind a gate that stays closed."""
    device.owed_undo = None
    if device.gate_latched or device.persisting is not None:
        return
    command = sequence.command
    entry = take_on(
        state,
        Command(
            device=device.name,
            operation=operation,
            id=f"{command.id}-undo",
            priority=Priority.URGENT,
            idempotent=command.idempotent,
            survive_reconnect=True,
            label=f"undo {command.id}",
            origin=command.origin,
        ),
    )
    entry.undoes = command.id
    if entry.table is not None:
        entry.table = sequence.table  # its handles are as old as those of the sequence
    entry.start_us = entry.turn = -1  # before everything that was ever submitted
    state.wait(device, entry)
