"""Who enters, who is refused, who is taken back, who expires."""

import pytest

from core.drive import A_READ, MS, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, Accept, Refusal, StartDisconnect
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Connect, Disconnect, Subscribe
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN


def test_an_accepted_command_is_told_with_its_moment_and_place() -> None:
    drive = Drive()
    drive.wait(2 * S)
    drive.submit("first", A_READ)
    drive.submit("second", A_READ)
    assert [one.at_us for one in drive.of(Accept)] == [2 * S, 2 * S]
    assert drive.note("second", Phase.WAITING) == "1 before it"
    assert Phase.LOCK_WAIT in drive.phases("first")


def test_on_a_warm_connection_nobody_waits_for_the_adapter() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("first", A_READ)
    assert Phase.LOCK_WAIT not in drive.phases("first")


@pytest.mark.parametrize(("per_device", "total"), [(2, 9), (9, 2)])
def test_a_full_line_refuses_with_its_depth(per_device: int, total: int) -> None:
    drive = Drive(limits=Limits(queue_per_device_max=per_device, queue_max=total))
    for name in ("a", "b", "c"):
        drive.submit(name, A_READ)
    refusal = drive.refusal("c")
    assert refusal is not None
    assert refusal.refusal is Refusal.QUEUE_FULL
    assert refusal.text.startswith("2 commands wait")
    drive.submit("leave", Disconnect())
    assert drive.refusal("leave") is None


def test_a_closing_keeper_refuses_and_ends_what_was_not_handed_over() -> None:
    drive = Drive("blind", "lamp")
    drive.warm()
    drive.submit("running", write())
    drive.submit("waiting", A_READ)
    drive.slow_disk = True
    drive.warm("lamp")
    drive.submit("recording", write(), "lamp")
    drive.feed(events.Closing())
    drive.submit("late", A_READ)
    late = drive.refusal("late")
    assert late is not None
    assert late.refusal is Refusal.CLOSED
    assert drive.ended("waiting") == drive.ended("recording") == (NOT, Cause.NEVER_SENT)
    drive.answer()
    assert drive.ended("running") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert [one.device for one in drive.of(StartDisconnect)] == ["lamp", "blind"]


def test_a_newer_setpoint_takes_the_place_of_one_that_waits_behind_the_latch() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("unclear", write(1))
    drive.submit("held", write(2), coalesce_key="position")
    drive.fail(FaultKind.TRANSIENT)
    assert drive.open("held")
    drive.submit("newer", A_READ, coalesce_key="position")
    assert drive.ended("held") == (NOT, Cause.SUPERSEDED)
    assert drive.endings()["held"].by == "newer"


def test_a_setpoint_that_supersedes_an_unclear_one_on_a_safety_device_waits_for_its_resolution() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("older", write(1), coalesce_key="position", idempotent=True)
    drive.fail(FaultKind.TRANSIENT)
    drive.submit("newer", write(2), coalesce_key="position")
    assert drive.ended("older") == (UNKNOWN, Cause.UNCLEAR_ANSWER)
    assert drive.note("newer", Phase.WAITING) == "0 before it"
    drive.wait(1 * S)
    assert drive.payloads() == [1]
    drive.feed(events.Resolved(command_id="older", device="blind"))
    assert drive.payloads() == [1, 2]


def test_a_cancel_of_nothing_changes_nothing() -> None:
    drive = Drive()
    assert drive.feed(events.CancelRequested(command_id="nobody")) == []


def test_a_command_that_is_taken_back_before_its_intent_is_durable_is_never_handed_over() -> None:
    drive = Drive()
    drive.slow_disk = True
    drive.warm()
    drive.submit("one", write())
    drive.cancel("one")
    assert drive.ended("one") == (NOT, Cause.CANCELLED)
    drive.feed(events.IntentRecorded(device="blind", token=1))
    assert drive.sent() == []


def test_without_a_durable_row_a_command_does_not_run_but_a_stop_does() -> None:
    drive = Drive()
    drive.submit("one", write())
    drive.feed(events.AcceptFailed(command_id="one"))
    assert drive.ended("one") == (NOT, Cause.NEVER_SENT)
    drive.stop()
    drive.feed(events.AcceptFailed(command_id="stop"))
    drive.feed(events.AcceptFailed(command_id="nobody"))
    drive.connect_failed()  # the attempt for the first was abandoned
    drive.connected()
    drive.answer()
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_a_deadline_that_comes_while_the_intent_is_written_ends_the_command_unsent() -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    drive.submit("one", write(), deadline_us=1 * S)
    drive.wait(1 * S)
    assert drive.ended("one") == (NOT, Cause.EXPIRED)
    assert drive.sent() == []


@pytest.mark.parametrize("asleep_us", [1 * S, 3600 * S])
def test_an_intent_that_becomes_durable_after_the_deadline_starts_nothing(asleep_us: int) -> None:
    drive = Drive()
    drive.warm()
    drive.slow_disk = True
    drive.submit("one", write(), deadline_us=1 * S)
    drive.jump(asleep_us)
    drive.feed(events.IntentRecorded(device="blind", token=1))
    assert drive.ended("one") == (NOT, Cause.EXPIRED)
    assert drive.sent() == []


