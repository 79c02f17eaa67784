"""Leases: who keeps a connection, for how long, and what ends with it."""

from core.drive import A_READ, MS, Drive, S, long_write, sequence, write
from core.leased import closed, held, hold, holders, opened, renewed, told
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Connect, Disconnect, ReadRssi
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import LeaseStatus

NEVER_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def why(drive: Drive, command_id: str) -> str:
    fault = drive.endings()[command_id].fault
    return "" if fault is None else fault.name


# the connection stays


def test_a_held_connection_does_not_linger_out():
    drive = held()
    assert drive.ended("connect-mine") == DELIVERED
    drive.wait(3_600 * S)
    assert drive.dropped() == []


def test_it_lingers_from_the_moment_its_last_holder_has_gone():
    drive = held()
    hold(drive, "yours")
    drive.wait(60 * S)
    closed(drive, "mine")
    drive.wait(60 * S)
    assert drive.dropped() == []
    closed(drive, "yours")
    drive.wait(7 * S)
    assert drive.dropped() == []
    drive.wait(1 * S)
    assert drive.dropped() == ["blind"]
    assert told(drive) == [], "nobody is told what it wished"


def test_a_lease_on_a_connection_that_is_up_is_active_at_once_and_ends_its_linger():
    drive = Drive()
    drive.warm()
    drive.wait(5 * S)
    opened(drive)
    assert holders(drive) == ["mine.py"]
    drive.wait(60 * S)
    assert drive.dropped() == []


def test_a_lease_that_was_opened_and_nothing_else_makes_no_connection():
    drive = Drive()
    opened(drive)
    drive.wait(60 * S)
    assert drive.connects() == []
    assert holders(drive) == []


def test_a_connection_that_others_made_is_held_as_well():
    drive = Drive()
    opened(drive)
    drive.warm()
    assert holders(drive) == ["mine.py"]


def test_status_tells_who_holds_it_and_for_how_long():
    drive = held()
    drive.wait(3 * S)
    drive.submit("read", A_READ, lease="mine")
    drive.wait(1 * S)
    drive.answer(b"x")
    drive.wait(5 * S)
    assert drive.device().leases == (LeaseStatus(lease="mine", holder="mine.py", held_us=9 * S, idle_us=5 * S),)


def test_a_lease_that_is_open_already_is_not_opened_again():
    drive = held()
    opened(drive, "mine", renew_within_us=1 * S)
    drive.wait(60 * S)
    assert holders(drive) == ["mine.py"]


def test_a_device_nobody_knows_is_not_held():
    drive = Drive()
    opened(drive, device="nobody")
    closed(drive)
    renewed(drive)
    assert told(drive) == []


def test_no_more_than_so_many_hold_one_device():
    drive = held(limits=Limits(leases_per_device_max=2))
    opened(drive, "second")
    opened(drive, "third")
    assert told(drive) == [("third", "leases_full")]
    assert holders(drive) == ["mine.py", "second.py"]


# it ends with the connection


def test_a_lost_link_ends_the_lease_once_and_what_waits_under_it():
    drive = held()
    drive.submit("flying", write(1), lease="mine")
    drive.submit("waiting", write(2), lease="mine")
    drive.lost()
    assert [one.fault.kind for one in drive.of(effects.LeaseEnded)] == [FaultKind.LINK_LOST]
    assert drive.of(effects.LeaseEnded)[0].fault.ran is Ran.NO
    assert drive.ended("flying") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    assert drive.ended("waiting")[0] is Verdict.NOT_DELIVERED
    drive.gone()
    drive.wait(60 * S)
    assert drive.connects() == ["blind"], "no connection is made for it again"
    assert len(told(drive)) == 1


def test_a_command_of_a_lease_that_is_over_never_starts():
    drive = held()
    drive.lost()
    drive.gone()
    drive.submit("late", A_READ, lease="mine")
    assert drive.ended("late") == NEVER_SENT
    assert why(drive, "late") == "lease_over"
    assert drive.connects() == ["blind"]


