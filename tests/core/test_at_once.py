"""A command for a device with nothing to do: handed over with the event that brings it, and otherwise like any other."""

from core.drive import A_READ, Drive, S, write
from gattkeeper.core import effects
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.outcome import Phase


def warm(**traits: Serialization) -> Drive:
    drive = Drive(journalled=False, **traits)
    drive.warm()
    drive.effects.clear()
    return drive


def told(drive: Drive, command_id: str) -> list[tuple[Phase, str]]:
    mine = [one.mark for one in drive.of(effects.Marked) if one.command.id == command_id]
    return [(mark.phase, mark.note) for mark in mine]


def test_its_timeline_says_that_nobody_was_before_it() -> None:
    drive = warm()
    drive.submit("one", write(1))
    assert told(drive, "one") == [(Phase.ACCEPTED, ""), (Phase.WAITING, "0 before it"), (Phase.DISPATCHED, "")]
    assert drive.sent() == [write(1)]


def test_one_that_comes_back_is_still_before_those_that_came_after_it() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.submit("second", write(2))
    drive.submit("third", write(3))
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(S)
    drive.answer()
    drive.answer()
    assert drive.sent() == [write(1), write(1), write(2), write(3)]


def test_nothing_starts_on_a_connection_whose_time_is_over_in_that_moment() -> None:
    drive = warm()
    drive.jump(8 * S)
    drive.submit("late", A_READ)
    assert (drive.device().connection, drive.sent()) == ("disconnecting", [])


def test_the_connection_lingers_anew_once_it_has_ended() -> None:
    drive = warm()
    drive.wait(5 * S)
    drive.submit("one", A_READ)
    assert drive.device().connection == "connected"
    drive.answer(b"\x55")
    drive.wait(8 * S - 1)
    assert drive.device().connection == "connected"
    drive.wait(1)
    assert drive.device().connection == "disconnecting"


def test_on_an_adapter_that_does_one_thing_at_a_time_it_has_to_wait_for_its_turn() -> None:
    drive = Drive("a", "b", journalled=False, serialization=Serialization.ADAPTER)
    drive.warm("a")
    drive.warm("b")
    drive.submit("one", write(1), "a")
    drive.submit("two", write(2), "b")
    assert (drive.sent("a"), drive.sent("b")) == ([write(1)], [])
    drive.answer(device="a")
    assert drive.sent("b") == [write(2)]
