"""Answers as people read them, compared with text that was looked at."""

from msgspec.structs import replace

from fronts.cli.story import NO_ANSWER, command, four_taps, outcome
from fronts.keeper_bench import Book
from gattkeeper.fronts.cli import texts
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.identity import parse_address
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.status import (
    AdapterStatus,
    AdvertisedRssi,
    Alert,
    AlertKind,
    DeviceStatus,
    KeeperStatus,
    LeaseStatus,
)
from gattkeeper.runtime.fanout import FanoutOutcome
from gattkeeper.runtime.ports import Sighting

ONE = command("c1", "lounge", "set_position 73")
UNKNOWN = """
? lounge set_position 73  unknown  the device did not answer in time: no answer
  within 5 s
  It may or may not have happened; gattkeeper does not send it again by itself.
  Look at lounge itself: did it do this or not?
  Do not send it again before you know; then record what you found, and it is
  settled:
    gattkeeper resolve c1 --applied (or --not-applied) --why TEXT
"""


def text_of(ended, one=ONE, by=None):
    return texts.outcome_text(Book(), one, ended, Terminal(), by)


def test_a_success_is_one_line_with_its_time():
    known = four_taps().of("c2")
    assert text_of(known.outcome, known.command) == (
        "✓ lounge target_percent 55  delivered  1.29 s  the device acknowledged it"
    )


def test_a_value_stands_where_the_verdict_would():
    value = Outcome(command_id="c1", verdict=Verdict.DELIVERED, cause=Cause.VALUE, value=b"\x37")
    assert text_of(value) == "✓ lounge set_position 73  55 %"


def test_the_spread_of_a_fan_out_is_one_line():
    ended = outcome("c1", "delivered", "acknowledged")
    came = FanoutOutcome(outcomes={"lounge": ended}, refused={}, spread_s=0.012, last_s=1.29)
    assert texts.spread_text(came) == "12 ms between the first and the last hand-over; all had ended after 1.29 s"
    assert texts.spread_text(FanoutOutcome(outcomes={}, refused={}, spread_s=0.0, last_s=0.0)) == ""


def test_an_overtaken_command_names_the_one_that_overtook_it():
    ended = outcome("c1", "not_delivered", "superseded", by="c2")
    assert text_of(ended, by=command("c2", "lounge", "set_position 55")) == (
        "» lounge set_position 73  superseded  by c2 (set_position 55)"
    )
    assert text_of(ended).endswith("by c2")


def test_an_unknown_outcome_says_what_to_check():
    assert text_of(outcome("c1", "unknown", "timed_out_in_flight", fault=NO_ANSWER)) == UNKNOWN.strip("\n")


def test_an_outcome_of_which_a_part_happened_says_how_much():
    ended = replace(outcome("c1", "unknown", "partly"), progress=2)
    assert "  A part of it happened (2 steps were answered), and the rest never will.\n" in text_of(ended)


def test_an_unknown_outcome_that_was_resolved_says_how_instead():
    found = Resolution(command_id="c1", applied=True, who="gattkeeper", why="read back 49 from 2a19")
    ended = outcome("c1", "unknown", "timed_out_in_flight")
    text = texts.outcome_text(Book(), ONE, ended, Terminal(), resolution=found)
    assert text.splitlines() == [
        "? lounge set_position 73  unknown  the device did not answer in time",
        "  resolved: applied, read back 49 from 2a19 (gattkeeper)",
    ]
    assert texts.resolution_text(replace(found, applied=False)).startswith("resolved: not applied, ")


def test_the_words_of_a_stack_are_told_as_its_own():
    fault = Fault(kind=FaultKind.REJECTED, stack="att", code=0x80, text="too hot")
    text = text_of(outcome("c1", "not_delivered", "rejected", fault=fault))
    assert " ".join(text.split()).endswith("the device refused it: rejected (att 0x80: too hot)")


def test_every_cause_that_needs_a_reason_has_one():
    told = {Cause.VALUE, Cause.CANCELLED, Cause.SUPERSEDED, Cause.STOPPED}
    for cause in set(Cause) - told:
        text = text_of(outcome("c1", "not_delivered", cause.value))
        assert len(text.removeprefix("✗ lounge set_position 73  not delivered").split()) > 1


def test_a_command_without_label_is_told_by_its_operation():
    assert texts.what(command("c1", "lounge", "")) == "lounge write"


def test_status_tells_who_holds_a_connection():
    lease = LeaseStatus(lease="l1", holder="blind.py (pid 123)\x1b[2J", held_us=12_000_000, idle_us=0)
    held = DeviceStatus(name="lounge", connection="connected", waiting=0, leases=(lease,))
    status = KeeperStatus(adapters=(), devices=(held,), waiting=0, accepted=1, ended=1)
    assert "held by blind.py (pid 123)" in texts.status_text(status, Terminal())
    assert " for 12.0 s" in texts.status_text(status, Terminal())
    assert "\x1b" not in texts.status_text(status, Terminal())


