"""A history put in order: its rows by command, and what devices applied by the command that asked for it.

Knows how the payloads of a simulation are made: each names its command (see `script`).
"""

from bisect import bisect_right

from gattkeeper.model.command import Command
from gattkeeper.model.operation import LongWrite, Sequence, Write, parts_of
from gattkeeper.model.outcome import Resolution
from gattkeeper.model.record import Accepted, Ended, Intended, Resolved
from gattkeeper.world import Seen, SeenKind
from sim.history import History
from sim.memory_journal import Row

WORD = 4
"""Bytes of a payload that name one part of one command: three for the command, one for the part."""

UNDO = 0xFF
"""The part that an undo is: it belongs to a command of its own."""


class Facts:
    """A history's rows by command, and what devices applied by payload."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.accepted: dict[str, Accepted] = {}
        self.ended: dict[str, list[Ended]] = {}
        self.intended: dict[str, list[Row]] = {}
        self.resolved: dict[str, list[Resolution]] = {}
        for row in history.rows:
            match row.record:
                case Accepted() as record:
                    self.accepted[record.command.id] = record
                case Ended() as record:
                    self.ended.setdefault(record.outcome.command_id, []).append(record)
                case Intended() as record:
                    self.intended.setdefault(record.command_id, []).append(row)
                case Resolved() as record:
                    self.resolved.setdefault(record.resolution.command_id, []).append(record.resolution)
                case _:
                    pass
        self.commands = {one.command.id: one.command for one in history.stops}
        self.commands |= {one.command.id: one.command for one in history.told if one.command.id}
        self.commands |= {command_id: record.command for command_id, record in self.accepted.items()}
        self.outcomes = {one.command.id: one.outcome for one in history.told if one.outcome is not None}
        self.outcomes |= {one: records[0].outcome for one, records in self.ended.items() if one in self.commands}
        self.told_at_us = {one.command.id: one.told_at_us for one in reversed(history.told)}
        self.writer = {
            (command.device, name_in(part.payload)): command
            for command in self.commands.values()
            for part in writes_of(command)
        }
        self._ways: dict[str, list[tuple[int, str]]] = {}  # since when by which adapter, by device
        for entry in history.seen:
            if entry.kind is SeenKind.CONNECTING:
                self._ways.setdefault(entry.device, []).append((int(entry.at_s * 1_000_000), entry.adapter))
        for ways in self._ways.values():
            ways.sort()
        self.requests = [entry for entry in history.seen if entry.kind is SeenKind.REQUEST]
        self.applied: dict[tuple[str, bytes], list[Seen]] = {}  # by device and word, or whole payload of a stop
        self.pretended: set[tuple[str, bytes]] = set()
        for entry in history.seen:
            if isinstance(entry.operation, Write) and entry.kind in (SeenKind.APPLIED, SeenKind.PRETENDED):
                for word in self._words_of(entry):
                    if entry.kind is SeenKind.APPLIED:
                        self.applied.setdefault((entry.device, word), []).append(entry)
                    else:
                        self.pretended.add((entry.device, word))

    def _words_of(self, entry: Seen) -> list[bytes]:
        writer = self.writer_of(entry)
        assert isinstance(entry.operation, Write)
        long = writer is not None and isinstance(writer.operation, LongWrite)
        return words_in(entry.operation.payload, long=long)

    def adapter_at(self, device: str, at_us: int) -> str:
        """By which adapter a device's last connection was, at that moment; before the first its own."""
        ways = self._ways.get(device, [])
        number = bisect_right(ways, (at_us, "~"))
        return ways[number - 1][1] if number else self.history.adapters[device]

    def writer_of(self, entry: Seen) -> Command | None:
        """The command whose write this is."""
        if not isinstance(entry.operation, Write):
            return None
        return self.writer.get((entry.device, name_in(entry.operation.payload)))

    def words_of(self, command: Command) -> list[tuple[str, bytes]]:
        """Everything that the device has to apply for this command."""
        long = isinstance(command.operation, LongWrite)
        words = [word for part in writes_of(command) for word in words_in(part.payload, long=long)]
        return [(command.device, word) for word in words]

    def applied_by(self, command: Command) -> list[Seen]:
        """What the device applied of this command."""
        return [entry for word in self.words_of(command) for entry in self.applied.get(word, ())]

    def ended_at_us(self, command_id: str) -> int | None:
        """When it ended, as the journal or else its caller has it."""
        records = self.ended.get(command_id)
        return records[0].at_us if records else self.told_at_us.get(command_id)


def writes_of(command: Command) -> list[Write]:
    """The writes that a command may bring about. Its undo is none of them: that is a command of its own."""
    operation = command.operation
    parts = operation.steps if isinstance(operation, Sequence) else parts_of(operation)
    return [part for part in parts if isinstance(part, Write)]


def name_in(payload: bytes) -> bytes:
    """What in a payload names its command: all of it for a stop and for an undo."""
    if payload[:1] == b"S" or payload[WORD - 1 : WORD] == bytes([UNDO]):
        return payload
    return payload[: WORD - 1]


def words_in(payload: bytes, *, long: bool) -> list[bytes]:
    """The parts of a payload: chunks of a long write may hold any number of them."""
    return [payload[at : at + WORD] for at in range(0, len(payload), WORD)] if long else [payload]
