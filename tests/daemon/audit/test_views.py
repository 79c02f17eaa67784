"""A command as a flat row: nothing lost, nothing made up."""

import hashlib

from found import HOSTILE, found, resolution
from msgspec.structs import replace

from gattkeeper.daemon.audit.views import view_of
from gattkeeper.model.digest import Digest
from gattkeeper.model.outcome import Verdict


def digest(at: str, sha256: str) -> Digest:
    return Digest(at=at, length=3, sha256=sha256)


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
    assert (view.resolved_front, view.resolved_principal, view.resolved_uid) == ("cli", "ann", 1000)


def test_payloads_and_values_are_told_by_length_and_digest() -> None:
    view = view_of(found())
    assert (view.payload_length, view.payload_sha256) == (1, hashlib.sha256(b"\x01").hexdigest())
    assert (view.value_length, view.value_sha256) == (0, "")
    several = replace(found(), digests=(), value_digests=(digest("values.1", "aa"), digest("values.3", "bb")))
    view = view_of(several)
    assert (view.value_length, view.value_sha256) == (6, "values.1=aa values.3=bb")


def test_the_moment_of_acceptance_is_told_on_both_clocks() -> None:
    view = view_of(replace(found(), mono_us=17, boot_id="b", clock_synced=True))
    assert (view.accepted_mono_us, view.boot_id, view.clock_synced) == (17, "b", True)


def test_phases_last_until_the_next_and_add_up() -> None:
    view = view_of(found())
    assert view.phases_us == {"accepted": 1_000, "waiting": 24_000, "dispatched": 5_000}
    assert sum(view.phases_us.values()) == view.latency_us


def test_a_command_that_has_not_ended_is_open_and_the_rest_is_empty() -> None:
    view = view_of(found(None))
    assert (view.verdict, view.cause, view.ended_utc, view.latency_us) == ("open", "", "", None)
    assert (view.resolved, view.resolved_utc, view.phases_us) == ("", "", {})
