"""Commands of several devices that go together: who is waited for, who is not, and for how long."""

from core.drive import A_READ, MS, Drive, S, fault, sequence, write
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Cause, Phase, Verdict

MANY = tuple(f"d{number:02}" for number in range(20))


def writes(*devices: str) -> dict[str, object]:
    return dict.fromkeys(devices, write())


def handed_over(drive: Drive) -> list[str]:
    """Devices, in the order in which an operation was handed over to them."""
    return [one.device for one in drive.of(effects.Dispatch)]


def went(drive: Drive, *devices: str) -> list[int]:
    """The moments at which the fan-out "f" was handed over to these devices."""
    marks = {
        one.command.device: one.mark.at_us
        for one in drive.of(effects.Marked)
        if one.command.fanout == "f" and one.mark.phase is Phase.DISPATCHED
    }
    return [marks[device] for device in devices]


def test_all_go_in_the_event_that_makes_the_last_one_ready() -> None:
    drive = Drive("a", "b", "c", journalled=False)
    drive.fan_out("f", writes("a", "b", "c"))
    drive.connected("a")
    drive.connected("b")
    drive.wait(1 * S)
    assert handed_over(drive) == []
    drive.connected("c")
    assert handed_over(drive) == ["a", "b", "c"]
    for device in ("a", "b", "c"):
        drive.answer(device=device)
    assert {outcome.verdict for outcome in drive.endings().values()} == {Verdict.DELIVERED}


def test_one_that_waits_for_the_others_says_so_once() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    drive.submit("read", A_READ, "a", priority=Priority.URGENT)
    drive.answer(device="a")
    assert drive.phases("f-a").count(Phase.GATHERED) == 1
    assert drive.note("f-a", Phase.GATHERED) == "1 of 2 are ready"


def test_of_twenty_the_first_five_go_together_and_the_others_as_places_become_free() -> None:
    drive = Drive(*MANY, slots=5, journalled=False)
    drive.fan_out("f", writes(*MANY))
    for device in MANY[:4]:
        drive.connected(device)
    assert handed_over(drive) == []
    drive.connected(MANY[4])
    assert handed_over(drive) == list(MANY[:5])
    for place, device in enumerate(MANY):
        drive.answer(device=device)
        drive.gone(device)
        if place + 5 < len(MANY):
            drive.connected(MANY[place + 5])
    assert handed_over(drive) == list(MANY)
    assert len(drive.endings()) == len(MANY)


def test_one_that_is_not_there_delays_the_others_by_the_gathering_time() -> None:
    drive = Drive("a", "b", "dead")
    drive.fan_out("f", writes("a", "b", "dead"), gather_us=3 * S)
    drive.connected("a")
    drive.connected("b")
    drive.wait(10 * S)
    assert went(drive, "a", "b") == [3 * S, 3 * S]


def test_nobody_gathers_for_more_than_half_of_what_it_may_wait() -> None:
    for bound in ({"deadline_us": 6 * S}, {"queue_timeout_us": 6 * S}):
        drive = Drive("a", "dead")
        drive.fan_out("f", writes("a", "dead"), **bound)
        drive.connected("a")
        drive.wait(5 * S)
        assert went(drive, "a") == [3 * S]


def test_one_that_could_not_be_reached_is_waited_for_no_more() -> None:
    drive = Drive("a", "dead", limits=Limits(breaker_failures_max=1))
    drive.fan_out("f", writes("a", "dead"))
    drive.connected("a")
    drive.connect_failed(FaultKind.NOT_FOUND, "dead")
    assert handed_over(drive) == ["a"]
    assert drive.ended("f-dead") == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)


def test_one_that_waits_to_be_tried_again_is_waited_for_also_where_only_an_idle_place_is_left() -> None:
    drive = Drive("a", "b", "idle", slots=2)
    drive.warm("idle")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    drive.gone("idle")
    drive.connect_failed(FaultKind.TIMED_OUT, "b")
    drive.warm("idle")
    assert handed_over(drive) == []
    drive.wait(5 * S)
    drive.gone("idle")
    drive.connected("b")
    assert handed_over(drive) == ["a", "b"]


def test_places_that_others_use_are_not_waited_for() -> None:
    drive = Drive("a", "b", "busy", slots=2)
    drive.warm("busy")
    drive.submit("read", A_READ, "busy")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    assert handed_over(drive) == ["busy", "a"]
    drive.answer(b"x", "busy")
    drive.gone("busy")
    drive.connected("b")
    assert handed_over(drive) == ["busy", "a", "b"]


