"""The rows of the journal, as data.

Knows what is written down about a command. How a row becomes durable is `storage`'s business.
"""

from typing import assert_never, get_args

from msgspec import Struct

from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.digest import Digest, digests_in, digests_of, without_payloads, without_values
from gattkeeper.model.fault import Fault
from gattkeeper.model.outcome import Outcome, Resolution
from gattkeeper.model.status import Alert


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """A keeper opened the journal: everything open in earlier rows belongs to a process that is gone."""

    version: str
    pid: int
    adapters: tuple[str, ...] = ()


class Closed(Struct, frozen=True, kw_only=True, tag="closed"):
    """The keeper closed the journal in good order."""


class Accepted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="accepted"):
    """A command was taken on; from here on it has a right to an outcome.

    Its payloads are empty unless the settings of its device keep them; what they were is in `digests`.
    """

    command: Command
    at_us: int
    digests: tuple[Digest, ...] = ()


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


class Ended(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ended"):
    """The command's outcome. Its values are gone unless the settings of its device keep them, as in `Accepted`."""

    outcome: Outcome
    at_us: int
    digests: tuple[Digest, ...] = ()


class Resolved(Struct, frozen=True, kw_only=True, tag="resolved"):
    """What became known later about an outcome that was unknown."""

    resolution: Resolution
    at_us: int


class StopAsked(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="stop"):
    """Somebody asked for an emergency stop; the stop of each device is a command of its own."""

    scope: str  # as it was said: a device, a group, or "all"
    commands: tuple[str, ...]  # their ids, one for each device
    origin: Origin
    at_us: int
    latch: bool = False  # the devices take nothing that changes them until `resume`


class ResumeAsked(Struct, frozen=True, kw_only=True, tag="resume"):
    """Somebody opened the gates that latched stops held."""

    scope: str
    devices: tuple[str, ...]
    origin: Origin
    at_us: int


class Latch(Struct, frozen=True, kw_only=True, tag="latch"):
    """A safety device is held because nobody knows what a command did, or is not any more.

    At a start it is held anew for each unknown command that nobody resolved.
    """

    device: str
    by: str  # the unknown command
    held: bool
    at_us: int


class Alerted(Struct, frozen=True, kw_only=True, tag="alert"):
    """An alert was raised, or cleared."""

    alert: Alert
    at_us: int


class Denied(Struct, frozen=True, kw_only=True, tag="denied"):
    """Somebody was not let in. One row may stand for several times in a short while."""

    origin: Origin
    why: str
    times: int
    at_us: int


class SettingsRead(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="settings"):
    """Settings came into force, or were refused. No value of them is repeated."""

    path: str  # empty: there is no file, the defaults hold
    sha256: str  # of the file, hex digits; empty where it could not be read
    changed: tuple[str, ...]  # the keys with another value than before, or, at a start, than by default
    at_us: int
    after_restart: tuple[str, ...] = ()  # those of them that are not in force before the next start
    refused: str = ""  # why everything stayed as it was


class Recovery(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="recovery"):
    """A rung of an adapter's recovery was done, or could not be: then `fault` says why."""

    adapter: str  # its name in the settings
    rung: Rung
    why: str
    at_us: int
    device: str = ""  # whose trouble was the last sign
    fault: Fault | None = None


class FlawAccepted(Struct, frozen=True, kw_only=True, tag="flaw_accepted"):
    """Somebody takes the journal as it is, although a start found something missing or changed."""

    flaws: tuple[str, ...]  # a sentence each
    who: str  # decided, as it was said
    why: str
    origin: Origin  # by whom it was handed in
    at_us: int


class CancelAsked(Struct, frozen=True, kw_only=True, tag="cancel"):
    """Somebody asked for a command back that had not ended. What became of it is in its outcome."""

    asked: str  # the command's id
    device: str
    origin: Origin
    at_us: int


class ReprioritiseAsked(Struct, frozen=True, kw_only=True, tag="reprioritise"):
    """Somebody gave a command that waited another priority."""

    asked: str  # the command's id
    device: str
    priority: Priority
    origin: Origin
    at_us: int


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


_Asked = StopAsked | ResumeAsked | CancelAsked | ReprioritiseAsked

Note = _Asked | Latch | Alerted | Denied | SettingsRead | Recovery
"""What happens around the commands. It says itself when: it may be written later."""

KeeperRow = Started | Closed | Note | FlawAccepted | ClockStep | SegmentDeleted
"""Rows about no command."""

Record = Accepted | Intended | AttemptFailed | Ended | Resolved | KeeperRow

KINDS = tuple(str(one.__struct_config__.tag) for one in get_args(KeeperRow))
"""The kinds of those, as their column has them."""


def accepted(command: Command, at_us: int, *, keep: bool) -> Accepted:
    """The row of a command that was taken on; `keep`: its payloads too."""
    digests = digests_of(command)
    kept = command if keep or not digests else without_payloads(command)
    return Accepted(command=kept, at_us=at_us, digests=digests)


def ended(outcome: Outcome, at_us: int, *, keep: bool) -> Ended:
    """The row of an outcome; `keep`: the values that it brought too."""
    digests = digests_in(outcome)
    return Ended(outcome=outcome if keep or not digests else without_values(outcome), at_us=at_us, digests=digests)


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
        case StopAsked() | ResumeAsked() | CancelAsked() | ReprioritiseAsked() | Denied() | SettingsRead():
            return ""
        case (
            Started()
            | Closed()
            | ClockStep()
            | SegmentDeleted()
            | FlawAccepted()
            | Recovery()
            | Latch()
            | Alerted()
        ):
            return ""
        case _:
            assert_never(record)


def origin_of(record: Record) -> Origin | None:
    """Who caused a row, where it says so."""
    match record:
        case Accepted(command=command):
            return command.origin
        case Resolved(resolution=resolution):
            return resolution.origin
        case StopAsked(origin=origin) | ResumeAsked(origin=origin) | Denied(origin=origin):
            return origin
        case CancelAsked(origin=origin) | ReprioritiseAsked(origin=origin) | FlawAccepted(origin=origin):
            return origin
        case _:
            return None


def device_of(record: Record) -> str:
    """The device a row is about, where the row itself names one; an alert may name an adapter instead."""
    match record:
        case Accepted(command=command):
            return command.device
        case Latch(device=device) | Recovery(device=device):
            return device
        case CancelAsked(device=device) | ReprioritiseAsked(device=device):
            return device
        case Alerted(alert=alert):
            return alert.device
        case _:
            return ""
