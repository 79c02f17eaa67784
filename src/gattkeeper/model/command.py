"""The queued unit: one operation on one device, with what its caller asked for.

Knows what makes a command well-formed. Whether it may run, and when, is decided in `core`. `gc=False`: as in
`outcome`.
"""

from enum import IntEnum

from msgspec import Struct

from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef
from gattkeeper.model.operation import (
    Composite,
    Disconnect,
    LongWrite,
    Operation,
    RequestConnectionParameters,
    Sequence,
    Step,
    Write,
    WriteDescriptor,
    WriteThenWait,
    kind_of,
    parts_of,
    problem_with_parameters,
)

DEADLINE_US_MAX = 24 * 3600 * 1_000_000
"""Longest deadline a caller may ask for: a day. A command nobody remembers must not start."""

STEPS_MAX = 64
"""Longest sequence: nobody else uses the device meanwhile."""

LONG_WRITE_LENGTH_MAX = 16_384
"""Longest payload of a long write, in bytes. Each chunk is on record: that is 820 of them at the least ATT_MTU."""


class Priority(IntEnum):
    """Who goes first. First in, first out inside a priority."""

    URGENT = 0
    INTERACTIVE = 1
    NORMAL = 2
    BACKGROUND = 3


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asked: the way in, and what the operating system says of the process behind it."""

    front: str = "library"
    principal: str = ""
    uid: int | None = None
    pid: int | None = None


class ReadBack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a read of `target` must start with for the command to count as applied.

    `proves_absence`: any other value proves that it was not. Say so only of a value that nothing but this keeper
    changes, and that has changed before the device answers anything later.
    """

    target: CharacteristicRef
    expected: bytes  # one byte at least: a value of which nothing is expected would prove everything
    proves_absence: bool = False


class Command(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One operation for one device. Lengths of time are microseconds from acceptance."""

    device: str  # the name it has in the settings, or its address
    operation: Operation | Composite
    id: str = ""  # given at submission
    priority: Priority = Priority.NORMAL
    attempt_timeout_us: int | None = None  # None: the default of the operation's kind
    deadline_us: int = 30_000_000  # waiting, connecting and all attempts together
    queue_timeout_us: int | None = None  # bounds waiting alone
    idempotent: bool = False  # may be repeated after an attempt that ended unclear
    coalesce_key: str = ""  # of those waiting with the same key, the newest stays
    survive_reconnect: bool = False  # goes on waiting when the link is lost
    read_back: ReadBack | None = None
    require_read_back: bool = False  # an acknowledgement alone is not delivered
    stop: bool = False  # the emergency stop of its device
    may_bypass: bool = False  # a stop that may go without response past a pending request
    token: int = 0  # the number that its payload carries and no other's does; 0: none
    lease: str = ""  # it only runs while this lease holds the connection; it makes none, but for a Connect
    idempotency_key: str = ""  # same key and same body: the same command
    fanout: str = ""  # those of several devices that go together have the same
    label: str = ""  # what a person asked for: "set_position 73"
    origin: Origin = Origin()


def problem_with(command: Command) -> str:
    """What is wrong with the command's form, as a sentence; empty when nothing is."""
    if not command.device:
        return "a command needs a device"
    problem = _problem_with_length_of_time("deadline", command.deadline_us)
    if command.attempt_timeout_us is not None:
        problem = problem or _problem_with_length_of_time("attempt_timeout", command.attempt_timeout_us)
    if command.queue_timeout_us is not None:
        problem = problem or _problem_with_length_of_time("queue_timeout", command.queue_timeout_us)
    if command.require_read_back or command.read_back is not None:
        problem = problem or _problem_with_read_back(command)
    if command.lease:
        problem = problem or _problem_with_lease(command)
    return problem or _problem_with_operation(command.operation)


def _problem_with_length_of_time(name: str, length_us: int) -> str:
    if 0 < length_us <= DEADLINE_US_MAX:
        return ""
    return f"{name} must be more than 0 and at most {DEADLINE_US_MAX // 1_000_000} seconds"


def _problem_with_read_back(command: Command) -> str:
    if command.read_back is None:
        return "read_back is required, but nothing says what to read and what to expect"
    if command.require_read_back and isinstance(command.operation, WriteThenWait):
        return "a write that waits for its answer is proved by that: it is not read back as well"
    if not command.read_back.expected:
        return "a read-back needs at least one byte to expect: every value starts with nothing"
    return ""


def _problem_with_lease(command: Command) -> str:
    if command.survive_reconnect:
        return "a command of a lease ends with its connection: it cannot survive a reconnect"
    if isinstance(command.operation, Disconnect):
        return "who holds a lease closes it: a Disconnect takes the connection from all others as well"
    return ""


def _problem_with_operation(operation: Operation | Composite) -> str:
    match operation:
        case Write() | WriteDescriptor():
            return _problem_with_length(operation.payload, ATTRIBUTE_LENGTH_MAX, "attribute")
        case LongWrite():
            return _problem_with_length(operation.payload, LONG_WRITE_LENGTH_MAX, "long write")
        case RequestConnectionParameters():
            return problem_with_parameters(operation)
        case Sequence():
            return _problem_with_sequence(operation) or _problem_with_payloads(parts_of(operation))
        case WriteThenWait():
            return _problem_with_answer(operation) or _problem_with_payloads(parts_of(operation))
        case _:
            return ""


def _problem_with_payloads(parts: tuple[Operation, ...]) -> str:
    payloads = [part.payload for part in parts if isinstance(part, Write | WriteDescriptor)]
    problems = (_problem_with_length(payload, ATTRIBUTE_LENGTH_MAX, "attribute") for payload in payloads)
    return next(filter(None, problems), "")


def _problem_with_length(payload: bytes, length_max: int, longest: str) -> str:
    if not payload:
        return "a write needs a payload of at least one byte"
    if len(payload) > length_max:
        return f"a payload of {len(payload)} bytes is longer than any {longest}: {length_max} is the limit"
    return ""


def _problem_with_sequence(sequence: Sequence) -> str:
    if not 1 <= len(sequence.steps) <= STEPS_MAX:
        return f"a sequence has 1 to {STEPS_MAX} steps, not {len(sequence.steps)}"
    for number, step in enumerate(sequence.steps, start=1):
        if not isinstance(step, Step):
            return f"step {number} is a {kind_of(step)}: a sequence is made of reads and writes only"
    if not 0 < sequence.lease_us <= DEADLINE_US_MAX:
        return f"lease must be more than 0 and at most {DEADLINE_US_MAX // 1_000_000} seconds"
    return ""


def _problem_with_answer(operation: WriteThenWait) -> str:
    if not 0 < operation.timeout_us <= DEADLINE_US_MAX:
        return f"timeout must be more than 0 and at most {DEADLINE_US_MAX // 1_000_000} seconds"
    if len(operation.starts_with) > ATTRIBUTE_LENGTH_MAX:
        return f"no answer starts with {len(operation.starts_with)} bytes: {ATTRIBUTE_LENGTH_MAX} is the limit"
    return ""
