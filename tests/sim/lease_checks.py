"""What a lease promises: its commands make no connection, run on its own and on no other, and a stop ends it.

Knows timelines, intents and what holders were told. The other promises stand in `checker`.
"""

from collections.abc import Iterator

from gattkeeper.model.command import Command
from gattkeeper.model.operation import Composite, Connect
from gattkeeper.model.outcome import Phase
from sim.facts import Facts
from sim.history import Held

Key = tuple[int, str]
"""A lease: the keeper's life, as its number, and the name that the lease has in it."""


def leases_make_no_connection(facts: Facts) -> Iterator[str]:
    """But for a Connect, with which every lease begins."""
    for command_id in _leased(facts):
        outcome = facts.outcomes.get(command_id)
        if outcome is not None and any(mark.phase is Phase.CONNECT_START for mark in outcome.timeline):
            yield f"{command_id} made a connection, although it belongs to a lease"


def leases_stay_on_their_connection(facts: Facts) -> Iterator[str]:
    """All commands of a lease run on the same one."""
    first: dict[Key, tuple[int, str]] = {}
    for command_id, key in _leased(facts).items():
        for row in facts.intended.get(command_id, ()):
            epoch, before = first.setdefault(key, (row.record.epoch, command_id))
            if row.record.epoch != epoch:
                yield f"{command_id} ran on connection {row.record.epoch}, {before} of its lease on {epoch}"


def leases_use_what_they_hold(facts: Facts) -> Iterator[str]:
    """Nothing of a lease is handed over before it was given, or once it is over, but what is left of a whole."""
    leased, held = _leased(facts), _held(facts)
    begun: set[str] = set()
    for entry in facts.requests:
        writer = facts.writer_of(entry)
        if writer is None or writer.id not in leased or writer.id in begun:
            continue
        if isinstance(writer.operation, Composite):
            begun.add(writer.id)
        at_us, lease = int(entry.at_s * 1_000_000), held.get(leased[writer.id])
        if lease is None or not lease.since_us <= at_us <= lease.until_us:
            yield f"{writer.id} was handed over at {entry.at_s:.6f} s, when {writer.lease} was not held"


def a_stop_ends_leases(facts: Facts) -> Iterator[str]:
    """In the moment in which it is asked for."""
    for stop in facts.history.stops:
        for lease in facts.history.held:
            if lease.device == stop.command.device and lease.since_us < stop.asked_at_us < lease.until_us:
                yield f"{lease.lease} held {lease.device} on, although {stop.command.id} stopped it"


def _leased(facts: Facts) -> dict[str, Key]:
    """Commands that need a lease, by id."""
    return {
        command_id: (_life(facts, record.at_us), record.command.lease)
        for command_id, record in facts.accepted.items()
        if _needs_lease(record.command)
    }


def _needs_lease(command: Command) -> bool:
    return bool(command.lease) and not isinstance(command.operation, Connect)


def _held(facts: Facts) -> dict[Key, Held]:
    return {(_life(facts, lease.since_us), lease.lease): lease for lease in facts.history.held}


def _life(facts: Facts, at_us: int) -> int:
    return sum(crash_us <= at_us for crash_us in facts.history.crashes_us)
