"""What is said of faults, alerts and pauses, word for word and to the figure: found by mutation testing, like the rest.

Lengths of time are such that a wrong unit, or a millionth more, would be told differently.
"""

from functools import partial

import pytest

from core.drive import A_READ, MS, Drive, S, ask, fault, sequence, subscribed, write
from gattkeeper.core import events
from gattkeeper.core.effects import AlertChanged, Marked
from gattkeeper.core.limits import Limits
from gattkeeper.core.own_faults import ATTEMPT_TIMED_OUT
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.command import ReadBack
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Disconnect, Operation
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.model.status import Alert, AlertKind

ODD_US = 1_375_000  # told as 1.38 s: of the two neighbours the even one
PROOF = ReadBack(target=CharacteristicRef(uuid="2a19"), expected=b"\x01")


def outcome(drive: Drive, command_id: str) -> Outcome:
    return drive.endings()[command_id]


def alerts(drive: Drive, kind: AlertKind) -> list[Alert]:
    return [one.alert for one in drive.of(AlertChanged) if one.alert.kind is kind]


def test_contention_is_told_with_its_length_and_its_reason_and_cleared_with_nothing() -> None:
    drive = Drive("a", "b", serialization=Serialization.AUTO, limits=Limits(contention_cooldown_us=ODD_US))
    for device in ("a", "b"):
        drive.warm(device)
        drive.submit(f"for-{device}", write(), device)
    drive.fail(FaultKind.BUSY, Ran.REFUSED, device="b")
    drive.wait(2 * S)
    text = "one operation at a time on hci for 1.38 s: busy (test)"
    told = partial(Alert, kind=AlertKind.CONTENTION, device="hci")
    assert alerts(drive, AlertKind.CONTENTION) == [
        told(raised=True, value=ODD_US, text=text),
        told(raised=False, value=0),
    ]


@pytest.mark.parametrize("operation", [A_READ, write()])
def test_a_wait_is_told_with_its_length_and_cleared_with_nothing(operation: Operation) -> None:
    drive = Drive(limits=Limits(alert_waiting_us=ODD_US))
    drive.wait(7 * S)
    drive.submit("one", operation)
    drive.wait(ODD_US)
    drive.cancel("one")
    told = partial(Alert, kind=AlertKind.OLDEST_WAITING, device="blind")
    assert alerts(drive, AlertKind.OLDEST_WAITING) == [
        told(raised=True, value=ODD_US, text="the oldest command for blind waits for 1.38 s"),
        told(raised=False, value=0),
    ]


def test_a_stall_is_told_with_its_length_and_cleared_with_nothing() -> None:
    drive = Drive(limits=Limits(alert_in_flight_us=ODD_US))
    drive.wait(7 * S)
    drive.warm()
    drive.submit("one", write())
    drive.wait(ODD_US)
    drive.answer()
    told = partial(Alert, kind=AlertKind.IN_FLIGHT, device="blind")
    assert alerts(drive, AlertKind.IN_FLIGHT) == [
        told(raised=True, value=ODD_US, text="write (one) of blind has had no answer for 1.38 s"),
        told(raised=False, value=0),
    ]


def test_who_was_not_handed_over_yet_is_told_which_disconnect_ended_it(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write())
    warm.submit("bye", Disconnect())
    assert (outcome(warm, "one").cause, outcome(warm, "one").by) == (Cause.CANCELLED, "bye")


def test_an_attempt_that_the_deadline_ended_says_so(warm: Drive) -> None:
    warm.submit("one", write(), deadline_us=1 * S)
    warm.wait(1 * S)
    (attempt,) = outcome(warm, "one").attempts
    assert attempt.fault == Fault(kind=FaultKind.TIMED_OUT, ran=Ran.MAYBE, stack="keeper", name="deadline")


def test_an_attempt_without_an_answer_says_that_none_came_in_time(warm: Drive) -> None:
    warm.submit("one", write())
    warm.wait(5 * S)
    assert outcome(warm, "one").fault == ATTEMPT_TIMED_OUT


@pytest.mark.parametrize("good", [True, False])
def test_a_late_answer_is_discarded_and_the_timeline_says_so(warm: Drive, *, good: bool) -> None:
    warm.submit("one", A_READ)
    warm.wait(5 * S)
    assert warm.open("one")
    warm.answer(b"x") if good else warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert warm.note("one", Phase.LATE_ANSWER) == "discarded"


def test_a_proof_that_could_not_be_read_is_told_with_the_reason(warm: Drive) -> None:
    warm.submit("one", write(), read_back=PROOF, require_read_back=True)
    warm.answer()
    warm.fail(FaultKind.REJECTED, Ran.REFUSED)
    told = outcome(warm, "one")
    assert (told.verdict, told.fault) == (Verdict.UNKNOWN, fault(FaultKind.REJECTED, Ran.REFUSED))


def test_who_is_refused_while_a_stop_waits_is_told_both(warm: Drive) -> None:
    warm.submit("one", write())
    warm.stop()
    warm.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    told = outcome(warm, "one")
    assert (told.cause, told.by, told.fault) == (Cause.STOPPED, "stop", fault(FaultKind.TRANSIENT, Ran.REFUSED))


