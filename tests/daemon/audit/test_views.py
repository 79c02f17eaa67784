"""A command as a flat row: nothing lost, nothing made up."""

from found import HOSTILE, found, resolution

from gattkeeper.daemon.audit.views import view_of
from gattkeeper.model.outcome import Verdict


def test_a_command_that_ended_unknown_and_was_resolved() -> None:
    view = view_of(found(Verdict.UNKNOWN, resolution=resolution(applied=False)))
    assert (view.seq, view.command_id, view.device, view.label) == (7, "c7", "lounge", "set_position 73")
    assert (view.operation, view.target, view.stop) == ("write", "fe51", False)
    assert (view.front, view.principal, view.uid, view.pid) == ("socket", "nurse", 1000, 77)
    assert (view.accepted_utc, view.ended_utc) == ("2026-11-21T13:30:00.000Z", "2026-11-21T13:30:00.030Z")
    assert (view.verdict, view.cause, view.fault) == ("unknown", "timed_out_in_flight", "timed_out")
    assert (view.stack, view.stack_code, view.stack_text) == ("att", 0x0E, HOSTILE)
    assert (view.attempts, view.latency_us) == (2, 30_000)
    assert (view.resolved, view.resolved_by, view.resolved_why) == ("not_applied", "eve", "looked at it")
    assert view.resolved_utc == "2026-11-21T13:31:00.000Z"


def test_phases_last_until_the_next_and_add_up() -> None:
    view = view_of(found())
    assert view.phases_us == {"accepted": 1_000, "waiting": 24_000, "dispatched": 5_000}
    assert sum(view.phases_us.values()) == view.latency_us


def test_a_command_that_has_not_ended_is_open_and_the_rest_is_empty() -> None:
    view = view_of(found(None))
    assert (view.verdict, view.cause, view.ended_utc, view.latency_us) == ("open", "", "", None)
    assert (view.resolved, view.resolved_utc, view.phases_us) == ("", "", {})
