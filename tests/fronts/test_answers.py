"""The shape of answers and the exit codes."""

import msgspec
import pytest

from fronts.cli.story import NO_ANSWER, command, four_taps, outcome
from fronts.keeper_bench import Book
from gattkeeper import errors
from gattkeeper.fronts import answers
from gattkeeper.model.command import Origin
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.status import AdvertisedRssi, DeviceStatus, KeeperStatus
from gattkeeper.runtime.fanout import Fanout
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.ports import Sighting
from gattkeeper.telemetry.timeline import CommandTimeline
from gattkeeper.world import run_virtual

ONE = command("c1", "lounge", "read 2a19")


def test_bytes_are_hex_with_their_meaning_beside_them():
    value = Outcome(command_id="c1", verdict=Verdict.DELIVERED, cause=Cause.VALUE, value=b"\x37")
    answer = answers.outcome_answer(Book(), ONE, value)
    assert (answer["value"], answer["text"], answer["device"]) == ("37", "55 %", "lounge")
    assert msgspec.json.decode(msgspec.json.encode(answer)) == answer


def test_what_the_steps_of_a_sequence_brought_is_hex_too():
    values = Outcome(
        command_id="c1",
        verdict=Verdict.DELIVERED,
        cause=Cause.ACKNOWLEDGED,
        progress=3,
        values=(None, b"\x37", b""),
    )
    answer = answers.outcome_answer(Book(), ONE, values)
    assert (answer["progress"], answer["values"]) == (3, [None, "37", ""])
    assert msgspec.json.decode(msgspec.json.encode(answer)) == answer


def test_what_was_found_out_later_stands_beside_the_outcome():
    found = Resolution(
        command_id="c1",
        applied=False,
        who="gattkeeper",
        why="read back 0a from 2a19",
        origin=Origin(front="keeper"),
    )
    ended = outcome("c1", "unknown", "timed_out_in_flight")
    wanted = {
        "applied": False,
        "who": "gattkeeper",
        "why": "read back 0a from 2a19",
        "origin": {"front": "keeper"},
    }
    answer = answers.outcome_answer(Book(), ONE, ended, found)
    assert (answer["verdict"], answer["resolution"]) == ("unknown", wanted)
    assert "resolution" not in answers.outcome_answer(Book(), ONE, ended)
    known = CommandTimeline(command=ONE, accepted_at_us=0, marks=(), outcome=ended, resolution=found)
    assert answers.timeline_answer(Book(), known)["outcome"]["resolution"] == wanted


def test_the_answer_to_a_fan_out_names_who_refused_it_and_has_no_lengths_before_the_end():
    async def story():
        open_handle = Handle(ONE)
        fanout = Fanout({"lounge": open_handle}, {"kitchen": errors.StoppedError("it is stopped")})
        refused = {"kitchen": {"code": "stopped", "message": "it is stopped"}}
        assert answers.fanout_answer(fanout) == {"refused": refused, "spread_s": None, "last_s": None}
        open_handle.end(four_taps().of("c2").outcome)
        assert answers.fanout_answer(fanout) == {"refused": refused, "spread_s": 0.0, "last_s": 1.286}

    run_virtual(story())


def test_a_fault_is_told_with_the_stacks_own_words():
    answer = answers.outcome_answer(Book(), ONE, outcome("c1", "unknown", "timed_out_in_flight", fault=NO_ANSWER))
    assert answer["fault"]["text"] == "no answer within 5 s"


def test_a_timeline_counts_from_acceptance():
    answer = answers.timeline_answer(Book(), four_taps(after_us=7_000_000).of("c7002"))
    assert answer["phases"][0] == {"phase": "accepted", "offset_us": 0}
    assert answer["phases"][-1] == {"phase": "outcome", "offset_us": 1_286_000}
    assert answer["outcome"]["verdict"] == "delivered"


def test_devices_sightings_and_figures_are_plain_data():
    heard = AdvertisedRssi(rssi_dbm=-61, age_us=12_000_000)
    used = tuple(
        DeviceStatus(
            name=name,
            connection="",
            waiting=0,
            adapter="hall",
            adapter_why="first in the settings",
            advertised=heard,
        )
        for name in Book().names()
    )
    status = KeeperStatus(adapters=(), devices=used, waiting=0, accepted=2, ended=2)
    first = answers.device_answers(Book(), status)[0]
    assert first["actions"] == ["set_position", "target_percent"]
    assert (first["adapter"], first["adapter_why"]) == ("hall", "first in the settings")
    assert first["advertised"] == {"rssi_dbm": -61, "age_us": 12_000_000}
    heard = Sighting(
        address=parse_address("F0:00:00:00:00:01"),
        manufacturer_data={76: b"\x02"},
        service_data={normal_uuid("fd3d"): b"\x03"},
        tx_power_dbm=-4,
    )
    told = answers.sighting_answer(heard)
    assert told["manufacturer_data"] == {"76": "02"}
    assert told["service_data"] == {normal_uuid("fd3d"): "03"}
    assert told["tx_power_dbm"] == -4
    assert answers.status_answer(status)["accepted"] == 2


@pytest.mark.parametrize(
    ("verdict", "cause", "code"),
    [
        ("delivered", "acknowledged", 0),
        ("sent", "accepted_locally", 0),
        ("not_delivered", "rejected", 1),
        ("not_delivered", "stopped", 1),
        ("unknown", "cancelled_in_flight", 4),
        ("not_delivered", "superseded", 5),
        ("not_delivered", "cancelled", 5),
    ],
)
def test_exit_codes_of_outcomes(verdict, cause, code):
    ended = outcome("c1", verdict, cause)
    assert answers.exit_code_of(ended) == code
    if code:
        assert answers.exit_code_for(errors.error_for(ended)) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownDeviceError, 2),
        (errors.QueueFullError, 3),
        (errors.StoppedError, 3),
        (errors.LatchedError, 3),
        (errors.QueueClosedError, 75),
        (errors.StorageError, 75),
    ],
)
def test_exit_codes_of_refusals(error, code):
    assert answers.exit_code_for(error("no")) == code
