"""Cases about payloads longer than one write carries: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

import pytest

from core.drive import A_READ, Drive, S, long_write, write
from core.watch import Watch
from gattkeeper.core import events
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import RequestMtu, Write, WriteMode
from gattkeeper.model.outcome import Cause, Verdict

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
PARTLY = (Verdict.UNKNOWN, Cause.PARTLY)
LONG = long_write(7)
CHUNKS = [LONG.payload[:20], LONG.payload[20:40], LONG.payload[40:]]


def warm() -> Drive:
    drive = Drive(watch=Watch(slots=5, safety=False))
    drive.warm()
    return drive


def sent(drive: Drive) -> list[bytes]:
    return [one.payload for one in drive.sent() if isinstance(one, Write)]


def test_c38_taken_back_in_the_middle_it_sends_no_further_chunk_and_tells_how_many_went() -> None:
    drive = warm()
    drive.submit("long", LONG)
    drive.submit("urgent", A_READ, priority=Priority.URGENT)
    drive.answer()
    drive.cancel("long")
    drive.answer(b"")
    drive.wait(60 * S)
    outcome = drive.endings()["long"]
    assert (outcome.verdict, outcome.cause) == PARTLY
    assert outcome.progress == 1
    assert sent(drive) == CHUNKS[:1]


@pytest.mark.parametrize("atomic", [False, True])
def test_c50_the_more_urgent_run_between_chunks_unless_it_is_atomic(atomic: bool) -> None:
    drive = warm()
    drive.submit("long", long_write(7, atomic=atomic))
    drive.submit("equal", write(6))
    drive.submit("urgent", write(5), priority=Priority.URGENT)
    for _ in range(5):
        drive.answer()
    urgent = [b"\x05"]
    assert sent(drive) == [*(CHUNKS + urgent if atomic else CHUNKS[:1] + urgent + CHUNKS[1:]), b"\x06"]
    assert drive.ended("long") == ACKNOWLEDGED
    assert drive.endings()["long"].progress == 3


@pytest.mark.parametrize("atomic", [False, True])
def test_c51_a_stop_ends_it(atomic: bool) -> None:
    drive = warm()
    drive.submit("long", long_write(7, atomic=atomic))
    drive.stop("stop", write(255))
    drive.answer()
    drive.answer()
    assert sent(drive) == [CHUNKS[0], b"\xff"]
    assert drive.ended("long") == PARTLY
    assert drive.endings()["long"].by == "stop"


def test_c90_chunks_are_as_long_as_the_connection_allows_when_they_go() -> None:
    drive = Drive()
    drive.submit("long", LONG)
    drive.submit("mtu", RequestMtu(), priority=Priority.URGENT)
    drive.feed(events.Connected(device="blind", epoch=1, att_mtu=33))
    drive.answer(23)
    drive.answer()
    drive.submit("again", RequestMtu(), priority=Priority.URGENT)
    drive.answer()
    drive.answer(28)
    assert [len(payload) for payload in sent(drive)] == [20, 20, 7]
    drive.answer()
    drive.submit("longer", long_write(8))
    for _ in range(2):
        drive.answer()
    assert [len(payload) for payload in sent(drive)[3:]] == [25, 22]


def test_c90_a_fresh_connection_tells_its_own_length() -> None:
    drive = Drive()
    drive.submit("long", LONG, survive_reconnect=True, idempotent=True)
    drive.feed(events.Connected(device="blind", epoch=1, att_mtu=33))
    drive.lost()
    drive.gone()
    drive.wait(1 * S)
    drive.connected()
    assert [len(payload) for payload in sent(drive)] == [30, 20]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_c91_a_chunk_that_failed_is_tried_again_and_the_rest_follows(at: int) -> None:
    drive = warm()
    drive.submit("long", LONG)
    for _ in range(at):
        drive.answer()
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(1 * S)
    for _ in range(3 - at):
        drive.answer()
    assert sent(drive) == CHUNKS[: at + 1] + CHUNKS[at:]
    assert drive.ended("long") == ACKNOWLEDGED


def test_c91_a_chunk_that_may_have_run_is_tried_again_only_with_leave() -> None:
    for idempotent, verdict in ((True, ACKNOWLEDGED), (False, (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER))):
        drive = warm()
        drive.submit("long", LONG, idempotent=idempotent)
        drive.answer()
        drive.fail(FaultKind.TRANSIENT)
        drive.wait(1 * S)
        while drive.owed:
            drive.answer()
        assert drive.ended("long") == verdict


def test_c91_an_atomic_one_that_has_begun_tries_no_chunk_again() -> None:
    drive = warm()
    drive.submit("long", long_write(7, atomic=True))
    drive.answer()
    drive.fail(FaultKind.BUSY, Ran.NO)
    assert drive.ended("long") == PARTLY


def test_c91_a_link_that_goes_between_chunks_ends_it_unless_it_may_survive() -> None:
    for survives in (False, True):
        drive = warm()
        drive.submit("long", LONG, survive_reconnect=survives)
        drive.submit("urgent", A_READ, priority=Priority.URGENT)
        drive.answer()
        drive.lost()
        assert drive.open("long") == survives
        if survives:
            drive.gone()
            drive.connected()
            assert sent(drive) == CHUNKS[:2]
        else:
            assert drive.ended("long") == PARTLY


def test_without_response_it_is_sent_at_best() -> None:
    drive = warm()
    drive.submit("long", long_write(7, mode=WriteMode.WITHOUT_RESPONSE))
    for _ in range(3):
        drive.answer()
    assert drive.ended("long") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)
