"""The newest commands with everything they went through, while it happens.

Knows marks, outcomes and connection changes, in bounded rings. What is older stands in the journal.
"""

from collections import deque
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome, Phase, PhaseMark, Resolution
from gattkeeper.model.status import Alert
from gattkeeper.telemetry.spans import ConnectionChange

COMMANDS_MAX = 1000
"""How many commands are remembered, unless told otherwise."""

MARKS_PER_COMMAND_MAX = 256
"""A command that retries for a day keeps its first mark and its newest ones."""

CHANGES_PER_COMMAND = 4
"""Connection changes remembered for each command of the ring: up and down, with what lies between."""

_IN_LINE = frozenset({Phase.ACCEPTED, Phase.WAITING, Phase.LOCK_WAIT, Phase.GATHERED, Phase.RETRY, Phase.BACKOFF})


class CommandTimeline(Struct, frozen=True, kw_only=True):
    """One command as it stands. Moments are microseconds on the keeper's monotonic clock."""

    command: Command
    accepted_at_us: int
    marks: tuple[PhaseMark, ...]
    outcome: Outcome | None = None
    ended_at_us: int | None = None
    resolution: Resolution | None = None

    def until(self, now_us: int) -> int:
        """The moment its picture ends: its own end, or now."""
        return now_us if self.ended_at_us is None else self.ended_at_us


class Timeline:
    """An observer that remembers the newest `commands_max` commands."""

    def __init__(self, commands_max: int = COMMANDS_MAX) -> None:
        self._commands_max = commands_max
        self._commands: dict[str, CommandTimeline] = {}
        self._changes: deque[ConnectionChange] = deque(maxlen=commands_max * CHANGES_PER_COMMAND)

    def accepted(self, command: Command, at_us: int) -> None:
        """A command was taken on."""
        self._commands[command.id] = CommandTimeline(
            command=command, accepted_at_us=at_us, marks=(PhaseMark(phase=Phase.ACCEPTED, at_us=at_us),)
        )
        if len(self._commands) > self._commands_max:
            self._forget_one()

    def marked(self, command: Command, mark: PhaseMark) -> None:
        """A command entered a phase."""
        known = self._commands.get(command.id)
        if known is None or mark in known.marks:  # the mark of acceptance came with `accepted`
            return
        marks = (*known.marks, mark)
        if len(marks) > MARKS_PER_COMMAND_MAX:
            marks = (marks[0], *marks[2:])
        self._commands[command.id] = replace(known, marks=marks)

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        """A command has its outcome; the outcome's own timeline, where it has one, is the better record."""
        known = self._commands.get(command.id)
        if known is not None:
            marks = outcome.timeline or known.marks
            self._commands[command.id] = replace(known, marks=marks, outcome=outcome, ended_at_us=at_us)

    def resolved(self, command: Command, resolution: Resolution, at_us: int) -> None:  # noqa: ARG002
        """It is known what a command that ended unknown did."""
        known = self._commands.get(command.id)
        if known is not None:
            self._commands[command.id] = replace(known, resolution=resolution)

    def connection(self, device: str, state: str, at_us: int) -> None:
        """A device's connection changed."""
        self._changes.append(ConnectionChange(device=device, state=state, at_us=at_us))

    def availability(self, device: str, state: str, at_us: int) -> None:
        """Not kept: the outcomes tell what became of the commands."""

    def alert(self, alert: Alert, at_us: int) -> None:
        """Not kept: `DeviceStatus.alerts` says which are raised."""

    def of(self, command_id: str) -> CommandTimeline | None:
        """One command, or None when it is not (or no longer) remembered."""
        return self._commands.get(command_id)

    def newest(self, limit: int, device: str = "") -> list[CommandTimeline]:
        """The newest commands, of one device if it is named, oldest first."""
        fitting = (known for known in reversed(self._commands.values()) if device in ("", known.command.device))
        return list(islice(fitting, limit))[::-1]

    def changes(self, device: str = "") -> list[ConnectionChange]:
        """What connections did, of one device if it is named, oldest first."""
        return [change for change in self._changes if device in ("", change.device)]

    def before(self, command_id: str) -> int:
        """How many open commands of the same device go before this one."""
        one = self._commands.get(command_id)
        if one is None or one.outcome is not None:
            return 0
        return sum(
            known.outcome is None and known.command.id != command_id and _goes_before(known, one)
            for known in self._commands.values()
            if known.command.device == one.command.device
        )

    def _forget_one(self) -> None:
        """Forget the oldest command that has ended, or the oldest of all when none has."""
        ended = (known.command.id for known in self._commands.values() if known.outcome is not None)
        del self._commands[next(ended, next(iter(self._commands)))]


def _goes_before(other: CommandTimeline, one: CommandTimeline) -> bool:
    """In flight already, or ahead by priority and then by age."""
    if other.marks[-1].phase not in _IN_LINE:
        return True
    return (other.command.priority, other.accepted_at_us) < (one.command.priority, one.accepted_at_us)
