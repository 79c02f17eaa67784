"""The rows of the journal, as data.

Knows what is written down about a command. How a row becomes durable is `storage`'s business.
"""

from typing import assert_never

from msgspec import Struct

from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.outcome import Outcome, Resolution


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """A keeper opened the journal: everything open in earlier rows belongs to a process that is gone."""

    version: str
    pid: int
    adapters: tuple[str, ...] = ()


class Closed(Struct, frozen=True, kw_only=True, tag="closed"):
    """The keeper closed the journal in good order."""


class Accepted(Struct, frozen=True, kw_only=True, tag="accepted"):
    """A command was taken on; from here on it has a right to an outcome."""

    command: Command
    at_us: int


class Intended(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="intended"):
    """The next thing that happens to the command is its hand-over to the stack."""

    command_id: str
    attempt: int
    epoch: int
    at_us: int
    step: int = 0  # which part of a composite operation, from 1; 0 when the operation is a whole


class AttemptFailed(Struct, frozen=True, kw_only=True, tag="attempt_failed"):
    """An attempt ended without success, and the command goes on."""

    command_id: str
    attempt: int
    epoch: int
    at_us: int
    fault: Fault


class Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    """The command's outcome."""

    outcome: Outcome
    at_us: int


class Resolved(Struct, frozen=True, kw_only=True, tag="resolved"):
    """What became known later about an outcome that was unknown."""

    resolution: Resolution
    at_us: int


class Recovery(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="recovery"):
    """A rung of an adapter's recovery was done, or could not be: then `fault` says why."""

    adapter: str  # its name in the settings
    rung: Rung
    why: str
    at_us: int
    device: str = ""  # whose trouble was the last sign
    fault: Fault | None = None


class ClockStep(Struct, frozen=True, kw_only=True, tag="clock_step"):
    """The wall clock was set, or the machine slept: later rows have another distance between their two clocks."""

    step_us: int  # how far the wall clock went ahead of the monotonic one; negative: back


class SegmentDeleted(Struct, frozen=True, kw_only=True, tag="segment_deleted"):
    """A file of the journal is removed, as the settings ask for. The row is durable before that is done."""

    number: int
    first_seq: int
    last_seq: int
    last_hash: str  # of its last row, hex digits: what comes next goes on from it
    why: str


Record = (
    Started
    | Closed
    | Accepted
    | Intended
    | AttemptFailed
    | Ended
    | Resolved
    | Recovery
    | ClockStep
    | SegmentDeleted
)


def command_of(record: Record) -> str:
    """The id of the command a row is about; empty for rows about the keeper itself."""
    match record:
        case Accepted(command=command):
            return command.id
        case Intended(command_id=command_id) | AttemptFailed(command_id=command_id):
            return command_id
        case Ended(outcome=outcome):
            return outcome.command_id
        case Resolved(resolution=resolution):
            return resolution.command_id
        case Started() | Closed() | Recovery() | ClockStep() | SegmentDeleted():
            return ""
        case _:
            assert_never(record)
