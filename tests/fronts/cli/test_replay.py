"""A recording told on the terminal."""

import msgspec

from gattkeeper.core import events
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.fronts.cli.replay import tell_replay
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.runtime.recording import Recorder

LOST = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80)
HISTORY = (
    events.AdapterAdded(adapter="hci", slots=5),
    events.DeviceAdded(device="lamp", adapter="hci"),
    events.Submitted(
        command=Command(id="c-1", device="lamp", operation=Read(target=characteristic_ref("2a19")), label="level")
    ),
    events.Connected(device="lamp", epoch=1),
    events.Failed(device="lamp", epoch=1, token=1, fault=LOST),
    events.FanoutSubmitted(id="c-2", commands=()),
)


def record(path):
    scheduler = Scheduler(journalled=False)
    recorder = Recorder(path, Limits(), journalled=False)
    for number, event in enumerate(HISTORY):
        now_us = 5_000_000 + number * 250_000
        recorder.note(event, now_us, scheduler.handle(event, now_us))
    recorder.close()
    return path


def test_each_event_is_a_line_with_what_followed(tmp_path):
    lines = list(tell_replay(record(tmp_path / "r"), quiet=False))
    assert lines[0] == "   0.000000 AdapterAdded hci"
    assert "   0.500000 Submitted lamp c-1 level" in lines
    assert "              -> c-1 accepted" in lines
    assert "              -> StartConnect lamp 1" in lines
    assert "              -> Dispatch lamp 1 1" in lines
    assert "   1.000000 Failed lamp 1 rejected (att 0x80)" in lines
    assert "              -> Finish c-1 not_delivered rejected" in lines
    assert "   1.250000 FanoutSubmitted c-2" in lines
    assert lines[-1] == "6 events, the same decisions"


def test_quiet_tells_only_the_sum_and_what_differs(tmp_path):
    path = record(tmp_path / "r")
    assert list(tell_replay(path, quiet=True)) == ["6 events, the same decisions"]
    head, first, *rest = path.read_bytes().split(b"\n")
    now_us, event, _ = msgspec.json.decode(first)
    path.write_bytes(b"\n".join((head, msgspec.json.encode([now_us, event, 7]), *rest)))
    assert list(tell_replay(path, quiet=True)) == [
        "!  0.000000 AdapterAdded hci",
        "6 events, 1 decided differently",
    ]
