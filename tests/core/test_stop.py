"""The emergency stop: its three ways, its gate, and what it never lets through."""

from typing import Any

import pytest

from core.drive import A_READ, BATTERY, MS, POSITION, STOP_WRITE, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, RecordIntent, Refusal, StartDisconnect
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import ReadBack
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Disconnect, Pair, Read, Subscribe, Write, WriteMode
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
PROOF: dict[str, Any] = {"read_back": ReadBack(target=BATTERY, expected=b"y"), "require_read_back": True}


def route(drive: Drive, command_id: str = "stop") -> str:
    return drive.note(command_id, Phase.STOP_ROUTE)


def warm(**traits: Any) -> Drive:
    drive = Drive(**traits)
    drive.warm()
    return drive


def test_with_nothing_in_flight_it_goes_now_and_waits_for_no_disk() -> None:
    drive = warm()
    drive.slow_disk = True
    drive.stop()
    assert drive.sent() == [STOP_WRITE]
    assert [one.awaited for one in drive.of(RecordIntent)] == [False]
    assert route(drive) == "nothing in flight: sent now"
    drive.answer()
    assert drive.ended("stop") == DELIVERED


def test_without_response_it_overtakes_what_is_in_flight_where_the_stack_can() -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.stop(may_bypass=True)
    assert drive.sent()[-1] == Write(target=POSITION, payload=b"\xff", mode=WriteMode.WITHOUT_RESPONSE)
    drive.answer_to(drive.owed[-1])
    assert drive.ended("stop") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)
    drive.answer_to(drive.owed[0])
    assert drive.ended("running") == DELIVERED


@pytest.mark.parametrize(
    ("pending", "overtakes"), [(Read(target=BATTERY), True), (Read(target=POSITION), False)], ids=["other", "same"]
)
def test_a_stack_may_let_it_past_on_another_characteristic_only(pending: Read, overtakes: bool) -> None:
    drive = warm(bypass_other=True)
    drive.submit("running", pending)
    drive.stop(may_bypass=True)
    assert (len(drive.sent()) == 2) is overtakes


@pytest.mark.parametrize(
    ("traits", "stop"),
    [
        ({}, {"may_bypass": True}),
        ({"bypass": True}, {}),
        ({"bypass": True}, {"may_bypass": True, "operation": A_READ}),
    ],
    ids=["stack", "profile", "not a write"],
)
def test_it_does_not_overtake_where_that_is_not_allowed(traits: dict[str, bool], stop: dict[str, Any]) -> None:
    drive = warm(**traits)
    drive.submit("running", write(1))
    drive.stop(**stop)
    assert drive.payloads() == [1]
    assert route(drive) == "waits for the answer in flight, then drops the link"


def test_an_answer_within_the_grace_lets_it_go_on_the_same_link() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.stop()
    drive.wait(99 * MS)
    drive.answer()
    assert drive.ended("running") == DELIVERED
    assert drive.sent()[-1] == STOP_WRITE
    drive.wait(10 * MS)
    assert drive.of(StartDisconnect) == []


def test_after_the_grace_the_link_goes_and_the_stop_is_first_on_the_next() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.submit("reader", A_READ, survive_reconnect=True)
    drive.stop()
    drive.wait(100 * MS)
    assert drive.ended("running") == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    drive.gone()
    drive.connected()
    assert drive.sent() == [write(1), STOP_WRITE]
    drive.answer()
    assert drive.sent()[-1] == A_READ


def test_those_that_would_change_the_device_end_and_readers_stay() -> None:
    drive = warm()
    drive.submit("running", A_READ)
    drive.submit("write", write(1))
    drive.submit("reader", A_READ)
    drive.stop()
    drive.wait(1)
    assert drive.ended("write") == (NOT, Cause.STOPPED)
    assert drive.endings()["write"].by == "stop"
    assert drive.open("reader")


def test_what_was_chosen_but_not_handed_over_makes_way() -> None:
    drive = warm()
    drive.slow_disk = True
    drive.submit("chosen", write(1))
    drive.stop()
    assert drive.ended("chosen") == (NOT, Cause.STOPPED)
    assert drive.sent() == [STOP_WRITE]


def test_a_failed_write_is_not_tried_again_after_the_stop_that_overtook_it() -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.stop(may_bypass=True)
    drive.answer_to(drive.owed[-1])
    assert drive.ended("stop") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)
    drive.fail_to(drive.owed[0], FaultKind.BUSY, Ran.NO)
    drive.wait(5 * S)
    assert drive.ended("running") == (NOT, Cause.STOPPED)
    assert drive.payloads() == [1, 255]


