"""One operation in a slot: late answers, retries, pairing, proof."""

from typing import Any

import pytest

from core.drive import A_READ, BATTERY, MS, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch, RecordAttempt, StartDisconnect, SubscriptionEnded
from gattkeeper.model.command import ReadBack
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import (
    CONNECTION_PRIORITIES,
    Operation,
    Pair,
    Read,
    ReadDescriptor,
    Sequence,
    Subscribe,
    Unsubscribe,
)
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
PROOF: dict[str, Any] = {"read_back": ReadBack(target=BATTERY, expected=b"\x49"), "require_read_back": True}
VALUE = CharacteristicRef(handle=3)


def paused_us(drive: Drive, command_id: str) -> int:
    """How long the command waits before its next attempt."""
    drive.slow_disk = False
    before, started = len(drive.sent()), drive.now
    while len(drive.sent()) == before:
        at = drive.scheduler.wakeup_at()
        assert at is not None, f"{command_id} is never tried again"
        drive.wait(at - drive.now)
    return drive.now - started


def test_values_and_acknowledgements_are_told_apart(warm: Drive) -> None:
    for name, operation in (("read", A_READ), ("write", write()), ("without", write(without=True))):
        warm.submit(name, operation)
    warm.answer(b"\x55")
    warm.answer()
    warm.answer()
    assert warm.ended("read") == (Verdict.DELIVERED, Cause.VALUE)
    assert warm.endings()["read"].value == b"\x55"
    assert warm.ended("write") == DELIVERED
    assert warm.ended("without") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)


def test_a_retry_keeps_its_place_and_its_history(warm: Drive) -> None:
    warm.submit("one", write(1))
    warm.submit("two", write(2))
    warm.fail(FaultKind.TRANSIENT, Ran.NO)
    assert [one.attempt for one in warm.of(RecordAttempt)] == [1]
    assert paused_us(warm, "one") == 250 * MS
    warm.answer()
    warm.answer()
    assert warm.payloads() == [1, 1, 2]
    first, second = warm.endings()["one"].attempts
    assert first.fault == fault(FaultKind.TRANSIENT, Ran.NO)
    assert second.fault is None
    assert Phase.RETRY in warm.phases("one")


def test_the_dice_of_the_event_spread_the_back_off(warm: Drive) -> None:
    warm.submit("one", A_READ)
    owed = warm.owed.pop()
    busy = fault(FaultKind.BUSY, Ran.NO)
    warm.feed(events.Failed(device="blind", epoch=owed.epoch, token=owed.token, fault=busy, jitter=1.0))
    assert paused_us(warm, "one") == 750 * MS


def test_a_write_that_may_have_run_is_not_repeated(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.TRANSIENT)
    assert warm.ended("one") == (UNKNOWN, Cause.UNCLEAR_ANSWER)


def test_an_idempotent_write_is_repeated_and_its_doubt_is_not_forgotten(warm: Drive) -> None:
    warm.submit("one", write(), idempotent=True)
    warm.fail(FaultKind.TRANSIENT)
    warm.wait(1 * S)
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert warm.payloads() == [1, 1]
    assert warm.ended("one") == (UNKNOWN, Cause.UNCLEAR_ANSWER)


def test_no_attempt_begins_that_the_deadline_would_forbid(warm: Drive) -> None:
    warm.submit("one", A_READ, deadline_us=200 * MS)
    warm.fail(FaultKind.TRANSIENT, Ran.NO)
    assert warm.ended("one") == (NOT, Cause.NEVER_SENT)


def test_a_setpoint_gives_up_its_retry_to_a_newer_one(warm: Drive) -> None:
    warm.submit("older", write(1), coalesce_key="position")
    warm.submit("newer", write(2), coalesce_key="position")
    warm.fail(FaultKind.TRANSIENT, Ran.NO)
    assert warm.ended("older") == (NOT, Cause.SUPERSEDED)
    assert warm.endings()["older"].by == "newer"
    assert warm.payloads() == [1, 2]


def test_a_fault_that_asks_for_it_brings_a_fresh_connection(warm: Drive) -> None:
    warm.submit("one", A_READ)
    warm.submit("two", A_READ)
    warm.fail(FaultKind.STALE, Ran.NO)
    assert len(warm.of(StartDisconnect)) == 1
    warm.gone()
    warm.connected()
    warm.answer(b"x")
    assert warm.ended("one") == (Verdict.DELIVERED, Cause.VALUE)
    assert warm.endings()["one"].epoch == 2
    assert warm.open("two")


def test_pairing_is_tried_once_and_then_the_command(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.answer()
    warm.answer()
    assert warm.sent() == [write(), Pair(), write()]
    assert warm.ended("one") == DELIVERED


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (FaultKind.REJECTED, Cause.REJECTED),
        (FaultKind.TIMED_OUT, Cause.REJECTED),
        (FaultKind.LINK_LOST, Cause.LINK_LOST_BEFORE_SEND),
    ],
    ids=lambda value: value.value,
)
def test_a_failed_pairing_ends_the_command_unsent(warm: Drive, kind: FaultKind, cause: Cause) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.fail(kind)
    assert warm.ended("one") == (NOT, cause)
    assert warm.payloads() == [1]


