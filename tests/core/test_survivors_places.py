"""Tables, places, turns, questions and pairings: more decisions that mutation testing found without a witness."""

from core.drive import A_READ, VALUE, Drive, S, subscribed, write
from gattkeeper.core import events
from gattkeeper.core.effects import SubscriptionEnded
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Priority, ReadBack
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Subscribe, Unsubscribe
from gattkeeper.model.outcome import Cause, Verdict

BY_HANDLE = CharacteristicRef(handle=3)
BY_UUID = CharacteristicRef(uuid="2a19")
NOT = Verdict.NOT_DELIVERED


# tables and subscriptions


def test_a_link_that_does_not_know_the_table_takes_no_subscription_away() -> None:
    drive = Drive()
    drive.warm(table="t1")
    drive.submit("subscribe", Subscribe(target=BY_HANDLE))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.of(SubscriptionEnded) == []
    assert drive.device().subscriptions == 1


def test_news_of_the_same_table_make_no_subscription_anew() -> None:
    drive = Drive()
    drive.warm(table="t1")
    drive.submit("subscribe", Subscribe(target=BY_UUID))
    drive.answer()
    drive.updated(table="t1")
    assert drive.sent() == [Subscribe(target=BY_UUID)]


def test_a_subscription_that_is_undone_while_it_is_restored_may_be_refused() -> None:
    drive = subscribed("blind")
    drive.lost()
    drive.gone()
    drive.connected()
    drive.submit("undo", Unsubscribe(target=VALUE))
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.device().subscriptions == 0
    drive.answer()
    assert drive.ended("undo") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


# places and lines


def test_one_with_a_subscription_keeps_its_place_although_it_is_idle_for_longer() -> None:
    drive = subscribed("a", slots=2)
    drive.feed(events.DeviceAdded(device="b", adapter="hci"))
    drive.feed(events.DeviceAdded(device="c", adapter="hci"))
    drive.wait(1 * S)
    drive.warm("b")
    drive.submit("one", A_READ, "c")
    assert drive.dropped() == ["b"]


def test_a_connection_on_which_somebody_pairs_is_not_idle() -> None:
    drive = Drive("a", "b", slots=1)
    drive.warm("a")
    drive.pairing(under_way=True, device="a")
    drive.submit("one", A_READ, "b")
    assert drive.dropped() == []
    drive.pairing(under_way=False, device="a")
    assert drive.dropped() == ["a"]


def test_a_device_that_has_gone_is_no_place_that_a_fan_out_could_have() -> None:
    drive = Drive("a", "b", "c", slots=1)
    drive.warm("c")
    drive.wait(1 * S)
    drive.lost("c")
    drive.gone("c")
    drive.fan_out("f", {"a": write(), "b": write()})
    drive.connected("a")
    assert drive.sent("a") == [write()], "there is no place for b, so nobody waits for it"


def test_where_a_device_is_full_its_own_line_makes_room() -> None:
    drive = Drive("a", "b", limits=Limits(queue_per_device_max=1, shed=True))
    drive.submit("lowest", A_READ, "b", priority=Priority.BACKGROUND)
    drive.submit("low", A_READ, "a", priority=Priority.NORMAL)
    drive.submit("urgent", A_READ, "a", priority=Priority.URGENT)
    assert drive.ended("low") == (NOT, Cause.SHED)
    assert drive.open("lowest")


def test_what_restores_a_subscription_has_a_turn_although_a_fan_out_gathers() -> None:
    drive = Drive("a", "b", serialization=Serialization.ADAPTER)
    drive.submit("subscribe", Subscribe(target=VALUE), "a")
    drive.connected("a")
    drive.answer(device="a")
    drive.lost("a")
    drive.gone("a")
    drive.fan_out("f", {"a": write(), "b": write()})
    drive.connected("a")
    assert drive.sent("a")[1:] == [Subscribe(target=VALUE)]


def test_a_question_is_settled_by_its_own_command_alone() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("one", write(), read_back=ReadBack(target=BY_UUID, expected=b"\x01"))
    drive.fail(FaultKind.TRANSIENT)
    drive.answer(b"\x02")
    for settled, checks in (("another", 2), ("one", 2)):
        drive.feed(events.Resolved(device="blind", command_id=settled))
        drive.lost()
        drive.gone()
        drive.submit(f"after-{settled}", A_READ)
        drive.connected()
        assert sum("-check" in command_id for command_id in drive.accepted()) == checks
        while drive.owed:
            drive.answer(b"\x02")


# pairing


def test_what_was_held_while_somebody_paired_is_handed_over_once() -> None:
    drive = Drive()
    drive.slow_disk = True
    drive.submit("one", write())
    drive.connected()
    drive.pairing(under_way=True)
    drive.feed(events.IntentRecorded(device="blind", token=1))
    for _ in range(2):
        drive.pairing(under_way=True)
        drive.pairing(under_way=False)
    assert drive.sent() == [write()]


def test_a_pairing_that_begins_in_the_last_moment_of_an_attempt_leaves_it_no_time(warm: Drive) -> None:
    warm.submit("one", write())
    warm.jump(5 * S)
    warm.pairing(under_way=True)
    assert warm.open("one")
    warm.pairing(under_way=False)
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)


def test_an_attempt_that_ends_after_a_pairing_keeps_its_connection_for_the_late_answer(warm: Drive) -> None:
    warm.submit("one", write())
    warm.pairing(under_way=True)
    warm.pairing(under_way=False)
    warm.wait(5 * S)
    assert not warm.open("one")
    assert warm.dropped() == []