def test_one_that_is_busy_with_something_else_is_waited_for() -> None:
    drive = Drive("a", "b")
    drive.warm("a")
    drive.warm("b")
    drive.submit("read", A_READ, "a")
    drive.fan_out("f", writes("a", "b"))
    assert handed_over(drive) == ["a"]
    drive.answer(b"x", "a")
    assert handed_over(drive) == ["a", "a", "b"]


def test_the_connection_of_one_that_waits_is_not_let_go_of() -> None:
    drive = Drive("a", "dead", "other", slots=2, linger_us=0)
    drive.fan_out("f", writes("a", "dead"), gather_us=9 * S)
    drive.connected("a")
    drive.submit("read", A_READ, "other")
    drive.wait(8 * S)
    assert drive.device("a").connection == "connected"
    assert drive.of(effects.StartDisconnect) == []


def test_what_is_more_urgent_goes_before_one_that_waits_for_the_others() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    drive.submit("urgent", A_READ, "a", priority=Priority.URGENT)
    drive.submit("later", A_READ, "a")
    assert drive.sent("a") == [A_READ]
    drive.answer(b"x", "a")
    drive.connected("b")
    assert drive.sent("a") == [A_READ, write()]


def test_a_stop_ends_its_devices_part_and_the_others_wait_for_it_no_more() -> None:
    drive = Drive("a", "b", "c")
    drive.fan_out("f", writes("a", "b", "c"))
    drive.connected("a")
    drive.connected("b")
    drive.stop(device="a")
    drive.wait(1)
    assert drive.ended("f-a") == (Verdict.NOT_DELIVERED, Cause.STOPPED)
    assert handed_over(drive) == ["a"]
    drive.connected("c")
    assert handed_over(drive) == ["a", "b", "c"]


def test_a_read_that_waits_behind_a_stop_is_waited_for() -> None:
    drive = Drive("a", "b")
    drive.warm("a")
    drive.warm("b")
    drive.stop(device="a")
    drive.fan_out("f", {"a": A_READ, "b": A_READ})
    assert drive.sent("b") == []
    drive.answer(device="a")
    assert drive.sent("b") == [A_READ]


def test_a_stop_of_another_device_may_take_the_place_of_one_that_waits() -> None:
    drive = Drive("a", "other", slots=1)
    drive.feed(events.AdapterAdded(adapter="second", slots=1))
    drive.feed(events.DeviceAdded(device="far", adapter="second"))
    drive.fan_out("f", writes("a", "far"), survive_reconnect=True)
    drive.connected("a")
    drive.stop(device="other")
    drive.gone("a")
    drive.connected("other")
    assert handed_over(drive) == ["other"]
    drive.answer(device="other")
    drive.connected("far")
    drive.gone("other")
    drive.connected("a")
    assert handed_over(drive) == ["other", "a", "far"]


def test_a_part_that_is_taken_back_is_waited_for_no_more() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    drive.cancel("f-b")
    assert handed_over(drive) == ["a"]


def test_nothing_is_left_of_one_whose_parts_are_all_taken_back() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", writes("a", "b"))
    drive.cancel("f-a")
    drive.cancel("f-b")
    drive.connect_failed(device="a")
    assert drive.scheduler.wakeup_at() is None


def test_an_adapter_that_goes_is_not_waited_for() -> None:
    drive = Drive("a")
    drive.feed(events.AdapterAdded(adapter="other", slots=5))
    drive.feed(events.DeviceAdded(device="far", adapter="other"))
    drive.fan_out("f", writes("a", "far"), survive_reconnect=True)
    drive.connected("a")
    drive.connect_failed(FaultKind.TIMED_OUT, "far")
    assert handed_over(drive) == []
    drive.feed(events.AdapterDown(adapter="other", fault=fault(FaultKind.ADAPTER_GONE)))
    assert handed_over(drive) == ["a"]
    assert drive.open("f-far")


def test_those_that_lost_their_connection_gather_again() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", writes("a", "b"), survive_reconnect=True)
    drive.connected("a")
    drive.adapter_down()
    drive.gone("a")
    drive.connect_failed(device="b")
    drive.adapter_up()
    drive.connected("a")
    assert handed_over(drive) == []
    drive.connected("b")
    assert handed_over(drive) == ["a", "b"]


