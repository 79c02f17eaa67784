"""Many commands end: in their order, some with each event, and nothing of them starts meanwhile."""

from core.drive import A_READ, MS, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch, Finish
from gattkeeper.core.sweep import BATCH
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Cause, Verdict

MANY = 3 * BATCH
STOPPED = (Verdict.NOT_DELIVERED, Cause.STOPPED)
LOST = (Verdict.NOT_DELIVERED, Cause.LINK_LOST_BEFORE_SEND)
NAMES = [f"waiting-{number}" for number in range(MANY)]


def full(**fields: object) -> Drive:
    """One write in flight, and many that wait."""
    drive = Drive()
    drive.warm()
    drive.submit("in flight", write())
    for name in NAMES:
        drive.submit(name, write(), **fields)
    return drive


def test_a_stop_is_handed_over_before_those_that_wait_are_told() -> None:
    drive = full()
    drive.answer()
    drive.answer()
    drive.effects.clear()
    drive.wait(100 * MS)
    drive.cancel(NAMES[1])
    drive.stop()
    drive.wait(200 * MS)  # the one in flight had its grace: the link goes
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.ended("stop")[0] is Verdict.DELIVERED
    assert drive.ended(NAMES[-1]) == STOPPED


def test_with_nothing_in_flight_the_first_thing_a_stop_brings_about_is_its_own_hand_over() -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    for name in NAMES:
        drive.submit(name, write())
    drive.effects.clear()
    drive.stop()
    kinds = [type(one) for one in drive.effects if isinstance(one, Dispatch | Finish)]
    assert kinds == [Finish, Dispatch], "first the one that was chosen; those that wait are told afterwards"


def test_those_that_end_do_so_in_their_order_in_a_moment() -> None:
    drive = full()
    drive.stop()
    assert drive.device().waiting == MANY
    drive.wait(1)
    assert drive.device().waiting == MANY - BATCH
    drive.wait(MS)
    assert drive.device().waiting == 0
    assert [name for name in drive.endings() if name in NAMES] == NAMES


def test_one_that_is_about_to_end_can_be_taken_back_and_cannot_be_given_another_priority() -> None:
    drive = full()
    drive.stop()
    assert not drive.scheduler.waits(NAMES[-1])
    drive.cancel(NAMES[-1])
    assert drive.ended(NAMES[-1]) == (Verdict.NOT_DELIVERED, Cause.CANCELLED)
    drive.wait(MS)
    assert drive.ended(NAMES[-2]) == STOPPED


def test_who_survives_the_loss_of_the_link_keeps_its_place_among_many_that_do_not() -> None:
    drive = full()
    drive.submit("first survivor", A_READ, survive_reconnect=True)
    drive.submit("second survivor", write(7), survive_reconnect=True)
    drive.lost()
    drive.submit("newcomer", write(8))
    drive.gone()
    assert drive.device().connection == "disconnected", "nobody connects before it is clear who is left"
    drive.wait(MS)
    assert [drive.ended(name) for name in NAMES] == [LOST] * MANY
    drive.wait(S)
    drive.connected()
    for _ in range(3):
        drive.answer()
    assert drive.sent()[-3:] == [A_READ, write(7), write(8)]


def test_what_an_earlier_sweep_would_spare_is_a_matter_for_the_later_one() -> None:
    drive = full()
    for name in ("one", "two"):
        drive.submit(name, A_READ, survive_reconnect=True)
    drive.lost()
    drive.submit("leave", Disconnect())
    drive.wait(MS)
    assert drive.ended(NAMES[-1]) == LOST
    assert drive.ended("one") == drive.ended("two") == (Verdict.NOT_DELIVERED, Cause.CANCELLED)


def test_when_all_survive_nobody_is_looked_at() -> None:
    drive = full(survive_reconnect=True)
    drive.effects.clear()
    drive.lost()
    assert [one.command.id for one in drive.of(Finish)] == ["in flight"]
    assert drive.device().waiting == MANY


def test_closing_ends_many_in_a_moment() -> None:
    drive = full()
    drive.feed(events.Closing())
    drive.wait(MS)
    assert drive.device().waiting == 0
