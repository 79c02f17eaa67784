"""What counts as a success, and that an outcome survives being written down."""

from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.model.outcome import Cause, Outcome, Verdict
from model.anything import anything, through_json


@given(anything(Outcome))
def test_every_outcome_comes_back_from_json(outcome: Outcome) -> None:
    assert through_json(outcome, Outcome) == outcome


@given(st.sampled_from(Verdict), st.sampled_from(Cause))
def test_delivered_and_sent_are_the_successes_whatever_the_cause(verdict: Verdict, cause: Cause) -> None:
    outcome = Outcome(command_id="c1", verdict=verdict, cause=cause)
    assert outcome.succeeded == (verdict.value in {"delivered", "sent"})
