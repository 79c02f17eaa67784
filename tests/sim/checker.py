"""Judges a history by the contract: three records that know nothing of each other have to agree.

What callers were told, what the journal holds, and what the links saw at the devices. Each check gives sentences;
none means that the invariant held. I2 needs several processes and is not judged here. Writes are recognised at
the device by their payload: every command of a simulation has one of its own.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from gattkeeper.model.command import Command, Origin
from gattkeeper.model.operation import (
    Read,
    Write,
    changes_state,
)
from gattkeeper.model.outcome import Outcome, Resolution, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended, Resolved
from gattkeeper.runtime.pump import WHO
from gattkeeper.world import Seen, SeenKind
from sim.memory_journal import Row


class Told(Struct, frozen=True, kw_only=True):
    """What a caller was told: an outcome, or the code of the error that refused the command."""

    command: Command
    asked_at_us: int
    told_at_us: int
    outcome: Outcome | None = None
    refused: str = ""


class History(Struct, kw_only=True):
    """Everything that is known about a run, over all lives of the keeper."""

    told: list[Told] = []
    stops: list[Told] = []  # emergency stops when they were asked for, before anybody was told anything
    rows: list[Row] = []
    seen: list[Seen] = []
    violations: list[str] = []  # of the links
    probes: list[Told] = []  # commands sent after faults stopped
    safety: frozenset[str] = frozenset()  # devices that latch
    bound_us: int = 0  # what an end may take beyond the deadline: the disk's time
    crashes_us: tuple[int, ...] = ()
    depth_max: int = 0  # most commands that were seen waiting for one device
    depth_limit: int = 0
    left: int = 0  # commands without an end when all was over


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
        self.writer = {
            key: command for command in self.commands.values() if (key := write_key(command)) is not None
        }
        self.requests = [entry for entry in history.seen if entry.kind is SeenKind.REQUEST]
        self.applied: dict[tuple[str, bytes], list[Seen]] = {}
        for entry in history.seen:
            if entry.kind is SeenKind.APPLIED and isinstance(entry.operation, Write):
                self.applied.setdefault((entry.device, entry.operation.payload), []).append(entry)

    def applied_by(self, command: Command) -> list[Seen]:
        key = write_key(command)
        return self.applied.get(key, []) if key is not None else []

    def writer_of(self, entry: Seen) -> Command | None:
        payload = entry.operation.payload if isinstance(entry.operation, Write) else b""
        return self.writer.get((entry.device, payload))

    def ended_at_us(self, command_id: str) -> int | None:
        records = self.ended.get(command_id)
        if records:
            return records[0].at_us
        return next((one.told_at_us for one in self.history.told if one.command.id == command_id), None)


def write_key(command: Command) -> tuple[str, bytes] | None:
    return (command.device, command.operation.payload) if isinstance(command.operation, Write) else None


def is_check(command: Command) -> bool:
    """Whether the keeper made it, to see what became of another: then it goes before all that waits."""
    return command.label.startswith("check ")


def us(seconds: float) -> int:
    return int(seconds * 1_000_000)


def i1_one_at_a_time(facts: Facts) -> Iterator[str]:
    yield from facts.history.violations


def i3_one_outcome(facts: Facts) -> Iterator[str]:
    for command_id in facts.accepted:
        ends = facts.ended.get(command_id, [])
        told = [one for one in facts.history.told if one.command.id == command_id and one.outcome is not None]
        if len(ends) > 1:
            yield f"{command_id} has {len(ends)} outcomes in the journal"
        if not ends and not told:
            yield f"{command_id} was accepted and has no outcome"
    for command_id in facts.ended:
        if command_id not in facts.accepted:
            yield f"{command_id} has an outcome in the journal, and was never accepted there"
    for command_id, resolutions in facts.resolved.items():
        outcome = facts.outcomes.get(command_id)
        if len(resolutions) > 1:
            yield f"{command_id} was resolved {len(resolutions)} times"
        if outcome is None or outcome.verdict is not Verdict.UNKNOWN:
            yield f"{command_id} was resolved and did not end unknown"


def i3_resolved_rightly(facts: Facts) -> Iterator[str]:
    """What the keeper found out by itself is what the device did."""
    for command_id, resolutions in facts.resolved.items():
        applied = bool(facts.applied_by(facts.commands[command_id]))
        for one in resolutions:
            if one.who == WHO and one.applied is not applied:
                yield f"{command_id} was resolved as {one.applied=}, which is wrong: {one.why}"


def i4_delivered_was_applied(facts: Facts) -> Iterator[str]:
    for command_id, outcome in facts.outcomes.items():
        command = facts.commands[command_id]
        rode_on = facts.commands.get(outcome.by) if command.stop and outcome.by else None
        if outcome.verdict is not Verdict.DELIVERED or not isinstance(command.operation, Write):
            continue
        if not facts.applied_by(rode_on or command):
            yield f"{command_id} was delivered, and {command.device} never applied it"


def i5_not_delivered_was_never_applied(facts: Facts) -> Iterator[str]:
    for command_id, outcome in facts.outcomes.items():
        applied = facts.applied_by(facts.commands[command_id])
        if outcome.verdict is Verdict.NOT_DELIVERED and applied:
            yield f"{command_id} was not delivered ({outcome.cause.value}), but applied at {applied[0].at_s:.6f} s"


def i6_applied_once_and_only_when_accepted(facts: Facts) -> Iterator[str]:
    for key, entries in facts.applied.items():
        command = facts.writer.get(key)
        if command is None:
            yield f"{key[0]} applied {key[1].hex()}, which nobody was told was accepted"
            continue
        if command.stop:
            continue  # it goes out without the disk, and again until it is through
        if command.id not in facts.accepted:
            yield f"{command.id} was applied without a durable acceptance"
        if len(entries) > 1 and not command.idempotent:
            yield f"{command.id} is not idempotent and was applied {len(entries)} times"


def i7_first_in_first_out(facts: Facts) -> Iterator[str]:
    """Of those of one device, client, priority and kind of effect that were delivered at their first attempt."""
    last: dict[tuple[str, int, bool, Origin], tuple[int, str]] = {}
    for command_id, record in facts.accepted.items():
        command = record.command
        intents = facts.intended.get(command_id, [])
        outcome = facts.outcomes.get(command_id)
        if (
            command.stop
            or is_check(command)
            or len(intents) != 1
            or outcome is None
            or outcome.verdict is not Verdict.DELIVERED
        ):
            continue
        intent = intents[0].record
        assert isinstance(intent, Intended)
        line = (command.device, int(command.priority), changes_state(command.operation), command.origin)
        before_us, before = last.get(line, (0, ""))
        if intent.at_us < before_us:
            yield f"{command_id} was accepted after {before} in the same line, and started before it"
        last[line] = (intent.at_us, command_id)


def i8_stop_dominates(facts: Facts) -> Iterator[str]:
    """From its acceptance until its verdict nothing else that changes the device is taken on or handed over.

    What was accepted before it is not handed over afterwards either.
    """
    for stop in facts.history.stops:
        from_us, name = stop.asked_at_us, stop.command.id
        ends = (facts.ended_at_us(name), *facts.history.crashes_us)
        until_us = min((at_us for at_us in ends if at_us is not None and at_us >= from_us), default=from_us)
        for record in facts.accepted.values():
            if _bound_by(stop.command, record.command) and from_us < record.at_us < until_us:
                yield f"{record.command.id} was accepted while stop {name} ran"
        for entry in facts.requests:
            writer = facts.writer_of(entry)
            if writer is None or not _bound_by(stop.command, writer) or us(entry.at_s) <= from_us:
                continue
            if us(entry.at_s) < until_us:
                yield f"{writer.id} was handed over at {entry.at_s:.6f} s, while stop {name} ran"
            elif writer.id in facts.accepted and facts.accepted[writer.id].at_us < from_us:
                yield f"{writer.id} was handed over at {entry.at_s:.6f} s, although stop {name} came after it"


def _bound_by(stop: Command, command: Command) -> bool:
    return command.device == stop.device and changes_state(command.operation) and not command.stop


def i9_the_latch_holds(facts: Facts) -> Iterator[str]:
    latched: dict[str, str] = {}
    for row in facts.history.rows:
        match row.record:
            case Ended(outcome=outcome) if outcome.verdict is Verdict.UNKNOWN:
                command = facts.commands[outcome.command_id]
                if command.device in facts.history.safety and changes_state(command.operation):
                    latched.setdefault(command.device, outcome.command_id)
            case Resolved(resolution=resolution):
                device = facts.commands[resolution.command_id].device
                if latched.get(device) == resolution.command_id:
                    del latched[device]
            case Intended(command_id=command_id):
                command = facts.commands[command_id]
                held_by = latched.get(command.device)
                if held_by and changes_state(command.operation) and not command.stop:
                    yield f"{command_id} started on {command.device}, which {held_by} holds"
            case _:
                pass


def i10_bounded_end(facts: Facts) -> Iterator[str]:
    for command_id, record in facts.accepted.items():
        ends = facts.ended.get(command_id)
        latest_us = record.at_us + record.command.deadline_us + facts.history.bound_us
        if (
            ends
            and ends[0].at_us > latest_us
            and not any(record.at_us <= at_us <= ends[0].at_us for at_us in facts.history.crashes_us)
        ):
            yield f"{command_id} ended {ends[0].at_us - latest_us} us after its deadline and bound"
    for probe in facts.history.probes:
        if probe.outcome is None or probe.outcome.verdict is not Verdict.DELIVERED:
            yield f"{probe.command.device} is not usable after faults stopped: {probe.outcome or probe.refused}"


def i11_intent_before_hand_over(facts: Facts) -> Iterator[str]:
    """Stops excepted: a stop does not wait for the disk."""
    for entry in facts.requests:
        command = facts.writer_of(entry)
        if command is None or command.stop:
            continue
        rows = facts.intended.get(command.id, [])
        if not any(row.durable_at_us <= us(entry.at_s) for row in rows):
            yield f"{command.id} was handed over at {entry.at_s:.6f} s without a durable intent"


def i12_told_what_the_journal_says(facts: Facts) -> Iterator[str]:
    for one in facts.history.told:
        for record in facts.ended.get(one.command.id, []):
            if one.outcome is None or one.outcome == record.outcome or _knows_less(facts, one, record):
                continue
            yield f"{one.command.id}: told {one.outcome.verdict}, the journal says {record.outcome.verdict}"
        if one.refused and one.command.id in facts.accepted:
            yield f"{one.command.id} was refused ({one.refused}), and the journal has it"


def _knows_less(facts: Facts, one: Told, record: Ended) -> bool:
    """Told while the disk was full, then a crash: what recovery writes may say less, but nothing else."""
    after_crash = any(one.told_at_us <= at_us <= record.at_us for at_us in facts.history.crashes_us)
    told = one.outcome.verdict if one.outcome is not None else None
    less = record.outcome.verdict in (Verdict.UNKNOWN, told) or not changes_state(one.command.operation)
    return after_crash and less


def i13_answers_belong(facts: Facts) -> Iterator[str]:
    """A read's value was made by the device while that very read was out, on a connection that was still up."""
    reads = {
        command_id: command
        for command_id, command in facts.commands.items()
        if isinstance(command.operation, Read) and not is_check(command)
    }
    asked = {command.operation for command in reads.values()}
    made = {
        (entry.device, entry.value): entry
        for entry in facts.history.seen
        if entry.kind is SeenKind.APPLIED and entry.operation in asked
    }
    down = {(e.device, e.epoch): us(e.at_s) for e in facts.history.seen if e.kind is SeenKind.DOWN}
    given: dict[tuple[str, object], str] = {}
    for command_id, command in reads.items():
        outcome, ended_us = facts.outcomes.get(command_id), facts.ended_at_us(command_id)
        if outcome is None or outcome.verdict is not Verdict.DELIVERED or ended_us is None:
            continue
        key = (command.device, outcome.value)
        entry = made.get(key)
        started_us = max((row.record.at_us for row in facts.intended.get(command_id, [])), default=0)
        if entry is None or not started_us <= us(entry.at_s) <= ended_us:
            yield f"{command_id} was given a value that was not made for it: {outcome.value!r}"
        elif down.get((entry.device, entry.epoch), ended_us) < ended_us:
            yield f"{command_id} was given an answer of a connection that was down"
        if key in given:
            yield f"{command_id} was given the answer of {given[key]}"
        given[key] = command_id


