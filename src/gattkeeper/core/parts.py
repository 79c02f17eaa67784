"""Composite operations taken apart: which part is next, and what those that were answered add up to.

Knows a command's own progress. When a part may go is decided where every operation is: in `attempts`.
"""

from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX
from gattkeeper.model.operation import (
    Composite,
    LongWrite,
    Operation,
    Sequence,
    Subscribe,
    Write,
    WriteMode,
    WriteThenWait,
    changes_state,
    kind_of,
)
from gattkeeper.model.outcome import AnswerValue


def current(device: DeviceState, entry: Entry) -> Operation:
    """What the command's next attempt hands over. A write carries ATT_MTU - 3 bytes (Vol 3, Part F, 3.4.5)."""
    operation = entry.command.operation
    if isinstance(operation, Sequence):
        return operation.steps[entry.step]
    if isinstance(operation, LongWrite):
        length = min(device.att_mtu - 3, ATTRIBUTE_LENGTH_MAX)
        chunk = operation.payload[entry.bytes_done : entry.bytes_done + length]
        return Write(target=operation.target, payload=chunk, mode=operation.mode)
    if isinstance(operation, WriteThenWait):
        is_armed = operation.answer in device.enabled
        return operation.write if is_armed else Subscribe(target=operation.answer)
    return operation


def number(entry: Entry) -> int:
    """Which part that is, from 1; 0 for an operation that is a whole."""
    return entry.step + 1 if isinstance(entry.command.operation, Composite) else 0


def note(entry: Entry) -> str:
    """The same for people; empty for an operation that is a whole."""
    operation = entry.command.operation
    if isinstance(operation, LongWrite):
        return f"after {entry.bytes_done} of {len(operation.payload)} bytes"
    return f"step {entry.step + 1} of {len(operation.steps)}" if isinstance(operation, Sequence) else ""


def answered(entry: Entry, part: Operation, value: AnswerValue) -> None:
    """A part was carried out. The tries of the next are counted anew.

    Only the subscription of a write that waits may be needed again, on the next connection: it counts once, and
    its tries are those of the write.
    """
    if isinstance(part, Subscribe):
        entry.step = 1
        return
    entry.step += 1
    entry.changed |= changes_state(part)
    entry.faults.clear()
    if isinstance(entry.command.operation, Sequence):
        entry.values.append(value if isinstance(value, bytes) else None)
    if isinstance(part, Write):
        entry.bytes_done += len(part.payload)


def are_left(entry: Entry) -> bool:
    """Whether anything of the command remains to be carried out."""
    operation = entry.command.operation
    if isinstance(operation, LongWrite):
        return entry.bytes_done < len(operation.payload)
    if isinstance(operation, WriteThenWait):
        return not entry.changed
    return isinstance(operation, Sequence) and entry.step < len(operation.steps)


def has_begun(entry: Entry) -> bool:
    """Whether the command holds its device between its parts: then it goes on or ends, and never waits again."""
    operation = entry.command.operation
    holds = operation.atomic if isinstance(operation, LongWrite) else isinstance(operation, Sequence)
    return holds and entry.step > 0


def unacknowledged(entry: Entry, last: Operation) -> bool:
    """Whether any part of a command that was carried out went without response; `last` is the last of them."""
    operation = entry.command.operation
    if isinstance(operation, Sequence):
        return any(map(_goes_unacknowledged, operation.steps))
    return _goes_unacknowledged(last)


def _goes_unacknowledged(part: Operation) -> bool:
    return isinstance(part, Write) and part.mode is WriteMode.WITHOUT_RESPONSE


def contains(entry: Entry, last: Operation, kinds: frozenset[str]) -> bool:
    """Whether any part of a command that was carried out is of one of these kinds; `last` likewise."""
    operation = entry.command.operation
    if isinstance(operation, Sequence):
        return not kinds.isdisjoint(map(kind_of, operation.steps))
    return kind_of(last) in kinds


def owed_undo(entry: Entry) -> Write | None:
    """What must be written now that the command has ended, because some of it may have been carried out."""
    operation = entry.command.operation
    ran = entry.changed or entry.uncertain is not None
    return operation.undo if isinstance(operation, Sequence) and ran and are_left(entry) else None