def test_who_would_be_tried_again_but_is_superseded_is_told_what_failed(warm: Drive) -> None:
    warm.submit("old", write(1), coalesce_key="position")
    warm.submit("new", write(2), coalesce_key="position")
    warm.fail(FaultKind.TRANSIENT, Ran.REFUSED)
    told = outcome(warm, "old")
    assert (told.cause, told.by, told.fault) == (Cause.SUPERSEDED, "new", fault(FaultKind.TRANSIENT, Ran.REFUSED))


def test_a_pause_before_the_next_attempt_is_told_with_its_length_and_its_reason(warm: Drive) -> None:
    warm.wait(3 * S)
    warm.submit("one", A_READ)
    (owed,) = warm.owed
    why = fault(FaultKind.BUSY, Ran.REFUSED)
    warm.feed(events.Failed(device="blind", epoch=1, token=owed.token, fault=why, jitter=0.375))
    assert warm.note("one", Phase.BACKOFF) == f"0.438 s after {why}"


def test_a_pause_after_a_silence_is_as_the_table_says(warm: Drive) -> None:
    warm.submit("one", A_READ)
    warm.jump(5 * S)
    warm.pairing(under_way=False)  # an event that brings no dice
    assert warm.note("one", Phase.BACKOFF).startswith("0.1 s after timed_out")


def test_a_pause_before_the_next_connection_is_told_likewise() -> None:
    drive = Drive()
    drive.wait(3 * S)
    drive.submit("one", A_READ)
    why = fault(FaultKind.BUSY, Ran.NO)
    drive.feed(events.ConnectFailed(device="blind", epoch=1, fault=why, jitter=0.375))
    assert drive.note("one", Phase.BACKOFF) == f"0.438 s after {why}"


def test_a_wait_for_a_notification_is_told_with_its_length(warm: Drive) -> None:
    warm.submit("one", ask(timeout_us=ODD_US))
    warm.answer()
    warm.answer()
    assert warm.note("one", Phase.AWAITING).endswith(", for 1.38 s at most")


def test_those_who_wait_for_a_device_that_goes_before_it_answers_are_told_the_reason() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.submit("one", A_READ, survive_reconnect=True)
    drive.submit("two", A_READ, survive_reconnect=True)
    drive.connected()
    drive.lost()
    drive.gone()
    assert outcome(drive, "two").fault == fault(FaultKind.LINK_LOST, Ran.NO)


def test_a_device_that_is_left_alone_says_for_how_long() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1, breaker_cooldown_us=ODD_US))
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.UNREACHABLE)
    drive.submit("two", A_READ)
    assert outcome(drive, "two").fault == Fault(
        kind=FaultKind.UNREACHABLE,
        ran=Ran.NO,
        stack="keeper",
        name="breaker_open",
        text="blind could not be reached 1 times in a row; it is left alone for another 1.38 s",
    )


def test_who_waits_when_the_link_is_lost_is_told_that_nothing_of_it_ran(warm: Drive) -> None:
    warm.submit("one", write())
    warm.submit("two", write())
    warm.lost()
    assert outcome(warm, "two").fault == fault(FaultKind.LINK_LOST, Ran.NO)
    assert outcome(warm, "two").by == ""


def test_a_sequence_that_the_loss_of_the_link_ends_between_its_steps_says_that_the_next_did_not_run() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("steps", sequence(1))
    drive.slow_disk = True
    drive.answer()
    drive.lost()
    assert outcome(drive, "steps").fault == fault(FaultKind.LINK_LOST, Ran.NO)


def test_a_lease_that_ends_before_a_step_is_handed_over_says_that_it_did_not_run(warm: Drive) -> None:
    warm.submit("steps", sequence(1))
    warm.slow_disk = True
    warm.answer()
    warm.wait(2 * S)
    told = outcome(warm, "steps").fault
    assert told is not None
    assert (told.name, told.ran) == ("lease", Ran.NO)


def test_a_stop_that_failed_says_how_often_it_is_tried_again_and_for_how_long() -> None:
    drive = Drive(limits=Limits(stop_attempts_max=1, stop_persist_us=3_375_000, stop_persist_backoff_us=ODD_US))
    drive.warm()
    drive.stop()
    drive.fail(FaultKind.BUSY, Ran.REFUSED)
    (alert,) = alerts(drive, AlertKind.STOP_FAILED)
    assert alert.text == (
        "the emergency stop stop failed: blind may still be doing what it did;"
        " it is tried again every 1.38 s for 3.38 s"
    )


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("stopped", "blind is stopped by stop; `gattkeeper resume blind` ends it"),
        ("leaves", "an emergency stop of blind is running; its connection stays until it has ended"),
        ("latched", "blind is held until it is known what one did: resolve it first"),
        ("closed", "the keeper is shutting down"),
    ],
)
def test_a_refusal_names_the_device_and_what_to_do(why: str, text: str) -> None:
    drive = Drive(safety=True)
    drive.warm()
    if why in ("stopped", "leaves"):
        drive.stop()
    elif why == "latched":
        drive.submit("one", write())
        drive.wait(5 * S)
    else:
        drive.feed(events.Closing())
    drive.submit("refused", Disconnect() if why == "leaves" else write())
    refusal = drive.refusal("refused")
    assert refusal is not None
    assert refusal.text == text


