"""Cases about the emergency stop and leaving: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

from typing import Any

import pytest

from core.drive import A_READ, MS, STOP_WRITE, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, Refusal
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Cause, Verdict

NOT = Verdict.NOT_DELIVERED
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def warm(**traits: Any) -> Drive:
    drive = Drive(**traits)
    drive.warm()
    return drive


def test_c44_after_a_stop_no_other_change_starts_and_those_in_line_say_which_stop_it_was() -> None:
    drive = warm()
    for payload in range(50):
        drive.submit(f"write-{payload}", write(payload))
    drive.stop()
    drive.wait(MS)
    stopped = [one for one in drive.endings().values() if one.cause is Cause.STOPPED]
    assert len(stopped) == 49
    assert {one.by for one in stopped} == {"stop"}
    drive.answer()
    drive.answer()
    assert drive.payloads() == [0, 255]


def test_c45_the_stop_is_next_on_the_wire_within_its_grace_and_one_reconnect() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.submit("reader", A_READ, priority=0, survive_reconnect=True)
    drive.stop()
    drive.wait(100 * MS)
    drive.gone()
    drive.connected()
    assert drive.now == 100 * MS
    assert drive.sent() == [write(1), STOP_WRITE]


def test_c46_a_bearer_that_owes_a_late_answer_holds_a_stop_up_no_longer_than_the_grace() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.cancel("running")
    drive.stop()
    drive.wait(100 * MS)
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == STOP_WRITE


def test_c46_a_stop_that_may_overtake_does_not_wait_for_a_late_answer() -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.cancel("running")
    drive.stop(may_bypass=True)
    assert drive.payloads() == [1, 255]


def test_c47_two_stops_are_one_on_the_wire_and_both_have_an_outcome() -> None:
    drive = warm()
    drive.stop("first")
    drive.stop("second")
    drive.answer()
    assert drive.payloads() == [255]
    assert drive.ended("first") == drive.ended("second") == ACKNOWLEDGED


def test_c47_a_stop_after_a_stop_is_sent_again() -> None:
    drive = warm()
    for name in ("first", "second"):
        drive.stop(name)
        drive.answer()
    assert drive.payloads() == [255, 255]


@pytest.mark.parametrize("latch", [True, False])
def test_c48_while_a_stop_runs_changes_are_refused_and_after_it_when_it_is_latched(*, latch: bool) -> None:
    drive = warm()
    drive.stop(latch=latch)
    drive.submit("during", write(1))
    refused = drive.refusal("during")
    assert refused is not None
    assert refused.refusal is Refusal.STOPPED
    assert "stop" in refused.text
    drive.answer()
    drive.submit("after", write(2))
    assert (drive.refusal("after") is not None) is latch
    drive.feed(events.Resumed(device="blind"))
    drive.submit("resumed", write(3))
    assert drive.open("resumed")


def test_c49_a_stop_while_connecting_takes_the_attempt_over_and_goes_first() -> None:
    drive = Drive()
    drive.submit("write", write(1))
    drive.stop()
    drive.wait(1)
    assert drive.ended("write") == (NOT, Cause.STOPPED)
    assert drive.of(AbandonConnect) == []
    drive.connected()
    assert drive.sent() == [STOP_WRITE]


def test_c49_a_connection_of_another_device_that_comes_up_after_it_was_ended_is_not_used() -> None:
    drive = Drive("blind", "lamp")
    drive.submit("write", write(1), "lamp")
    drive.stop()
    drive.connected("lamp")
    assert drive.sent("lamp") == []
    drive.connect_failed(device="lamp")
    assert drive.connects() == ["lamp", "blind"]


@pytest.mark.parametrize("waiting", [1, 100])
def test_c52_leaving_cancels_every_older_command_up_to_the_last(waiting: int) -> None:
    drive = warm()
    drive.submit("running", A_READ)
    for number in range(waiting):
        drive.submit(f"write-{number}", write(number))
    drive.submit("leave", Disconnect())
    drive.wait(MS)
    assert sum(one.cause is Cause.CANCELLED for one in drive.endings().values()) == waiting + 1
    drive.gone()
    assert drive.ended("leave") == ACKNOWLEDGED


def test_c63_and_c66_leaving_needs_no_place_and_works_while_the_bearer_is_stuck() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1))
    drive.warm()
    drive.submit("stuck", write(1))
    drive.submit("waiting", A_READ)
    drive.submit("leave", Disconnect())
    drive.gone()
    assert drive.ended("leave") == ACKNOWLEDGED
    assert drive.device().connection == "disconnected"


def test_c65_leaving_where_nothing_is_connected_is_done_already() -> None:
    drive = Drive()
    drive.submit("leave", Disconnect())
    assert drive.ended("leave") == ACKNOWLEDGED
    assert drive.connects() == []


def test_c102_a_full_queue_refuses_commands_at_once_and_never_a_stop() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=2, queue_max=2))
    drive.warm()
    for number in range(4):
        drive.submit(f"read-{number}", A_READ)
    full = drive.refusal("read-3")
    assert full is not None
    assert full.refusal is Refusal.QUEUE_FULL
    drive.stop()
    assert drive.open("stop")


def test_a_stop_ends_in_a_bound_whatever_the_device_does() -> None:
    drive = warm()
    drive.stop()
    for _ in range(4):
        drive.wait(2 * S)
        drive.gone()
        if drive.adapter().connecting:
            drive.connected()
    assert drive.ended("stop") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert drive.now == 8 * S


def test_a_stop_outlives_an_adapter_that_comes_back_in_time() -> None:
    drive = warm()
    drive.stop()
    drive.adapter_down()
    drive.gone()
    drive.wait(5 * S)
    drive.adapter_up()
    drive.connected()
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.answer()
    assert drive.ended("stop") == ACKNOWLEDGED


def test_c45_a_stop_that_the_link_would_send_to_an_old_handle_goes_out_on_a_fresh_connection() -> None:
    drive = Drive()
    drive.warm()
    drive.stop()
    drive.fail(FaultKind.STALE, Ran.NO)  # the table changed: the handle may be another characteristic's now
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.connects() == ["blind", "blind"]
