"""Whose signal counts, what is told of adapters and proofs, and who may be forgotten: left standing by mutation testing."""

from core.drive import Drive, S, write
from core.home import FIRST, SECOND, THIRD, down, hear, home, up, visit
from gattkeeper.core import events
from gattkeeper.core.effects import AlertChanged
from gattkeeper.model.operation import Unpair
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.security import Demand, Proof, SecurityLevel
from gattkeeper.model.status import Alert, AlertKind


def leave(drive: Drive) -> None:
    drive.feed(events.DeviceLeaving(device="blind"))


def remove(drive: Drive) -> None:
    drive.feed(events.DeviceRemoved(device="blind"))


def is_known(drive: Drive) -> bool:
    return any(one.name == "blind" for one in drive.scheduler.status(drive.now).devices)


def told(drive: Drive, kind: AlertKind) -> list[Alert]:
    return [one.alert for one in drive.of(AlertChanged) if one.alert.kind is kind]


def test_the_best_signal_is_not_the_last_name() -> None:
    drive = home(by_signal=True, adapters=(FIRST, SECOND, THIRD))
    hear(drive, "a", hci=-80, two=-70, three=-60)
    assert visit(drive) == THIRD


def test_a_signal_that_is_just_so_much_better_is_followed() -> None:
    drive = home(by_signal=True)
    hear(drive, "a", hci=-60)
    assert visit(drive) == FIRST
    hear(drive, "a", two=-54)
    assert visit(drive) == SECOND


def test_how_many_go_elsewhere_is_told_and_that_they_may_come_back() -> None:
    drive = home("a", "b")
    down(drive, FIRST)
    up(drive, FIRST)
    raised, cleared = told(drive, AlertKind.FAILED_OVER)
    assert (raised.raised, raised.value) == (True, 2)
    assert raised.text.startswith("a, b may use another adapter than hci from now on: ")
    assert (cleared.raised, cleared.value, cleared.text) == (False, 0, "")


def test_a_connection_that_does_not_prove_enough_is_told_by_the_keeper_itself() -> None:
    drive = Drive()
    drive.feed(events.DeviceAdded(device="lock", adapter="hci", demand=Demand(level=SecurityLevel.ENCRYPTED)))
    drive.submit("write", write(), "lock")
    drive.feed(events.Connected(device="lock", epoch=drive.epochs["lock"], proof=Proof()))
    fault = drive.endings()["write"].fault
    assert fault is not None
    assert (fault.stack, fault.name) == ("keeper", "unproved")
    (alert,) = told(drive, AlertKind.SECURITY)
    assert (alert.device, alert.value) == ("lock", 1)
    assert alert.text.endswith(f"({fault.stack}: {fault.text})")


def test_a_device_that_leaves_takes_the_commands_of_its_leases_back() -> None:
    drive = Drive()
    drive.feed(events.LeaseOpened(lease="l", device="blind", holder="a test", renew_within_us=0))
    drive.warm()
    drive.submit("flying", write(1), lease="l")
    drive.submit("waiting", write(2), lease="l")
    leave(drive)
    assert drive.ended("waiting") == (Verdict.NOT_DELIVERED, Cause.CANCELLED)


def test_a_device_whose_bond_is_being_forgotten_is_not() -> None:
    drive = Drive(forgets=True)
    drive.submit("unpair", Unpair())
    assert drive.forgets
    leave(drive)
    remove(drive)
    assert is_known(drive)


def test_a_device_that_somebody_wants_to_hold_is_not_forgotten() -> None:
    drive = Drive()
    drive.feed(events.LeaseOpened(lease="l", device="blind", holder="a test", renew_within_us=0))
    remove(drive)
    assert is_known(drive)
    drive.wait(10 * S)
    drive.feed(events.LeaseClosed(lease="l"))
    remove(drive)
    assert not is_known(drive)
