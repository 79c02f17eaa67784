"""What a look at the device proves about a command that ended unknown, and what it does not."""

from typing import Any

import pytest

from core.drive import BATTERY, POSITION, Drive, S, sequence, write
from gattkeeper.core import events
from gattkeeper.core.effects import Resolve
from gattkeeper.model.command import Priority, ReadBack
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read, WriteDescriptor
from gattkeeper.model.outcome import Cause, Verdict

LOOK = Read(target=BATTERY)


def proof(*, absence: bool = False, **fields: Any) -> dict[str, Any]:
    return {"read_back": ReadBack(target=BATTERY, expected=b"\x49", proves_absence=absence), **fields}


@pytest.fixture
def warm() -> Drive:
    drive = Drive(safety=True)
    drive.warm()
    return drive


def unclear(drive: Drive, **fields: Any) -> None:
    """A write whose answer stays open; the check is in flight then."""
    drive.submit("one", write(1), **fields)
    drive.fail(FaultKind.TRANSIENT)
    assert drive.ended("one") == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)


def test_the_value_it_would_have_left_says_that_it_was_applied_and_opens_the_latch(warm: Drive) -> None:
    unclear(warm, **proof())
    assert warm.device().latched_by == "one"
    warm.answer(b"\x49\x00")
    assert warm.resolutions() == [("one", True)]
    assert warm.of(Resolve)[0].why == "read back what was expected from 2a19"
    assert warm.device().latched_by == ""


def test_another_value_says_that_it_was_not_where_that_is_a_proof(warm: Drive) -> None:
    unclear(warm, **proof(absence=True))
    warm.answer(b"\x48" * 40)
    assert warm.resolutions() == [("one", False)]
    assert warm.of(Resolve)[0].why == "read back something other than what was expected from 2a19"
    assert warm.device().latched_by == ""


@pytest.mark.parametrize("value", [b"\x48", b"", None])
def test_another_value_says_nothing_else(warm: Drive, value: bytes | None) -> None:
    unclear(warm, **proof())
    warm.answer(value)
    assert warm.resolutions() == []
    assert warm.device().latched_by == "one"


def test_it_is_no_proof_once_something_else_may_have_changed_the_device(warm: Drive) -> None:
    unclear(warm, **proof(absence=True))
    looking = warm.owed.pop()
    warm.stop("stop", write(255))
    warm.answer_to(looking, b"\x48")
    assert warm.resolutions() == [("one", False)], "the stop has not been handed over yet"
    overtaken = Drive(safety=True, bypass=True)
    overtaken.warm()
    unclear(overtaken, **proof(absence=True))
    overtaken.stop("stop", write(255), may_bypass=True)
    overtaken.answer(b"\x49")
    assert overtaken.resolutions() == []
    assert overtaken.device().latched_by == "one"


def test_a_command_that_another_one_overtook_before_it_ended_is_not_asked_about() -> None:
    drive = Drive(bypass=True)
    drive.warm()
    drive.submit("one", write(1), **proof())
    drive.stop("stop", write(255), may_bypass=True)
    drive.fail(FaultKind.TRANSIENT)
    assert drive.sent() == [write(1), write(255, without=True)]
    drive.answer()
    assert LOOK not in drive.sent()


@pytest.mark.parametrize("overtaken", [True, False])
def test_absence_proves_nothing_when_another_ran_between_two_attempts(*, overtaken: bool) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("one", write(1), idempotent=True, **proof(absence=True))
    drive.fail(FaultKind.UNLISTED)
    if overtaken:
        drive.submit("urgent", write(2), priority=Priority.URGENT)
        drive.answer()
    drive.wait(1 * S)
    drive.fail(FaultKind.UNLISTED)
    assert drive.ended("one")[0] is Verdict.UNKNOWN
    drive.answer(b"\x48")
    assert drive.resolutions() == ([] if overtaken else [("one", False)])


@pytest.mark.parametrize("good", [True, False])
def test_while_the_bearer_owes_the_answer_nobody_looks(warm: Drive, *, good: bool) -> None:
    warm.submit("one", write(1), **proof())
    warm.wait(5 * S)
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert LOOK not in warm.sent()
    if good:
        warm.answer()
    else:
        warm.wait(1 * S)
        warm.gone()
        warm.connected()
    assert warm.sent()[-1] == LOOK
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True)]


@pytest.mark.parametrize("absence", [True, False])
def test_what_an_unclear_read_back_showed_is_not_asked_for_again_at_once(warm: Drive, *, absence: bool) -> None:
    warm.submit("one", write(1), **proof(absence=absence, require_read_back=True))
    warm.answer()
    warm.answer(b"\x48")
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
    assert warm.resolutions() == ([("one", False)] if absence else [])
    assert warm.sent() == [write(1), LOOK]


def test_what_could_not_be_read_back_is_looked_at_once_more(warm: Drive) -> None:
    warm.submit("one", write(1), **proof(require_read_back=True))
    warm.answer()
    warm.fail(FaultKind.TRANSIENT)
    assert warm.sent() == [write(1), LOOK, LOOK]
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True)]


def test_what_somebody_resolved_meanwhile_is_not_resolved_again(warm: Drive) -> None:
    unclear(warm, **proof())
    warm.feed(events.Resolved(command_id="another", device="blind"))
    warm.feed(events.Resolved(command_id="one", device="blind"))
    warm.answer(b"\x49")
    assert warm.resolutions() == []


def test_what_was_read_for_an_older_question_does_not_answer_a_newer_one() -> None:
    drive = Drive()
    drive.warm()
    unclear(drive, **proof())
    drive.cancel("one-check")
    drive.submit("two", write(2), **proof())
    drive.answer(b"\x49")
    drive.fail(FaultKind.TRANSIENT)
    assert drive.sent() == [write(1), LOOK, write(2), LOOK]
    drive.answer(b"\x49")
    assert drive.resolutions() == [("two", True)]


def test_a_resolution_that_could_not_be_written_leaves_the_question_for_the_next_connection(warm: Drive) -> None:
    unclear(warm, **proof())
    warm.slow_disk = True
    warm.answer(b"\x49")
    assert warm.device().latched_by == "one"
    warm.slow_disk = False
    warm.lost()
    warm.gone()
    warm.submit("reader", LOOK)
    warm.connected()
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True), ("one", True)]
    assert warm.device().latched_by == ""


def test_a_write_of_a_descriptor_is_looked_at_too(warm: Drive) -> None:
    warm.submit("one", WriteDescriptor(target=POSITION, descriptor="2904", payload=b"x"), **proof())
    warm.fail(FaultKind.TRANSIENT)
    warm.answer(b"\x49")
    assert warm.resolutions() == [("one", True)]


def test_nothing_is_looked_at_that_a_look_cannot_tell(warm: Drive) -> None:
    by_handle = ReadBack(target=CharacteristicRef(handle=7), expected=b"\x49")
    for command_id, operation, fields in (
        ("without proof", write(1), {}),
        ("by handle", write(2), {"read_back": by_handle}),
        ("in parts", sequence(3), proof()),
    ):
        drive = Drive()
        drive.warm()
        drive.submit(command_id, operation, **fields)
        drive.fail(FaultKind.TRANSIENT)
        assert drive.ended(command_id)[0] is Verdict.UNKNOWN
        assert not any(isinstance(one, Read) for one in drive.sent())
    warm.stop("stop", write(255), **proof())
    for _ in range(4):
        warm.fail(FaultKind.TRANSIENT)
        warm.gone()
        warm.connected()
    assert warm.ended("stop")[0] is Verdict.UNKNOWN
    assert LOOK not in warm.sent()
