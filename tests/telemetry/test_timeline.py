"""What the ring of commands remembers and forgets."""

from msgspec.structs import replace

from fronts.cli.story import command, four_taps, marks, outcome, play
from gattkeeper.model.command import Priority
from gattkeeper.model.outcome import Phase, PhaseMark, Resolution, Verdict
from gattkeeper.telemetry import timeline as module
from gattkeeper.telemetry.timeline import Timeline


def test_a_command_shows_its_marks_while_it_is_open():
    timeline, one = Timeline(), command("c1", "lounge", "up")
    timeline.accepted(one, 5)
    timeline.marked(one, PhaseMark(phase=Phase.LOCK_WAIT, at_us=7))
    known = timeline.of("c1")
    assert [mark.phase for mark in known.marks] == [Phase.ACCEPTED, Phase.LOCK_WAIT]
    assert (known.outcome, known.until(99)) == (None, 99)


def test_the_outcome_brings_the_whole_record():
    timeline, one = Timeline(), command("c1", "lounge", "up")
    timeline.accepted(one, 5000)
    told = marks("accepted=5 dispatched=6 outcome=9")
    timeline.ended(one, outcome("c1", "delivered", "acknowledged", told), 9000)
    assert timeline.of("c1").marks == told
    assert timeline.of("c1").until(99_000) == 9000


def test_a_resolution_stands_beside_the_outcome():
    timeline, one = Timeline(), command("c1", "lounge", "up")
    found = Resolution(command_id="c1", applied=True, who="gattkeeper", why="read back 49 from 2a19")
    timeline.resolved(one, found, 9)
    timeline.accepted(one, 0)
    timeline.ended(one, outcome("c1", "unknown", "timed_out_in_flight"), 5)
    timeline.resolved(one, found, 9)
    assert timeline.of("c1").resolution == found
    assert timeline.of("c1").outcome.verdict is Verdict.UNKNOWN


def test_the_newest_are_told_oldest_first_and_by_device():
    timeline = four_taps()
    assert [known.command.id for known in timeline.newest(2)] == ["c3", "c4"]
    assert [known.command.id for known in timeline.newest(9, "lounge")] == ["c1", "c2"]
    assert {change.device for change in timeline.changes("kitchen")} == {"kitchen"}


def test_the_oldest_that_has_ended_is_forgotten_first():
    timeline = Timeline(2)
    timeline.accepted(command("open", "lounge", "up"), 0)
    play(timeline, command("ended", "lounge", "up"), "accepted=1 outcome=2", "delivered", "acknowledged")
    timeline.accepted(command("new", "lounge", "up"), 3)
    assert [known.command.id for known in timeline.newest(9)] == ["open", "new"]
    timeline.accepted(command("newer", "lounge", "up"), 4)
    assert [known.command.id for known in timeline.newest(9)] == ["new", "newer"]


def test_what_is_forgotten_is_told_nothing():
    timeline, one = Timeline(), command("c1", "lounge", "up")
    timeline.marked(one, PhaseMark(phase=Phase.SCAN, at_us=1))
    timeline.ended(one, outcome("c1", "delivered", "acknowledged"), 2)
    assert timeline.of("c1") is None
    assert timeline.before("c1") == 0


def test_marks_and_changes_stay_bounded():
    timeline, one = Timeline(3), command("c1", "lounge", "up")
    timeline.accepted(one, 0)
    for at_us in range(1, 2 * module.MARKS_PER_COMMAND_MAX):
        timeline.marked(one, PhaseMark(phase=Phase.RETRY, at_us=at_us))
        timeline.connection("lounge", "connected", at_us)
    known = timeline.of("c1")
    assert len(known.marks) == module.MARKS_PER_COMMAND_MAX
    assert (known.marks[0].phase, known.marks[-1].at_us) == (Phase.ACCEPTED, 2 * module.MARKS_PER_COMMAND_MAX - 1)
    assert len(timeline.changes()) == 3 * module.CHANGES_PER_COMMAND


def test_those_before_are_the_one_in_flight_and_the_older_ones_of_the_device():
    timeline = Timeline()
    for number, device in enumerate(("lounge", "kitchen", "lounge", "lounge")):
        timeline.accepted(command(f"c{number}", device, "up"), number)
    timeline.marked(command("c3", "lounge", "up"), PhaseMark(phase=Phase.DISPATCHED, at_us=9))
    assert [timeline.before(f"c{number}") for number in range(4)] == [1, 0, 2, 2]


def test_who_waits_for_the_adapter_does_not_go_before_a_stop():
    timeline = Timeline()
    waiting, stop = (
        command("c1", "lounge", "up"),
        replace(command("c2", "lounge", "stop"), priority=Priority.URGENT),
    )
    timeline.accepted(waiting, 0)
    timeline.marked(waiting, PhaseMark(phase=Phase.LOCK_WAIT, at_us=1))
    timeline.accepted(stop, 2)
    assert timeline.before("c2") == 0