def test_a_command_of_a_lease_that_is_not_active_yet_never_starts_but_its_connect_does():
    drive = Drive()
    opened(drive)
    drive.submit("early", A_READ, lease="mine")
    assert drive.ended("early") == NEVER_SENT
    drive.submit("connect", Connect(), lease="mine")
    assert drive.connects() == ["blind"]


def test_a_lease_is_of_one_device():
    drive = Drive("a", "b")
    hold(drive, device="a")
    drive.connected("a")
    drive.submit("other", A_READ, "b", lease="mine")
    assert why(drive, "other") == "lease_over"


def test_who_waits_for_the_next_connection_goes_on_waiting_when_the_old_one_is_let_go():
    drive = Drive()
    drive.warm()
    drive.lost()
    hold(drive)
    drive.gone()
    drive.connected()
    assert holders(drive) == ["mine.py"]
    assert told(drive) == []


def test_others_than_the_holder_go_on_after_its_connection_was_lost():
    drive = held()
    drive.submit("flying", write(1), lease="mine")
    drive.submit("other", A_READ, survive_reconnect=True)
    drive.lost()
    drive.gone()
    drive.connected()
    drive.answer(b"x")
    assert drive.ended("other")[0] is Verdict.DELIVERED
    assert holders(drive) == []


def test_an_adapter_that_goes_ends_it_also_where_another_may_take_over():
    drive = Drive()
    drive.feed(events.AdapterAdded(adapter="two", slots=5))
    drive.feed(events.DeviceAdded(device="both", adapter="hci", others=("two",)))
    hold(drive, device="both")
    drive.connected("both")
    drive.submit("flying", A_READ, "both", lease="mine")
    drive.submit("waiting", A_READ, "both", lease="mine")
    drive.adapter_down()
    assert told(drive) == [("mine", "")]
    assert drive.of(effects.LeaseEnded)[0].fault.kind is FaultKind.ADAPTER_GONE
    assert drive.ended("waiting") == NEVER_SENT
    drive.gone("both")
    assert drive.connects() == ["both"]


def test_an_answer_that_never_came_takes_the_lease_with_the_link():
    drive = held()
    drive.submit("flying", A_READ, lease="mine")
    drive.submit("waiting", A_READ, lease="mine")
    drive.wait(5 * S)
    drive.submit("later", A_READ, lease="mine")
    drive.wait(1 * S)
    assert told(drive) == [("mine", "link_stalled")]
    assert drive.ended("waiting")[0] is drive.ended("later")[0] is Verdict.NOT_DELIVERED
    drive.gone()
    assert drive.connects() == ["blind"]


def test_a_query_beside_the_bearer_ends_with_it_too():
    drive = held(aside=frozenset({"read_rssi"}))
    drive.slow_disk = True
    drive.submit("rssi", ReadRssi(), lease="mine")
    closed(drive)
    assert drive.ended("rssi") == NEVER_SENT
    assert drive.sent() == []


# it ends by itself


def test_a_program_that_does_not_renew_loses_it():
    drive = held(renew_within_us=30 * S)
    drive.wait(20 * S)
    renewed(drive)
    drive.wait(29 * S)
    assert told(drive) == []
    drive.wait(1 * S)
    assert told(drive) == [("mine", "lease_silent")]
    drive.wait(8 * S)
    assert drive.dropped() == ["blind"]


def test_no_lease_is_longer_than_the_longest():
    drive = held(renew_within_us=30 * S, limits=Limits(lease_us_max=60 * S))
    for _ in range(5):
        drive.wait(10 * S)
        renewed(drive)
    assert told(drive) == []
    drive.wait(10 * S)
    assert told(drive) == [("mine", "lease_too_long")]


def test_one_that_need_not_be_renewed_ends_all_the_same():
    drive = held(limits=Limits(lease_us_max=60 * S))
    drive.wait(59 * S)
    renewed(drive)
    drive.wait(1 * S)
    assert told(drive) == [("mine", "lease_too_long")]


def test_what_waits_ends_when_the_lease_does_and_others_go_on():
    drive = held(renew_within_us=2 * S)
    drive.submit("flying", write(1))
    drive.submit("mine-1", write(2), lease="mine")
    drive.submit("other", write(3))
    drive.submit("mine-2", write(4), lease="mine")
    drive.wait(2 * S)
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 3]
    assert drive.ended("mine-1") == drive.ended("mine-2") == NEVER_SENT
    assert why(drive, "mine-1") == "lease_silent"
    assert drive.ended("other") == DELIVERED


