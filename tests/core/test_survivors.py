"""What outcomes and timelines say, word for word: details that mutation testing found nobody was looking at.

Each test names facts that could be changed in the core without any other test noticing.
"""

import pytest

from core.drive import A_READ, BATTERY, POSITION, STOP_WRITE, Drive, S, fault, write
from gattkeeper.core import effects, events
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import waiting_start
from gattkeeper.core.timers import Timers
from gattkeeper.core.waiting import Waiting
from gattkeeper.model.command import Command, Priority, ReadBack
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Subscribe
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict

PROOF = ReadBack(target=POSITION, expected=b"\x01")


def in_line(number: int, priority: Priority, *, at: int, ready_at: int = 0) -> Entry:
    command = Command(id=str(number), device="blind", operation=A_READ, priority=priority)
    start_us = waiting_start(at, priority, 1 * S)
    return Entry(command=command, start_us=start_us, sequence=number, accepted_at=at, ready_at=ready_at)


def the_end(drive: Drive, command_id: str) -> effects.Finish:
    return next(one for one in drive.of(effects.Finish) if one.command.id == command_id)


def outcome(drive: Drive, command_id: str) -> Outcome:
    return the_end(drive, command_id).outcome


def test_an_end_names_its_command_its_moment_and_its_verdict(warm: Drive) -> None:
    warm.submit("one", write())
    warm.wait(1 * S)
    warm.answer()
    end = the_end(warm, "one")
    assert (end.outcome.command_id, end.at_us, end.outcome.by) == ("one", 1 * S, "")
    assert warm.note("one", Phase.OUTCOME) == "delivered"


def test_a_refusal_is_told_with_what_the_stack_said_and_with_nobody_to_blame(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert outcome(warm, "one").fault == fault(FaultKind.REJECTED, Ran.REFUSED)
    warm.submit("two", write())
    warm.submit("three", write())
    warm.cancel("three")
    assert (outcome(warm, "one").by, outcome(warm, "three").by) == ("", "")


def test_a_stop_says_which_way_it_took() -> None:
    connecting, overtaking = Drive(), Drive(bypass=True)
    connecting.stop()
    assert connecting.note("stop", Phase.STOP_ROUTE) == "connects first"
    connecting.stop("second")
    assert connecting.note("second", Phase.STOP_ROUTE) == "rides on stop, which is running"
    overtaking.warm()
    overtaking.submit("running", A_READ)
    overtaking.stop(may_bypass=True)
    wanted = "overtakes the request in flight, without response"
    assert overtaking.note("stop", Phase.STOP_ROUTE) == wanted


def test_a_stop_that_takes_over_an_attempt_shows_how_far_that_is() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.stop()
    drive.feed(events.ConnectProgressed(device="blind", epoch=1, phase=Phase.CONNECTED))
    assert Phase.CONNECTED in drive.phases("stop")


def test_a_write_that_was_not_handed_over_yet_says_which_stop_ended_it(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write())
    warm.stop()
    assert (outcome(warm, "one").cause, outcome(warm, "one").by) == (Cause.STOPPED, "stop")


def test_a_stop_that_rode_on_another_fails_with_its_fault(warm: Drive) -> None:
    warm.stop("first", deadline_us=1 * S)
    warm.stop("second")
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    warm.wait(30 * S)
    first, second = outcome(warm, "first"), outcome(warm, "second")
    assert first.fault is not None
    assert (second.verdict, second.by, second.fault) == (first.verdict, "first", first.fault)


@pytest.mark.parametrize("latch", [True, False])
def test_an_open_gate_names_no_stop(warm: Drive, *, latch: bool) -> None:
    warm.stop(latch=latch)
    assert warm.device().stopped_by == "stop"
    warm.answer()
    if latch:
        warm.feed(events.Resumed(device="blind"))
    assert warm.device().stopped_by == ""


def test_an_open_latch_names_no_command() -> None:
    drive = Drive(safety=True)
    drive.warm()
    drive.submit("one", write())
    drive.wait(5 * S)
    assert drive.device().latched_by == "one"
    drive.feed(events.Resolved(command_id="one", device="blind"))
    assert drive.device().latched_by == ""


def test_what_was_read_back_is_told_whether_it_is_the_proof_or_not(warm: Drive) -> None:
    for command_id in ("good", "bad"):
        warm.submit(command_id, write(), read_back=PROOF, require_read_back=True)
        warm.answer()
        warm.answer(b"\x01\x02" if command_id == "good" else b"\x07")
    assert outcome(warm, "good").value == b"\x01\x02"
    assert outcome(warm, "bad").value == b"\x07"
    assert outcome(warm, "bad").fault == Fault(
        kind=FaultKind.REJECTED, stack="keeper", name="read_back", text="the value read back differs"
    )


def test_a_write_that_a_stop_kept_from_its_proof_says_so(warm: Drive) -> None:
    warm.submit("one", write(), read_back=PROOF, require_read_back=True)
    warm.stop()
    warm.answer()
    told = outcome(warm, "one")
    assert (told.verdict, told.cause, told.by) == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER, "stop")
    assert told.fault == Fault(
        kind=FaultKind.CANCELLED, stack="keeper", name="read_back", text="there was no time to read back"
    )


