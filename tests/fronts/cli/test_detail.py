"""One command's timeline as text, compared with text that was looked at."""

from fronts.cli.story import NO_ANSWER, NOW_US, command, four_taps, outcome
from gattkeeper.fronts.cli.detail import draw_detail
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.outcome import Phase, PhaseMark
from gattkeeper.telemetry.timeline import CommandTimeline

LOUNGE = """
✓ lounge target_percent 55  delivered  1.29 s  c2
    offset      took  phase
   0.000 s            accepted
   0.000 s      1 ms  lock_wait
   0.001 s            lock_acquired
   0.001 s    295 ms  scan
   0.296 s    400 ms  connect_start
   0.696 s    500 ms  connected
   1.196 s     10 ms  discovered
   1.206 s     10 ms  setup
   1.216 s     70 ms  dispatched
   1.286 s            answered
   1.286 s            outcome
"""


def test_every_phase_has_its_offset_and_its_length():
    assert draw_detail(four_taps().of("c2"), NOW_US, Terminal()) == LOUNGE.strip("\n").split("\n")


def test_attempts_follow_with_their_faults():
    one = command("c9", "lounge", "up")
    known = CommandTimeline(
        command=one,
        accepted_at_us=0,
        marks=(PhaseMark(phase=Phase.DISPATCHED, at_us=0, attempt=2, note="again"),),
        outcome=outcome("c9", "unknown", "timed_out_in_flight", fault=NO_ANSWER),
        ended_at_us=500_000,
    )
    lines = draw_detail(known, NOW_US, Terminal())
    assert lines[2].endswith("dispatched      attempt 2, again")
    assert lines[-1] == "attempt 1: 400 ms, timed_out (keeper: no answer within 5 s)"


def test_an_open_command_is_told_as_it_stands():
    known = four_taps(ends=False).of("c4")
    lines = draw_detail(known, NOW_US, Terminal())
    assert lines[0] == "… kitchen target_percent 80  3.19 s so far  c4"
    assert lines[-1] == "   2.801 s    390 ms  dispatched"