def test_status_is_a_table_at_80_columns():
    busy = DeviceStatus(
        name="lounge",
        connection="connected",
        waiting=3,
        in_flight="c-7",
        in_flight_us=310_000,
        oldest_waiting_us=2_100_000,
        latched_by="c-5",
        subscriptions=1,
        adapter="hci0",
        adapter_why="first in the settings",
    )
    stopped = DeviceStatus(
        name="kitchen",
        connection="disconnected",
        waiting=0,
        stopped_by="c-9",
        adapter="hci0",
        adapter_why="usb is down",
    )
    adapters = (
        AdapterStatus(
            name="hci0", up=True, connections=1, slots=5, connecting="kitchen", address="F4:4E:FC:00:00:01"
        ),
        AdapterStatus(name="usb", up=False, connections=0, slots=5, recovery="power_cycle"),
    )
    status = KeeperStatus(adapters=adapters, devices=(busy, stopped), waiting=3, accepted=12, ended=8)
    assert texts.status_text(status, Terminal()).split("\n") == [
        "adapter hci0  up    1 of 5 slots  F4:4E:FC:00:00:01, connecting kitchen",
        "adapter usb   down  0 of 5 slots  recovery: power cycle",
        "lounge   connected     3 waiting  by hci0: first in the settings, c-7 in flight for 310 ms, oldest waits 2.10 s, latched by c-5: resolve it, 1 subscribed",
        "kitchen  disconnected  idle       by hci0: usb is down, stopped by c-9",
        "12 accepted, 8 ended, 3 waiting",
    ]
    coloured = texts.status_text(status, Terminal(color=True))
    for code in ("31", "33", "90"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured.replace("\x1b[0m", "") == texts.status_text(status, Terminal())


def test_status_shows_devices_that_are_left_alone_and_alerts():
    away = DeviceStatus(
        name="attic",
        connection="disconnected",
        waiting=0,
        availability="unavailable",
        alerts=(AlertKind.DEPTH, AlertKind.OLDEST_WAITING),
    )
    status = KeeperStatus(adapters=(), devices=(away,), waiting=0, accepted=0, ended=0)
    assert texts.status_text(status, Terminal()).split("\n")[0] == (
        "attic  disconnected  idle  unavailable, alert: depth, oldest waiting"
    )


def test_status_begins_with_the_words_of_alerts_but_for_those_that_are_figures():
    alerts = tuple(
        Alert(kind=kind, device=device, raised=True, value=9, text=text)
        for kind, device, text in (
            (AlertKind.JOURNAL, "journal", "it cannot be written: free space on its disk"),
            (AlertKind.SECURITY, "attic", "attic is not trusted"),
            (AlertKind.DEPTH, "attic", "9 commands wait for attic"),
        )
    )
    status = KeeperStatus(adapters=(), devices=(), waiting=0, accepted=0, ended=0, alerts=alerts)
    assert texts.status_text(status, Terminal()).split("\n") == [
        "alert journal (journal): it cannot be written: free space on its disk",
        "alert security (attic): attic is not trusted",
        "0 accepted, 0 ended, 0 waiting",
    ]


def test_how_strongly_a_device_was_heard_is_marked_as_advertised():
    heard = AdvertisedRssi(rssi_dbm=-61, age_us=12_000_000)
    status = KeeperStatus(
        adapters=(),
        devices=(DeviceStatus(name="attic", connection="disconnected", waiting=0, advertised=heard),),
        waiting=0,
        accepted=0,
        ended=0,
    )
    marked = "-61 dBm when it advertised 12.0 s ago"
    assert texts.status_text(status, Terminal()).split("\n")[0].endswith(marked)
    here = replace(status, devices=(replace(status.devices[0], name="lounge"),))
    lounge, kitchen = texts.devices_text(Book(), here).split("\n")
    assert lounge.endswith(marked)
    assert not kitchen.endswith("ago")


def test_status_shows_a_stop_that_is_tried_again():
    blind = DeviceStatus(
        name="attic", connection="disconnected", waiting=0, stopped_by="c-7", stop_persists_us=45_000_000
    )
    status = KeeperStatus(adapters=(), devices=(blind,), waiting=0, accepted=0, ended=0)
    assert texts.status_text(status, Terminal()).split("\n")[0] == (
        "attic  disconnected  idle  stopped by c-7, its stop failed: tried again for 45.0 s"
    )


def test_devices_tell_their_adapter_where_there_are_several():
    adapters = tuple(AdapterStatus(name=name, up=True, connections=0, slots=5) for name in ("hall", "attic"))
    devices = tuple(
        DeviceStatus(name=name, connection="connected", waiting=0, adapter="attic", adapter_why="hall is full")
        for name in Book().names()
    )
    status = KeeperStatus(adapters=adapters, devices=devices, waiting=0, accepted=0, ended=0)
    first, *_ = texts.devices_text(Book(), status).split("\n")
    assert "  by attic: hall is full  set_position" in first
    alone = KeeperStatus(adapters=adapters[:1], devices=devices, waiting=0, accepted=0, ended=0)
    assert "by attic" not in texts.devices_text(Book(), alone)


def test_a_scan_marks_those_it_is_connected_to():
    lamp = Sighting(address=parse_address("F0:00:00:00:00:01"), rssi_dbm=-60, name="lamp", connected=True)
    door = Sighting(address=parse_address("F0:00:00:00:00:02"), rssi_dbm=-50, name="door")
    assert texts.sightings_text([lamp, door]).split("\n") == [
        "F0:00:00:00:00:02  -50 dBm  door",
        "F0:00:00:00:00:01  -60 dBm  lamp  connected",
    ]


def test_nothing_is_a_sentence_too():
    assert texts.sightings_text([]) == "nothing was heard"
    assert texts.status_text(
        KeeperStatus(adapters=(), devices=(), waiting=0, accepted=0, ended=0), Terminal()
    ) == ("0 accepted, 0 ended, 0 waiting")
