"""Cases about order, and about every command ending: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

from core.drive import A_READ, BATTERY, POSITION, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch, Marked
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Read, Sequence
from gattkeeper.model.outcome import Cause, Phase, Verdict

VALUE = (Verdict.DELIVERED, Cause.VALUE)
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def warm(*devices: str) -> Drive:
    drive = Drive(*devices)
    for device in devices or ("blind",):
        drive.warm(device)
    return drive


def test_c01_on_an_idle_connection_a_read_goes_at_once_and_once() -> None:
    drive = warm()
    drive.submit("read", A_READ)
    assert drive.sent() == [A_READ]
    drive.answer(b"\x55")
    drive.wait(60 * S)
    assert drive.sent() == [A_READ]


def test_c02_equals_run_one_at_a_time_in_the_order_they_came() -> None:
    drive = warm()
    for payload in (1, 2, 3):
        drive.submit(f"write-{payload}", write(payload))
    for payload in (1, 2, 3):
        assert drive.payloads()[-1] == payload
        assert len(drive.owed) == 1
        drive.answer()


def test_c03_the_more_urgent_run_first_once_the_bearer_is_free() -> None:
    drive = warm()
    drive.submit("running", write(1))
    for payload, priority in ((2, Priority.BACKGROUND), (3, Priority.NORMAL), (4, Priority.INTERACTIVE)):
        drive.submit(f"write-{payload}", write(payload), priority=priority)
    for _ in range(4):
        drive.answer()
    assert drive.payloads() == [1, 4, 3, 2]


def test_c04_equals_are_dispatched_in_the_order_of_their_acceptance() -> None:
    drive = warm()
    for payload in range(100):
        drive.submit(f"write-{payload}", write(payload))
    for _ in range(100):
        drive.answer()
    dispatched = [one.command.id for one in drive.of(Marked) if one.mark.phase is Phase.DISPATCHED]
    assert dispatched == [f"write-{payload}" for payload in range(100)]
    assert drive.payloads() == list(range(100))


def test_c05_a_stream_of_more_urgent_ones_holds_a_low_one_up_no_longer_than_its_ageing() -> None:
    drive = warm()
    drive.submit("running", write(0))
    drive.submit("low", A_READ, priority=Priority.BACKGROUND)
    for number in range(40):
        drive.submit(f"high-{number}", write(number), priority=Priority.NORMAL)
        drive.wait(1 * S)
        drive.answer()
        if A_READ in drive.sent():
            break
    assert 10 * S <= drive.now <= 22 * S
    assert next(one for one in drive.of(Dispatch) if one.operation == A_READ)


def test_c08_a_command_that_waits_takes_its_place_behind_those_of_its_new_priority() -> None:
    drive = warm()
    drive.submit("running", write(0))
    for payload in (1, 2, 3):
        drive.submit(f"write-{payload}", write(payload))
    drive.submit("urgent", write(4), priority=Priority.URGENT)
    drive.reprioritise("write-2", Priority.URGENT)
    drive.reprioritise("write-1", Priority.BACKGROUND)
    for _ in range(5):
        drive.answer()
    assert drive.payloads() == [0, 4, 2, 3, 1]
    assert drive.note("write-2", Phase.WAITING) == "urgent from now on"


def test_c08_a_command_that_has_started_keeps_its_place() -> None:
    drive = warm()
    drive.submit("running", write(0))
    assert not drive.scheduler.waits("running")
    drive.reprioritise("running", Priority.BACKGROUND)
    drive.reprioritise("nobody", Priority.BACKGROUND)
    assert drive.phases("running").count(Phase.WAITING) == 1
    drive.answer()
    assert drive.ended("running") == ACKNOWLEDGED


def test_c06_a_failure_does_not_hold_the_next_up() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.submit("second", write(2))
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.answer()
    assert drive.ended("first") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert drive.ended("second") == ACKNOWLEDGED


def test_c07_behind_one_without_an_answer_nothing_is_sent_before_its_time_is_over() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.submit("second", write(2))
    drive.wait(5 * S - 1)
    assert drive.payloads() == [1]


def test_c09_a_command_that_an_outcome_gives_rise_to_takes_its_place_behind_those_in_line() -> None:
    drive = warm()
    for payload in (1, 2):
        drive.submit(f"write-{payload}", write(payload))
    drive.answer()
    drive.submit("write-3", write(3))
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 2, 3]


def test_c10_one_stalled_device_is_invisible_to_another() -> None:
    drive = warm("stalled", "lamp")
    drive.submit("one", write(1), "stalled")
    drive.submit("two", A_READ, "lamp")
    drive.answer(b"\x55", "lamp")
    assert drive.ended("two") == VALUE
    assert drive.open("one")


def test_c12_every_command_of_a_mixed_script_ends_exactly_once() -> None:
    drive = warm()
    drive.submit("answered", write(1))
    drive.submit("refused", write(2))
    drive.submit("lost", write(3))
    drive.submit("cancelled", write(4))
    drive.submit("expired", A_READ, survive_reconnect=True, deadline_us=2 * S)
    drive.cancel("cancelled")
    drive.answer()
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.lost()
    drive.wait(2 * S)
    assert sorted(drive.endings()) == ["answered", "cancelled", "connect-blind", "expired", "lost", "refused"]


def test_c13_a_stack_that_refuses_to_start_frees_the_bearer_at_once() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.submit("second", A_READ)
    drive.fail(FaultKind.UNSUPPORTED, Ran.NO)
    assert drive.ended("first") == (Verdict.NOT_DELIVERED, Cause.UNSUPPORTED)
    assert drive.sent()[-1] == A_READ


def test_c14_a_fault_no_table_knows_ends_the_command_with_its_text_and_the_queue_lives() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.submit("second", A_READ)
    drive.fail(FaultKind.UNLISTED)
    assert drive.ended("first") == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
    assert drive.endings()["first"].fault == fault(FaultKind.UNLISTED)
    assert drive.sent()[-1] == A_READ


def test_c17_a_second_answer_to_the_same_request_is_ignored() -> None:
    drive = warm()
    drive.submit("first", A_READ)
    drive.submit("second", Read(target=POSITION))
    first = drive.owed[0]
    drive.answer(b"\x01")
    drive.answer_to(first, b"\x02")
    assert drive.open("second")
    assert drive.endings()["first"].value == b"\x01"


def test_c18_an_answer_that_belongs_to_no_request_leaves_the_one_in_flight_waiting() -> None:
    drive = warm()
    drive.submit("first", A_READ)
    owed = drive.owed[0]
    drive.feed(events.Answered(device="blind", epoch=owed.epoch, token=owed.token + 7, value=b"\x01"))
    assert drive.open("first")


def test_c19_an_error_uses_up_its_own_request_and_the_next_answer_is_the_next_commands() -> None:
    drive = warm()
    drive.submit("first", Read(target=POSITION))
    drive.submit("second", Read(target=BATTERY))
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.answer(b"\x64")
    assert drive.ended("first") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert drive.endings()["second"].value == b"\x64"


def test_c109_clients_take_turns_and_a_group_of_steps_stays_together() -> None:
    drive = warm()
    drive.submit("running", write(0))
    flood, guest = Origin(principal="flood"), Origin(principal="guest")
    for payload in range(1, 6):
        drive.submit(f"flood-{payload}", write(payload), origin=flood)
    drive.submit("guest-1", Sequence(steps=(write(101), write(102))), origin=guest)
    drive.submit("guest-2", write(103), origin=guest)
    while drive.owed:
        drive.answer()
    assert drive.payloads() == [0, 1, 101, 102, 2, 103, 3, 4, 5]
