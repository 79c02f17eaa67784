"""The breaker: when a device is left alone, what its callers are told meanwhile, and how it comes back."""

import pytest

from core.drive import A_READ, MS, POSITION, Drive, S, write
from gattkeeper.core.effects import AvailabilityChanged
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Connect, Disconnect, Subscribe
from gattkeeper.model.outcome import Cause, Verdict

NEVER_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)


def fail_once(drive: Drive, number: int, device: str = "blind") -> None:
    drive.submit(f"lost-{device}-{number}", A_READ, device)
    drive.connect_failed(FaultKind.UNREACHABLE, device)


def opened(drive: Drive | None = None) -> Drive:
    """A device that could not be reached five times."""
    drive = drive or Drive()
    for number in range(5):
        fail_once(drive, number)
    return drive


def states(drive: Drive) -> list[str]:
    return [one.state for one in drive.of(AvailabilityChanged)]


def test_after_five_in_a_row_a_command_ends_at_once_and_says_for_how_long() -> None:
    drive = opened()
    drive.wait(10 * S)
    attempts = len(drive.connects())
    drive.submit("write", write(), deadline_us=3600 * S)
    assert drive.ended("write") == NEVER_SENT
    fault = drive.endings()["write"].fault
    assert fault is not None
    assert (fault.name, fault.ran) == ("breaker_open", Ran.NO)
    assert fault.text == "blind could not be reached 5 times in a row; it is left alone for another 20 s"
    assert len(drive.connects()) == attempts
    assert drive.device().availability == "unavailable"


def test_four_in_a_row_are_not_enough() -> None:
    drive = Drive()
    for number in range(4):
        fail_once(drive, number)
    drive.submit("read", A_READ)
    assert drive.open("read")
    assert states(drive) == []


def test_after_the_pause_a_command_is_the_probe_and_an_answer_ends_it() -> None:
    drive = opened()
    attempts = len(drive.connects())
    drive.wait(30 * S)
    assert drive.device().availability == "probing"
    assert len(drive.connects()) == attempts, "nobody asked for a connection"
    drive.submit("read", A_READ)
    drive.connected()
    assert drive.device().availability == "probing"
    drive.answer(b"\x01")
    assert states(drive) == ["unavailable", "probing", "available"]


def test_each_failed_probe_doubles_the_pause_up_to_its_ceiling() -> None:
    drive = opened()
    pauses = []
    for number in range(6):
        started = drive.now
        while drive.device().availability == "unavailable":
            drive.wait(1 * S)
        pauses.append((drive.now - started) // S)
        fail_once(drive, 10 + number)
    assert pauses == [30, 60, 120, 240, 300, 300]


def test_an_answer_starts_the_count_and_the_pause_anew() -> None:
    drive = opened()
    drive.wait(30 * S)
    drive.submit("read", A_READ)
    drive.connected()
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)  # a refusal is an answer
    drive.lost()
    drive.gone()
    for number in range(20, 24):
        fail_once(drive, number)
    assert drive.device().availability == "available"
    fail_once(drive, 24)
    drive.wait(30 * S)
    assert drive.device().availability == "probing"


@pytest.mark.parametrize("kind", [FaultKind.BUSY, FaultKind.SLOTS_FULL, FaultKind.WEDGED, FaultKind.ADAPTER_GONE])
def test_what_is_wrong_with_the_adapter_is_not_held_against_the_device(kind: FaultKind) -> None:
    drive = Drive()
    drive.submit("read", A_READ, deadline_us=600 * S)
    for _ in range(8):
        if drive.open("read"):
            drive.connect_failed(kind)
            drive.wait(9 * S)
    assert states(drive) == []


def test_a_device_that_is_not_found_counts_each_time_and_is_not_tried_further() -> None:
    drive = Drive()
    for number in range(2):
        drive.submit(f"read-{number}", A_READ, deadline_us=600 * S)
        for _ in range(3):
            if drive.open(f"read-{number}"):
                drive.connect_failed(FaultKind.NOT_FOUND)
                drive.wait(2 * S)
    assert drive.ended("read-1") == NEVER_SENT
    assert len(drive.connects()) == 5
    assert drive.device().availability == "unavailable"


def test_a_radio_that_fails_counts_only_when_it_is_given_up() -> None:
    drive = Drive()
    drive.submit("read", A_READ, deadline_us=600 * S)
    while drive.open("read"):
        drive.connect_failed(FaultKind.TRANSIENT)
        drive.wait(2 * S)
    assert len(drive.connects()) == 5
    assert states(drive) == []


def test_a_device_that_takes_connections_and_drops_them_at_once_is_left_alone() -> None:
    drive = Drive("storm", "calm")
    for number in range(5):
        drive.submit(f"write-{number}", write(), "storm")
        drive.connected("storm")
        drive.lost("storm")
        drive.gone("storm")
    drive.submit("next", A_READ, "storm")
    assert drive.ended("next") == NEVER_SENT
    assert drive.ended("write-4") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    drive.submit("other", A_READ, "calm")
    assert drive.connects()[-1] == "calm"


def test_a_connection_that_was_good_for_something_may_be_lost() -> None:
    drive = Drive()
    for number in range(6):
        drive.submit(f"read-{number}", A_READ)
        drive.connected()
        drive.answer(b"\x01")
        drive.lost()
        drive.gone()
    assert states(drive) == []


def test_those_that_wait_when_it_opens_end_too() -> None:
    drive = Drive()
    for number in range(4):
        fail_once(drive, number)
    drive.submit("read", A_READ)
    drive.submit("write", write(), survive_reconnect=True)
    drive.connected()
    drive.lost()
    assert drive.ended("write") == NEVER_SENT
    assert not drive.open("read")


def test_an_emergency_stop_does_not_ask_the_breaker() -> None:
    drive = opened()
    drive.stop()
    assert drive.connects()[-1] == "blind"
    drive.connected()
    assert drive.payloads() == [0xFF]
    drive.answer()
    assert drive.ended("stop")[0] is Verdict.DELIVERED
    assert states(drive) == ["unavailable", "probing", "available"]


def test_a_stop_that_fails_to_connect_counts_and_is_tried_again() -> None:
    drive = opened()
    drive.stop()
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.wait(250 * MS)
    assert len(drive.connects()) == 7
    assert drive.open("stop")
    assert states(drive) == ["unavailable"], "it is told once"


def test_a_disconnect_of_a_device_that_is_left_alone_is_done_at_once() -> None:
    drive = opened()
    drive.submit("off", Disconnect())
    assert drive.ended("off")[0] is Verdict.DELIVERED


def test_subscriptions_that_are_wanted_wait_for_the_probe() -> None:
    drive = Drive()
    drive.submit("subscribe", Subscribe(target=POSITION))
    drive.connected()
    drive.answer()
    drive.lost()
    drive.gone()
    for _ in range(4):
        drive.connect_failed(FaultKind.UNREACHABLE)
        drive.wait(30 * S)
    assert drive.device().availability == "available"
    drive.connect_failed(FaultKind.UNREACHABLE)
    attempts = len(drive.connects())
    drive.wait(29 * S)
    assert len(drive.connects()) == attempts
    drive.wait(1 * S)
    assert len(drive.connects()) == attempts + 1


def test_an_adapter_that_comes_back_opens_the_device_to_a_probe() -> None:
    drive = opened()
    drive.adapter_down()
    drive.adapter_up()
    assert drive.device().availability == "probing"
    drive.submit("connect", Connect())
    assert drive.open("connect")
