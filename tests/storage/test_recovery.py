"""What the rows of a dead keeper prove about its commands."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_rows import READ, WRITE, accepted, attempt_failed, ended, intended
from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.fault import Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Operation, Pair, Sequence, SetPhy, Subscribe, WriteDescriptor, WriteThenWait
from gattkeeper.model.outcome import Attempt, Cause, Outcome, Phase, PhaseMark, Resolution, Verdict
from gattkeeper.model.record import Accepted, AttemptFailed, Closed, Ended, Intended, Record, Resolved, Started
from gattkeeper.storage.recovery import settle

NEVER_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
REJECTED = (Verdict.NOT_DELIVERED, Cause.REJECTED)
CRASHED = (Verdict.UNKNOWN, Cause.CRASHED_IN_FLIGHT)
FAILED = (Verdict.NOT_DELIVERED, Cause.FAILED)

CCCD = WriteDescriptor(target=CharacteristicRef(handle=3), descriptor="2902", payload=b"\x01\x00")


def only(records: Iterable[Record]) -> Outcome:
    (outcome,) = settle(records)
    return outcome


def last_word(*records: Record) -> tuple[Verdict, Cause]:
    outcome = only(records)
    return outcome.verdict, outcome.cause


def test_command_that_waited_was_never_sent() -> None:
    assert last_word(accepted("c1")) == NEVER_SENT


def test_failed_connection_before_any_intent_is_never_sent() -> None:
    assert last_word(accepted("c1"), attempt_failed("c1", Ran.MAYBE)) == NEVER_SENT


@pytest.mark.parametrize("operation", [WRITE, CCCD, Pair(), SetPhy()])
def test_operation_with_an_effect_that_was_handed_over_is_unknown(operation: Operation) -> None:
    assert last_word(accepted("c1", operation=operation), intended("c1")) == CRASHED


@pytest.mark.parametrize("operation", [READ, Subscribe(target=CharacteristicRef(handle=3))])
def test_operation_that_changes_nothing_failed_when_it_was_handed_over(operation: Operation) -> None:
    assert last_word(accepted("c1", operation=operation), intended("c1")) == FAILED


@pytest.mark.parametrize(("ran", "end"), [(Ran.NO, NEVER_SENT), (Ran.REFUSED, REJECTED)])
def test_fault_that_says_it_did_not_run_clears_its_intent(ran: Ran, end: tuple[Verdict, Cause]) -> None:
    assert last_word(accepted("c1"), intended("c1"), attempt_failed("c1", ran)) == end


def test_sequence_that_was_begun_is_unknown_and_says_how_far_it_came() -> None:
    sequence = Sequence(steps=(WRITE, READ, WRITE))
    steps = [replace(intended("c1", attempt=number), step=number) for number in (1, 2)]
    outcome = only([accepted("c1", operation=sequence), *steps])
    assert (outcome.verdict, outcome.cause, outcome.progress) == (*CRASHED, 1)
    assert last_word(accepted("c1", operation=sequence)) == NEVER_SENT


def test_write_that_waits_for_its_notification_is_unknown_like_any_other() -> None:
    waits = WriteThenWait(write=WRITE, answer=CharacteristicRef(handle=3))
    subscribed, written = (replace(intended("c1", attempt=number), step=number) for number in (1, 2))
    assert last_word(accepted("c1", operation=waits), subscribed, written) == CRASHED
    assert last_word(accepted("c1", operation=waits)) == NEVER_SENT


def test_fault_that_leaves_it_open_is_unknown() -> None:
    assert last_word(accepted("c1"), intended("c1"), attempt_failed("c1", Ran.MAYBE)) == CRASHED


def test_later_attempt_does_not_clear_an_earlier_one() -> None:
    first: list[Record] = [accepted("c1"), intended("c1"), attempt_failed("c1", Ran.MAYBE)]
    second: list[Record] = [intended("c1", attempt=2), attempt_failed("c1", Ran.NO, attempt=2)]
    assert last_word(*first, *second) == CRASHED


def test_retry_after_a_refusal_is_open_again() -> None:
    first: list[Record] = [accepted("c1"), intended("c1"), attempt_failed("c1", Ran.REFUSED)]
    assert last_word(*first, intended("c1", attempt=2)) == CRASHED


def test_fault_of_another_connection_clears_nothing() -> None:
    assert last_word(accepted("c1"), intended("c1", epoch=1), attempt_failed("c1", Ran.NO, epoch=2)) == CRASHED


def test_same_attempt_handed_over_twice_is_cleared_once_only() -> None:
    assert last_word(accepted("c1"), intended("c1"), intended("c1"), attempt_failed("c1", Ran.NO)) == CRASHED


def test_emergency_stop_may_have_run_whatever_rows_there_are() -> None:
    stop = Accepted(command=Command(device="lounge", id="c1", operation=WRITE, stop=True), at_us=1)
    assert last_word(stop) == CRASHED
    assert last_word(stop, intended("c1"), attempt_failed("c1", Ran.NO)) == CRASHED


def test_ended_command_has_no_second_outcome() -> None:
    resolved = Resolved(resolution=Resolution(command_id="c1", applied=True, who="ann", why="seen"), at_us=5)
    assert settle([accepted("c1"), intended("c1"), ended("c1"), resolved]) == []


def test_rows_without_an_accepted_row_promise_nothing() -> None:
    assert settle([intended("c1"), attempt_failed("c1", Ran.MAYBE), ended("c2")]) == []


def test_rows_about_the_keeper_change_nothing() -> None:
    assert last_word(Started(version="0", pid=1), accepted("c1"), Closed()) == NEVER_SENT


def test_outcomes_come_in_the_order_of_acceptance() -> None:
    records: list[Record] = [accepted("c2"), accepted("c1"), intended("c1"), ended("c2"), accepted("c0")]
    assert [outcome.command_id for outcome in settle(records)] == ["c1", "c0"]


def test_outcome_carries_attempts_epoch_and_the_phases_on_record() -> None:
    failed = attempt_failed("c1", Ran.NO, epoch=4)
    outcome = only([accepted("c1"), intended("c1", epoch=4), failed, intended("c1", attempt=2, epoch=5)])
    assert outcome.attempts == (Attempt(number=1, started_at_us=2, ended_at_us=3, fault=failed.fault),)
    assert outcome.epoch == 5
    assert outcome.timeline == (
        PhaseMark(phase=Phase.ACCEPTED, at_us=1),
        PhaseMark(phase=Phase.DISPATCHED, at_us=2, attempt=1),
        PhaseMark(phase=Phase.DISPATCHED, at_us=2, attempt=2),
    )


def test_fault_is_that_of_the_last_step_and_none_for_an_open_hand_over() -> None:
    failed = attempt_failed("c1", Ran.NO)
    assert only([accepted("c1"), intended("c1"), failed]).fault == failed.fault
    assert only([accepted("c1"), intended("c1"), failed, intended("c1", attempt=2)]).fault is None


ATTEMPTS = st.integers(min_value=1, max_value=2)


def steps_of(command_id: str) -> st.SearchStrategy[list[Record]]:
    step = st.one_of(
        st.builds(intended, st.just(command_id), attempt=ATTEMPTS),
        st.builds(attempt_failed, st.just(command_id), st.sampled_from(Ran), attempt=ATTEMPTS),
    )
    operation = st.sampled_from([WRITE, READ])
    return st.builds(
        lambda operation, steps, end: [accepted(command_id, operation=operation), *steps, *end],
        operation,
        st.lists(step, max_size=6),
        st.sampled_from([[], [], [ended(command_id)]]),
    )


HISTORIES = st.tuples(*map(steps_of, ("c1", "c2", "c3")))


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[list[Record]], list[Record]]:
    histories = draw(HISTORIES)
    whose = draw(st.permutations([n for n, history in enumerate(histories) for _ in history]))
    waiting = [iter(history) for history in histories]
    return list(histories), [next(waiting[n]) for n in whose]


def was_refused(steps: list[Record]) -> bool:
    last = steps[-1] if steps else None
    return isinstance(last, AttemptFailed) and last.fault.ran is Ran.REFUSED


def may_have_run(steps: list[Record]) -> bool:
    """The same question asked of each hand-over by itself: is the next row of its attempt a clear no?"""
    for at, step in enumerate(steps):
        if isinstance(step, Intended):
            later = (
                row
                for row in steps[at + 1 :]
                if isinstance(row, Intended | AttemptFailed) and row.attempt == step.attempt
            )
            answer = next(later, None)
            if not isinstance(answer, AttemptFailed) or answer.fault.ran is Ran.MAYBE:
                return True
    return False


@given(interleaved())
def test_verdict_follows_from_a_commands_own_rows(drawn: tuple[list[list[Record]], list[Record]]) -> None:
    histories, records = drawn
    found = {outcome.command_id: (outcome.verdict, outcome.cause) for outcome in settle(records)}
    expected = {}
    for first, *steps in histories:
        assert isinstance(first, Accepted)
        if any(isinstance(step, Ended) for step in steps):
            continue
        open_end = CRASHED if first.command.operation == WRITE else FAILED
        expected[first.command.id] = (
            open_end if may_have_run(steps) else REJECTED if was_refused(steps) else NEVER_SENT
        )
    assert found == expected


@given(interleaved())
def test_settling_what_was_settled_gives_nothing(drawn: tuple[list[list[Record]], list[Record]]) -> None:
    _, records = drawn
    ends = [Ended(outcome=outcome, at_us=9) for outcome in settle(records)]
    assert settle([*records, *ends]) == []
