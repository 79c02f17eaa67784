"""Decisions that mutation testing found without a witness: who goes, who ends, who counts, and on whose account."""

import pytest

from core.drive import A_READ, MS, Drive, S, fault, sequence, subscribed, write
from gattkeeper.core import events
from gattkeeper.core.effects import Accept, Recover
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.command import Command, Origin, Priority, ReadBack
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read, ReadRssi, Sequence
from gattkeeper.model.outcome import Cause, Phase, Verdict

BY_HANDLE = CharacteristicRef(handle=3)
BY_UUID = CharacteristicRef(uuid="2a19")
NOT = Verdict.NOT_DELIVERED


# attempts


def test_who_fails_while_the_keeper_closes_is_not_tried_again(warm: Drive) -> None:
    warm.submit("one", A_READ)
    warm.feed(events.Closing())
    warm.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    assert warm.ended("one") == (NOT, Cause.REJECTED)


def test_who_could_be_tried_again_at_its_deadline_only_ends_at_once(warm: Drive) -> None:
    warm.submit("one", A_READ, deadline_us=250 * MS)
    warm.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    assert not warm.open("one")


def test_a_part_that_changes_nothing_does_not_hide_one_that_did(warm: Drive) -> None:
    warm.submit("steps", sequence(1))
    warm.answer()
    warm.answer(b"x")
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert warm.ended("steps") == (Verdict.UNKNOWN, Cause.PARTLY)


@pytest.mark.parametrize("stop", [False, True])
def test_a_fresh_connection_that_one_asked_for_is_made_although_another_does_not(*, stop: bool) -> None:
    drive = Drive(aside=frozenset({"read_rssi"}))
    drive.warm()
    drive.submit("rssi", ReadRssi())
    if stop:
        drive.stop()
    else:
        drive.submit("one", A_READ)
    drive.fail(FaultKind.WEDGED, Ran.REFUSED)
    assert drive.dropped() == []
    drive.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    assert drive.dropped() == ["blind"]


def test_what_the_stack_says_of_a_lost_link_makes_nothing_certain(warm: Drive) -> None:
    warm.submit("one", write())
    warm.feed(events.ConnectionLost(device="blind", epoch=1, fault=fault(FaultKind.LINK_LOST, Ran.NO)))
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)


def test_an_undo_is_not_written_behind_a_latched_stop(warm: Drive) -> None:
    warm.submit("steps", sequence(1))
    warm.answer()
    warm.stop(latch=True)
    warm.answer(b"x")
    warm.answer()
    assert warm.ended("steps") == (Verdict.UNKNOWN, Cause.PARTLY)
    assert "steps-undo" not in warm.accepted()


def test_a_part_on_a_table_that_is_gone_takes_back_no_wish_for_a_fresh_connection() -> None:
    drive = Drive(aside=frozenset({"read_rssi"}))
    drive.warm(table="t1")
    drive.submit("steps", Sequence(steps=(write(1), Read(target=BY_HANDLE))))
    drive.submit("rssi", ReadRssi())
    drive.updated(table="t2")
    step, rssi = drive.owed
    drive.fail_to(rssi, FaultKind.WEDGED, Ran.REFUSED)
    assert drive.dropped() == []
    drive.answer_to(step)
    assert drive.ended("steps") == (Verdict.UNKNOWN, Cause.PARTLY)
    assert drive.dropped() == ["blind"]


def test_absence_proves_nothing_however_many_attempts_came_after_another_command(warm: Drive) -> None:
    look = ReadBack(target=BY_UUID, expected=b"\x49", proves_absence=True)
    warm.submit("one", write(1), idempotent=True, read_back=look)
    warm.fail(FaultKind.TRANSIENT)
    warm.submit("urgent", write(2), priority=Priority.URGENT)
    warm.answer()
    while warm.open("one"):
        warm.wait(1 * S)
        warm.fail(FaultKind.TRANSIENT)
    assert warm.payloads() == [1, 2, 1, 1, 1, 1]
    warm.answer(b"\x48")
    assert warm.resolutions() == []


def test_an_undo_is_as_urgent_as_any_survives_and_is_on_the_same_account(warm: Drive) -> None:
    origin = Origin(front="http", principal="ann")
    warm.submit("steps", sequence(1), origin=origin, idempotent=True)
    warm.answer()
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    (undo,) = [one.command for one in warm.of(Accept) if one.command.id == "steps-undo"]
    assert undo == Command(
        id="steps-undo",
        device="blind",
        operation=undo.operation,
        priority=Priority.URGENT,
        idempotent=True,
        survive_reconnect=True,
        label="undo steps",
        origin=origin,
    )


# connections


