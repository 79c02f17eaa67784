"""What counts as a success, and that an outcome survives being written down."""

from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.model.operation import Phy
from gattkeeper.model.outcome import Cause, ConnectionParameters, Outcome, Phys, Verdict
from model.anything import anything, through_json


@given(anything(Outcome))
def test_every_outcome_comes_back_from_json(outcome: Outcome) -> None:
    assert through_json(outcome, Outcome) == outcome


@given(st.sampled_from(Verdict), st.sampled_from(Cause))
def test_delivered_and_sent_are_the_successes_whatever_the_cause(verdict: Verdict, cause: Cause) -> None:
    outcome = Outcome(command_id="c1", verdict=verdict, cause=cause)
    assert outcome.succeeded == (verdict.value in {"delivered", "sent"})


def test_what_a_connection_is_on_reads_as_a_sentence() -> None:
    assert str(Phys(tx=Phy.LE_2M, rx=Phy.LE_CODED)) == "PHY: 2m to the device, coded from it"
    pace = ConnectionParameters(interval_us=11_250, latency=2, supervision_timeout_us=5_000_000)
    assert str(pace) == "interval: 11.25 ms, latency: 2, supervision time-out: 5000 ms"
