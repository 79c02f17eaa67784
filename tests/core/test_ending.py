"""Last words: which verdict follows from what happened, and the latch that an unknown one sets."""

import pytest

from core.drive import A_READ, MS, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import LatchChanged, Refusal
from gattkeeper.core.ending import failure_cause
from gattkeeper.core.entry import Entry
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import (
    Operation,
    Pair,
    Phy,
    RequestConnectionParameters,
    SetPhy,
    Unpair,
    kind_of,
)
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (FaultKind.LINK_LOST, Cause.LINK_LOST_IN_FLIGHT),
        (FaultKind.TIMED_OUT, Cause.TIMED_OUT_IN_FLIGHT),
        (FaultKind.CANCELLED, Cause.CANCELLED_IN_FLIGHT),
        (FaultKind.STACK_GONE, Cause.STACK_RESTARTED),
        (FaultKind.ADAPTER_GONE, Cause.STACK_RESTARTED),
        (FaultKind.UNLISTED, Cause.UNCLEAR_ANSWER),
    ],
    ids=lambda value: value.value,
)
def test_a_write_that_may_have_run_is_unknown_and_says_why(kind: FaultKind, cause: Cause) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", write())
    drive.fail(kind)
    assert drive.ended("one") == (UNKNOWN, cause)


OF_THE_LINK = pytest.mark.parametrize(
    "operation",
    [
        SetPhy(tx=Phy.LE_2M),
        RequestConnectionParameters(interval_min_us=30_000, interval_max_us=30_000),
        Pair(),
        Unpair(),
    ],
    ids=kind_of,
)


@OF_THE_LINK
def test_what_may_be_in_force_without_changing_the_device_is_unknown_too(operation: Operation) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", operation, deadline_us=40 * S, attempt_timeout_us=30 * S)
    drive.wait(30 * S)
    drive.lost()
    drive.wait(10 * S)
    assert drive.ended("one") == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)


@OF_THE_LINK
def test_a_clear_no_to_it_is_still_a_no(operation: Operation) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", operation)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.ended("one") == (NOT, Cause.REJECTED)


@OF_THE_LINK
def test_it_neither_sets_the_latch_nor_is_flushed_by_a_stop(operation: Operation) -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("unclear", operation)
    drive.fail(FaultKind.UNSUPPORTED)
    assert drive.ended("unclear") == (UNKNOWN, Cause.UNCLEAR_ANSWER)
    assert drive.device().latched_by == ""
    drive.stop()
    drive.submit("later", operation)
    assert drive.open("later")
    drive.answer()
    assert drive.sent()[-1] == operation


@pytest.mark.parametrize(
    ("kind", "ran", "attempt", "cause"),
    [
        (FaultKind.LINK_LOST, Ran.NO, 1, Cause.LINK_LOST_BEFORE_SEND),
        (FaultKind.REJECTED, Ran.REFUSED, 1, Cause.REJECTED),
        (FaultKind.UNSUPPORTED, Ran.NO, 1, Cause.UNSUPPORTED),
        (FaultKind.CANCELLED, Ran.MAYBE, 1, Cause.CANCELLED),
        (FaultKind.PAIRING_FAILED, Ran.REFUSED, 1, Cause.REJECTED),
        (FaultKind.TIMED_OUT, Ran.MAYBE, 1, Cause.FAILED),
        (FaultKind.JOURNAL, Ran.NO, 1, Cause.NEVER_SENT),
        (FaultKind.UNREACHABLE, Ran.MAYBE, 0, Cause.NEVER_SENT),
    ],
)
def test_what_certainly_had_no_effect_says_why(kind: FaultKind, ran: Ran, attempt: int, cause: Cause) -> None:
    entry = Entry(command=Command(device="blind", operation=A_READ), start_us=0, sequence=1, accepted_at=0)
    entry.attempt = attempt
    assert failure_cause(entry, fault(kind, ran)) is cause