def test_an_answer_that_wakes_the_keeper_late_starts_nothing_that_has_expired() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("running", A_READ)
    drive.submit("waiting", write(), deadline_us=2 * S)
    drive.jump(3600 * S)
    drive.answer(b"x")
    assert drive.ended("running") == (Verdict.DELIVERED, Cause.VALUE)
    assert drive.ended("waiting") == (NOT, Cause.EXPIRED)
    assert drive.payloads() == []


def test_a_command_that_expires_while_it_backs_off_says_what_went_wrong() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", write(), deadline_us=700 * MS)
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.adapter_down()
    drive.submit("two", A_READ, deadline_us=700 * MS)
    drive.wait(1 * S)
    assert drive.ended("one") == (NOT, Cause.LINK_LOST_BEFORE_SEND)
    assert drive.ended("two") == (NOT, Cause.EXPIRED)
    two = drive.endings()["two"]
    assert two.fault is not None
    assert two.fault.kind is FaultKind.ADAPTER_GONE


def test_an_expired_command_names_the_fault_of_its_last_attempt() -> None:
    drive = Drive()
    drive.submit("one", write(), deadline_us=1 * S)
    drive.connect_failed(FaultKind.NOT_FOUND)
    drive.wait(1 * S)
    assert drive.ended("one") == (NOT, Cause.EXPIRED)
    one = drive.endings()["one"]
    assert one.fault is not None
    assert one.fault.kind is FaultKind.NOT_FOUND


def test_a_read_in_flight_at_its_deadline_ends_then_and_its_bearer_waits_for_the_answer() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", A_READ, deadline_us=1 * S)
    drive.submit("two", A_READ)
    drive.wait(1 * S)
    assert drive.ended("one") == (NOT, Cause.FAILED)
    assert len(drive.sent()) == 1
    drive.answer(b"late")
    assert drive.open("two")
    assert len(drive.sent()) == 2


def test_disconnect_cancels_what_waits_and_ends_when_the_link_is_gone() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("running", write())
    drive.submit("waiting", A_READ)
    drive.submit("leave", Disconnect())
    assert drive.ended("running") == (UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    assert drive.ended("waiting") == (NOT, Cause.CANCELLED)
    assert drive.endings()["waiting"].by == "leave"
    assert drive.open("leave")
    drive.gone()
    assert drive.ended("leave") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.device().connection == "disconnected"


def test_disconnect_ends_a_connection_attempt_and_then_itself() -> None:
    drive = Drive()
    drive.submit("connect", Connect())
    drive.submit("leave", Disconnect())
    assert drive.ended("connect") == (NOT, Cause.CANCELLED)
    assert len(drive.of(AbandonConnect)) == 1
    drive.connect_failed()
    assert drive.ended("leave") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_disconnect_ends_an_attempt_that_restores_a_subscription() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("subscribe", Subscribe(target=CharacteristicRef(handle=3)))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.submit("leave", Disconnect())
    assert [one.epoch for one in drive.of(AbandonConnect)] == [2]
    drive.connect_failed()
    assert drive.ended("leave") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.connects() == ["blind"] * 2


def test_disconnect_without_a_connection_is_done_already() -> None:
    drive = Drive()
    drive.submit("leave", Disconnect())
    assert drive.ended("leave") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_two_disconnects_end_together_and_one_that_expired_stays_ended() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("first", Disconnect(), deadline_us=1 * S)
    drive.submit("second", Disconnect())
    drive.wait(2 * S)
    drive.gone()
    assert drive.ended("first") == (NOT, Cause.EXPIRED)
    assert drive.ended("second") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_disconnect_forgets_subscriptions_and_says_so() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("subscribe", Subscribe(target=CharacteristicRef(handle=3)))
    drive.answer()
    assert drive.device().subscriptions == 1
    drive.submit("leave", Disconnect())
    drive.gone()
    assert drive.device().subscriptions == 0
    assert drive.connects() == ["blind"]


def test_disconnect_is_refused_while_a_stop_runs_and_not_after() -> None:
    drive = Drive()
    drive.stop(latch=True)
    drive.submit("leave", Disconnect())
    refused = drive.refusal("leave")
    assert refused is not None
    assert refused.refusal is Refusal.STOPPED
    drive.connected()
    drive.answer()
    drive.submit("leave later", Disconnect())
    assert drive.open("leave later")


def test_what_a_submission_waits_for_is_not_the_pause_of_a_subscription() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("subscribe", Subscribe(target=CharacteristicRef(handle=3)))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.wait(1 * S)
    assert drive.connects() == ["blind"] * 2
    drive.submit("now", write(), priority=Priority.URGENT)
    assert drive.connects() == ["blind"] * 3
