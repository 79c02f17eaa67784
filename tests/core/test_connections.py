"""Connections: one attempt per adapter, slots, linger, loss, adapters that go and come back."""

import pytest

from core.drive import A_READ, MS, VALUE, Drive, S, subscribed, write
from gattkeeper.core import events
from gattkeeper.core.connections import RESUBSCRIBE_US
from gattkeeper.core.effects import AbandonConnect, StartConnect
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Connect, Subscribe
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN


def test_a_connection_is_kept_for_its_linger_and_then_let_go() -> None:
    drive = Drive(linger_us=3 * S)
    drive.warm()
    drive.wait(3 * S - 1)
    assert drive.dropped() == []
    drive.submit("one", A_READ)
    drive.answer()
    drive.wait(3 * S - 1)
    assert drive.dropped() == []
    drive.wait(1)
    assert drive.dropped() == ["blind"]
    drive.gone()
    assert drive.adapter().connections == 0


def test_a_linger_of_nothing_lets_go_at_once() -> None:
    drive = Drive(linger_us=0)
    drive.warm()
    drive.wait(0)
    assert drive.dropped() == ["blind"]


def test_a_subscription_keeps_its_connection() -> None:
    drive = subscribed("blind")
    drive.wait(3600 * S)
    assert drive.dropped() == []


def test_an_attempt_nobody_needs_any_more_is_ended() -> None:
    drive = Drive("a", "b")
    drive.submit("one", A_READ, "a")
    drive.submit("two", A_READ, "b")
    drive.cancel("one")
    assert [one.device for one in drive.of(AbandonConnect)] == ["a"]
    assert drive.connects() == ["a"]
    drive.connect_failed(device="a")
    assert drive.connects() == ["a", "b"]
    assert drive.device("a").connection == "disconnected"


def test_an_attempt_goes_on_for_the_next_in_line() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.submit("two", A_READ)
    drive.feed(events.ConnectProgressed(device="blind", epoch=1, phase=Phase.CONNECTED))
    drive.cancel("one")
    assert drive.of(AbandonConnect) == []
    assert drive.note("two", Phase.CONNECT_START) == "takes over the attempt that runs already"
    assert drive.phases("two")[-1] is Phase.CONNECTED  # it sees how far that had come
    drive.connect_failed(FaultKind.NOT_FOUND)
    drive.wait(1 * S)
    drive.connected()
    drive.answer(b"x")
    assert len(drive.endings()["two"].attempts) == 2


def test_an_attempt_for_a_subscription_goes_on_for_nobody_in_particular() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.submit("one", A_READ)
    drive.gone()
    drive.cancel("one")
    drive.connected()
    assert drive.sent()[-1] == Subscribe(target=VALUE)


def test_a_connection_that_comes_up_after_it_was_given_up_is_not_used() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.cancel("one")
    drive.connected()
    assert drive.device().connection == "abandoning"
    drive.connect_failed()
    assert drive.device().connection == "disconnected"


def test_progress_of_an_attempt_is_marked_at_the_command_it_is_for() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.feed(events.ConnectProgressed(device="blind", epoch=1, phase=Phase.SCAN))
    drive.feed(events.ConnectProgressed(device="blind", epoch=0, phase=Phase.DISCOVERED))
    drive.connected()
    drive.feed(events.ConnectProgressed(device="blind", epoch=1, phase=Phase.DISCOVERED))
    phases = drive.phases("one")
    assert phases.index(Phase.LOCK_ACQUIRED) < phases.index(Phase.CONNECT_START) < phases.index(Phase.SCAN)
    assert Phase.DISCOVERED not in phases


def test_connect_has_a_time_of_its_own_when_it_asks_for_one() -> None:
    drive = Drive()
    drive.submit("connect", Connect(), attempt_timeout_us=3 * S)
    drive.wait(3 * S)
    assert len(drive.of(AbandonConnect)) == 1
    drive.connect_failed()
    assert drive.ended("connect") == (NOT, Cause.NEVER_SENT)


def test_a_fast_failure_is_tried_again_after_a_back_off_and_counts_as_an_attempt() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.NOT_FOUND)
    assert drive.connects() == ["blind"]
    drive.wait(1 * S)
    drive.connected()
    drive.answer(b"x")
    assert drive.connects() == ["blind"] * 2
    assert [attempt.number for attempt in drive.endings()["one"].attempts] == [1, 2]


def test_a_newcomer_does_not_shorten_the_back_off_of_a_failed_attempt() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.NOT_FOUND)
    drive.submit("two", A_READ)
    assert drive.connects() == ["blind"]
    drive.wait(1 * S)
    assert drive.connects() == ["blind"] * 2


def test_a_failure_that_nobody_waits_for_any_more_is_nobodys_attempt() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.gone()
    drive.connect_failed(FaultKind.NOT_FOUND)
    drive.wait(1 * S)
    assert drive.connects() == ["blind"] * 3


