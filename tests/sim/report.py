"""Which fault fired at which step, and what came of the command it hit: counted from a history.

Knows how to find that command. What a fault is stands in `faults.toml`.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

from gattkeeper.model.command import Command
from gattkeeper.model.operation import Composite
from gattkeeper.model.outcome import Phase
from gattkeeper.model.record import Intended
from gattkeeper.world import Seen, SeenKind
from gattkeeper.world.simulated_connection import STALE_TABLE, STRAGGLER
from gattkeeper.world.simulated_link import AWAY, IN_VAIN, WEDGE
from sim.facts import Facts
from sim.history import Fired, History
from sim.script import step_of

FAULTS = Path(__file__).parent / "faults.toml"

NOBODY = "nobody waits"
"""What came of a fault that hit no command: a subscription that was being restored, a connection without use."""

NUMBERS = MappingProxyType({AWAY: "F40", STALE_TABLE: "F18", STRAGGLER: "F12", WEDGE: "F25", IN_VAIN: "F26"})
"""The faults that links have names of their own for."""

Hit = tuple[str, str, str]
"""The number of a fault, the step, and what came of it."""


def all_faults() -> dict[str, dict[str, object]]:
    """Every fault by number: title, and what is open."""
    return tomllib.loads(FAULTS.read_text(encoding="utf-8"))


def hits(history: History) -> Counter[Hit]:
    """Every fault that fired in a run."""
    facts = Facts(history)
    flights = Flights(facts)
    counted = Counter((one.number, one.step, _came_of(facts, one)) for one in history.fired)
    for entry in history.seen:
        if entry.kind is SeenKind.FAULT:
            command = flights.hit_by(entry)
            outcome = facts.outcomes.get(command.id) if command is not None else None
            number = NUMBERS.get(entry.fault, entry.fault)
            counted[number, _step(entry, command), NOBODY if outcome is None else outcome.verdict.value] += 1
    return counted


def never_fired(counted: Counter[Hit], *, radio: bool) -> list[str]:
    """The faults that should have, and did not; of those above bytes, or of all."""
    fired = {number for number, _, _ in counted}
    return [
        number
        for number, fault in all_faults().items()
        if "open" not in fault and (radio or "radio" not in fault) and number not in fired
    ]


def _came_of(facts: Facts, fired: Fired) -> str:
    outcome = facts.outcomes.get(fired.command_id)
    return outcome.verdict.value if outcome is not None else fired.said or NOBODY


def _step(entry: Seen, command: Command | None) -> str:
    if entry.fault == STRAGGLER:
        return "notification"
    if entry.rung:
        return entry.rung.replace("_", " ")
    if entry.operation is None:
        return "disconnect" if entry.epoch else "connect"
    if command is not None and (command.stop or isinstance(command.operation, Composite)):
        return step_of(command)
    return step_of(Command(device=entry.device, operation=entry.operation))


class Flights:
    """Who was in flight, and for whom a connection was made, at any moment."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._spans: dict[tuple[str, bool], list[tuple[int, int, Command]]] = {}  # by device; connecting or not
        for command_id, rows in facts.intended.items():
            self._add(command_id, connecting=False, from_us=_starts(row.record for row in rows))
        for command_id, outcome in facts.outcomes.items():
            marks = [mark.at_us for mark in outcome.timeline if mark.phase is Phase.CONNECT_START]
            self._add(command_id, connecting=True, from_us=marks)

    def _add(self, command_id: str, *, connecting: bool, from_us: list[int]) -> None:
        command = self._facts.commands.get(command_id)
        until_us = self._facts.ended_at_us(command_id)
        if command is not None and until_us is not None:
            spans = self._spans.setdefault((command.device, connecting), [])
            spans.extend((at_us, until_us, command) for at_us in from_us)

    def hit_by(self, entry: Seen) -> Command | None:
        """The command that a fault hit: the writer of what it hit, else who was at it."""
        writer = self._facts.writer_of(entry)
        if writer is not None:
            return writer
        at_us = int(entry.at_s * 1_000_000)
        connecting = entry.operation is None and entry.epoch == 0
        spans = self._spans.get((entry.device, connecting), [])
        begun = [span for span in spans if span[0] <= at_us <= span[1]]
        return max(begun, key=lambda span: span[0])[2] if begun else None


def _starts(records: Iterable[object]) -> list[int]:
    return [record.at_us for record in records if isinstance(record, Intended)]
