"""Commands that outlive their lease, or connect for it, and leases that outlive a stop, are caught."""

from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Connect, Sequence, Write
from gattkeeper.model.outcome import Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended
from gattkeeper.world import Seen, SeenKind
from sim.checker import judge
from sim.history import Held, History, Told
from sim.memory_journal import Row
from sim.scene import WRITABLE

S = 1_000_000


def write(number: int) -> Write:
    return Write(target=characteristic_ref(WRITABLE), payload=bytes([0, 0, number, 0]))


ONE, TWO = (Command(device="lamp", operation=write(number), id=f"c-{number}", lease="l1") for number in (1, 2))
STOP = Command(device="lamp", operation=write(3), id="s", stop=True)
HELD = Held(lease="l1", device="lamp", since_us=0, until_us=10 * S, ended_by="stopped")


def run(command: Command, at_s: int, *marks: Phase, epoch: int = 1) -> tuple[list[Row], list[Seen]]:
    """A command that was delivered, and what was seen of it."""
    at_us = at_s * S
    outcome = Outcome(
        command_id=command.id,
        verdict=Verdict.DELIVERED,
        cause=Cause.ACKNOWLEDGED,
        timeline=tuple(PhaseMark(phase=phase, at_us=at_us) for phase in marks),
    )
    records = [
        Accepted(command=command, at_us=at_us),
        Intended(command_id=command.id, attempt=1, epoch=epoch, at_us=at_us),
        Ended(outcome=outcome, at_us=at_us),
    ]
    kinds = SeenKind.REQUEST, SeenKind.APPLIED
    seen = [
        Seen(at_s=at_s, device="lamp", epoch=epoch, kind=kind, operation=command.operation)
        for kind in kinds
        if isinstance(command.operation, Write)
    ]
    return [Row(record=record, durable_at_us=at_us) for record in records], seen


def said(*runs: tuple[list[Row], list[Seen]], **fields: object) -> list[str]:
    rows, seen = ([each for one in runs for each in one[at]] for at in (0, 1))
    return judge(History(rows=rows, seen=seen, **{"held": [HELD], "depth_limit": 1, **fields}))


def test_what_is_done_while_the_lease_holds_is_well():
    assert said(run(ONE, 1), run(TWO, 2)) == []


def test_a_command_of_a_lease_that_made_a_connection_is_caught():
    assert said(run(ONE, 1, Phase.CONNECT_START)) == [
        "leases_make_no_connection: c-1 made a connection, although it belongs to a lease"
    ]
    assert said(run(replace(ONE, operation=Connect()), 1, Phase.CONNECT_START)) == []


def test_a_command_on_another_connection_than_the_one_before_is_caught():
    assert said(run(ONE, 1), run(TWO, 2, epoch=2)) == [
        "leases_stay_on_their_connection: c-2 ran on connection 2, c-1 of its lease on 1"
    ]
    another = Held(lease="l1", device="lamp", since_us=2 * S, until_us=3 * S)
    assert said(run(ONE, 1), run(TWO, 2, epoch=2), held=[HELD, another], crashes_us=(2 * S,)) == []


def test_what_is_handed_over_without_the_lease_is_caught():
    late = run(ONE, 11)
    (sentence,) = said(late)
    assert sentence.startswith("leases_use_what_they_hold: c-1 was handed over at 11.0")
    assert said(late, held=[]) == [sentence]


def test_a_sequence_that_was_begun_goes_on_to_its_end():
    sequence = replace(ONE, operation=Sequence(steps=(write(1), write(1))))
    rows, _ = run(sequence, 1)
    seen = [Seen(at_s=at_s, device="lamp", epoch=1, kind=SeenKind.REQUEST, operation=write(1)) for at_s in (1, 11)]
    assert [one for one in said((rows, seen)) if one.startswith("leases")] == []
    assert [one for one in said((rows, seen[1:])) if one.startswith("leases")]


def test_a_lease_that_goes_on_after_a_stop_is_caught():
    asked = Told(command=STOP, asked_at_us=5 * S, told_at_us=5 * S)
    assert said(stops=[asked]) == ["a_stop_ends_leases: l1 held lamp on, although s stopped it"]
    assert said(stops=[replace(asked, asked_at_us=10 * S)]) == []
