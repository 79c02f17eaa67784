"""What a recovery must not do: begin anew and anew, or cut connections on which commands are in flight.

Knows what links saw of it, and the limits. The other promises stand in `checker`.
"""

from collections.abc import Iterator

from gattkeeper.model.adapter import CUTTING, Rung
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.world import Seen, SeenKind
from sim.facts import Facts

HOUR_US = 3_600_000_000

JUST_BEGUN_US = 1_000
"""How long a link may take to hear that a rung is due."""


def recovery_is_no_loop(facts: Facts) -> Iterator[str]:
    """Of one adapter and one life: each rung after its cooldown, and so many times in an hour."""
    limits = facts.history.limits
    begun: dict[tuple[str, str, int], list[int]] = {}
    for entry in _rungs(facts):
        at_us = _us(entry)
        adapter = entry.adapter
        life = sum(crash_us <= at_us for crash_us in facts.history.crashes_us)
        moments = begun.setdefault((adapter, entry.rung, life), [])
        if moments and at_us - moments[-1] < limits.recovery_cooldown_us:
            yield f"{entry.rung} of {adapter} began again at {entry.at_s:.6f} s, before its cooldown was over"
        moments.append(at_us)
        if sum(at_us - HOUR_US < moment for moment in moments) > limits.recovery_per_hour_max:
            yield f"{entry.rung} of {adapter} began too often within an hour, at {entry.at_s:.6f} s"


def recovery_waits_for_what_is_in_flight(facts: Facts) -> Iterator[str]:
    """Before a rung that cuts, for as long as the drain; and nothing begins meanwhile. Stops go in any case."""
    flights = [
        (command.device, from_us, until_us, command.id)
        for command in facts.commands.values()
        if not command.stop and command.id in facts.outcomes
        for from_us, until_us in in_flight(facts.outcomes[command.id])
    ]
    drain_us = facts.history.limits.recovery_drain_us
    for entry in _rungs(facts):
        if Rung(entry.rung) not in CUTTING:
            continue
        at_us, adapter = _us(entry), entry.adapter
        for device, from_us, until_us, command_id in flights:
            cut = from_us <= at_us < until_us and facts.adapter_at(device, from_us) == adapter
            if cut and at_us - from_us < drain_us - JUST_BEGUN_US:
                yield f"{entry.rung} of {adapter} began at {entry.at_s:.6f} s, when {command_id} was in flight"


def in_flight(outcome: Outcome) -> Iterator[tuple[int, int]]:
    """From when to when a command was handed over, by its own account; what recovery wrote after a crash has none."""
    if not outcome.timeline or outcome.timeline[-1].phase is not Phase.OUTCOME:
        return
    for mark, following in zip(outcome.timeline, outcome.timeline[1:], strict=False):
        if mark.phase is Phase.DISPATCHED:
            yield mark.at_us, following.at_us


def _rungs(facts: Facts) -> Iterator[Seen]:
    return (entry for entry in facts.history.seen if entry.kind is SeenKind.RECOVERING)


def _us(entry: Seen) -> int:
    return int(entry.at_s * 1_000_000)
