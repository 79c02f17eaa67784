"""A program that comes to hold a device while an answer is owed there waits for what becomes of the connection."""

from core.drive import Drive, S, write
from core.leased import held, hold, holders, told
from gattkeeper.model.outcome import Verdict


def stalled() -> Drive:
    """A device that an old program holds, whose call nobody answers; a new one wants to hold it too."""
    drive = held("old")
    drive.submit("flying", write(), lease="old")
    drive.wait(5 * S)
    hold(drive, "new")
    assert holders(drive) == ["old.py"]
    return drive


def test_when_the_answer_does_not_come_it_holds_the_next_connection():
    drive = stalled()
    drive.wait(1 * S)
    assert told(drive) == [("old", "link_stalled")]
    drive.gone()
    assert drive.connects() == ["blind", "blind"]
    drive.connected()
    assert drive.ended("connect-new")[0] is Verdict.DELIVERED
    assert holders(drive) == ["new.py"]


def test_when_it_comes_late_after_all_it_holds_the_one_there_is():
    drive = stalled()
    drive.answer()
    assert drive.ended("connect-new")[0] is Verdict.DELIVERED
    assert holders(drive) == ["old.py", "new.py"]
    assert told(drive) == []


def test_news_of_the_connection_do_not_make_it_hold_one_that_is_about_to_go():
    drive = stalled()
    drive.updated(att_mtu=185)
    assert holders(drive) == ["old.py"]
    drive.wait(1 * S)
    assert told(drive) == [("old", "link_stalled")]
    drive.gone()
    drive.connected()
    assert holders(drive) == ["new.py"]