def i14_bounded(facts: Facts) -> Iterator[str]:
    history = facts.history
    if history.depth_max > history.depth_limit:
        yield f"{history.depth_max} commands waited for one device, {history.depth_limit} is the limit"
    if history.left:
        yield f"{history.left} commands are still held although all is over"


def i15_nothing_expired_starts(facts: Facts) -> Iterator[str]:
    for command_id, rows in facts.intended.items():
        record = facts.accepted.get(command_id)
        if record is None:
            continue
        command, start_us = record.command, rows[0].record.at_us
        if any(row.record.at_us > record.at_us + command.deadline_us for row in rows):
            yield f"{command_id} started after its deadline"
        if command.queue_timeout_us is not None and start_us > record.at_us + command.queue_timeout_us:
            yield f"{command_id} started after its queue time-out"


CHECKS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    i1_one_at_a_time,
    i3_one_outcome,
    i3_resolved_rightly,
    i4_delivered_was_applied,
    i5_not_delivered_was_never_applied,
    i6_applied_once_and_only_when_accepted,
    i7_first_in_first_out,
    i8_stop_dominates,
    i9_the_latch_holds,
    i10_bounded_end,
    i11_intent_before_hand_over,
    i12_told_what_the_journal_says,
    i13_answers_belong,
    i14_bounded,
    i15_nothing_expired_starts,
)


def judge(history: History) -> list[str]:
    """Every violation, with the name of the invariant it breaks."""
    facts = Facts(history)
    return [f"{check.__name__}: {said}" for check in CHECKS for said in check(facts)]
