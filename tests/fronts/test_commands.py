"""From what callers write to commands. Nothing is submitted."""

import pytest

from fronts.keeper_bench import Book
from gattkeeper.errors import InvalidCommandError, UnknownDeviceError, UnsupportedError, UsageError
from gattkeeper.fronts.commands import (
    Options,
    act_command,
    act_commands,
    characteristic_from,
    characteristic_from_text,
    is_group,
    patience,
    payload_from_hex,
    read_command,
    seconds,
    with_options,
    write_command,
)
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write, WriteMode, WriteThenWait

MOTOR = characteristic_ref("fe51")
PULSE = characteristic_ref("2a37")


@pytest.mark.parametrize("text", ["9a0d01", "9A 0D 01", "9a:0d:01", "0x9a0d01"])
def test_hex_is_read_as_people_write_it(text):
    assert payload_from_hex(text) == b"\x9a\x0d\x01"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("0x", "empty"),
        ("abc", "odd"),
        ("zz", "hex digits"),
        ("٣٣", "hex digits"),
        ("00" * 513, "513 bytes"),
    ],
)
def test_bad_hex_is_refused_with_a_sentence(text, words):
    with pytest.raises(InvalidCommandError, match=words):
        payload_from_hex(text)


def test_the_longest_payload_is_an_attribute_long():
    assert len(payload_from_hex("00" * 512)) == 512


@pytest.mark.parametrize(
    ("text", "pointer"),
    [("2a19", "2a19"), ("180f/2a19", ("180f", "2a19")), ("handle:42", 42), ("handle:0x2a", 42)],
)
def test_characteristics_in_a_shell(text, pointer):
    assert characteristic_from_text(text) == characteristic_ref(pointer)


@pytest.mark.parametrize("text", ["", "battery", "handle:", "handle:0", "handle:70000", "180f/", "x" * 500])
def test_bad_characteristics_are_refused_in_one_short_line(text):
    with pytest.raises(InvalidCommandError, match="is no characteristic: write a UUID") as caught:
        characteristic_from_text(text)
    assert len(str(caught.value)) < 150


def test_bad_characteristics_in_json_are_refused():
    with pytest.raises(InvalidCommandError, match="not an attribute handle"):
        characteristic_from(0)


@pytest.mark.parametrize("length_s", [0.0, -1.0, float("nan"), float("inf")])
def test_lengths_of_time_are_finite_and_above_zero(length_s):
    with pytest.raises(InvalidCommandError, match="timeout"):
        seconds("timeout", length_s)


def test_true_waits_as_long_as_it_takes():
    assert (patience(True), patience(2.5)) == (None, 2.5)


def test_what_the_caller_said_wins_and_the_rest_stays():
    command = act_command(Book(), "lounge", "set_position", 73, Options(deadline_us=5, origin=Origin(front="cli")))
    assert (command.deadline_us, command.coalesce_key, command.origin.front) == (5, "position", "cli")
    urgent = with_options(command, Options(priority=Priority.URGENT))
    assert (urgent.priority, urgent.deadline_us) == (Priority.URGENT, 5)


def test_an_unknown_action_is_the_callers_mistake():
    with pytest.raises(UnsupportedError):
        act_command(Book(), "lounge", "fly", None, Options())


def test_reads_and_writes_say_what_they_are():
    assert read_command("lounge", MOTOR, Options()).label == "read fe51"
    write = write_command("lounge", MOTOR, b"\x01", Options(), response=False, idempotent=True)
    assert (write.operation.mode, write.idempotent) == (WriteMode.WITHOUT_RESPONSE, True)


def test_a_write_that_waits_says_for_what_and_how_long():
    write = write_command(
        "lounge", MOTOR, b"\x01", Options(), answer=PULSE, starts_with=b"\x02", answer_timeout=2.5
    )
    assert write.operation == WriteThenWait(
        write=Write(target=MOTOR, payload=b"\x01"), answer=PULSE, starts_with=b"\x02", timeout_us=2_500_000
    )
    assert write_command("lounge", MOTOR, b"\x01", Options(), answer=PULSE).operation.timeout_us == 5_000_000
    for means_nothing in ({"starts_with": b"\x02"}, {"answer_timeout": 1.0}):
        with pytest.raises(InvalidCommandError, match="without `answer`"):
            write_command("lounge", MOTOR, b"\x01", Options(), **means_nothing)
    with pytest.raises(InvalidCommandError, match="answer_timeout"):
        write_command("lounge", MOTOR, b"\x01", Options(), answer=PULSE, answer_timeout=0.0)


def test_a_group_is_what_names_no_single_device():
    assert is_group(Book(), "all")
    assert not is_group(Book(), "lounge")
    assert not is_group(Book(), "F0:00:00:00:00:09")
    with pytest.raises(UnknownDeviceError):
        is_group(Book(), "attic")


def test_an_action_on_a_group_is_a_command_for_each_device_under_a_key_of_its_own():
    commands = act_commands(Book(), "all", "set_position", 73, Options(idempotency_key="tap"))
    assert [(one.device, one.idempotency_key) for one in commands] == [
        ("lounge", "tap/lounge"),
        ("kitchen", "tap/kitchen"),
    ]
    assert {one.idempotency_key for one in act_commands(Book(), "all", "set_position", 73, Options())} == {""}


def test_an_action_on_nobody_is_refused(monkeypatch):
    monkeypatch.setattr(Book, "names", lambda _self: ())
    with pytest.raises(UsageError, match="all has no devices"):
        act_commands(Book(), "all", "set_position", 73, Options())
