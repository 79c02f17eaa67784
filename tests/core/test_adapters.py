"""One adapter for many devices: places, whose connection is next, and its going."""

import pytest

from core.drive import A_READ, VALUE, Drive, S, ask, subscribed, write
from gattkeeper.core import events
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Subscribe
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import AlertKind

UNKNOWN = Verdict.UNKNOWN


def test_the_one_idle_longest_gives_its_place_to_a_device_that_waits() -> None:
    drive = Drive("a", "b", "c", slots=2)
    drive.warm("a")
    drive.wait(1 * S)
    drive.warm("b")
    drive.submit("one", A_READ, "c")
    assert drive.dropped() == ["a"]
    drive.gone("a")
    assert drive.connects() == ["a", "b", "c"]


def test_one_with_a_subscription_is_let_go_only_when_there_is_no_other() -> None:
    drive = subscribed("a", "b", slots=2)
    drive.submit("one", A_READ, "b")
    drive.feed(events.DeviceAdded(device="c", adapter="hci"))
    drive.submit("two", A_READ, "c")
    assert drive.dropped() == ["a"]


def test_subscriptions_alone_do_not_take_each_others_places() -> None:
    drive = subscribed("a", slots=1)
    drive.feed(events.DeviceAdded(device="b", adapter="hci"))
    drive.submit("one", Subscribe(target=VALUE), "b")
    drive.gone("a")
    drive.connected("b")
    drive.answer(device="b")
    drive.wait(3600 * S)
    assert drive.connects() == ["a", "b"]
    assert drive.dropped() == ["a"]


def test_places_that_are_all_busy_are_waited_for() -> None:
    drive = Drive("a", "b", slots=1)
    drive.warm("a")
    drive.submit("one", A_READ, "a")
    drive.submit("two", A_READ, "b")
    assert drive.dropped() == []
    drive.answer(b"x", "a")
    assert drive.dropped() == ["a"]


def test_the_device_whose_first_command_is_most_urgent_connects_first() -> None:
    drive = Drive("a", "b", "c")
    drive.submit("one", A_READ, "a")
    drive.submit("two", A_READ, "b")
    drive.submit("three", A_READ, "c", priority=Priority.URGENT)
    drive.connected("a")
    drive.connected("c")
    assert drive.connects() == ["a", "c", "b"]


def test_a_device_that_only_restores_subscriptions_connects_last() -> None:
    drive = subscribed("a", "b")
    drive.lost("a")
    drive.lost("b")
    drive.submit("one", A_READ, "b", survive_reconnect=True)
    drive.adapter_down()
    drive.gone("a")
    drive.gone("b")
    drive.adapter_up()
    assert drive.connects()[-1] == "b"


def test_an_adapter_that_goes_ends_attempts_too_and_they_go_on_when_it_is_back() -> None:
    drive = Drive("a", "b")
    drive.warm("a")
    drive.submit("write", write(1), "a")
    drive.submit("one", A_READ, "b")
    drive.adapter_down()
    assert drive.ended("write") == (UNKNOWN, Cause.STACK_RESTARTED)
    drive.connect_failed(device="b")
    drive.gone("a")
    assert not drive.adapter().up
    assert drive.connects() == ["a", "b"]
    drive.adapter_up()
    assert drive.connects() == ["a", "b", "b"]


def two(serialization: Serialization, **limits: int) -> Drive:
    """Two devices on one adapter, connected."""
    drive = Drive("a", "b", serialization=serialization, limits=Limits(**limits))
    for device in ("a", "b"):
        drive.warm(device)
    return drive


def contention(drive: Drive) -> list[tuple[bool, str]]:
    alerts = [one.alert for one in drive.of(AlertChanged)]
    return [(one.raised, one.device) for one in alerts if one.kind is AlertKind.CONTENTION]


def test_one_operation_for_each_device_by_default() -> None:
    drive = two(Serialization.AUTO)
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b")
    assert [one.device for one in drive.owed] == ["a", "b"]
    assert drive.adapter().serialization == "device"


def test_one_operation_on_the_whole_adapter_goes_round_by_urgency_and_age() -> None:
    drive = two(Serialization.ADAPTER)
    assert drive.adapter().serialization == "adapter"
    drive.submit("first", write(1), "a")
    drive.submit("second", write(2), "a")
    drive.submit("third", write(3), "b")
    drive.submit("urgent", write(4), "b", priority=Priority.URGENT)
    order = []
    while drive.owed:
        assert len(drive.owed) == 1
        order.append(drive.owed[0].operation)
        drive.answer(device=drive.owed[0].device)
    assert order == [write(1), write(4), write(2), write(3)]