def test_each_part_is_told_by_its_number_and_each_mark_by_its_attempt(warm: Drive) -> None:
    warm.submit("steps", sequence(1))
    assert warm.note("steps", Phase.DISPATCHED) == "step 1 of 3"
    warm.answer()
    assert warm.note("steps", Phase.ANSWERED) == ""
    assert warm.note("steps", Phase.DISPATCHED) == "step 2 of 3"
    marks = [one.mark for one in warm.of(Marked) if one.command.id == "steps"]
    dispatched = [mark.attempt for mark in marks if mark.phase is Phase.DISPATCHED]
    assert dispatched == [1, 2]


def test_a_full_queue_says_when_it_is_worth_another_try() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1, attempt_timeout_us=1_750_000))
    drive.submit("one", write())
    drive.submit("two", write())
    refusal = drive.refusal("two")
    assert refusal is not None
    assert refusal.text.endswith("try again in about 1.8 s")


def test_a_new_length_counts_for_an_eighth_of_the_usual_one() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1))
    drive.warm()
    for length in (100 * MS, 900 * MS):
        drive.submit(f"took-{length}", A_READ)
        drive.wait(length)
        drive.answer(b"x")
    drive.slow_disk = True
    for command_id in ("one", "two", "three"):
        drive.submit(command_id, A_READ)
    refusal = drive.refusal("three")
    assert refusal is not None
    assert refusal.text.endswith("try again in about 0.2 s")


def test_a_wait_for_a_notification_counts_from_its_beginning_among_the_usual_lengths() -> None:
    drive = Drive(limits=Limits(queue_per_device_max=1))
    drive.wait(100 * S)
    drive.warm()
    drive.submit("one", ask())
    drive.answer()
    drive.answer()
    drive.wait(500 * MS)
    drive.notify()
    drive.slow_disk = True
    for command_id in ("two", "three", "four"):
        drive.submit(command_id, A_READ)
    refusal = drive.refusal("four")
    assert refusal is not None
    assert refusal.text.endswith("try again in about 0.5 s")


def parked() -> Drive:
    """Nothing helped: every connection of "a" says that the adapter is wedged."""
    drive = Drive(
        "a",
        "b",
        rungs=(Rung.STOP_DISCOVERY,),
        limits=Limits(recovery_wedged_min=1, recovery_cooldown_us=ODD_US, recovery_drain_us=1 * S),
    )
    drive.wait(7 * S)
    drive.submit("one", A_READ, "a")
    drive.connect_failed(FaultKind.WEDGED, "a")
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    return drive


def test_an_adapter_that_is_recovered_in_vain_is_told_step_by_step() -> None:
    drive = parked()
    why = "signs of a wedged adapter, the last of a: wedged (test)"
    pause = (
        "hci does not work, and nothing that may be done about it now helped; it is tried again in 1.38 s."
        " The reason was: stop_discovery could not be done: unsupported (test)"
    )
    recovery, park = AlertKind.RECOVERY, AlertKind.PARKED
    assert alerts(drive, recovery) == [
        Alert(kind=recovery, device="hci", raised=True, value=0, text=f"hci is being recovered: {why}")
    ]
    assert alerts(drive, park) == [Alert(kind=park, device="hci", raised=True, value=ODD_US, text=pause)]
    drive.submit("two", A_READ, "b")
    assert outcome(drive, "two").fault == Fault(
        kind=FaultKind.WEDGED, ran=Ran.NO, stack="keeper", name="adapter_parked", text=pause
    )
    drive.wait(2 * S)
    assert alerts(drive, park)[1:] == [Alert(kind=park, device="hci", raised=False, value=0)]
    assert alerts(drive, recovery)[1:] == [Alert(kind=recovery, device="hci", raised=False, value=0)]


def test_status_tells_how_long_the_oldest_has_waited_and_how_many_have_ended() -> None:
    drive = subscribed("blind")
    drive.wait(7 * S)
    drive.slow_disk = True
    drive.submit("one", A_READ)
    drive.submit("two", A_READ)
    drive.wait(1 * S)
    assert drive.device().oldest_waiting_us == 1 * S
    drive.cancel("two")
    drive.cancel("one")
    assert drive.scheduler.status(drive.now).ended == 3


def test_status_tells_no_time_of_a_stop_that_a_person_has_taken_over() -> None:
    drive = Drive(limits=Limits(stop_attempts_max=1, stop_persist_us=60 * S))
    drive.warm()
    drive.stop()
    drive.fail(FaultKind.BUSY, Ran.REFUSED)
    assert drive.device().stop_persists_us == 60 * S
    drive.wait(5 * S)
    drive.feed(events.Resumed(device="blind"))
    assert drive.device().stop_persists_us == 0