def test_subscriptions_of_a_device_out_of_reach_are_tried_again_after_a_pause() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.gone()
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.wait(RESUBSCRIBE_US - 1)
    assert drive.connects() == ["blind"] * 2
    drive.wait(1)
    assert drive.connects() == ["blind"] * 3


def test_a_device_out_of_reach_ends_everything_that_waits_for_it() -> None:
    drive = Drive()
    drive.submit("one", write(1))
    drive.submit("two", A_READ, survive_reconnect=True)
    drive.wait(20 * S)
    drive.connect_failed()
    assert drive.ended("one") == drive.ended("two") == (NOT, Cause.NEVER_SENT)
    fault = drive.endings()["two"].fault
    assert fault is not None
    assert fault.kind is FaultKind.UNREACHABLE


@pytest.mark.parametrize("wanted", [False, True], ids=["", "subscribed"])
def test_who_comes_while_an_attempt_is_being_given_up_gets_one_of_its_own(wanted: bool) -> None:
    drive = subscribed("blind") if wanted else Drive()
    before = len(drive.connects())
    if wanted:
        drive.lost()
        drive.gone()
    drive.submit("before", A_READ)
    drive.wait(20 * S)
    drive.submit("after", A_READ)
    drive.submit("later", A_READ)
    drive.connect_failed()
    assert drive.ended("before") == (NOT, Cause.NEVER_SENT)
    assert len(drive.connects()) == before + 2
    drive.submit("next", A_READ)
    drive.wait(20 * S)
    drive.connect_failed()
    assert [drive.ended(name) for name in ("after", "later", "next")] == [(NOT, Cause.NEVER_SENT)] * 3


def test_a_chosen_command_whose_link_is_lost_waits_again_when_it_may_survive() -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    drive.submit("one", write(1), survive_reconnect=True)
    drive.submit("two", write(2))
    drive.lost()
    assert drive.ended("two") == (NOT, Cause.LINK_LOST_BEFORE_SEND)
    assert drive.open("one")
    drive.slow_disk = False
    drive.gone()
    drive.connected()
    assert drive.payloads() == [1]


def test_a_chosen_setpoint_whose_link_is_lost_gives_way_to_a_newer_one() -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    for name, payload in (("older", 1), ("newer", 2)):
        drive.submit(name, write(payload), coalesce_key="position", survive_reconnect=True)
    drive.lost()
    assert drive.ended("older") == (NOT, Cause.SUPERSEDED)
    assert drive.endings()["older"].by == "newer"


def test_a_queue_timeout_counts_until_the_hand_over() -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    drive.submit("one", write(1), survive_reconnect=True, queue_timeout_us=1 * S)
    drive.lost()
    drive.wait(1 * S)
    assert drive.ended("one") == (NOT, Cause.EXPIRED)


def test_a_loss_that_is_told_twice_or_of_an_older_connection_changes_nothing() -> None:
    drive = Drive()
    drive.warm()
    drive.lost()
    before = len(drive.effects)
    drive.lost()
    drive.feed(events.DisconnectDone(device="blind", epoch=0))
    drive.connected()
    drive.connect_failed()
    assert len(drive.effects) == before
    drive.gone()
    drive.gone()
    assert drive.adapter().connections == 0


def test_a_read_that_may_survive_is_repeated_on_the_next_connection() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", A_READ, survive_reconnect=True)
    drive.lost()
    drive.gone()
    drive.wait(250 * MS)
    drive.connected()
    drive.answer(b"x")
    assert drive.ended("one") == (Verdict.DELIVERED, Cause.VALUE)


def test_every_attempt_has_an_epoch_of_its_own() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    for _ in range(3):
        drive.connect_failed(FaultKind.BUSY)
        drive.wait(4 * S)
    assert [one.epoch for one in drive.of(StartConnect)] == [1, 2, 3, 4]


def test_a_read_without_answer_is_tried_again_on_the_next_connection_and_those_in_line_end() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("read", A_READ)
    drive.submit("behind", write())
    drive.wait(6 * S)  # no answer, and none within the grace either
    assert drive.ended("behind") == (Verdict.NOT_DELIVERED, Cause.LINK_LOST_BEFORE_SEND)
    drive.gone()
    drive.connected()
    drive.answer(b"\x57")
    assert drive.ended("read") == (Verdict.DELIVERED, Cause.VALUE)
    assert len(drive.sent()) == 2


@pytest.mark.parametrize("given_up", ["timed out", "cancelled"])
def test_what_is_submitted_after_an_answer_was_given_up_goes_on_the_next_connection(given_up: str) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("stalls", write(1), attempt_timeout_us=1 * S)
    drive.submit("in line", write(2))
    if given_up == "cancelled":
        drive.cancel("stalls")
    else:
        drive.wait(1 * S)
    drive.submit("later", write(3))
    drive.wait(500 * MS)
    assert drive.ended("in line") == (NOT, Cause.LINK_LOST_BEFORE_SEND)
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.ended("later") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
