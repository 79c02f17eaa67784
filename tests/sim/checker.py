"""Judges a history by the contract: three records that know nothing of each other have to agree.

What callers were told, what the journal holds, and what the links saw at the devices. Each check gives sentences;
none means that the invariant held.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from gattkeeper.model.command import Command, Origin
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.operation import Read, ReadPhy, ReadRssi, changes_state
from gattkeeper.model.outcome import Outcome, Verdict
from gattkeeper.model.record import Ended, Intended, Resolved
from gattkeeper.runtime.pump import WHO
from gattkeeper.world import SeenKind
from sim.facts import Facts
from sim.history import History, Told
from sim.lease_checks import (
    a_stop_ends_leases,
    leases_make_no_connection,
    leases_stay_on_their_connection,
    leases_use_what_they_hold,
)
from sim.recovery_checks import recovery_is_no_loop, recovery_waits_for_what_is_in_flight
from sim.scene import COUNTER
from sim.turn_checks import i1_one_connection, i1_one_operation_and_one_query, i7_fan_outs_go_together

UNDO_ID = "-undo"
"""How the id of a command ends that undoes a sequence."""

SLACK_US = 100_000
"""How long after a connection went down its owner may still be told of what came before: some intervals."""


def us(seconds: float) -> int:
    return int(seconds * 1_000_000)


def i1_one_at_a_time(facts: Facts) -> Iterator[str]:
    yield from facts.history.violations


def i2_one_owner(facts: Facts) -> Iterator[str]:
    yield from facts.history.owners


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
    """Or acknowledged by a device that did nothing: nobody can know, unless it is read back."""
    for command_id, outcome in facts.outcomes.items():
        command = facts.commands[command_id]
        rode_on = facts.commands.get(outcome.by) if command.stop and outcome.by else None
        if outcome.verdict is not Verdict.DELIVERED:
            continue
        for word in facts.words_of(rode_on or command):
            believed = word in facts.pretended and not command.require_read_back
            if word not in facts.applied and not believed:
                yield f"{command_id} was delivered, and {command.device} never applied {word[1].hex()}"


def i5_not_delivered_was_never_applied(facts: Facts) -> Iterator[str]:
    for command_id, outcome in facts.outcomes.items():
        applied = facts.applied_by(facts.commands[command_id])
        if outcome.verdict is Verdict.NOT_DELIVERED and applied:
            yield f"{command_id} was not delivered ({outcome.cause.value}), but applied at {applied[0].at_s:.6f} s"


def i6_applied_once_and_only_when_accepted(facts: Facts) -> Iterator[str]:
    for (device, word), entries in facts.applied.items():
        command = facts.writer_of(entries[0])
        if command is None:
            yield f"{device} applied {word.hex()}, which nobody was told was accepted"
            continue
        if command.stop:
            continue  # it goes out without the disk, and again until it is through
        if command.id not in facts.accepted:
            yield f"{command.id} was applied without a durable acceptance"
        if len(entries) > 1 and not command.idempotent:
            yield f"{command.id} is not idempotent and {word.hex()} was applied {len(entries)} times"


def i7_first_in_first_out(facts: Facts) -> Iterator[str]:
    """Of those of one device, client, priority and kind of effect that were delivered at their first attempt."""
    last: dict[tuple[str, int, bool, Origin], tuple[int, str]] = {}
    for command_id, record in facts.accepted.items():
        command = record.command
        intents = facts.intended.get(command_id, [])
        outcome = facts.outcomes.get(command_id)
        if command_id in facts.history.reprioritised or _goes_its_own_way(command):
            continue
        if command.stop or len(intents) != 1 or outcome is None or outcome.verdict is not Verdict.DELIVERED:
            continue
        intent = intents[0].record
        assert isinstance(intent, Intended)
        line = (command.device, int(command.priority), changes_state(command.operation), command.origin)
        before_us, before = last.get(line, (0, ""))
        if intent.at_us < before_us:
            yield f"{command_id} was accepted after {before} in the same line, and started before it"
        last[line] = (intent.at_us, command_id)


def _goes_its_own_way(command: Command) -> bool:
    """Before all that waits, as what the keeper makes by itself does; or beside the bearer, as queries may."""
    made_here = _is_undo(command) or command.label.startswith("check ")
    return made_here or isinstance(command.operation, ReadRssi | ReadPhy)


def i8_stop_dominates(facts: Facts) -> Iterator[str]:
    """From its acceptance until its verdict nothing else that changes the device is taken on or handed over.

    What was accepted before it is not handed over afterwards either.
    """
    for stop in facts.history.stops:
        from_us, name = stop.asked_at_us, stop.command.id
        ends = (facts.ended_at_us(name), *facts.history.crashes_us)
        until_us = min((at_us for at_us in ends if at_us is not None and at_us >= from_us), default=from_us)
        for record in facts.accepted.values():
            if (
                _bound_by(stop.command, record.command)
                and not _is_undo(record.command)
                and from_us < record.at_us < until_us
            ):
                yield f"{record.command.id} was accepted while stop {name} ran"
        for entry in facts.requests:
            writer = facts.writer_of(entry)
            if writer is None or not _bound_by(stop.command, writer) or us(entry.at_s) <= from_us:
                continue
            if us(entry.at_s) < until_us:
                yield f"{writer.id} was handed over at {entry.at_s:.6f} s, while stop {name} ran"
            elif (
                not _is_undo(writer) and writer.id in facts.accepted and facts.accepted[writer.id].at_us < from_us
            ):
                yield f"{writer.id} was handed over at {entry.at_s:.6f} s, although stop {name} came after it"


def _bound_by(stop: Command, command: Command) -> bool:
    return command.device == stop.device and changes_state(command.operation) and not command.stop


def _is_undo(command: Command) -> bool:
    """It belongs to a sequence that began before: it waits for a stop, and is not taken back by one."""
    return command.id.endswith(UNDO_ID)


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
            case Intended(command_id=command_id) if command_id in facts.commands:
                # else its acceptance was lost with a full disk: then nobody was told, and it is never handed over
                command = facts.commands[command_id]
                held_by = latched.get(command.device)
                if held_by and changes_state(command.operation) and not command.stop and not _is_undo(command):
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
    """One for each: as many as were handed over. Stops excepted: a stop does not wait for the disk."""
    handed_over: Counter[str] = Counter()
    for entry in facts.requests:
        command = facts.writer_of(entry)
        if command is None or command.stop:
            continue
        handed_over[command.id] += 1
        durable = sum(row.durable_at_us <= us(entry.at_s) for row in facts.intended.get(command.id, ()))
        if durable < handed_over[command.id]:
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
    made = {
        (entry.device, entry.value): entry
        for entry in facts.history.seen
        if entry.kind is SeenKind.APPLIED and _reads_counter(entry.operation)
    }
    down = {(e.adapter, e.device, e.epoch): us(e.at_s) for e in facts.history.seen if e.kind is SeenKind.DOWN}
    given: dict[tuple[str, object], str] = {}
    for command_id, outcome in facts.outcomes.items():
        ended_us = facts.ended_at_us(command_id) or 0
        for value in _values(facts.commands[command_id], outcome):
            key = (facts.commands[command_id].device, value)
            entry = made.get(key)
            started_us = max((row.record.at_us for row in facts.intended.get(command_id, [])[:1]), default=0)
            if entry is None or not started_us <= us(entry.at_s) <= ended_us:
                yield f"{command_id} was given a value that was not made for it: {value!r}"
            elif (
                down.get((entry.adapter, entry.device, entry.epoch), ended_us) < ended_us
                and value is outcome.value
            ):
                yield f"{command_id} was given an answer of a connection that was down"
            if key in given:
                yield f"{command_id} was given the answer of {given[key]}"
            given[key] = command_id


def _values(command: Command, outcome: Outcome) -> list[bytes]:
    """What a command was given by reads of the counter, which never gives one value twice."""
    values = (outcome.value,) if _reads_counter(command.operation) else outcome.values
    return [value for value in values if isinstance(value, bytes)]


def _reads_counter(operation: object) -> bool:
    return isinstance(operation, Read) and operation.target.uuid == normal_uuid(COUNTER)


def i13_notifications_belong(facts: Facts) -> Iterator[str]:
    """Each was sent by that device, on a connection that was not long gone; in the order in which they were sent."""
    pushed = {(one.device, one.payload): number for number, one in enumerate(facts.history.pushed)}
    downs: dict[str, list[int]] = {}
    for entry in facts.history.seen:
        if entry.kind is SeenKind.DOWN:
            downs.setdefault(entry.device, []).append(us(entry.at_s))
    last: dict[int, int] = {}
    for one in facts.history.heard:
        number = pushed.get((one.device, one.payload))
        if number is None:
            yield f"reader {one.reader} heard {one.payload!r}, which {one.device} never sent"
            continue
        sent_us = facts.history.pushed[number].at_us
        if sent_us >= one.since_us and any(
            sent_us <= at_us < one.at_us - SLACK_US for at_us in downs.get(one.device, ())
        ):
            yield f"reader {one.reader} heard {one.payload!r} of a connection of {one.device} that was down"
        if number < last.get(one.reader, 0):
            yield f"reader {one.reader} heard {one.payload!r} after a later one"
        last[one.reader] = number


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


def i16_strangers_get_nothing_but_stops(facts: Facts) -> Iterator[str]:
    yield from facts.history.to_strangers


CHECKS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    i1_one_at_a_time,
    i2_one_owner,
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
    i13_notifications_belong,
    i14_bounded,
    i15_nothing_expired_starts,
    i16_strangers_get_nothing_but_stops,
    i1_one_connection,
    i1_one_operation_and_one_query,
    i7_fan_outs_go_together,
    recovery_is_no_loop,
    recovery_waits_for_what_is_in_flight,
    leases_make_no_connection,
    leases_stay_on_their_connection,
    leases_use_what_they_hold,
    a_stop_ends_leases,
)


def judge(history: History) -> list[str]:
    """Every violation, with the name of the invariant it breaks."""
    facts = Facts(history)
    return [f"{check.__name__}: {said}" for check in CHECKS for said in check(facts)]
