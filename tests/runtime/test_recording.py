"""A keeper's events in a file, and the same decisions from it again."""

import os

import msgspec
import pytest
from house import live, write

from gattkeeper.core.effects import Finish
from gattkeeper.core.events import Answered, Notified, Submitted
from gattkeeper.core.limits import Limits
from gattkeeper.errors import UsageError
from gattkeeper.runtime.recording import Recorder, replay
from gattkeeper.world import LinkMoment, LoseResponse
from sim.scene import PUSHED, WRITABLE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


def record(path):
    """A write whose answer is lost, then a stop: what a keeper did, and its outcomes."""
    told = []

    async def story(house):
        house.rule(LinkMoment.OPERATION, LoseResponse(), kind="write", times=1)
        told.append(await (await house.keeper.submit(write())).wait())
        [stop] = await house.keeper.stop("lamp")
        told.append(await stop.wait())

    live(story, recording=path, journal=True)
    return told


def test_the_same_events_give_the_same_decisions_and_outcomes(path):
    told = record(path)
    steps = list(replay(path))
    assert all(step.same for step in steps)
    ends = [effect.outcome for step in steps for effect in step.effects if isinstance(effect, Finish)]
    assert ends == told


def test_only_the_notifications_a_command_waited_for_are_decided_and_recorded(path):
    async def story(house):
        lamp = house.keeper.device("lamp")
        pushed = house.lamp.characteristic(PUSHED)
        async with lamp.subscribe(PUSHED) as values:
            house.lamp.notify(pushed, b"1")
            assert await anext(values) == b"1"
            house.lamp.characteristic(WRITABLE).on_write = lambda _payload: house.lamp.notify(pushed, b"2")
            assert await lamp.write_then_wait(WRITABLE, b"x", answer=PUSHED) == b"2"

    live(story, recording=path)
    steps = list(replay(path))
    assert all(step.same for step in steps)
    assert [step.event.payload for step in steps if isinstance(step.event, Notified)] == [b"2"]


def test_a_decision_that_would_be_another_now_is_shown(path):
    record(path)
    lines = path.read_bytes().split(b"\n")
    index = next(number for number, line in enumerate(lines) if b'"submitted"' in line)
    now_us, event, _ = msgspec.json.decode(lines[index])
    lines[index] = msgspec.json.encode([now_us, event, 1])
    path.write_bytes(b"\n".join(lines))
    [step] = [step for step in replay(path) if not step.same]
    assert isinstance(step.event, Submitted)
    assert step.line == index + 1


def test_a_line_that_was_cut_at_the_end_is_left_out(path):
    record(path)
    whole = len(list(replay(path)))
    path.write_bytes(path.read_bytes()[:-20])
    assert len(list(replay(path))) == whole - 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no recording"),
        (b"[]\n", "no recording"),
        (b'["something else",1,{},true]\n', "another format"),
        (b'["gattkeeper recording",2,{},true]\n', "another format"),
        (b'["gattkeeper recording",1,{},true]\nnonsense\n', ":2: not an event"),
        (b'["gattkeeper recording",1,{},true]\n[1,{"type":"fly"},0]\n', ":2: not an event"),
    ],
)
def test_what_is_no_recording_is_said_to_be_none(path, content, said):
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        list(replay(path))


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(UsageError, match=r"events.jsonl cannot be read: No such file"):
        list(replay(path))


def test_it_is_for_its_owner_alone_and_made_anew(path):
    path.write_text("old")
    path.chmod(0o600)
    Recorder(path, Limits(), journalled=True).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(replay(path)) == []


def test_a_disk_that_is_full_ends_the_recording_and_nothing_else():
    recorder = Recorder.__new__(Recorder)
    recorder._descriptor = os.open("/dev/full", os.O_WRONLY)
    recorder.note(Answered(device="lamp", epoch=1, token=1), 1, [])
    assert recorder._descriptor is None
    recorder.note(Answered(device="lamp", epoch=1, token=2), 2, [])  # nothing happens
