"""Whose turn it was: queries beside the bearer one at a time, and fan-outs that go together.

Knows timelines and intents. The other promises stand in `checker`.
"""

from collections.abc import Iterator

from gattkeeper.model.adapter import Serialization
from gattkeeper.model.operation import ReadPhy, ReadRssi
from gattkeeper.model.outcome import Phase
from gattkeeper.model.record import Accepted
from sim.facts import Facts
from sim.recovery_checks import in_flight


def i1_one_query_at_a_time(facts: Facts) -> Iterator[str]:
    """What uses no bearer runs beside any other operation, but not beside its like."""
    flights: dict[str, list[tuple[int, int, str]]] = {}
    for command_id, outcome in facts.outcomes.items():
        command = facts.commands[command_id]
        if isinstance(command.operation, ReadRssi | ReadPhy):
            spans = ((*span, command_id) for span in in_flight(outcome))
            flights.setdefault(command.device, []).extend(spans)
    for device, spans in flights.items():
        ordered = sorted(spans)
        for (_, until_us, first), (from_us, _, second) in zip(ordered, ordered[1:], strict=False):
            if from_us < until_us:
                yield f"{second} was handed over to {device} while {first} was beside the bearer"


def i7_fan_outs_go_together(facts: Facts) -> Iterator[str]:
    """Who stood before the gate goes with the first of them, unless something happened to its device meanwhile."""
    for members in _fan_outs(facts).values():
        stood, went = _at_the_gate(facts, members)
        if not went:
            continue
        opened_us = min(went.values())
        for command_id, since_us in stood.items():
            ended_us = facts.ended_at_us(command_id) or opened_us
            late = went.get(command_id, ended_us) > opened_us and since_us < opened_us < ended_us
            if late and not _is_excused(facts, facts.commands[command_id].device, since_us, opened_us):
                yield f"{command_id} stood before the gate, which opened at {opened_us} us, and did not go"


def _fan_outs(facts: Facts) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for command in facts.commands.values():
        if command.fanout:
            members.setdefault(command.fanout, []).append(command.id)
    return members


def _at_the_gate(facts: Facts, members: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Since when each that was gathered stood there, and when each of those got its slot for the first time."""
    stood: dict[str, int] = {}
    went: dict[str, int] = {}
    for command_id in members:
        outcome = facts.outcomes.get(command_id)
        gathered = [mark.at_us for mark in outcome.timeline if mark.phase is Phase.GATHERED] if outcome else []
        if gathered:
            stood[command_id] = gathered[0]
            if command_id in facts.intended:
                went[command_id] = facts.intended[command_id][0].record.at_us
    return stood, went


def _is_excused(facts: Facts, device: str, since_us: int, until_us: int) -> bool:
    """Whether anything at all was seen of the device, or its adapter lets one device go at a time."""
    history = facts.history
    if history.serialization.get(history.adapters[device]) is not Serialization.DEVICE:
        return True
    if any(entry.device == device and since_us <= int(entry.at_s * 1e6) <= until_us for entry in history.seen):
        return True
    return any(
        isinstance(row.record, Accepted)
        and row.record.command.device == device
        and since_us <= row.record.at_us <= until_us
        for row in history.rows
    )
