"""A recovery that loops, or cuts what is in flight, is caught; one that does neither passes."""

import pytest
from msgspec.structs import replace

from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.operation import ReadRssi
from gattkeeper.model.outcome import Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.model.record import Accepted, Ended
from gattkeeper.world import Seen, SeenKind
from sim.checker import judge
from sim.history import History
from sim.memory_journal import Row

S = 1_000_000
LIMITS = Limits(recovery_cooldown_us=10 * S, recovery_per_hour_max=3, recovery_drain_us=6 * S)


def rungs(*at_s: float, rung: Rung = Rung.POWER_CYCLE, crashes_us: tuple[int, ...] = ()) -> History:
    entry = Seen(at_s=0, device="lamp", adapter="adapter", epoch=0, kind=SeenKind.RECOVERING, rung=rung.value)
    seen = [replace(entry, at_s=one) for one in at_s]
    return History(
        seen=seen,
        crashes_us=crashes_us,
        limits=LIMITS,
        adapters={"lamp": "adapter", "fan": "adapter"},
        depth_limit=1,
    )


def flight(history: History, *, from_s: float, until_s: float, stop: bool = False) -> History:
    """A query of another device on the same adapter."""
    marks = ((Phase.DISPATCHED, from_s), (Phase.OUTCOME, until_s))
    timeline = tuple(PhaseMark(phase=phase, at_us=int(at_s * S)) for phase, at_s in marks)
    command = Command(device="fan", operation=ReadRssi(), id="c", stop=stop)
    outcome = Outcome(command_id="c", verdict=Verdict.DELIVERED, cause=Cause.VALUE, timeline=timeline)
    records = (Accepted(command=command, at_us=0), Ended(outcome=outcome, at_us=int(until_s * S)))
    history.rows = [Row(record=record, durable_at_us=0) for record in records]
    return history


@pytest.mark.parametrize(
    "good",
    [
        rungs(0, 10, 20),
        rungs(0, 1, crashes_us=(S // 2,)),
        rungs(0, 10, 20, 3600),
        flight(rungs(1), from_s=0, until_s=1),
        flight(rungs(7), from_s=0, until_s=8),
        flight(rungs(1), from_s=0, until_s=8, stop=True),
        flight(rungs(1, rung=Rung.STOP_DISCOVERY), from_s=0, until_s=8),
    ],
    ids=["after its cooldown", "in two lives", "in two hours", "ended", "its time over", "a stop", "cuts nothing"],
)
def test_a_recovery_that_keeps_its_promises_passes(good: History):
    assert judge(good) == []


def test_what_is_in_flight_on_another_adapter_is_nothing_to_it():
    history = flight(rungs(5), from_s=1, until_s=8)
    elsewhere = Seen(at_s=0.5, device="fan", adapter="other", epoch=0, kind=SeenKind.CONNECTING)
    history.seen.append(elsewhere)
    assert judge(history) == []


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (rungs(0, 9.9), "recovery_is_no_loop"),
        (rungs(0, 10, 20, 30), "recovery_is_no_loop"),
        (flight(rungs(5), from_s=0, until_s=8), "recovery_waits_for_what_is_in_flight"),
    ],
    ids=["before its cooldown", "too often", "in flight"],
)
def test_a_recovery_that_does_not_is_caught(broken: History, check: str):
    (said,) = judge(broken)
    assert said.startswith(f"{check}:")
