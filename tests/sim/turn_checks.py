"""Whose turn it was: one operation and one query beside it, and fan-outs that go together.

Knows timelines and intents. The other promises stand in `checker`.
"""

from collections.abc import Iterator
from itertools import groupby

from gattkeeper.model.adapter import Serialization
from gattkeeper.model.operation import ReadPhy, ReadRssi
from gattkeeper.model.outcome import Phase
from gattkeeper.model.record import Accepted
from gattkeeper.world import Seen, SeenKind
from sim.facts import Facts
from sim.recovery_checks import in_flight


def i1_one_operation_and_one_query(facts: Facts) -> Iterator[str]:
    """On one device at once: beside an operation, which may be a query as well, one query and no more."""
    flights: dict[str, list[tuple[int, int, str]]] = {}
    for command_id, outcome in facts.outcomes.items():
        command = facts.commands[command_id]
        if not command.stop:
            spans = ((*span, command_id) for span in in_flight(outcome))
            flights.setdefault(command.device, []).extend(spans)
    for device, spans in flights.items():
        under_way: list[tuple[int, str]] = []
        for from_us, until_us, command_id in sorted(spans):
            under_way = [(end_us, other) for end_us, other in under_way if end_us > from_us]
            under_way.append((until_us, command_id))
            queries = sum(isinstance(facts.commands[one].operation, ReadRssi | ReadPhy) for _, one in under_way)
            if len(under_way) > 1 + min(1, queries):
                others = " and ".join(other for _, other in under_way[:-1])
                yield f"{command_id} was handed over to {device} beside {others}"


def i1_one_connection(facts: Facts) -> Iterator[str]:
    """A device is connected by one adapter at once. Of what happens in one moment each adapter's last word counts."""
    up: dict[str, set[str]] = {}
    links = [entry for entry in facts.history.seen if entry.kind in (SeenKind.UP, SeenKind.DOWN)]
    for (at_s, device), entries in groupby(sorted(links, key=_moment), key=_moment):
        last = {entry.adapter: entry.kind for entry in entries}
        came = {adapter for adapter, kind in last.items() if kind is SeenKind.UP}
        adapters = up[device] = (up.get(device, set()) - last.keys()) | came
        if came and len(adapters) > 1:
            yield f"{device} was connected by {' and '.join(sorted(adapters))} at {at_s:.6f} s"


def _moment(entry: Seen) -> tuple[float, str]:
    return entry.at_s, entry.device


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
    if history.serialization.get(facts.adapter_at(device, until_us)) is not Serialization.DEVICE:
        return True
    if any(entry.device == device and since_us <= int(entry.at_s * 1e6) <= until_us for entry in history.seen):
        return True
    return any(
        isinstance(row.record, Accepted)
        and row.record.command.device == device
        and since_us <= row.record.at_us <= until_us
        for row in history.rows
    )