def test_two_over_the_same_devices_go_one_after_the_other() -> None:
    drive = Drive("a", "b", journalled=False)
    drive.fan_out("f", writes("a", "b"))
    drive.fan_out("g", {"a": A_READ, "b": A_READ})
    drive.connected("a")
    drive.connected("b")
    assert handed_over(drive) == ["a", "b"]
    drive.answer(device="a")
    assert drive.sent("a") == [write()]
    drive.answer(device="b")
    assert drive.sent("a") == drive.sent("b") == [write(), A_READ]


def test_two_that_stand_in_each_others_way_do_not_wait_for_each_other() -> None:
    drive = Drive("a", "b")
    drive.warm("a")
    drive.warm("b")
    drive.submit("first", A_READ, "a")
    drive.submit("second", A_READ, "b")
    drive.fan_out("f", writes("a", "b"))
    command = Command(id="g-a", device="a", operation=A_READ, fanout="g", priority=Priority.URGENT)
    other = Command(id="g-b", device="b", operation=A_READ, fanout="g", priority=Priority.BACKGROUND)
    drive.feed(events.FanoutSubmitted(id="g", commands=(command, other)))
    drive.answer(b"x", "a")
    drive.answer(b"x", "b")
    drive.wait(1 * MS)
    assert drive.sent("b") == [A_READ, write()]
    drive.answer(device="b")
    assert drive.sent("b") == [A_READ, write(), A_READ]
    assert drive.sent("a") == [A_READ, A_READ]


def test_two_parts_for_one_device_do_not_wait_for_each_other() -> None:
    drive = Drive("a", "b")
    twice = (Command(id=name, device="a", operation=write(), fanout="f") for name in ("one", "two"))
    once = Command(id="three", device="b", operation=write(), fanout="f")
    drive.feed(events.FanoutSubmitted(id="f", commands=(*twice, once)))
    drive.connected("a")
    drive.connected("b")
    assert handed_over(drive) == ["a", "b"]


def test_each_part_is_accepted_or_refused_by_itself() -> None:
    drive = Drive("a", "b")
    drive.stop(device="b", latch=True)
    drive.connected("b")
    drive.answer(device="b")
    drive.fan_out("f", writes("a", "b"))
    assert drive.refusal("f-b").refusal is effects.Refusal.STOPPED
    drive.connected("a")
    assert handed_over(drive) == ["b", "a"]


def test_one_of_which_every_part_is_refused_is_none() -> None:
    drive = Drive("a", "b")
    drive.feed(events.Closing())
    drive.fan_out("f", writes("a", "b"))
    assert drive.refusal("f-a") and drive.refusal("f-b")
    assert drive.scheduler.wakeup_at() is None


def test_a_part_that_needs_no_place_in_line_is_not_waited_for() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", {"a": write(), "b": Disconnect()})
    drive.connected("a")
    assert drive.ended("f-b") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert handed_over(drive) == ["a"]


def test_one_that_a_latch_holds_back_is_not_waited_for() -> None:
    drive = Drive("a", "b", safety=True)
    drive.warm("a")
    drive.warm("b")
    drive.submit("open", write(), "a")
    drive.fan_out("f", writes("a", "b"), survive_reconnect=True)
    drive.fail(FaultKind.CANCELLED, device="a")
    assert drive.device("a").latched_by == "open"
    assert handed_over(drive) == ["a", "b"]
    drive.feed(events.Resolved(command_id="open", device="a"))
    assert handed_over(drive) == ["a", "b", "a"]


def test_a_sequence_goes_together_with_others_like_any_command() -> None:
    drive = Drive("a", "b")
    drive.fan_out("f", {"a": sequence(1), "b": write()})
    drive.connected("a")
    assert handed_over(drive) == []
    drive.connected("b")
    assert handed_over(drive) == ["a", "b"]


def test_a_command_that_only_names_a_fan_out_waits_for_nobody() -> None:
    drive = Drive("a", "b")
    drive.warm("a")
    drive.fan_out("f", writes("b"))
    drive.submit("one", A_READ, "a", fanout="f")
    assert handed_over(drive) == ["a"]


def test_on_an_adapter_that_does_one_thing_at_a_time_they_gather_and_go_one_after_the_other() -> None:
    drive = Drive("a", "b", "other", serialization=Serialization.ADAPTER)
    drive.warm("other")
    drive.fan_out("f", writes("a", "b"))
    drive.connected("a")
    drive.submit("read", A_READ, "other")
    assert handed_over(drive) == ["other"]
    drive.answer(b"x", "other")
    drive.connected("b")
    assert handed_over(drive) == ["other", "a"]
    drive.answer(device="a")
    assert handed_over(drive) == ["other", "a", "b"]