def test_an_outcome_carries_its_timeline_attempts_and_epoch() -> None:
    drive = Drive()
    drive.submit("one", write())
    drive.connected()
    drive.wait(30 * MS)
    drive.answer()
    outcome = drive.endings()["one"]
    assert [mark.phase for mark in outcome.timeline] == drive.phases("one")
    assert outcome.timeline[-1].phase is Phase.OUTCOME
    assert outcome.timeline[-1].at_us == 30 * MS
    assert [(one.number, one.started_at_us, one.ended_at_us) for one in outcome.attempts] == [(1, 0, 30 * MS)]
    assert outcome.epoch == 1


def unclear(drive: Drive) -> None:
    """The device of the drive is held: a write of it ended unknown."""
    drive.warm()
    drive.submit("unclear", write(1))
    drive.fail(FaultKind.TRANSIENT)


def test_after_an_unknown_outcome_a_safety_device_takes_readers_and_stops_only() -> None:
    drive = Drive(safety=True)
    unclear(drive)
    assert drive.device().latched_by == "unclear"
    drive.submit("refused", write(2))
    refused = drive.refusal("refused")
    assert refused is not None
    assert refused.refusal is Refusal.LATCHED
    drive.submit("reader", A_READ)
    drive.stop()
    drive.answer(b"x")
    drive.answer()
    assert drive.ended("reader") == (Verdict.DELIVERED, Cause.VALUE)
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_other_devices_are_not_held() -> None:
    drive = Drive()
    unclear(drive)
    assert drive.device().latched_by == ""
    drive.submit("welcome", write(2))
    assert drive.open("welcome")


def test_those_in_line_are_held_back_and_go_in_their_old_order_once_it_is_resolved() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("unclear", write(1))
    for payload in (2, 3, 4):
        drive.submit(f"write-{payload}", write(payload))
    drive.fail(FaultKind.TRANSIENT)
    assert drive.device().waiting == 3
    drive.feed(events.Resolved(command_id="somebody else", device="blind"))
    assert drive.payloads() == [1]
    drive.feed(events.Resolved(command_id="unclear", device="blind"))
    for _ in range(3):
        drive.answer()
    assert drive.payloads() == [1, 2, 3, 4]


def test_a_write_that_backs_off_is_held_too_and_may_expire_there() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("busy", write(1), deadline_us=9 * S)
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.submit("urgent", write(2), priority=0)
    drive.fail(FaultKind.TRANSIENT)
    drive.wait(8 * S)
    assert drive.payloads() == [1, 2]
    drive.wait(1 * S)
    assert drive.ended("busy") == (NOT, Cause.EXPIRED)


def test_a_latch_of_an_earlier_run_holds_a_safety_device() -> None:
    drive = Drive(safety=True)
    drive.feed(events.Latched(command_id="earlier", device="blind"))
    drive.feed(events.Latched(command_id="another", device="blind"))
    assert drive.device().latched_by == "earlier"
    drive.submit("refused", write(2))
    assert drive.refusal("refused") is not None


def test_a_latch_of_an_earlier_run_means_nothing_to_a_device_without_one() -> None:
    drive = Drive()
    drive.feed(events.Latched(command_id="earlier", device="blind"))
    assert drive.device().latched_by == ""


def test_a_stop_that_rode_on_another_has_the_same_verdict_and_its_name() -> None:
    drive = Drive()
    drive.warm()
    drive.stop("first")
    drive.stop("second")
    drive.answer()
    assert drive.payloads() == [255]
    assert drive.ended("first") == drive.ended("second")
    assert drive.endings()["second"].by == "first"


def test_a_stop_that_expired_while_it_rode_is_not_ended_again() -> None:
    drive = Drive()
    drive.warm()
    drive.stop("first")
    drive.stop("second", deadline_us=1 * S)
    drive.wait(1 * S)
    drive.answer()
    assert drive.ended("second") == (NOT, Cause.EXPIRED)
    assert drive.ended("first") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_that_a_latch_is_set_and_that_it_opens_is_written_down_once_each() -> None:
    drive = Drive(safety=True)
    drive.feed(events.Latched(command_id="earlier", device="blind"))
    drive.feed(events.Latched(command_id="another", device="blind"))
    drive.feed(events.Resolved(command_id="another", device="blind"))
    drive.feed(events.Resolved(command_id="earlier", device="blind"))
    assert drive.of(LatchChanged) == [
        LatchChanged(device="blind", by="earlier", held=True),
        LatchChanged(device="blind", by="earlier", held=False),
    ]
