"""From marks to stages."""

from fronts.cli.story import KITCHEN_80, marks
from gattkeeper.model.outcome import Phase
from gattkeeper.telemetry.spans import (
    STAGE_OF_PHASE,
    ConnectionChange,
    Stage,
    adapter_spans,
    command_spans,
    connection_spans,
)


def lengths(spans):
    return [(span.stage.value, span.from_us // 1000, span.to_us // 1000) for span in spans]


def test_stages_fill_the_time_between_marks():
    spans = command_spans("kitchen", "c4", marks(KITCHEN_80), 9_000_000)
    assert lengths(spans) == [
        ("lock_wait", 9, 1210),
        ("connecting", 1210, 1900),
        ("backing_off", 1900, 2100),
        ("connecting", 2100, 2500),
        ("discovering", 2500, 2800),
        ("setting_up", 2800, 2810),
        ("in_flight", 2810, 3000),
    ]


def test_an_open_stage_lasts_until_now():
    assert lengths(command_spans("lounge", "c1", marks("accepted=0 dispatched=2"), 9000)) == [
        ("waiting", 0, 2),
        ("in_flight", 2, 9),
    ]


def test_one_that_waits_for_the_others_of_its_fan_out_waits_in_line():
    spans = command_spans("lounge", "c1", marks("connected=1 setup=2 gathered=3 dispatched=9 answered=10"), 0)
    assert lengths(spans)[2:] == [("waiting", 3, 9), ("in_flight", 9, 10)]


def test_the_adapter_is_held_while_a_connection_is_made_and_not_while_its_services_are_discovered():
    changes = [
        ConnectionChange(device=device, state=state, at_us=at_us)
        for device, state, at_us in (
            ("lounge", "connecting", 1000),
            ("lounge", "discovering", 3000),
            ("kitchen", "connecting", 3000),
            ("lounge", "connected", 5000),
        )
    ]
    spans = connection_spans(changes, 8000)
    assert ("discovering", 3, 5) in lengths(spans)
    assert [(span.device, span.from_us, span.to_us) for span in adapter_spans(spans)] == [
        ("lounge", 1000, 3000),
        ("kitchen", 3000, 8000),
    ]


def test_connections_have_stages_too():
    changes = [
        ConnectionChange(device=device, state=state, at_us=at_us)
        for device, state, at_us in (
            ("lounge", "connecting", 1000),
            ("lounge", "connected", 3000),
            ("kitchen", "connecting", 4000),
            ("lounge", "disconnected", 5000),
        )
    ]
    assert lengths(connection_spans(changes, 8000)) == [
        ("connecting", 1, 3),
        ("connected", 3, 5),
        ("connecting", 4, 8),
    ]


def test_only_moments_begin_no_stage():
    assert set(Phase) - set(STAGE_OF_PHASE) == {Phase.LATE_ANSWER, Phase.STOP_ROUTE}
    assert Stage.CONNECTED not in STAGE_OF_PHASE.values()
