"""The lines of the timing log."""

import logging

from fronts.cli.story import NO_ANSWER, command, outcome
from gattkeeper.model.outcome import Phase, PhaseMark, Resolution
from gattkeeper.model.status import Alert, AlertKind
from gattkeeper.telemetry import event_log
from gattkeeper.telemetry.event_log import EventLog


def told(caplog):
    return [entry.getMessage() for entry in caplog.records]


def test_every_phase_is_one_line_with_its_offset(caplog):
    caplog.set_level(logging.INFO)
    log, one = EventLog(), command("c1", "lounge", "set_position 73")
    log.accepted(one, 1_000_000)
    log.marked(one, PhaseMark(phase=Phase.ACCEPTED, at_us=1_000_000))
    log.marked(one, PhaseMark(phase=Phase.DISPATCHED, at_us=1_250_000, attempt=2, note="warm"))
    log.connection("lounge", "connected", 1_300_000)
    log.ended(one, outcome("c1", "unknown", "timed_out_in_flight", by="c2", fault=NO_ANSWER), 6_000_000)
    assert told(caplog) == [
        "command=c1 device=lounge phase=accepted offset=0.000 s set_position 73",
        "command=c1 device=lounge phase=dispatched offset=0.250 s attempt 2, warm",
        "device=lounge connection=connected at=1.300000",
        f"command=c1 device=lounge phase=outcome offset=5.000 s unknown (timed_out_in_flight) by c2: {NO_ANSWER}",
    ]


def test_what_becomes_of_a_device_and_of_its_queue_is_a_line_each(caplog):
    caplog.set_level(logging.INFO)
    log = EventLog()
    log.availability("lounge", "unavailable", 1_000_000)
    log.alert(Alert(kind=AlertKind.DEPTH, device="lounge", raised=True, value=100, text="100 wait\n"), 2_000_000)
    log.alert(Alert(kind=AlertKind.DEPTH, device="lounge", raised=False, value=50), 3_000_000)
    assert told(caplog) == [
        "device=lounge availability=unavailable at=1.000000",
        "device=lounge alert=depth raised value=100 at=2.000000 100 wait?",
        "device=lounge alert=depth cleared value=50 at=3.000000",
    ]
    assert [entry.levelno for entry in caplog.records] == [logging.INFO, logging.WARNING, logging.INFO]


def test_a_resolution_is_a_line_with_its_reason(caplog):
    caplog.set_level(logging.INFO)
    found = Resolution(command_id="c1", applied=False, who="gattkeeper", why="read back 0a\nfrom 2a19")
    EventLog().resolved(command("c1", "lounge", "up"), found, 2_000_000)
    wanted = "command=c1 device=lounge resolved=not applied at=2.000000 by gattkeeper: read back 0a?from 2a19"
    assert told(caplog) == [wanted]


def test_text_from_outside_cannot_forge_a_line(caplog):
    caplog.set_level(logging.INFO)
    EventLog().accepted(command("c1", "lounge", "up\ncommand=c2 phase=outcome"), 0)
    assert told(caplog) == ["command=c1 device=lounge phase=accepted offset=0.000 s up?command=c2 phase=outcome"]


def test_starts_are_forgotten_with_their_commands_or_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(event_log, "COMMANDS_MAX", 2)
    log = EventLog()
    for number in range(5):
        log.accepted(command(f"c{number}", "lounge", "up"), number)
    log.ended(command("c4", "lounge", "up"), outcome("c4", "delivered", "acknowledged"), 9)
    assert list(log._accepted_at_us) == ["c3"]
