"""Leases beside what others want of the device and its adapter: stops, places, subscriptions, proof."""

import pytest

from core.drive import A_READ, SUBSCRIBE, Drive, S, write
from core.leased import PLACE_TAKEN, STOPPED, held, hold, holders, opened, told
from gattkeeper.core import effects, events
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Disconnect, Pair, Subscribe, Unsubscribe
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.security import Demand, Proof, Security, SecurityLevel

DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
ENCRYPTED = Security(level=SecurityLevel.ENCRYPTED, key_size=16)


# an emergency stop


@pytest.mark.parametrize("stop", [write(9), Disconnect()], ids=["write", "disconnect"])
def test_a_stop_ends_every_lease_of_its_device_whichever_way_it_goes(stop):
    drive = held()
    opened(drive, "yours")
    drive.submit("flying", write(1), lease="mine")
    drive.submit("waiting", A_READ, lease="mine")
    drive.stop("halt", stop)
    assert told(drive) == [("mine", STOPPED), ("yours", STOPPED)]
    assert drive.ended("waiting") == (Verdict.NOT_DELIVERED, Cause.STOPPED)
    assert drive.endings()["waiting"].by == "halt"


def test_a_stop_that_rides_on_another_ends_what_came_between():
    drive = held()
    drive.stop("first")
    opened(drive, "yours")
    drive.stop("second")
    assert told(drive) == [("mine", STOPPED), ("yours", STOPPED)]


def test_a_stop_ends_the_wish_of_those_who_wait_for_a_connection():
    drive = Drive()
    hold(drive)
    drive.stop()
    assert told(drive) == [("mine", STOPPED)]
    assert drive.ended("connect-mine") == (Verdict.NOT_DELIVERED, Cause.STOPPED)


# places


def test_a_held_place_goes_to_another_device_once_nothing_ran_on_it_for_a_while():
    drive = Drive("a", "b", slots=1)
    hold(drive, device="a")
    drive.connected("a")
    drive.wait(4 * S)
    drive.submit("read", A_READ, "b")
    drive.wait(6 * S - 1)
    assert drive.dropped() == []
    drive.wait(1)
    assert drive.dropped() == ["a"]
    assert told(drive) == [("mine", PLACE_TAKEN)]
    drive.gone("a")
    assert drive.connects() == ["a", "b"]


def test_whoever_uses_it_keeps_it():
    drive = Drive("a", "b", slots=1)
    hold(drive, device="a")
    drive.connected("a")
    drive.submit("read", A_READ, "b")
    for number in range(3):
        drive.wait(8 * S)
        drive.submit(f"use-{number}", A_READ, "a", lease="mine")
        drive.wait(1 * S)
        drive.answer(b"x", "a")
    assert drive.dropped() == []
    drive.wait(10 * S)
    assert drive.ended("read") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)


def test_a_place_that_nobody_holds_goes_first():
    drive = Drive("a", "b", "c", slots=2)
    hold(drive, device="a")
    drive.connected("a")
    drive.wait(20 * S)
    drive.warm("b")
    drive.submit("read", A_READ, "c")
    assert drive.dropped() == ["b"]
    assert told(drive) == []


def test_subscriptions_alone_do_not_take_a_place_that_is_held_for_subscriptions():
    drive = Drive("a", "b", slots=1)
    drive.submit("on-a", SUBSCRIBE, "a")
    drive.connected("a")
    drive.answer(device="a")
    opened(drive, device="a")
    drive.submit("on-b", SUBSCRIBE, "b", survive_reconnect=True)
    drive.wait(10 * S)
    assert drive.dropped() == ["a"], "a command takes it"
    drive.gone("a")
    drive.connected("b")
    drive.answer(device="b")
    drive.wait(60 * S)
    assert drive.dropped() == ["a"], "a subscription that is restored does not"


def test_a_stop_takes_a_held_place_at_once():
    drive = Drive("a", "b", slots=1)
    hold(drive, device="a")
    drive.connected("a")
    drive.stop(device="b")
    assert told(drive) == [("mine", PLACE_TAKEN)]


def test_a_stop_takes_a_held_place_between_two_commands():
    drive = Drive("a", "b", slots=1)
    hold(drive, device="a")
    drive.connected("a")
    drive.submit("flying", A_READ, "a", lease="mine")
    drive.stop(device="b")
    drive.answer(b"x", "a")
    assert told(drive) == [("mine", PLACE_TAKEN)]


# subscriptions


def test_its_subscription_ends_with_the_connection_and_makes_none():
    drive = held()
    drive.submit("on", SUBSCRIBE, lease="mine")
    drive.answer()
    assert drive.device().subscriptions == 0
    drive.lost()
    drive.gone()
    drive.wait(120 * S)
    assert drive.connects() == ["blind"]


def test_one_that_others_want_as_well_is_restored_for_them():
    drive = held()
    drive.submit("on", SUBSCRIBE, lease="mine")
    drive.answer()
    drive.submit("on-too", SUBSCRIBE)
    assert drive.ended("on-too") == DELIVERED
    assert drive.sent() == [SUBSCRIBE]
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.sent() == [SUBSCRIBE, SUBSCRIBE]


def test_it_may_be_undone():
    drive = held()
    drive.submit("on", SUBSCRIBE, lease="mine")
    drive.answer()
    drive.submit("off", Unsubscribe(target=SUBSCRIBE.target), lease="mine")
    drive.answer()
    assert drive.ended("off") == DELIVERED


def test_on_another_table_it_is_made_anew_unless_it_was_by_handle():
    drive = held()
    by_handle = Subscribe(target=CharacteristicRef(handle=3))
    drive.updated(table="old")
    for number, operation in enumerate((SUBSCRIBE, by_handle)):
        drive.submit(f"on-{number}", operation, lease="mine")
        drive.answer()
    drive.updated(table="new")
    drive.answer()
    assert drive.sent() == [SUBSCRIBE, by_handle, SUBSCRIBE]
    (over,) = drive.of(effects.SubscriptionEnded)
    assert over.target == by_handle.target


# a connection that proves too little


def test_a_connection_that_proves_too_little_is_not_held_until_it_proves_enough():
    drive = Drive()
    demand = Demand(level=SecurityLevel.ENCRYPTED)
    drive.feed(events.DeviceAdded(device="lock", adapter="hci", demand=demand))
    opened(drive, device="lock")
    drive.submit("pair", Pair(), "lock")
    drive.connected("lock")
    opened(drive, "yours", device="lock")
    assert holders(drive, "lock") == []
    drive.updated(device="lock", proof=Proof(proved=ENCRYPTED, recorded=ENCRYPTED))
    assert holders(drive, "lock") == ["mine.py", "yours.py"]


def test_one_that_proves_less_than_it_did_ends_it():
    drive = Drive()
    drive.feed(events.DeviceAdded(device="blind", adapter="hci"))
    hold(drive)
    drive.connected()
    drive.feed(events.DeviceAdded(device="blind", adapter="hci", demand=Demand(level=SecurityLevel.ENCRYPTED)))
    assert told(drive) == [("mine", "reconnect")]