def test_a_write_whose_pairing_ends_after_a_stop_came_is_not_sent() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    assert drive.sent()[-1] == Pair()
    drive.stop()
    drive.answer()
    assert drive.ended("running") == (NOT, Cause.STOPPED)
    assert drive.payloads() == [1, 255]


def test_a_write_whose_pairing_fails_after_a_stop_came_ends_stopped() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    drive.stop()
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.ended("running") == (NOT, Cause.STOPPED)
    assert drive.endings()["running"].by == "stop"


def test_it_does_not_wait_for_the_proof_of_another_command() -> None:
    drive = warm()
    drive.submit("running", write(1), **PROOF)
    drive.stop()
    drive.answer()
    assert drive.sent() == [write(1), STOP_WRITE]
    assert drive.ended("running") == (UNKNOWN, Cause.UNCLEAR_ANSWER)


def test_one_that_overtook_claims_nothing_it_could_not_read_back() -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.stop(may_bypass=True, **PROOF)
    drive.answer_to(drive.owed[-1])
    assert drive.ended("stop") == (UNKNOWN, Cause.UNCLEAR_ANSWER)
    drive.answer_to(drive.owed[0])
    assert drive.ended("running") == DELIVERED


def test_the_answer_it_overtook_may_come_before_its_own() -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.stop(may_bypass=True)
    drive.answer_to(drive.owed[0])
    assert drive.ended("running") == DELIVERED
    assert drive.payloads() == [1, 255]
    drive.answer_to(drive.owed[1])
    assert drive.ended("stop") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)


@pytest.mark.parametrize("ran", [Ran.NO, Ran.MAYBE])
def test_when_overtaking_fails_the_request_in_flight_has_the_grace_and_then_the_link_goes(ran: Ran) -> None:
    drive = warm(bypass=True)
    drive.submit("running", write(1))
    drive.stop(may_bypass=True)
    drive.fail_to(drive.owed[-1], FaultKind.BUSY, ran)
    drive.wait(100 * MS)
    assert drive.ended("running") == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == STOP_WRITE


def test_an_overtaking_stop_without_answer_takes_the_link_down_at_once() -> None:
    drive = warm(bypass=True)
    drive.submit("running", A_READ)
    drive.stop(may_bypass=True)
    drive.wait(2 * S)
    assert len(drive.of(StartDisconnect)) == 1
    assert drive.ended("running") == (NOT, Cause.STOPPED)


def test_it_is_tried_four_times_and_then_the_device_is_left_alone() -> None:
    drive = warm()
    drive.stop()
    for _ in range(3):
        drive.wait(2 * S)
        drive.gone()
        drive.connected()
    drive.wait(2 * S)
    assert drive.payloads() == [255] * 4
    assert drive.ended("stop") == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert len(drive.endings()["stop"].attempts) == 4
    drive.gone()
    assert drive.device().connection == "disconnected"


def test_a_device_that_refuses_it_is_asked_again_on_the_same_link_and_then_let_go() -> None:
    drive = warm()
    drive.stop()
    for _ in range(4):
        drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.ended("stop") == (NOT, Cause.REJECTED)
    assert len(drive.of(StartDisconnect)) == 1
    assert drive.connects() == ["blind"]


def test_a_device_out_of_reach_ends_it_after_as_many_attempts() -> None:
    drive = Drive()
    drive.stop()
    for _ in range(4):
        drive.connect_failed(FaultKind.NOT_FOUND)
        drive.wait(250 * MS)
    assert drive.ended("stop") == (NOT, Cause.NEVER_SENT)
    assert drive.connects() == ["blind"] * 4


def test_it_takes_over_the_attempt_of_its_own_device_with_a_bound_of_its_own() -> None:
    drive = Drive()
    drive.submit("write", write(1))
    drive.wait(5 * S)
    drive.stop()
    assert drive.connects() == ["blind"]
    assert drive.of(AbandonConnect) == []
    drive.wait(10 * S)
    assert len(drive.of(AbandonConnect)) == 1
    drive.connect_failed()
    assert len(drive.endings()) == 1  # the write; the stop goes on


def test_it_puts_an_end_to_the_attempt_of_another_device_but_not_of_another_stop() -> None:
    drive = Drive("blind", "lamp", "door")
    drive.submit("write", write(1), "lamp")
    drive.stop()
    assert [one.device for one in drive.of(AbandonConnect)] == ["lamp"]
    drive.stop("stop door", device="door")
    drive.connect_failed(device="lamp")
    drive.stop("stop lamp", device="lamp")
    assert len(drive.of(AbandonConnect)) == 1
    drive.connected()
    assert drive.connects() == ["lamp", "blind", "door"]