def test_a_subscription_that_cannot_be_restored_is_wanted_no_more(warm: Drive) -> None:
    warm.submit("subscribe", Subscribe(target=BATTERY))
    warm.answer()
    warm.lost()
    warm.gone()
    warm.connected()
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    (ended,) = warm.of(effects.SubscriptionEnded)
    assert (ended.device, ended.target) == ("blind", BATTERY)
    warm.lost()
    warm.gone()
    warm.submit("read", A_READ)
    warm.connected()
    assert warm.sent()[-1] == A_READ


def test_a_pairing_that_fails_is_told_as_a_pairing_that_failed(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    told = outcome(warm, "one").fault
    assert told is not None
    assert (told.kind, told.ran) == (FaultKind.PAIRING_FAILED, Ran.REFUSED)


def test_a_link_that_goes_while_pairing_leaves_no_doubt_about_the_command(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.lost()
    told = outcome(warm, "one").fault
    assert told is not None
    assert (told.kind, told.ran) == (FaultKind.LINK_LOST, Ran.NO)


def test_a_stop_that_came_while_pairing_is_named_with_the_fault(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.stop()
    warm.fail(FaultKind.PAIRING_FAILED, Ran.REFUSED)
    told = outcome(warm, "one")
    assert (told.cause, told.by) == (Cause.STOPPED, "stop")
    assert told.fault is not None


def test_a_stop_that_came_while_pairing_is_named_although_the_pairing_succeeded(warm: Drive) -> None:
    warm.submit("one", write())
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    warm.stop()
    warm.answer()
    assert (outcome(warm, "one").cause, outcome(warm, "one").by) == (Cause.STOPPED, "stop")


def test_each_attempt_of_a_stop_is_on_record(warm: Drive) -> None:
    warm.stop(operation=STOP_WRITE)
    warm.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    attempts = [one for one in warm.of(effects.RecordAttempt) if one.command_id == "stop"]
    assert [one.attempt for one in attempts] == [1]


def test_of_two_that_back_off_the_older_decides_who_may_overtake() -> None:
    waiting = Waiting()
    waiting.push(in_line(1, Priority.URGENT, at=3 * S, ready_at=90 * S))
    waiting.push(in_line(2, Priority.INTERACTIVE, at=4 * S, ready_at=90 * S))
    waiting.push(in_line(3, Priority.NORMAL, at=2 * S))
    assert waiting.ready(10 * S) is None


def test_timers_of_one_moment_are_due_as_they_were_set_whatever_their_names() -> None:
    timers = Timers()
    for name in ("c", "a", "b"):
        timers.set(name, 10)
    assert [timers.pop_due(10) for _ in range(3)] == ["c", "a", "b"]


def test_a_stop_that_does_not_latch_leaves_a_gate_that_another_latched(warm: Drive) -> None:
    warm.stop("first", latch=True)
    warm.stop("second")
    warm.answer()
    assert warm.device().stopped_by != ""


def test_nothing_is_waited_for_on_behalf_of_a_command_that_has_ended() -> None:
    drive = Drive(linger_us=1 * S)
    drive.warm()
    drive.submit("running", A_READ)
    drive.submit("waiting", write(), queue_timeout_us=20 * S)
    drive.cancel("waiting")
    drive.answer()
    drive.wait(1 * S)
    drive.gone()
    assert drive.scheduler.wakeup_at() is None
