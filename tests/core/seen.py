"""What shows of a command and of a device from outside the scheduler, and how a hand-over tells whose it is.

Knows shapes and names. What must hold of them is checked in `watch`.
"""

from msgspec import Struct, field

from gattkeeper.core import effects
from gattkeeper.model.command import Command, ReadBack
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, CharacteristicRef
from gattkeeper.model.operation import (
    Composite,
    LongWrite,
    Operation,
    Read,
    Sequence,
    Write,
    WriteThenWait,
)
from gattkeeper.model.outcome import Outcome

REGISTER = "register"
"""What a UUID begins with that is read back: it shows what was written last, and each command has its own."""


def proof_of(number: int, *, absence: bool = False) -> ReadBack:
    """How to look at what a write did whose payload starts with this number, in two bytes."""
    register = CharacteristicRef(uuid=f"{REGISTER} {number}")
    return ReadBack(target=register, expected=number.to_bytes(2), proves_absence=absence)


class Seen(Struct, kw_only=True, eq=False):
    """One accepted command."""

    command: Command
    at_us: int
    number: int
    place: int  # in the order of its priority
    owed: int = 0  # hand-overs that change the device, without an answer on a living link
    good: int = 0
    counted: int = 0  # of those the ones that came in time
    sent: bool = False
    applied: bool = False  # the device carried some of it out
    tried: set[object] = field(default_factory=set)  # what may have changed the device, by key
    armed: bool = False  # its write is with the device, or may be: a notification may answer it
    heard: bytes | None = None  # the first that did
    awaiting: bool = False  # its write was answered, and it waits for that
    outcome: Outcome | None = None

    @property
    def holds(self) -> bool:
        """A write that waits for its notification: the device is its own."""
        return self.awaiting and self.outcome is None

    @property
    def undoes(self) -> bool:
        return is_undo(self.command)

    @property
    def checks(self) -> bool:
        return is_check(self.command)

    @property
    def begun(self) -> bool:
        """A sequence between its first answer and its end: the device is its own."""
        return isinstance(self.command.operation, Sequence) and self.counted > 0 and self.outcome is None


class OnDevice(Struct, kw_only=True, eq=False):
    """One device, as far as it shows from outside."""

    owed: dict[int, effects.Dispatch] = field(default_factory=dict)
    epoch: int = 0
    connection: str = "disconnected"
    adapter: str = ""  # of that connection, or of the last
    establishing: bool = False  # its attempt holds that adapter
    linked: bool = False  # the stack told that the link of the attempt is up
    stop: str = ""  # the stop that runs
    last_stop: int = -1  # number of the latest stop
    gate: bool = False
    register: bytes = b""  # the payload of the last write that the device carried out
    latched_by: str = ""
    pairing_until: int = 0  # until then nothing but a stop is handed over


def parts_of(operation: Operation | Composite) -> tuple[Operation, ...]:
    """What is handed over for it, at the ATT_MTU of a connection that says nothing else."""
    if isinstance(operation, LongWrite):
        payload = operation.payload
        chunks = (
            payload[start : start + ATT_MTU_DEFAULT - 3] for start in range(0, len(payload), ATT_MTU_DEFAULT - 3)
        )
        return tuple(Write(target=operation.target, payload=chunk) for chunk in chunks)
    if isinstance(operation, WriteThenWait):
        return (operation.write,)
    return operation.steps if isinstance(operation, Sequence) else (operation,)


def is_undo(command: Command) -> bool:
    return command.id.endswith("-undo")


def is_check(command: Command) -> bool:
    return "-check" in command.id


def may_have_changed(seen: Seen) -> bool:
    """Whether the device may have been changed: reads have no payload for a key."""
    return any(isinstance(key, bytes) for key in seen.tried)


def key_of(operation: Operation) -> object:
    """What tells operations apart: a payload for writes, whatever their mode; all of it for others."""
    return operation.payload if isinstance(operation, Write) else operation


def same_line(one: Command, other: Command) -> bool:
    """Whether the two are first in, first out: of one client. Reads may pass writes that a latch holds back."""
    return (
        (one.device, one.priority, one.stop) == (other.device, other.priority, other.stop)
        and isinstance(one.operation, Read | Write)
        and type(one.operation) is type(other.operation)
        and one.origin == other.origin
    )
