"""Who must act, by class; what happened, by code and outcome."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gattkeeper import errors
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.outcome import Cause, Outcome, Verdict

FAULT = Fault(kind=FaultKind.LINK_LOST, stack="hci", code=8)


def tree(root: type[errors.GattkeeperError]) -> Iterator[type[errors.GattkeeperError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def ended(verdict: Verdict, cause: Cause, **more: Any) -> Outcome:
    return Outcome(command_id="c1", verdict=verdict, cause=cause, **more)


@pytest.mark.parametrize(
    ("verdict", "cause", "expected"),
    [
        (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT, errors.CommandUnknownError),
        (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT, errors.CommandUnknownError),
        (Verdict.NOT_DELIVERED, Cause.CANCELLED, errors.CommandCancelledError),
        (Verdict.NOT_DELIVERED, Cause.SUPERSEDED, errors.CommandSupersededError),
        (Verdict.NOT_DELIVERED, Cause.STOPPED, errors.CommandNotDeliveredError),
        (Verdict.NOT_DELIVERED, Cause.EXPIRED, errors.CommandNotDeliveredError),
    ],
)
def test_an_outcome_becomes_the_exception_that_says_what_to_do(
    verdict: Verdict, cause: Cause, expected: type[errors.CommandError]
) -> None:
    outcome = ended(verdict, cause)
    error = errors.error_for(outcome)
    assert type(error) is expected
    assert error.outcome is outcome


def test_the_message_names_command_verdict_cause_and_what_did_it() -> None:
    error = errors.error_for(ended(Verdict.NOT_DELIVERED, Cause.SUPERSEDED, by="c2"))
    assert str(error) == "command c1: not_delivered (superseded) by c2"


def test_the_message_ends_with_what_the_stack_said() -> None:
    error = errors.error_for(ended(Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT, fault=FAULT))
    assert str(error) == "command c1: unknown (link_lost_in_flight): link_lost (hci 0x08)"


def test_a_link_error_carries_its_fault() -> None:
    error = errors.LinkError(FAULT)
    assert error.fault is FAULT
    assert str(error) == str(FAULT)


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in tree(errors.GattkeeperError)]
    assert len(set(codes)) == len(codes)


def test_none_is_a_timeout_and_none_is_deeper_than_three() -> None:
    for kind in tree(errors.GattkeeperError):
        assert not issubclass(kind, TimeoutError)
        assert len(kind.__bases__) == 1
        assert kind.mro().index(errors.GattkeeperError) <= 2


def test_our_own_bug_is_not_caught_with_the_rest() -> None:
    assert not issubclass(errors.InvariantViolation, errors.GattkeeperError)
    assert issubclass(errors.InvariantViolation, AssertionError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"\b\w+(?:Error|Violation)\b", (errors.__doc__ or "").partition("Classes say")[0]))
    assert drawn - {"AssertionError", "InvariantViolation"} == {
        kind.__name__ for kind in tree(errors.GattkeeperError)
    }
