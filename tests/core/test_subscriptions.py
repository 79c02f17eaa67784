"""Which subscriptions are in force, and which are wanted."""

import pytest

from core.drive import ANSWERS, SUBSCRIBE, Drive, S, ask
from gattkeeper.core import subscriptions
from gattkeeper.core.state import DeviceState
from gattkeeper.core.waiting import Waiting
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Read, Subscribe, SubscriptionKind, Unsubscribe

UNSUBSCRIBE = Unsubscribe(target=ANSWERS)
INDICATE = Subscribe(target=ANSWERS, kind=SubscriptionKind.INDICATE)


def warm() -> Drive:
    drive = Drive()
    drive.warm()
    return drive


def asked() -> Drive:
    """A write that waited has left its subscription behind."""
    drive = warm()
    drive.submit("ask", ask())
    drive.answer()
    drive.answer()
    drive.notify()
    return drive


@pytest.mark.parametrize(
    ("in_force", "asked_for", "shared"),
    [
        (SUBSCRIBE, SUBSCRIBE, True),
        (INDICATE, SUBSCRIBE, True),
        (INDICATE, INDICATE, True),
        (SUBSCRIBE, INDICATE, False),
        (SUBSCRIBE, UNSUBSCRIBE, False),
    ],
)
def test_a_kind_is_shared_by_those_who_want_that_one_or_either(
    in_force: Subscribe, asked_for: Subscribe | Unsubscribe, shared: bool
) -> None:
    device = DeviceState(name="blind", adapter="hci", safety=False, linger_us=0, waiting=Waiting())
    assert not subscriptions.is_shared(device, asked_for)
    subscriptions.answered(device, in_force)
    assert subscriptions.is_shared(device, asked_for) == shared


def test_one_that_is_in_force_already_is_wanted_from_then_on() -> None:
    drive = asked()
    assert drive.device().subscriptions == 0, "nobody reads it"
    drive.submit("subscribe", SUBSCRIBE)
    assert drive.sent().count(SUBSCRIBE) == 1
    assert drive.device().subscriptions == 1
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == SUBSCRIBE, "restored, because it is wanted"


def test_one_that_is_not_wanted_does_not_keep_the_connection() -> None:
    drive = asked()
    drive.wait(8 * S)
    assert drive.device().connection == "disconnecting"
    drive.gone()
    drive.wait(60 * S)
    assert len(drive.connects()) == 1


def test_the_kind_in_force_is_the_one_that_is_restored() -> None:
    drive = warm()
    drive.submit("first", INDICATE)
    drive.answer()
    drive.submit("second", SUBSCRIBE)
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.sent() == [INDICATE, INDICATE]


def test_one_that_is_shared_is_not_wanted_when_a_later_command_undoes_it() -> None:
    drive = asked()
    drive.submit("slow", Read(target=ANSWERS), priority=Priority.URGENT)
    drive.submit("subscribe", SUBSCRIBE)
    drive.submit("unsubscribe", UNSUBSCRIBE)
    drive.answer(b"")
    assert drive.sent()[-1] == UNSUBSCRIBE
    assert drive.device().subscriptions == 0


def test_after_an_unsubscribe_whatever_came_of_it_the_device_is_asked_again() -> None:
    drive = asked()
    drive.submit("unsubscribe", UNSUBSCRIBE)
    drive.fail(FaultKind.UNSUPPORTED)
    drive.submit("again", ask(2))
    assert drive.sent()[-1] == SUBSCRIBE


def test_one_that_was_acknowledged_too_late_for_its_command_is_in_force() -> None:
    drive = warm()
    drive.submit("late", SUBSCRIBE)
    drive.cancel("late")
    drive.submit("ask", ask())
    drive.answer()
    assert drive.sent() == [SUBSCRIBE, ask().write]
    assert drive.device().subscriptions == 0
