"""Operations that overlap, and members of a fan-out that are left standing, are caught."""

from msgspec.structs import replace

from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Connect, ReadPhy, ReadRssi, RequestMtu
from gattkeeper.model.outcome import Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended
from gattkeeper.world import Seen, SeenKind
from sim.checker import judge
from sim.history import History
from sim.memory_journal import Row

UP, DOWN = SeenKind.UP, SeenKind.DOWN


def ended(command: Command, *marks: tuple[Phase, int], intended_us: int | None = None) -> list[Row]:
    """A command with its timeline, which began at 0 and ended at 100."""
    timeline = tuple(PhaseMark(phase=phase, at_us=at_us) for phase, at_us in marks)
    outcome = Outcome(command_id=command.id, verdict=Verdict.DELIVERED, cause=Cause.VALUE, timeline=timeline)
    intents = (
        [] if intended_us is None else [Intended(command_id=command.id, attempt=1, epoch=1, at_us=intended_us)]
    )
    records = [Accepted(command=command, at_us=0), *intents, Ended(outcome=outcome, at_us=100)]
    return [Row(record=record, durable_at_us=0) for record in records]


def flight(command: Command, from_us: int, until_us: int) -> list[Row]:
    return ended(command, (Phase.DISPATCHED, from_us), (Phase.OUTCOME, until_us))


RSSI, PHY = (Command(device="lamp", operation=kind(), id=name) for kind, name in ((ReadRssi, "r"), (ReadPhy, "p")))
WAIT = Command(device="lamp", operation=RequestMtu(), id="w")
LAMP, FAN = (Command(device=name, operation=Connect(), id=name, fanout="f") for name in ("lamp", "fan"))


def test_one_query_may_go_beside_an_operation_or_another_query():
    assert judge(History(rows=[*flight(WAIT, 1, 5), *flight(PHY, 4, 9), *flight(RSSI, 5, 7)], depth_limit=1)) == []
    both = [*flight(WAIT, 1, 5), *flight(replace(WAIT, id="v"), 4, 9)]
    (said,) = judge(History(rows=both, depth_limit=1))
    assert said == "i1_one_operation_and_one_query: v was handed over to lamp beside w"
    (said,) = judge(History(rows=[*flight(WAIT, 1, 9), *flight(RSSI, 2, 9), *flight(PHY, 3, 9)], depth_limit=1))
    assert said.endswith("p was handed over to lamp beside w and r")


def fan_out(lamp_us: int, fan_us: int | None, serialization: Serialization = Serialization.DEVICE) -> History:
    """Both stand before the gate from 10 on."""
    lamp, fan = (
        ended(command, (Phase.GATHERED, 10), intended_us=at_us)
        for command, at_us in ((LAMP, lamp_us), (FAN, fan_us))
    )
    return History(
        rows=[*lamp, *fan],
        adapters={"lamp": "adapter", "fan": "adapter"},
        serialization={"adapter": serialization},
        depth_limit=1,
    )


def test_who_stood_before_the_gate_goes_with_the_first():
    assert judge(fan_out(50, 50)) == []
    for left in (51, None):
        (said,) = judge(fan_out(50, left))
        assert said.startswith("i7_fan_outs_go_together: fan stood before the gate")


def test_what_happened_to_a_device_meanwhile_excuses_it():
    lost = fan_out(50, 90)
    lost.seen = [Seen(at_s=20e-6, device="fan", epoch=1, kind=SeenKind.DOWN)]
    assert judge(lost) == []
    overtaken = fan_out(50, 90)
    overtaken.rows += [Row(record=Accepted(command=replace(RSSI, device="fan"), at_us=20), durable_at_us=20)]
    assert [said for said in judge(overtaken) if said.startswith("i7")] == []
    assert judge(fan_out(50, 90, Serialization.ADAPTER)) == []


def connections(*entries: tuple[float, str, SeenKind]) -> History:
    seen = [Seen(at_s=at_s, device="fan", adapter=adapter, epoch=1, kind=kind) for at_s, adapter, kind in entries]
    return History(seen=seen, adapters={"fan": "hall"}, depth_limit=1)


def test_a_device_that_moves_is_connected_by_one_adapter_after_the_other():
    assert judge(connections((1, "hall", UP), (2, "hall", DOWN), (2, "attic", UP), (3, "attic", DOWN))) == []


def test_a_connection_that_breaks_as_it_comes_up_is_none():
    assert judge(connections((1, "hall", UP), (1, "hall", DOWN), (2, "attic", UP), (3, "attic", DOWN))) == []


def test_a_device_that_two_adapters_have_is_caught():
    (said,) = judge(connections((1, "hall", UP), (2, "attic", UP), (3, "hall", DOWN)))
    assert said == "i1_one_connection: fan was connected by attic and hall at 2.000000 s"
