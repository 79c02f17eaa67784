"""Which command a fault hit, and what is counted of it."""

import re
from collections import Counter

from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import LongWrite, ReadRssi, Write
from gattkeeper.model.outcome import Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended
from gattkeeper.world import Seen, SeenKind
from sim.history import Fired, History
from sim.memory_journal import Row
from sim.report import NOBODY, all_faults, hits, never_fired
from tidy.source_tree import ROOT

TARGET = characteristic_ref("fe51")
RSSI = Command(device="lamp", operation=ReadRssi(), id="c")
LONG = Command(device="lamp", operation=LongWrite(target=TARGET, payload=b"\0\0\1\0\0\0\1\1"), id="c")
CHUNK = Write(target=TARGET, payload=b"\0\0\1\1")


def history(command: Command, fault: Seen) -> History:
    """A command that waited for a connection from 1 s, was in flight from 2 s, and ended at 3 s."""
    outcome = Outcome(
        command_id="c",
        verdict=Verdict.UNKNOWN,
        cause=Cause.TIMED_OUT_IN_FLIGHT,
        timeline=(PhaseMark(phase=Phase.CONNECT_START, at_us=1_000_000),),
    )
    records = (
        Accepted(command=command, at_us=0),
        Intended(command_id="c", attempt=1, epoch=1, at_us=2_000_000),
        Ended(outcome=outcome, at_us=3_000_000),
    )
    return History(rows=[Row(record=record, durable_at_us=0) for record in records], seen=[fault])


def fault(at_s: float, **fields) -> Seen:
    return Seen(at_s=at_s, device="lamp", kind=SeenKind.FAULT, **{"epoch": 1, "fault": "F1"} | fields)


def test_a_fault_hits_what_is_in_flight():
    hit = fault(2.5, operation=ReadRssi())
    assert hits(history(RSSI, hit)) == Counter({("F1", "read rssi", "unknown"): 1})
    before = replace(hit, at_s=1.5)
    assert hits(history(RSSI, before)) == Counter({("F1", "read rssi", NOBODY): 1})


def test_a_fault_of_a_connection_hits_the_command_it_was_made_for():
    assert hits(history(RSSI, fault(1.5, epoch=0))) == Counter({("F1", "connect", "unknown"): 1})
    assert hits(history(RSSI, fault(0.5, epoch=0))) == Counter({("F1", "connect", NOBODY): 1})


def test_a_chunk_is_a_step_of_its_long_write():
    assert hits(history(LONG, fault(9.0, operation=CHUNK))) == Counter({("F1", "long write", "unknown"): 1})


def test_what_the_link_calls_by_its_own_name_has_a_number():
    named = {"straggler": "notification", "away": "connect"}
    counted = sum((hits(history(RSSI, fault(9.0, epoch=0, fault=name))) for name in named), Counter())
    assert {(number, step) for number, step, _ in counted} == {("F12", "notification"), ("F40", "connect")}


def test_a_fault_of_a_client_counts_with_what_it_was_told():
    fired = [
        Fired(number="F61", step="write", at_us=0, said="refused: invalid_command"),
        Fired(number="F57", step="write", at_us=0, command_id="c"),
    ]
    told = history(RSSI, fault(2.5, operation=ReadRssi()))
    told.fired = fired
    counted = hits(told)
    assert counted["F61", "write", "refused: invalid_command"] == counted["F57", "write", "unknown"] == 1


def test_what_a_test_of_its_own_shows_has_that_test():
    named = {fault["shown_by"] for fault in all_faults().values() if "shown_by" in fault}
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (\w+)", path.read_text())
    }
    assert named
    assert named <= there


def test_what_never_fired_is_named_unless_it_is_open_or_needs_bytes():
    missing = {"F1", "F4", *(number for number, fault in all_faults().items() if "open" in fault)}
    counted = Counter((number, "write", NOBODY) for number in all_faults() if number not in missing)
    assert never_fired(counted, radio=False) == ["F1"]
    assert never_fired(counted, radio=True) == ["F1", "F4"]
