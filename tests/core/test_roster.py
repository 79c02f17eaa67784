"""Devices that come and go while others are served: what ends with them, and that nothing of them is left."""

import pytest

from core.drive import A_READ, MS, SUBSCRIBE, Drive, S, sequence, write
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Connect, Subscribe
from gattkeeper.model.outcome import Cause, Verdict


def leave(drive: Drive, device: str = "blind") -> None:
    drive.feed(events.DeviceLeaving(device=device))


def remove(drive: Drive, device: str = "blind") -> None:
    drive.feed(events.DeviceRemoved(device=device))


def names(drive: Drive) -> list[str]:
    return [one.name for one in drive.scheduler.status(drive.now).devices]


def test_what_waits_for_a_device_that_leaves_ends_and_what_is_in_flight_comes_to_its_end():
    drive = Drive()
    drive.warm()
    drive.submit("flying", write(1))
    drive.submit("waiting", write(2), survive_reconnect=True)
    leave(drive)
    assert drive.ended("waiting") == (Verdict.NOT_DELIVERED, Cause.CANCELLED)
    assert drive.endings()["waiting"].fault.name == "device_removed"
    assert drive.open("flying")
    drive.answer()
    assert drive.ended("flying") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    drive.wait(MS)
    assert drive.dropped() == ["blind"]
    drive.gone()
    remove(drive)
    assert names(drive) == []


def test_its_subscriptions_are_over_and_are_not_restored():
    drive = Drive()
    drive.submit("on", SUBSCRIBE)
    drive.connected()
    drive.answer()
    leave(drive)
    (over,) = drive.of(effects.SubscriptionEnded)
    assert (over.target, over.fault.name) == (SUBSCRIBE.target, "device_removed")
    drive.wait(MS)
    drive.gone()
    drive.wait(60 * S)
    assert drive.connects() == ["blind"]


def test_a_device_of_which_anything_is_left_stays_known():
    drive = Drive()
    drive.submit("flying", A_READ)
    leave(drive)
    remove(drive)
    assert names(drive) == ["blind"], "its attempt is not over"
    drive.connect_failed()
    remove(drive)
    assert names(drive) == []
    leave(drive)
    remove(drive)


def test_a_stop_that_runs_is_not_taken_back_but_one_that_failed_is_not_tried_again():
    drive = Drive(limits=Limits(stop_persist_us=600 * S))
    drive.stop()
    leave(drive)
    assert drive.open("stop")
    drive.connected()
    for _ in range(4):
        drive.fail(FaultKind.BUSY, Ran.REFUSED)
    assert drive.ended("stop")[0] is Verdict.NOT_DELIVERED
    drive.gone()
    assert drive.device().stop_persists_us
    remove(drive)
    assert names(drive) == ["blind"], "it is to be tried again"
    leave(drive)
    remove(drive)
    assert names(drive) == []
    drive.wait(600 * S)


def test_a_sequence_that_leaves_half_way_is_still_undone():
    drive = Drive()
    drive.warm()
    drive.submit("steps", sequence(1))
    drive.answer()
    leave(drive)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.sent()[-1] == sequence(1).undo
    drive.answer()
    assert drive.ended("steps-undo")[0] is Verdict.DELIVERED


def test_one_that_comes_back_goes_on_with_its_numbers_so_that_no_old_answer_counts():
    drive = Drive()
    drive.warm()
    drive.submit("before", A_READ)
    (old,) = drive.owed
    drive.lost()
    drive.gone()
    leave(drive)
    remove(drive)
    drive.feed(events.DeviceAdded(device="blind", adapter="hci"))
    drive.submit("after", A_READ)
    drive.connected()
    (new,) = drive.owed
    assert (new.epoch, new.token) == (old.epoch + 1, old.token + 1)
    drive.answer_to(old, b"old")
    assert drive.open("after")
    drive.answer(b"new")
    assert drive.endings()["after"].value == b"new"


def test_what_was_due_for_a_device_that_is_gone_is_not_due_any_more():
    drive = Drive("blind", "lamp", limits=Limits(breaker_failures_max=1, alert_waiting_us=S))
    drive.submit("nobody", Subscribe(target=SUBSCRIBE.target))
    drive.connect_failed(FaultKind.UNREACHABLE)
    leave(drive)
    remove(drive)
    assert drive.scheduler.wakeup_at() is None
    drive.submit("other", Connect(), "lamp")
    drive.connected("lamp")
    assert drive.ended("other")[0] is Verdict.DELIVERED


def test_a_place_that_was_wanted_goes_to_others():
    drive = Drive("blind", "lamp", "fan", slots=1)
    drive.submit("first", A_READ, "fan")
    drive.submit("second", A_READ, "blind")
    drive.submit("third", A_READ, "lamp")
    leave(drive)
    remove(drive)
    drive.connect_failed(FaultKind.UNREACHABLE, "fan")
    assert drive.connects() == ["fan", "lamp"]


@pytest.mark.parametrize("adapter", ["hci", "nowhere"])
def test_rules_that_may_change_do_so_on_a_device_that_is_known(adapter):
    drive = Drive(linger_us=60 * S)
    drive.feed(events.DeviceAdded(device="blind", adapter=adapter, safety=True, linger_us=S))
    drive.warm()
    drive.submit("perhaps", write(1))
    drive.fail(FaultKind.REJECTED)
    assert drive.device().latched_by == "perhaps"
    drive.wait(2 * S)
    assert drive.dropped() == ["blind"]
    assert names(drive) == ["blind"]


def test_a_device_on_an_adapter_that_there_is_not_is_none():
    drive = Drive()
    drive.feed(events.DeviceAdded(device="lamp", adapter="nowhere"))
    assert names(drive) == ["blind"]
