"""Cases about losing and making connections: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

import pytest

from core.drive import A_READ, BATTERY, MS, POSITION, Drive, S, write
from gattkeeper.core import effects, events
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import (
    Connect,
    DiscoverServices,
    Operation,
    ReadDescriptor,
    RequestMtu,
    Subscribe,
)
from gattkeeper.model.outcome import Cause, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
LOST = (NOT, Cause.LINK_LOST_BEFORE_SEND)


def warm(*devices: str) -> Drive:
    drive = Drive(*devices)
    for device in devices or ("blind",):
        drive.warm(device)
    return drive


def test_c53_a_lost_link_ends_the_one_in_flight_and_those_in_line_in_order_and_once() -> None:
    drive = warm()
    for payload in (1, 2, 3, 4):
        drive.submit(f"write-{payload}", write(payload))
    drive.lost()
    drive.lost()
    assert list(drive.endings())[1:] == ["write-1", "write-2", "write-3", "write-4"]
    assert drive.ended("write-1") == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    assert drive.ended("write-2") == drive.ended("write-4") == LOST


@pytest.mark.parametrize(
    "operation",
    [
        ReadDescriptor(target=BATTERY, descriptor="2901"),
        Subscribe(target=BATTERY),
        DiscoverServices(),
        RequestMtu(),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_c54_no_kind_of_operation_is_forgotten_when_the_link_goes(operation: Operation) -> None:
    drive = warm()
    drive.submit("running", operation)
    drive.submit("waiting", operation)
    drive.lost()
    assert drive.ended("running") == drive.ended("waiting") == LOST


def test_c55_news_of_the_loss_as_an_answer_and_as_an_event_is_one_loss() -> None:
    drive = warm()
    drive.submit("running", write(1))
    drive.submit("waiting", write(2))
    drive.fail(FaultKind.LINK_LOST)
    drive.lost()
    assert drive.ended("running") == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    assert drive.payloads() == [1]
    assert drive.ended("waiting") == LOST


def test_c58_those_that_may_survive_run_in_order_on_the_next_connection_or_expire() -> None:
    drive = warm()
    drive.submit("running", A_READ)
    for payload in (1, 2):
        drive.submit(f"write-{payload}", write(payload), survive_reconnect=True)
    drive.submit("expires", write(3), survive_reconnect=True, deadline_us=1 * S)
    drive.lost()
    drive.gone()
    drive.wait(1 * S)
    assert drive.ended("expires") == (NOT, Cause.EXPIRED)
    drive.connected()
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 2]


def test_c59_a_write_lost_in_flight_is_never_sent_again_by_itself() -> None:
    drive = warm()
    drive.submit("write", write(1), survive_reconnect=True)
    drive.submit("next", A_READ, survive_reconnect=True)
    drive.lost()
    drive.gone()
    drive.connected()
    drive.wait(3 * S)
    assert drive.ended("write") == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    assert drive.payloads() == [1]


def test_c60_an_adapter_that_goes_ends_all_that_runs_on_it_at_once() -> None:
    drive = warm("a", "b")
    drive.submit("one", write(1), "a")
    drive.submit("two", A_READ, "b")
    drive.submit("three", A_READ, "b")
    drive.adapter_down()
    assert drive.ended("one") == (UNKNOWN, Cause.STACK_RESTARTED)
    assert drive.ended("two")[0] is NOT
    assert drive.ended("three") == LOST


def test_c60_what_comes_while_it_is_away_ends_by_its_deadline_and_says_why() -> None:
    drive = Drive()
    drive.adapter_down()
    drive.submit("connect", Connect(), deadline_us=2 * S)
    assert drive.connects() == []
    drive.wait(2 * S)
    outcome = drive.endings()["connect"]
    assert (outcome.verdict, outcome.cause) == (NOT, Cause.EXPIRED)
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.ADAPTER_GONE


def test_c61_an_adapter_that_is_back_works_again_by_itself() -> None:
    drive = warm()
    drive.adapter_down()
    drive.submit("one", A_READ)
    drive.gone()
    drive.adapter_up()
    drive.connected()
    drive.answer(b"x")
    assert drive.ended("one") == (Verdict.DELIVERED, Cause.VALUE)


def test_c64_what_is_submitted_after_a_loss_belongs_to_the_next_connection() -> None:
    drive = warm()
    drive.lost()
    drive.submit("one", A_READ)
    drive.gone()
    drive.connected()
    drive.answer(b"x")
    assert drive.endings()["one"].epoch == 2


def test_c67_ten_devices_connect_one_after_the_other() -> None:
    devices = [f"device-{number}" for number in range(10)]
    drive = Drive(*devices, slots=10)
    for device in devices:
        drive.submit(f"connect-{device}", Connect(), device)
    for device in devices:
        assert drive.connects()[-1] == device
        drive.connected(device)
    assert len(drive.connects()) == 10


def test_c67_those_that_wait_for_their_attempt_keep_their_own_deadlines() -> None:
    drive = Drive("a", "b")
    drive.submit("one", Connect(), "a")
    drive.submit("two", Connect(), "b", deadline_us=3 * S)
    drive.wait(3 * S)
    assert drive.ended("two") == (NOT, Cause.EXPIRED)
    assert drive.open("one")


def test_c69_several_that_want_the_same_connection_share_one_attempt() -> None:
    drive = Drive()
    for number in range(5):
        drive.submit(f"connect-{number}", Connect())
    drive.connected()
    assert drive.connects() == ["blind"]
    assert {drive.ended(f"connect-{number}")[0] for number in range(5)} == {Verdict.DELIVERED}


def test_c70_a_back_off_is_kept_and_cancelling_in_it_ends_the_attempts() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.NOT_FOUND)
    drive.wait(999 * MS)
    assert len(drive.connects()) == 1
    drive.cancel("one")
    drive.wait(10 * S)
    assert len(drive.connects()) == 1


def test_c71_a_full_time_out_means_out_of_reach_and_is_not_repeated() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.wait(20 * S)
    drive.connect_failed()
    drive.wait(9 * S)
    assert drive.ended("one") == (NOT, Cause.NEVER_SENT)
    assert len(drive.connects()) == 1


def test_c72_without_a_free_place_a_device_waits_and_does_not_spin() -> None:
    drive = Drive("a", "b", slots=1)
    drive.warm("a")
    drive.submit("long", A_READ, "a")
    drive.submit("one", A_READ, "b")
    before = len(drive.fed)
    drive.wait(4 * S)
    assert len(drive.fed) == before + 1, "the moment at which the long one is called a stall, and no other"
    assert drive.connects() == ["a"]


@pytest.mark.parametrize("first", ["up", "time"])
def test_c73_a_link_that_comes_up_as_its_time_is_over_is_either_used_or_torn_down(first: str) -> None:
    drive = Drive()
    drive.submit("one", A_READ, deadline_us=60 * S)
    drive.jump(20 * S)
    if first == "up":
        drive.connected()
        assert drive.device().connection == "connected"
        assert drive.sent() == [A_READ]
    else:
        drive.feed(events.Ticked())
        drive.connected()
        assert drive.sent() == []
        drive.connect_failed()
        assert drive.adapter().connections == 0


def test_c98_wanted_subscriptions_are_restored_once_each_before_any_command() -> None:
    drive = warm()
    wanted = [Subscribe(target=CharacteristicRef(handle=handle)) for handle in (3, 6)]
    for number, subscribe in enumerate(wanted):
        drive.submit(f"subscribe-{number}", subscribe)
        drive.answer()
    drive.lost()
    drive.submit("write", write(1))
    drive.gone()
    drive.connected()
    drive.answer()
    drive.answer()
    assert drive.sent()[2:] == [*wanted, write(1)]


def test_c98_a_subscription_that_cannot_be_restored_is_told_to_its_readers() -> None:
    drive = warm()
    drive.submit("subscribe", Subscribe(target=POSITION))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.connected()
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert [one.target for one in drive.of(effects.SubscriptionEnded)] == [POSITION]
    assert drive.device().subscriptions == 0


def test_c68_a_command_does_not_wait_for_an_attempt_that_only_restores_subscriptions() -> None:
    drive = Drive("far", "near")
    drive.warm("far")
    drive.submit("subscribe", Subscribe(target=BATTERY), "far")
    drive.answer(device="far")
    drive.lost("far")
    drive.gone("far")
    assert drive.connects() == ["far", "far"]  # by itself, for its subscription
    drive.submit("read", A_READ, "near")
    assert [one.device for one in drive.of(effects.AbandonConnect)] == ["far"]
    drive.connect_failed(device="far")
    assert drive.connects() == ["far", "far", "near"]
    drive.connected("near")
    assert drive.connects() == ["far", "far", "near", "far"]
    assert drive.device("far").availability == "available"  # giving way is nobody's failure
