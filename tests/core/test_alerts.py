"""Alerts: raised once, cleared once, and never by asking all the time."""

import pytest

from core.drive import A_READ, MS, POSITION, Drive, S, write
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.limits import Limits
from gattkeeper.model.operation import Subscribe
from gattkeeper.model.status import Alert, AlertKind


def alerts(drive: Drive, kind: AlertKind) -> list[Alert]:
    return [one.alert for one in drive.of(AlertChanged) if one.alert.kind is kind]


def warm(limits: Limits | None = None) -> Drive:
    drive = Drive(limits=limits)
    drive.warm()
    return drive


def test_depth_is_raised_at_its_threshold_and_cleared_at_half_of_it_once_each() -> None:
    drive = warm(Limits(alert_depth=4))
    for number in range(6):
        drive.submit(f"write-{number}", write(number + 1))
    assert alerts(drive, AlertKind.DEPTH) == [
        Alert(kind=AlertKind.DEPTH, device="blind", raised=True, value=4, text="4 commands wait for blind")
    ]
    assert drive.device().alerts == (AlertKind.DEPTH,)
    drive.answer()
    drive.answer()
    drive.submit("another", write(9))
    assert drive.device().alerts == (AlertKind.DEPTH,), "between half and whole it stays"
    drive.answer()
    drive.answer()
    assert [(one.raised, one.value) for one in alerts(drive, AlertKind.DEPTH)] == [(True, 4), (False, 2)]
    assert drive.device().alerts == ()


def test_the_age_of_the_oldest_is_noticed_without_any_event_of_its_device() -> None:
    drive = Drive()
    drive.submit("urgent", A_READ, deadline_us=60 * S)
    drive.wait(20 * S - 1)
    assert alerts(drive, AlertKind.OLDEST_WAITING) == []
    drive.wait(1)
    (raised,) = alerts(drive, AlertKind.OLDEST_WAITING)
    assert (raised.value, raised.text) == (20 * S, "the oldest command for blind waits for 20 s")
    drive.wait(10 * S)
    drive.cancel("urgent")
    assert [one.raised for one in alerts(drive, AlertKind.OLDEST_WAITING)] == [True, False]


def test_the_oldest_is_looked_for_among_all_priorities() -> None:
    drive = warm()
    drive.submit("running", write(), attempt_timeout_us=60 * S, deadline_us=60 * S)
    drive.submit("old", A_READ, priority=3, deadline_us=60 * S)
    drive.wait(15 * S)
    drive.submit("new", A_READ, priority=0, deadline_us=60 * S)
    drive.wait(5 * S)
    assert drive.device().alerts == (AlertKind.IN_FLIGHT, AlertKind.OLDEST_WAITING)


def test_a_stall_names_the_operation_and_its_device_and_ends_with_it() -> None:
    drive = warm()
    drive.submit("position", write())
    drive.wait(2500 * MS)
    (raised,) = alerts(drive, AlertKind.IN_FLIGHT)
    assert (raised.device, raised.value) == ("blind", 2500 * MS)
    assert raised.text == "write (position) of blind has had no answer for 2.5 s"
    drive.answer()
    assert [one.raised for one in alerts(drive, AlertKind.IN_FLIGHT)] == [True, False]
    drive.wait(60 * S)
    assert len(alerts(drive, AlertKind.IN_FLIGHT)) == 2


def test_what_restores_a_connection_may_stall_too() -> None:
    drive = warm()
    drive.submit("subscribe", Subscribe(target=POSITION))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.connected()
    drive.wait(3 * S)
    assert alerts(drive, AlertKind.IN_FLIGHT)[-1].text == "subscribe of blind has had no answer for 2.5 s"


@pytest.mark.parametrize("slow", [True, False])
def test_an_operation_is_in_flight_from_its_hand_over(slow: bool) -> None:  # noqa: FBT001 - a parameter
    drive = warm()
    drive.slow_disk = slow
    drive.submit("position", write())
    drive.wait(2500 * MS)
    assert bool(alerts(drive, AlertKind.IN_FLIGHT)) is not slow
