"""When the keeper looks at what an unknown command did: first, once at a time, and never in anybody's way."""

from typing import Any

import pytest

from core.drive import A_READ, BATTERY, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import Accept
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command, Origin, Priority, ReadBack
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect, Read
from gattkeeper.model.outcome import Cause, Verdict

LOOK = Read(target=BATTERY)
PROOF = ReadBack(target=BATTERY, expected=b"\x49")
OTHER = Read(target=write().target)


@pytest.fixture
def warm() -> Drive:
    drive = Drive(safety=True)
    drive.warm()
    return drive


def unclear(drive: Drive, kind: FaultKind = FaultKind.TRANSIENT, **fields: Any) -> None:
    drive.submit("one", write(1), read_back=PROOF, **fields)
    drive.fail(kind)
    assert drive.ended("one")[0] is Verdict.UNKNOWN


def checks(drive: Drive) -> list[Command]:
    return [one.command for one in drive.of(Accept) if one.command.id.startswith("one-check")]


def looks(drive: Drive) -> int:
    return drive.sent().count(LOOK)


def test_a_check_is_a_command_of_its_own_and_goes_before_all_that_waits(warm: Drive) -> None:
    warm.submit("one", write(1), read_back=PROOF, origin=Origin(front="cli"))
    warm.submit("urgent", OTHER, priority=Priority.URGENT)
    warm.fail(FaultKind.TRANSIENT)
    assert warm.sent() == [write(1), LOOK]
    warm.answer(b"\x49")
    assert warm.sent() == [write(1), LOOK, OTHER]
    assert warm.ended("one-check") == (Verdict.DELIVERED, Cause.VALUE)
    (check,) = checks(warm)
    assert (check.label, check.origin.front, check.deadline_us) == ("check one", "cli", 300 * S)


def test_it_keeps_its_place(warm: Drive) -> None:
    unclear(warm, FaultKind.LINK_LOST)
    warm.reprioritise("one-check", Priority.BACKGROUND)
    assert checks(warm)[0].priority is Priority.URGENT
    assert not warm.scheduler.waits("one-check")


def test_when_the_link_is_lost_it_goes_on_the_next_connection(warm: Drive) -> None:
    unclear(warm, FaultKind.LINK_LOST)
    warm.gone()
    warm.connected()
    assert warm.sent() == [write(1), LOOK]
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True)]
    assert len(checks(warm)) == 1


def test_a_check_that_failed_changes_nothing_and_the_next_connection_brings_another(warm: Drive) -> None:
    unclear(warm)
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert warm.ended("one-check") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert warm.device().latched_by == "one"
    warm.wait(60 * S)
    assert looks(warm) == 1
    warm.gone()
    warm.submit("reader", A_READ)
    warm.connected()
    assert [one.id for one in checks(warm)] == ["one-check", "one-check-2"]
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True)]


def test_a_check_that_finds_the_device_busy_does_not_hold_up_the_others() -> None:
    drive = Drive()
    drive.warm()
    unclear(drive)
    drive.fail(FaultKind.BUSY, Ran.NO)
    assert not drive.open("one-check")
    drive.submit("next", write(2))
    assert drive.payloads() == [1, 2]


def test_another_check_waits_until_one_has_ended(warm: Drive) -> None:
    unclear(warm)
    warm.lost()
    warm.gone()
    warm.wait(1 * S)
    warm.connected()
    assert looks(warm) == 2
    assert len(checks(warm)) == 1


def test_it_ends_with_its_deadline() -> None:
    drive = Drive(limits=Limits(check_deadline_us=3 * S))
    drive.warm()
    unclear(drive, FaultKind.LINK_LOST)
    drive.wait(3 * S)
    assert drive.ended("one-check") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)


def test_nobody_looks_any_more_once_something_else_was_written() -> None:
    drive = Drive()
    drive.warm()
    unclear(drive)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.submit("two", write(2))
    drive.lost()
    drive.gone()
    drive.submit("reader", OTHER)
    drive.connected()
    assert looks(drive) == 1


def test_after_a_restart_a_person_decides() -> None:
    drive = Drive(safety=True)
    drive.feed(events.Latched(command_id="one", device="blind"))
    drive.warm()
    drive.wait(60 * S)
    assert drive.sent() == []
    assert drive.device().latched_by == "one"


def test_a_stop_comes_first_and_then_there_is_nothing_to_look_at(warm: Drive) -> None:
    warm.submit("one", write(1), read_back=PROOF)
    warm.stop("stop", write(255))
    warm.fail(FaultKind.TRANSIENT)
    warm.answer()
    assert warm.sent() == [write(1), write(255)]
    assert checks(warm) == []


def test_a_device_that_was_disconnected_on_purpose_is_not_connected_for_a_look(warm: Drive) -> None:
    warm.submit("one", write(1), read_back=PROOF)
    warm.submit("leave", Disconnect())
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    warm.gone()
    assert warm.connects() == ["blind"]
    warm.submit("reader", OTHER)
    warm.connected()
    assert warm.sent() == [write(1), LOOK]


def test_a_device_that_is_left_alone_is_not_connected_for_a_look() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.warm()
    unclear(drive, FaultKind.LINK_LOST)
    assert drive.device().availability == "unavailable"
    drive.gone()
    drive.wait(31 * S)
    assert drive.connects() == ["blind"]
    drive.submit("reader", OTHER)
    drive.connected()
    assert drive.sent() == [write(1), LOOK]


def test_a_keeper_that_closes_does_not_look(warm: Drive) -> None:
    warm.submit("one", write(1), read_back=PROOF)
    warm.feed(events.Closing())
    warm.fail(FaultKind.TRANSIENT)
    assert checks(warm) == []


def test_closing_ends_a_check_that_waits(warm: Drive) -> None:
    unclear(warm, FaultKind.LINK_LOST)
    warm.feed(events.Closing())
    assert warm.ended("one-check") == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