def test_a_command_cancelled_while_pairing_is_cancelled(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.cancel("one")
    assert warm.ended("one") == (NOT, Cause.CANCELLED)
    warm.answer()
    assert warm.payloads() == [1]


def test_a_command_whose_deadline_comes_while_pairing_is_expired(warm: Drive) -> None:
    warm.submit("one", write(), deadline_us=2 * S)
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.wait(2 * S)
    assert warm.ended("one") == (NOT, Cause.EXPIRED)


def test_a_pairing_that_is_answered_after_the_deadline_sends_nothing(warm: Drive) -> None:
    warm.submit("one", write(), deadline_us=2 * S)
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.jump(3600 * S)
    warm.answer()
    assert warm.ended("one") == (NOT, Cause.EXPIRED)
    assert warm.payloads() == [1]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"\x49\x00", (Verdict.DELIVERED, Cause.READ_BACK)),
        (b"\x48", (UNKNOWN, Cause.UNCLEAR_ANSWER)),
        (None, (UNKNOWN, Cause.UNCLEAR_ANSWER)),
    ],
    ids=["fits", "differs", "nothing"],
)
def test_what_is_read_back_decides(warm: Drive, value: bytes | None, wanted: tuple[Verdict, Cause]) -> None:
    warm.submit("one", write(), **PROOF)
    warm.answer()
    assert warm.open("one")
    assert warm.sent()[-1] == Read(target=BATTERY)
    warm.answer(value)
    assert warm.ended("one") == wanted
    assert Phase.READ_BACK in warm.phases("one")


def test_what_cannot_be_read_back_is_unknown(warm: Drive) -> None:
    warm.submit("one", write(), **PROOF)
    warm.answer()
    warm.fail(FaultKind.TRANSIENT)
    assert warm.ended("one") == (UNKNOWN, Cause.UNCLEAR_ANSWER)


@pytest.mark.parametrize("good", [True, False])
def test_a_late_answer_frees_the_bearer_and_tells_nobody_anything(warm: Drive, *, good: bool) -> None:
    warm.submit("one", write(1))
    warm.submit("two", write(2))
    warm.wait(5 * S)
    assert warm.ended("one") == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert warm.payloads() == [1]
    warm.answer() if good else warm.fail(FaultKind.REJECTED)
    assert warm.payloads() == [1, 2]
    assert warm.open("two")
    assert Phase.LATE_ANSWER in warm.phases("one")


@pytest.mark.parametrize("good", [True, False])
def test_a_late_answer_to_a_set_up_frees_the_bearer_too(warm: Drive, *, good: bool) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.lost()
    warm.gone()
    warm.connected()
    warm.wait(5 * S)
    assert [one.fault.kind for one in warm.of(SubscriptionEnded)] == [FaultKind.TIMED_OUT]
    warm.submit("reader", A_READ)
    warm.answer() if good else warm.fail(FaultKind.REJECTED)
    assert warm.sent()[-1] == A_READ


def test_a_subscription_lost_with_its_link_again_is_not_given_up(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.lost()
    warm.gone()
    warm.connected()
    warm.lost()
    warm.gone()
    warm.connected()
    assert warm.sent() == [Subscribe(target=VALUE)] * 3
    assert warm.of(SubscriptionEnded) == []


def test_what_is_undone_while_it_is_in_flight_is_undone_at_the_device(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.submit("unsubscribe", Unsubscribe(target=VALUE))
    warm.answer()
    warm.answer()
    assert warm.sent() == [Subscribe(target=VALUE), Unsubscribe(target=VALUE)]
    assert warm.device().subscriptions == 0


@pytest.mark.parametrize("connection", ["disconnecting", "disconnected"])
def test_without_a_connection_there_is_nothing_to_undo(warm: Drive, connection: str) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.lost()
    if connection == "disconnected":
        warm.adapter_down()
        warm.gone()
    warm.submit("unsubscribe", Unsubscribe(target=VALUE))
    assert warm.ended("unsubscribe") == DELIVERED
    assert warm.device().subscriptions == 0


def test_while_connecting_a_subscription_is_undone_when_the_connection_is_up(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.lost()
    warm.gone()
    warm.submit("unsubscribe", Unsubscribe(target=VALUE))
    warm.connected()
    assert warm.sent()[-1] == Unsubscribe(target=VALUE)


def test_an_answer_with_a_foreign_token_or_epoch_changes_nothing(warm: Drive) -> None:
    warm.submit("one", A_READ)
    owed = warm.owed[0]
    for wrong in ({"token": owed.token + 1, "epoch": owed.epoch}, {"token": owed.token, "epoch": owed.epoch - 1}):
        assert warm.feed(events.Answered(device="blind", **wrong)) == []
        assert warm.feed(events.Failed(device="blind", fault=fault(FaultKind.BUSY), **wrong)) == []
    assert len(warm.of(Dispatch)) == 1


def test_an_answer_before_the_hand_over_changes_nothing(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", A_READ)
    assert warm.feed(events.Answered(device="blind", epoch=1, token=1)) == []


UNANSWERED = frozenset({"request_connection_parameters", "read_descriptor"})


@pytest.mark.parametrize(
    "operation",
    [
        CONNECTION_PRIORITIES["high"],
        Sequence(steps=(ReadDescriptor(target=BATTERY, descriptor="2901"), write())),
    ],
    ids=["whole", "step of a sequence"],
)
def test_what_the_stack_never_answers_is_sent_and_never_called_delivered(operation: Operation) -> None:
    drive = Drive(unanswered=UNANSWERED)
    drive.warm()
    drive.submit("one", operation)
    while drive.open("one"):
        drive.answer()
    assert drive.ended("one") == (Verdict.SENT, Cause.ASSUMED)


def test_a_refusal_of_what_is_never_answered_is_one_all_the_same() -> None:
    drive = Drive(unanswered=UNANSWERED)
    drive.warm()
    drive.submit("one", CONNECTION_PRIORITIES["high"])
    drive.fail(FaultKind.REJECTED, Ran.NO)
    assert drive.ended("one") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