def test_a_stop_waits_for_no_other_device_even_then() -> None:
    drive = two(Serialization.ADAPTER)
    drive.submit("one", write(1), "a")
    drive.stop(device="b")
    assert [one.device for one in drive.owed] == ["a", "b"]


def test_one_that_lost_its_connection_while_it_stood_in_line_for_its_turn_is_passed_over() -> None:
    drive = two(Serialization.ADAPTER)
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b", survive_reconnect=True)
    drive.lost("b")
    drive.submit("three", write(3), "a")
    drive.answer(device="a")
    assert drive.payloads("a") == [1, 3]
    assert drive.payloads("b") == []


def test_one_whose_command_was_taken_back_while_it_stood_in_line_for_its_turn_is_passed_over() -> None:
    drive = two(Serialization.ADAPTER)
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b")
    drive.cancel("two")
    drive.submit("three", write(3), "a")
    drive.answer(device="a")
    drive.answer(device="a")
    assert drive.payloads("a") == [1, 3]
    assert drive.payloads("b") == []


def test_devices_that_get_in_each_others_way_take_turns_for_a_while() -> None:
    drive = two(Serialization.AUTO, contention_cooldown_us=60 * S)
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b", deadline_us=30 * S)
    drive.fail(FaultKind.BUSY, Ran.NO, device="b")
    assert contention(drive) == [(True, "hci")]
    assert drive.adapter().serialization == "adapter"
    drive.wait(1 * S)
    assert drive.payloads("b") == [2], "its second try stands in line for its turn"
    drive.answer(device="a")
    assert drive.payloads("b") == [2, 2]
    drive.answer(device="b")
    drive.wait(60 * S)
    assert contention(drive) == [(True, "hci"), (False, "hci")]
    assert drive.adapter().serialization == "device"


def test_who_stands_in_line_when_the_cooldown_ends_goes_at_once() -> None:
    drive = two(Serialization.AUTO, contention_cooldown_us=1 * S)
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b")
    drive.fail(FaultKind.BUSY, Ran.NO, device="b")
    drive.wait(1 * S)
    assert drive.payloads("b") == [2, 2]
    assert [one.device for one in drive.owed] == ["a", "b"]


def test_contention_that_goes_on_is_said_once() -> None:
    drive = two(Serialization.AUTO, contention_cooldown_us=60 * S)
    drive.submit("one", A_READ, "a")
    drive.submit("two", write(2), "b")
    drive.fail(FaultKind.BUSY, Ran.NO, device="b")
    drive.stop(device="b")
    drive.fail(FaultKind.BUSY, Ran.NO, device="a")
    assert contention(drive) == [(True, "hci")]


@pytest.mark.parametrize("mode", [Serialization.AUTO, Serialization.DEVICE])
def test_a_stack_that_is_busy_with_others_is_no_reason_for_turns(mode: Serialization) -> None:
    drive = two(mode)
    drive.submit("one", A_READ, "a")
    if mode is Serialization.DEVICE:
        drive.submit("two", A_READ, "b")
    drive.fail(FaultKind.BUSY, Ran.NO, device="a")
    assert contention(drive) == []
    assert drive.adapter().serialization == "device"


def test_one_that_only_waits_for_a_notification_does_not_keep_the_others_from_their_turn() -> None:
    drive = two(Serialization.ADAPTER)
    drive.submit("ask", ask(1), "a")
    drive.answer(device="a")
    drive.submit("two", write(2), "b")
    assert drive.payloads("b") == []
    drive.answer(device="a")
    assert drive.payloads("b") == [2]
    drive.notify(device="a")
    assert drive.ended("ask") == (Verdict.DELIVERED, Cause.APP_ACK)


def test_one_that_only_waits_for_a_notification_is_in_nobodys_way() -> None:
    drive = two(Serialization.AUTO)
    drive.submit("ask", ask(1), "a")
    drive.answer(device="a")
    drive.answer(device="a")
    drive.submit("two", write(2), "b")
    drive.fail(FaultKind.BUSY, Ran.NO, device="b")
    assert contention(drive) == []