def test_only_its_own_end_with_it():
    drive = held()
    hold(drive, "yours")
    drive.submit("flying", write(1))
    drive.submit("mine-1", write(2), lease="mine")
    drive.submit("yours-1", write(3), lease="yours")
    closed(drive, "mine")
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 3]
    assert why(drive, "mine-1") == "lease_closed"


def test_what_was_handed_over_gets_its_answer():
    drive = held()
    drive.submit("flying", write(1), lease="mine")
    closed(drive)
    drive.answer()
    assert drive.ended("flying") == DELIVERED


def test_what_was_handed_over_is_not_tried_again_once_the_lease_is_over():
    drive = held()
    drive.submit("flying", write(1), lease="mine")
    closed(drive)
    drive.fail(FaultKind.BUSY, Ran.NO)
    assert drive.ended("flying")[0] is Verdict.NOT_DELIVERED
    assert drive.payloads() == [1]


def test_while_it_lasts_a_command_is_tried_again_as_ever():
    drive = held()
    drive.submit("write", write(1), lease="mine")
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(2 * S)
    drive.answer()
    assert drive.ended("write") == DELIVERED


def test_no_fresh_connection_is_made_for_a_command_that_would_end_with_this_one():
    drive = held()
    drive.submit("write", write(1), lease="mine")
    for _ in range(2):
        drive.fail(FaultKind.GENERIC, Ran.NO)
        drive.wait(1 * S)
    assert drive.ended("write")[0] is Verdict.NOT_DELIVERED
    assert drive.dropped() == []
    assert holders(drive) == ["mine.py"]


def test_a_fresh_connection_for_another_ends_it():
    drive = held()
    drive.submit("write", write(1), idempotent=True)
    for _ in range(2):
        drive.fail(FaultKind.GENERIC, Ran.NO)
        drive.wait(1 * S)
    assert told(drive) == [("mine", "reconnect")]
    assert drive.dropped() == ["blind"]


def test_what_was_not_handed_over_yet_is_taken_back():
    drive = held()
    drive.slow_disk = True
    drive.submit("recorded", write(1), lease="mine")
    closed(drive)
    assert drive.ended("recorded") == NEVER_SENT
    drive.feed(events.IntentRecorded(device="blind", token=1))
    assert drive.sent() == []


def test_a_long_write_stops_between_its_parts():
    drive = held()
    drive.submit("long", long_write(1), lease="mine")
    closed(drive)
    drive.answer()
    assert drive.ended("long") == (Verdict.UNKNOWN, Cause.PARTLY)
    assert len(drive.sent()) == 1


def test_a_sequence_that_has_begun_comes_to_its_end():
    drive = held()
    drive.submit("sequence", sequence(1), lease="mine")
    closed(drive)
    drive.answer()
    drive.answer(b"x")
    drive.answer()
    assert drive.ended("sequence") == DELIVERED


def test_closing_the_keeper_ends_it_and_none_is_opened_any_more():
    drive = held()
    drive.feed(events.Closing())
    opened(drive, "late")
    assert told(drive) == [("mine", "closing"), ("late", "closing")]
    assert drive.dropped() == ["blind"]


def test_a_device_that_leaves_ends_it():
    drive = held()
    drive.feed(events.DeviceLeaving(device="blind"))
    assert told(drive) == [("mine", "device_removed")]
    drive.wait(MS)
    drive.gone()
    drive.feed(events.DeviceRemoved(device="blind"))
    assert drive.scheduler.status(drive.now).devices == ()


def test_a_device_that_somebody_still_waits_to_hold_is_not_forgotten():
    drive = Drive()
    opened(drive)
    drive.feed(events.DeviceRemoved(device="blind"))
    closed(drive)
    assert drive.device().name == "blind"


def test_a_disconnect_of_others_ends_it():
    drive = held()
    drive.submit("leave", Disconnect())
    assert told(drive) == [("mine", "cancelled")]
