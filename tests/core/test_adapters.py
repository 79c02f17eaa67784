"""One adapter for many devices: places, whose connection is next, and its going."""

from core.drive import A_READ, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import StartDisconnect
from gattkeeper.model.command import Priority
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Subscribe
from gattkeeper.model.outcome import Cause, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
VALUE = CharacteristicRef(handle=3)


def subscribed(*devices: str, slots: int = 5) -> Drive:
    """Devices that are connected, as far as the slots allow, for their subscriptions alone."""
    drive = Drive(*devices, slots=slots)
    for device in devices:
        drive.submit(f"subscribe-{device}", Subscribe(target=VALUE), device)
        drive.connected(device)
        drive.answer(device=device)
    return drive


def dropped(drive: Drive) -> list[str]:
    return [one.device for one in drive.of(StartDisconnect)]


def test_the_one_idle_longest_gives_its_place_to_a_device_that_waits() -> None:
    drive = Drive("a", "b", "c", slots=2)
    drive.warm("a")
    drive.wait(1 * S)
    drive.warm("b")
    drive.submit("one", A_READ, "c")
    assert dropped(drive) == ["a"]
    drive.gone("a")
    assert drive.connects() == ["a", "b", "c"]


def test_one_with_a_subscription_is_let_go_only_when_there_is_no_other() -> None:
    drive = subscribed("a", "b", slots=2)
    drive.submit("one", A_READ, "b")
    drive.feed(events.DeviceAdded(device="c", adapter="hci"))
    drive.submit("two", A_READ, "c")
    assert dropped(drive) == ["a"]


def test_subscriptions_alone_do_not_take_each_others_places() -> None:
    drive = subscribed("a", slots=1)
    drive.feed(events.DeviceAdded(device="b", adapter="hci"))
    drive.submit("one", Subscribe(target=VALUE), "b")
    drive.gone("a")
    drive.connected("b")
    drive.answer(device="b")
    drive.wait(3600 * S)
    assert drive.connects() == ["a", "b"]
    assert dropped(drive) == ["a"]


def test_places_that_are_all_busy_are_waited_for() -> None:
    drive = Drive("a", "b", slots=1)
    drive.warm("a")
    drive.submit("one", A_READ, "a")
    drive.submit("two", A_READ, "b")
    assert dropped(drive) == []
    drive.answer(b"x", "a")
    assert dropped(drive) == ["a"]


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