def test_an_attempt_for_subscriptions_alone_goes_on_when_a_command_is_taken_back() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.gone()
    assert drive.device().connection == "connecting"
    drive.submit("one", A_READ)
    drive.cancel("one")
    assert drive.device().connection == "connecting"


def test_an_attempt_for_subscriptions_alone_ends_when_the_keeper_closes() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.gone()
    drive.feed(events.Closing())
    assert drive.device().connection == "abandoning"


def test_what_ends_an_attempt_that_nobody_wanted_any_more_is_no_sign_against_the_adapter() -> None:
    drive = Drive("a", "b", rungs=(Rung.STOP_DISCOVERY,))
    for number in range(4):
        for device in ("a", "b"):
            drive.submit(f"{device}-{number}", A_READ, device)
            drive.cancel(f"{device}-{number}")
            drive.connect_failed(FaultKind.TRANSIENT, device)
    assert drive.of(Recover) == []


def test_a_stack_that_is_busy_with_nothing_of_ours_is_a_sign_against_the_adapter() -> None:
    drive = Drive(rungs=(Rung.STOP_DISCOVERY,), limits=Limits(recovery_wedged_min=1))
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.BUSY)
    assert len(drive.of(Recover)) == 1


def test_a_stack_that_is_busy_while_something_of_ours_is_connected_is_none() -> None:
    drive = Drive("a", "b", rungs=(Rung.STOP_DISCOVERY,), limits=Limits(recovery_wedged_min=1))
    drive.warm("a")
    drive.submit("one", A_READ, "b")
    drive.connect_failed(FaultKind.BUSY, "b")
    assert drive.of(Recover) == []


def test_a_stop_tries_the_next_connection_after_its_pause_not_before() -> None:
    drive = Drive()
    drive.stop()
    drive.connect_failed(FaultKind.TRANSIENT)
    assert len(drive.connects()) == 1
    drive.wait(250 * MS)
    assert len(drive.connects()) == 2


@pytest.mark.parametrize("stop", [False, True])
def test_a_failed_connection_that_is_tried_again_does_not_count_against_the_device(*, stop: bool) -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.stop() if stop else drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.TRANSIENT)
    assert drive.device().availability == "available"


def test_a_failed_connection_that_is_given_up_counts_against_the_device() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.REJECTED)
    assert drive.device().availability == "unavailable"


def test_a_connection_that_came_up_makes_the_next_failure_the_first() -> None:
    drive = Drive()
    for _ in range(2):
        drive.submit("one", A_READ) if not drive.connects() else drive.submit("two", A_READ)
        drive.connect_failed(FaultKind.BUSY)
        drive.wait(500 * MS)
        drive.connected()
        drive.answer(b"x")
        drive.lost()
        drive.gone()
    assert drive.note("two", Phase.BACKOFF).startswith("0.5 s after")


def test_a_pause_begins_short_again_after_the_device_answered() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    for round_ in range(2):
        drive.submit(f"lost-{round_}", A_READ)
        drive.connect_failed(FaultKind.UNREACHABLE)
        drive.wait(30 * S - 1)
        assert drive.device().availability == "unavailable"
        drive.wait(1)
        assert drive.device().availability == "probing", "after the first pause, not twice as long"
        drive.submit(f"read-{round_}", A_READ)
        drive.connected()
        drive.answer(b"x")
        drive.lost()
        drive.gone()


def test_a_stop_that_does_not_reach_a_device_left_alone_does_not_prolong_that() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.wait(10 * S)
    drive.stop()
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.wait(20 * S)
    assert drive.device().availability == "probing"


def test_survivors_that_are_taken_back_save_nobody_from_the_loss_of_the_link(warm: Drive) -> None:
    survivors = ("one", "two", "three")
    for command_id in ("first", "mortal", *survivors):
        warm.submit(command_id, A_READ, survive_reconnect=command_id in survivors)
    for command_id in survivors:
        warm.cancel(command_id)
    warm.lost()
    assert warm.ended("mortal") == (NOT, Cause.LINK_LOST_BEFORE_SEND)


def test_nobody_has_a_turn_on_a_serial_adapter_that_is_about_to_be_reset() -> None:
    drive = Drive(
        "a",
        "b",
        "c",
        serialization=Serialization.ADAPTER,
        rungs=(Rung.POWER_CYCLE,),
        limits=Limits(recovery_wedged_min=1),
    )
    drive.warm("a")
    drive.warm("b")
    drive.submit("one", write(), "a")
    drive.submit("two", write(), "b")
    drive.submit("three", write(), "c")
    drive.connect_failed(FaultKind.WEDGED, "c")
    drive.answer(device="a")
    assert drive.sent("b") == []
    assert [one.rung for one in drive.of(Recover)] == [Rung.POWER_CYCLE]
