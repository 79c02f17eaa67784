"""A full queue: who makes room, who is refused, and what the refused are told."""

from core.drive import A_READ, MS, Drive, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import RecordIntent, Refusal
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Cause, Verdict

SHED = (Verdict.NOT_DELIVERED, Cause.SHED)


def test_a_refusal_says_when_a_place_may_be_free() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1))
    drive.submit("one", write())
    drive.submit("two", write())
    drive.connected()
    drive.wait(300 * MS)
    drive.submit("three", write())
    drive.answer()
    drive.submit("four", write())
    drive.submit("five", write())
    texts = [refusal.text for name in ("two", "five") if (refusal := drive.refusal(name)) is not None]
    assert texts == [
        "1 commands wait for blind already; try again in about 5 s",
        "1 commands wait for blind already; try again in about 0.3 s",
    ]


def test_what_was_never_handed_over_says_nothing_about_lengths() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1))
    drive.warm()
    drive.wait(7000 * MS)
    drive.slow_disk = True
    drive.submit("one", write())
    (intent,) = drive.of(RecordIntent)[-1:]
    why = fault(FaultKind.JOURNAL, Ran.NO)
    drive.feed(events.IntentFailed(device="blind", token=intent.token, fault=why))
    drive.submit("two", write())
    drive.submit("three", write())
    drive.submit("four", write())
    refusal = drive.refusal("four")
    assert refusal is not None
    assert refusal.text.endswith("in about 5 s")


def test_the_least_urgent_makes_room_the_oldest_of_them_first() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=3, shed=True))
    drive.submit("normal", write(1))
    drive.submit("old", write(2), priority=Priority.BACKGROUND)
    drive.submit("young", write(3), priority=Priority.BACKGROUND)
    drive.submit("urgent", write(4), priority=Priority.URGENT)
    assert drive.ended("old") == SHED
    assert drive.endings()["old"].by == "urgent"
    drive.submit("second", write(5), priority=Priority.INTERACTIVE)
    assert drive.ended("young") == SHED
    drive.submit("third", write(6), priority=Priority.INTERACTIVE)
    assert drive.ended("normal") == SHED
    assert drive.device().waiting == 3


def test_equals_do_not_displace_each_other() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1, shed=True))
    drive.submit("first", write(1))
    drive.submit("second", write(2))
    assert drive.open("first")
    refusal = drive.refusal("second")
    assert refusal is not None
    assert refusal.refusal is Refusal.QUEUE_FULL


def test_when_the_queue_of_all_is_full_the_least_urgent_of_any_device_makes_room() -> None:
    drive = Drive("a", "b", "c", limits=Limits(queue_max=2, shed=True))
    drive.submit("normal", write(1), "a")
    drive.submit("low", write(2), "b", priority=Priority.BACKGROUND)
    drive.submit("new", A_READ, "c", priority=Priority.INTERACTIVE)
    assert drive.ended("low") == SHED
    assert drive.open("normal")


def test_a_disconnect_and_a_stop_need_no_room() -> None:
    drive = Drive("a", "b", limits=Limits(queue_max=1, shed=True))
    drive.submit("low", A_READ, "a", priority=Priority.BACKGROUND)
    drive.submit("off", Disconnect(), "b", priority=Priority.URGENT)
    drive.stop(device="b")
    assert drive.open("low")
    assert drive.open("stop")
