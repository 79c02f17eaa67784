"""A link that an emergency stop waits for is taken down quickly, any other one politely."""

from typing import Any

import pytest

from core.drive import A_READ, MS, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import HurryDisconnect, StartDisconnect
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Phase, Verdict

CUT = "somebody cut the link"


def quick(drive: Drive) -> list[tuple[str, bool]]:
    """Every connection that was taken down, and whether it had to be quick."""
    return [(one.device, one.quick) for one in drive.of(StartDisconnect)]


def hurried(drive: Drive) -> list[str]:
    return [one.device for one in drive.of(HurryDisconnect)]


def gone(drive: Drive, means: str = CUT) -> None:
    drive.feed(events.DisconnectDone(device="blind", epoch=drive.epochs["blind"], means=means))


def dropped_by_a_stop(**stop: Any) -> Drive:
    drive = Drive()
    drive.warm()
    drive.submit("running", write(1))
    drive.stop(**stop)
    drive.wait(100 * MS)
    return drive


def test_an_idle_link_and_one_that_somebody_wants_gone_go_politely() -> None:
    drive = Drive("blind", "lamp")
    drive.warm()
    drive.warm("lamp")
    drive.submit("leave", Disconnect(), "lamp")
    drive.wait(8 * S)
    assert quick(drive) == [("lamp", False), ("blind", False)]


def test_a_stop_drops_the_link_quickly_and_tells_by_which_means() -> None:
    drive = dropped_by_a_stop()
    assert quick(drive) == [("blind", True)]
    assert drive.note("stop", Phase.STOP_ROUTE) == "waits for the answer in flight, then drops the link"
    gone(drive)
    assert drive.note("stop", Phase.STOP_ROUTE) == CUT
    drive.connected()
    drive.answer()
    drive.wait(8 * S)
    assert quick(drive)[1:] == [("blind", False)]


def test_where_there_is_nothing_to_tell_nothing_is_told() -> None:
    drive = dropped_by_a_stop()
    gone(drive, "")
    assert drive.note("stop", Phase.STOP_ROUTE) == "waits for the answer in flight, then drops the link"


def test_means_that_no_stop_waited_for_are_nobodys() -> None:
    drive = Drive()
    drive.warm()
    drive.wait(8 * S)
    gone(drive)
    assert drive.device().connection == "disconnected"


def test_a_stop_that_is_the_end_of_the_link_is_quick() -> None:
    drive = dropped_by_a_stop(operation=Disconnect())
    assert quick(drive) == [("blind", True)]
    gone(drive)
    assert drive.endings()["stop"].verdict is Verdict.DELIVERED
    assert drive.note("stop", Phase.STOP_ROUTE) == CUT


def test_the_last_means_of_a_stop_that_failed_is_quick() -> None:
    drive = Drive()
    drive.warm()
    drive.stop()
    for _ in range(4):
        drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert quick(drive) == [("blind", True)]


def test_a_link_whose_place_a_stop_needs_goes_quickly() -> None:
    drive = Drive("blind", "lamp", slots=1)
    drive.warm("lamp")
    drive.stop()
    assert quick(drive) == [("lamp", True)]


def test_a_link_whose_place_anybody_else_needs_goes_politely() -> None:
    drive = Drive("blind", "lamp", slots=1)
    drive.warm("lamp")
    drive.submit("other", A_READ)
    assert quick(drive) == [("lamp", False)]


@pytest.mark.parametrize(
    ("leaves", "slots", "presses_on"),
    [("blind", 5, ["blind"]), ("lamp", 1, ["lamp"]), ("lamp", 5, [])],
    ids=["its own", "its place", "another's"],
)
def test_a_stop_presses_on_what_leaves_politely(leaves: str, slots: int, presses_on: list[str]) -> None:
    drive = Drive("blind", "lamp", slots=slots)
    drive.warm(leaves)
    drive.wait(8 * S)
    assert quick(drive) == [(leaves, False)]
    drive.stop()
    assert hurried(drive) == presses_on
    drive.gone(leaves)
    assert drive.connects()[-1] == "blind"
