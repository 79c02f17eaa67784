"""A command the keeper has taken on, with everything that has happened to it.

Knows its own phases. What moves it is decided in the rest of `core`.
"""

from typing import Protocol

from msgspec import Struct, field

from gattkeeper.core.lifecycle import COMMAND, CommandPhase, CommandStep
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import changes_state
from gattkeeper.model.outcome import Attempt, Cause, PhaseMark


class Standing(Protocol):
    """A line in which a command stands."""

    def remove(self, entry: "Entry") -> None:
        """Take it out."""


class Entry(Struct, kw_only=True, eq=False):
    """A command the keeper has taken on."""

    command: Command
    start_us: int  # its age, fixed at submission: moment of submission, later for less urgent
    sequence: int
    accepted_at: int
    table: str | None = None  # the one its handles are of; empty: the device's first; None: it names no handle
    phase: CommandPhase = CommandPhase.WAITING
    line: Standing | None = None  # where it stands in the line of its device
    visit: int = 0  # how often it entered one: older places in it count no more
    turn: int | None = None  # among those of its priority; fixed when it first stood in line
    ready_at: int = 0  # not before this moment (back-off)
    attempt: int = 0
    attempt_started_at: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    timeline: list[PhaseMark] = field(default_factory=list)
    faults: dict[FaultKind, int] = field(default_factory=dict)
    uncertain: Cause | None = None  # an attempt may have reached the device, and why that is open
    overtaken: bool = False  # since then something else may have changed the device, before it went again
    stopped_by: str = ""  # the stop that came while it was in flight: it takes no further step
    epoch: int = 0  # of the last attempt
    joined: list["Entry"] = field(default_factory=list)  # stops that ride on this one
    step: int = 0  # parts of a composite operation that were carried out
    step_tried: int = 0  # the part the last attempt was for, counted likewise
    bytes_done: int = 0  # what they wrote: a long write goes on from there
    changed: bool = False  # one of them changes what the device does
    values: list[bytes | None] = field(default_factory=list)  # what they brought
    undoes: str = ""  # the sequence this is the undo of
    checks: str = ""  # the unknown command this is a look at
    clocks: tuple[str, ...] = ("deadline",)  # its timers that may be set: this one always

    @property
    def order(self) -> tuple[int, int]:
        """Who is older: a tuple that never changes."""
        return (self.start_us, self.sequence)

    @property
    def deadline_at(self) -> int:
        """From this moment on it must not start."""
        return self.accepted_at + self.command.deadline_us

    @property
    def held_back(self) -> bool:
        """Whether a latch keeps it waiting. The undo of what the latch is about is not kept."""
        return changes_state(self.command.operation) and not self.undoes

    def move(self, step: CommandStep) -> bool:
        """Take a step of the table; False, and nothing changed, when it is not there."""
        phase = COMMAND.get((self.phase, step))
        if phase is None:
            return False
        self.phase = phase
        return True
