"""Holds three accounts of the same events against each other: callers, journal, devices.

Knows what must agree. Each check raises AssertionError with the command it is about.
"""

from collections import Counter, defaultdict
from hashlib import sha256

from gattkeeper.model.command import Command
from gattkeeper.model.operation import Write, changes_state
from gattkeeper.model.outcome import Outcome, Verdict
from gattkeeper.model.record import Accepted, AttemptFailed, Ended, Intended, Record
from gattkeeper.world.virtual_device import Applied


class Evidence:
    """The journal by command."""

    def __init__(self, rows: list[Record]) -> None:
        self.rows = rows
        self.commands: dict[str, Command] = {}
        self.sha256: dict[str, str] = {}  # of a write's payload: all that the journal says of it
        self.outcomes: dict[str, list[Outcome]] = defaultdict(list)
        self.intents: dict[str, int] = Counter()
        for row in rows:
            match row:
                case Accepted(command=command, digests=digests):
                    self.commands[command.id] = command
                    self.sha256[command.id] = next((one.sha256 for one in digests if one.at == "payload"), "")
                case Ended(outcome=outcome):
                    self.outcomes[outcome.command_id].append(outcome)
                case Intended(command_id=command_id):
                    self.intents[command_id] += 1
                case _:
                    pass

    def each_accepted_ended_once(self) -> None:
        for command_id in self.commands:
            assert len(self.outcomes[command_id]) == 1, f"{command_id}: {self.outcomes[command_id]}"
        assert set(self.outcomes) <= set(self.commands), "an outcome without a command"

    def one_in_flight_per_device(self) -> None:
        """Between an intent and the end of its attempt there is no other intent for the device."""
        in_flight: dict[str, str] = {}
        for row in self.rows:
            match row:
                case Intended(command_id=command_id):
                    command = self.commands[command_id]
                    other = in_flight.get(command.device)
                    assert other is None or command.stop, f"{command_id} overlaps {other} on {command.device}"
                    in_flight[command.device] = command_id
                case AttemptFailed(command_id=command_id):
                    _leave(in_flight, command_id)
                case Ended(outcome=outcome):
                    _leave(in_flight, outcome.command_id)
                case _:
                    pass

    def callers_heard_what_stands_there(self, told: dict[str, str]) -> None:
        """`told`: verdicts by command id, as clients printed them."""
        for command_id, verdict in told.items():
            assert self.outcomes[command_id], f"{command_id} was told {verdict}, but has no outcome"
            assert self.outcomes[command_id][0].verdict.value == verdict, command_id

    def devices_agree(self, applied: list[Applied]) -> None:
        """For writes whose payloads are unique: delivered happened, not_delivered did not, nothing twice."""
        times = Counter((one.device, sha256(one.payload).hexdigest()) for one in applied)
        written = {
            (command.device, self.sha256[command.id]): command
            for command in self.commands.values()
            if isinstance(command.operation, Write) and changes_state(command.operation)
        }
        for key, count in times.items():
            assert key in written, f"{key} was applied, but never accepted"
            assert count == 1, f"{written[key].id} was applied {count} times"
            assert self.intents[written[key].id], f"{written[key].id} was applied without an intent"
        for key, command in written.items():
            verdict = self.outcomes[command.id][0].verdict
            assert verdict is not Verdict.DELIVERED or times[key] == 1, f"{command.id} is not there"
            assert verdict is not Verdict.NOT_DELIVERED or times[key] == 0, f"{command.id} is there"


def _leave(in_flight: dict[str, str], command_id: str) -> None:
    for device, holder in list(in_flight.items()):
        if holder == command_id:
            del in_flight[device]
