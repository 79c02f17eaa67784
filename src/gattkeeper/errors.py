"""Every exception of gattkeeper.

    GattkeeperError
    ├── UsageError      fix the call
    │   ├── InvalidCommandError
    │   ├── UnknownDeviceError
    │   ├── UnsupportedError
    │   └── ConflictError
    ├── RefusedError    try later
    │   ├── QueueFullError
    │   ├── QueueClosedError
    │   ├── StoppedError
    │   └── LatchedError
    ├── CommandError    a command ended without success; has .outcome
    │   ├── CommandNotDeliveredError
    │   ├── CommandUnknownError
    │   ├── CommandCancelledError
    │   └── CommandSupersededError
    ├── DaemonGoneError no daemon answers, or it went away before it had answered
    ├── LinkError       raised in links/ only; has .fault
    ├── StorageError    the operator must act: disk, schema
    └── SettingsError   the operator must act: configuration, missing parts
    InvariantViolation  our bug; an AssertionError, outside the tree on purpose

Classes say who must act; what happened is in the enums of `model`. `.code` is stable: JSON answers,
logs and exit codes use it. None of them is a TimeoutError, so that `except TimeoutError` around
your own code never swallows a verdict.
"""

from typing import ClassVar

from gattkeeper.model.fault import Fault
from gattkeeper.model.outcome import Cause, Outcome, Verdict


class GattkeeperError(Exception):
    """The root of the tree."""

    code: ClassVar[str] = "error"


class UsageError(GattkeeperError):
    """The call is wrong; the same call will fail again."""

    code = "usage"


class InvalidCommandError(UsageError):
    """Bad payload, bad timeout, missing argument: nothing was queued."""

    code = "invalid_command"


class UnknownDeviceError(UsageError):
    """No device of that name in the settings, and it is no address either."""

    code = "unknown_device"


class UnsupportedError(UsageError):
    """The link, or the device's profile, cannot do this."""

    code = "unsupported"


class ConflictError(UsageError):
    """The idempotency key belongs to a different command, or the id is taken."""

    code = "conflict"


class RefusedError(GattkeeperError):
    """Not now: nothing was queued, and trying later is right."""

    code = "refused"


class QueueFullError(RefusedError):
    """The queue of the device, or of the keeper, holds all it may."""

    code = "queue_full"


class QueueClosedError(RefusedError):
    """The keeper is shutting down."""

    code = "queue_closed"


class StoppedError(RefusedError):
    """An emergency stop holds the device; `resume` ends it when it is latched."""

    code = "stopped"


class LatchedError(RefusedError):
    """A safety device's last command ended unknown; resolve it first."""

    code = "latched"


class CommandError(GattkeeperError):
    """A command ended without success. Everything known about it is in `.outcome`."""

    code = "command"

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


class CommandNotDeliveredError(CommandError):
    """The device does not have it and will not get it later: safe to send again."""

    code = "not_delivered"


class CommandUnknownError(CommandError):
    """It may or may not have happened: look at the device before sending again."""

    code = "unknown"


class CommandCancelledError(CommandError):
    """It was taken back before it was sent."""

    code = "cancelled"


class CommandSupersededError(CommandError):
    """A newer command for the same setpoint took its place; `.outcome.by` names it."""

    code = "superseded"


class DaemonGoneError(GattkeeperError):
    """No daemon answers at the socket; or it went away, and what was asked may or may not have happened."""

    code = "daemon_gone"


class LinkError(GattkeeperError):
    """A stack failed. Raised in `links`, turned into an event by `runtime`, never seen by callers."""

    code = "link"

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class StorageError(GattkeeperError):
    """The journal cannot be read or written: disk full, read-only, damaged, or of a newer schema."""

    code = "storage"


class SettingsError(GattkeeperError):
    """The settings, or what is installed, do not allow this; the message says what to change."""

    code = "settings"


class InvariantViolation(AssertionError):  # noqa: N818 - an assertion, not an error of the tree
    """gattkeeper broke a promise of its own. Please report it with the journal."""


def error_for(outcome: Outcome) -> CommandError:
    """The exception for an outcome that is no success."""
    what = f"command {outcome.command_id}: {outcome.verdict.value} ({outcome.cause.value})"
    if outcome.by:
        what += f" by {outcome.by}"
    if outcome.fault is not None:
        what += f": {outcome.fault}"
    if outcome.verdict is Verdict.UNKNOWN:
        return CommandUnknownError(what, outcome)
    if outcome.cause is Cause.CANCELLED:
        return CommandCancelledError(what, outcome)
    if outcome.cause is Cause.SUPERSEDED:
        return CommandSupersededError(what, outcome)
    return CommandNotDeliveredError(what, outcome)
