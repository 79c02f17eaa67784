"""What a simulated link saw: its own record, independent of everything above it.

Knows what to write down and what no link should ever see. Judging the rest is for those who read it.
"""

from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue


class SeenKind(Enum):
    """What happened."""

    CONNECTING = "connecting"  # an attempt began
    ATTEMPT_OVER = "attempt_over"  # it ended, one way or the other
    UP = "up"
    REQUEST = "request"  # an operation was handed over
    APPLIED = "applied"  # the device carried it out
    PRETENDED = "pretended"  # the device will acknowledge it, and did nothing
    ANSWERED = "answered"  # its answer, good or bad, arrived
    DOWN = "down"
    FAULT = "fault"  # something was made to go wrong
    RECOVERING = "recovering"  # a rung of the adapter's recovery began


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened, on the running loop's clock."""

    at_s: float
    device: str
    epoch: int  # connections of this device on this link, from 1; 0 while there is none
    kind: SeenKind
    operation: Operation | None = None
    value: AnswerValue = None  # what the device gave for it
    pending: int = 0  # requests on this connection that have no answer yet, this one included
    fault: str = ""  # which: the name of its rule, or of what was done to the link
    rung: str = ""  # of a recovery: which is being done
    adapter: str = ""  # whose log it is from


class SimulatedLog:
    """Everything in order, and apart from it what must not be: `violations`, as sentences."""

    def __init__(self, adapter: str = "") -> None:
        self._adapter = adapter
        self.seen: list[Seen] = []
        self.violations: list[str] = []

    def of(self, device: str) -> list[Seen]:
        """What concerns one device."""
        return [entry for entry in self.seen if entry.device == device]

    def note(self, entry: Seen) -> None:
        """Write it down; more than one request pending on a connection is a violation."""
        self.seen.append(replace(entry, adapter=self._adapter))
        if entry.kind is SeenKind.REQUEST and entry.pending > 1:
            self.violations.append(
                f"{entry.at_s:.6f} s: {entry.pending} requests pending on {entry.device}, epoch {entry.epoch}"
            )

    def note_radio_use(self, at_s: float, connecting: list[str], scans: int) -> None:
        """These devices are being connected, and so many scans run; together more than one is a violation."""
        if len(connecting) + scans > 1:
            uses = [*(f"connecting {device}" for device in connecting), *["scanning"] * scans]
            self.violations.append(f"{at_s:.6f} s: {' and '.join(uses)} at once")