def test_it_waits_for_no_back_off() -> None:
    drive = Drive()
    drive.submit("reader", A_READ)
    drive.connect_failed(FaultKind.SLOTS_FULL)
    drive.stop()
    assert drive.connects() == ["blind", "blind"]


def test_for_its_place_a_device_gives_way_between_two_of_its_own_commands() -> None:
    drive = Drive("blind", "lamp", slots=1)
    drive.warm("lamp")
    drive.submit("one", write(1), "lamp")
    drive.submit("two", write(2), "lamp")
    drive.stop()
    drive.answer(device="lamp")
    assert drive.ended("one") == DELIVERED
    assert [one.device for one in drive.of(StartDisconnect)] == ["lamp"]
    assert drive.open("two")
    drive.gone("lamp")
    assert drive.connects()[-1] == "blind"


def test_for_its_place_a_device_that_only_backs_off_is_let_go_at_once() -> None:
    drive = Drive("blind", "lamp", slots=1)
    drive.warm("lamp")
    drive.submit("one", A_READ, "lamp")
    drive.fail(FaultKind.BUSY, device="lamp")
    drive.submit("other", A_READ)
    assert drive.of(StartDisconnect) == []
    drive.stop()
    assert [one.device for one in drive.of(StartDisconnect)] == ["lamp"]


def test_a_place_that_becomes_free_anyway_is_enough() -> None:
    drive = Drive("blind", "lamp", "door", slots=2)
    for name in ("lamp", "door"):
        drive.warm(name)
    drive.submit("one", A_READ, "lamp")
    drive.submit("two", A_READ, "lamp")
    drive.stop()
    drive.answer(b"x", "lamp")
    assert [one.device for one in drive.of(StartDisconnect)] == ["door"]
    assert len(drive.sent("lamp")) == 2


def test_where_no_stop_is_declared_it_takes_the_link_down() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.stop(operation=Disconnect())
    assert route(drive) == "takes the link down: the profile declares no stop"
    assert drive.ended("running") == (UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    drive.gone()
    assert drive.ended("stop") == DELIVERED


def test_restoring_a_subscription_does_not_keep_it_waiting() -> None:
    drive = warm()
    drive.submit("subscribe", Subscribe(target=CharacteristicRef(handle=3)))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.connected()
    assert len(drive.sent()) == 2
    drive.stop()
    drive.wait(100 * MS)
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == STOP_WRITE


def test_a_latched_gate_stays_shut_until_it_is_resumed() -> None:
    drive = warm()
    drive.stop(latch=True)
    drive.answer()
    drive.submit("refused", write(1))
    refusal = drive.refusal("refused")
    assert refusal is not None
    assert refusal.refusal is Refusal.STOPPED
    drive.submit("reader", A_READ)
    assert drive.open("reader")
    drive.feed(events.Resumed(device="blind"))
    drive.submit("welcome", write(2))
    assert drive.open("welcome")


def test_resuming_while_it_runs_opens_the_gate_only_with_its_verdict() -> None:
    drive = warm()
    drive.stop(latch=True)
    drive.feed(events.Resumed(device="blind"))
    drive.submit("refused", write(1))
    assert drive.refusal("refused") is not None
    drive.answer()
    drive.submit("welcome", write(2))
    assert drive.open("welcome")


def test_a_deadline_ends_it_with_the_truth() -> None:
    drive = Drive(limits=Limits(stop_attempt_timeout_us=10 * S))
    drive.warm()
    drive.stop(deadline_us=1 * S)
    drive.wait(1 * S)
    assert drive.ended("stop") == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert drive.device().connection == "disconnecting"


def test_one_that_ended_within_the_grace_drops_no_link() -> None:
    drive = warm()
    drive.submit("running", A_READ)
    drive.stop(deadline_us=50 * MS)
    drive.wait(1 * S)
    assert drive.ended("stop") == (NOT, Cause.EXPIRED)
    assert drive.of(StartDisconnect) == []
    drive.answer(b"x")
    assert drive.ended("running") == (Verdict.DELIVERED, Cause.VALUE)


def test_its_own_attempt_timeout_counts() -> None:
    drive = warm()
    drive.stop(attempt_timeout_us=300 * MS)
    drive.wait(300 * MS)
    assert len(drive.of(StartDisconnect)) == 1
