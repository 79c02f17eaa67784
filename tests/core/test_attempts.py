"""One operation in a slot: recorded, handed over, with its time; subscriptions that are shared or restored."""

import pytest

from core.drive import A_READ, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import RecordIntent
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import (
    Connect,
    DiscoverServices,
    Operation,
    Pair,
    RequestMtu,
    Subscribe,
    Unsubscribe,
)
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
VALUE = CharacteristicRef(handle=3)


def test_an_intent_is_recorded_before_the_hand_over(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write())
    intent = warm.of(RecordIntent)[0]
    assert (intent.attempt, intent.epoch, intent.awaited) == (1, 1, True)
    assert warm.sent() == []
    warm.feed(events.IntentRecorded(device="blind", token=intent.token))
    assert warm.sent() == [write()]


def test_without_a_journal_there_is_nothing_to_wait_for() -> None:
    drive = Drive(journalled=False)
    drive.warm()
    drive.submit("one", write())
    assert drive.sent() == [write()]
    assert drive.of(RecordIntent) == []


def test_an_intent_that_cannot_be_recorded_ends_the_command_unsent(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write())
    warm.feed(events.IntentFailed(device="blind", token=1, fault=fault(FaultKind.JOURNAL, Ran.NO)))
    assert warm.ended("one") == (NOT, Cause.NEVER_SENT)
    assert warm.sent() == []


def test_an_intent_nobody_waits_for_changes_nothing(warm: Drive) -> None:
    warm.submit("one", write())
    assert warm.feed(events.IntentRecorded(device="blind", token=1)) == []
    assert warm.feed(events.IntentFailed(device="blind", token=9, fault=fault(FaultKind.JOURNAL))) == []


@pytest.mark.parametrize(
    ("operation", "length_us"),
    [
        (A_READ, 5 * S),
        (write(), 5 * S),
        (RequestMtu(), 10 * S),
        (DiscoverServices(), 10 * S),
        (Pair(), 30 * S),
    ],
    ids=["read", "write", "mtu", "discovery", "pair"],
)
def test_each_kind_of_operation_has_its_time(warm: Drive, operation: Operation, length_us: int) -> None:
    warm.submit("one", operation, deadline_us=60 * S)
    warm.wait(length_us - 1)
    assert Phase.OUTCOME not in warm.phases("one")
    assert Phase.BACKOFF not in warm.phases("one")
    warm.wait(1)
    assert {Phase.OUTCOME, Phase.BACKOFF} & set(warm.phases("one"))


def test_connect_on_a_warm_connection_is_done_at_once(warm: Drive) -> None:
    warm.submit("again", Connect())
    assert warm.ended("again") == DELIVERED
    assert warm.sent() == []


def test_a_subscription_is_restored_before_anything_else_on_the_next_connection(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.lost()
    warm.submit("reader", A_READ)
    warm.gone()
    warm.connected()
    assert warm.sent()[-1] == Subscribe(target=VALUE)
    assert Phase.SETUP in warm.phases("reader")
    warm.answer()
    assert warm.sent()[-1] == A_READ


def test_what_is_no_longer_wanted_is_not_restored(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=VALUE))
    warm.answer()
    warm.submit("unsubscribe", Unsubscribe(target=VALUE))
    warm.answer()
    assert warm.ended("unsubscribe") == DELIVERED
    warm.lost()
    warm.gone()
    assert warm.connects() == ["blind"]


def test_a_subscription_that_is_there_already_is_shared(warm: Drive) -> None:
    for name in ("first", "second"):
        warm.submit(name, Subscribe(target=VALUE))
    warm.answer()
    assert warm.ended("first") == warm.ended("second") == DELIVERED
    assert warm.sent() == [Subscribe(target=VALUE)]
