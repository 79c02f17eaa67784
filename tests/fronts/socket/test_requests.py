"""Lines and the requests they are, or are not. No socket is involved."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.errors import InvalidCommandError
from gattkeeper.fronts.socket import requests
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.gatt import normal_uuid

ORIGIN = Origin(front="socket", principal="alice", uid=1000, pid=7)


def decode(**fields):
    return requests.decode(json.dumps(fields).encode())


def submit(**command):
    return requests.command_of(decode(verb="submit", command=command), ORIGIN)


def test_the_id_is_whatever_the_caller_likes():
    for given_id in (None, 7, "seven"):
        assert decode(id=given_id, verb="status").id == given_id


@pytest.mark.parametrize(
    ("line", "words", "request_id"),
    [
        (b"\xff", "no request", None),
        (b'{"verb":"read","device":"\xff"}', "UTF-8", None),
        (b'{"id":3,"verb":"fly"}', "fly", 3),
        (b'{"id":3,"verb":"status","colour":1}', "colour", 3),
        (b'{"id":"a","verb":"act","device":"x","action":"y","wait":"long"}', "wait", "a"),
        (b'{"id":3,"verb":"read","device":"x","characteristic":"2a19","timeout":1e999}', "range", 3),
        (b'{"id":[1],"verb":"status"}', "id", None),
        (b'{"id":' + b"[" * 9000, "deep", None),
        (json.dumps({"id": "x" * 300, "verb": "status"}).encode(), "256 characters", None),
        (json.dumps({"id": "x" * 300, "verb": "fly"}).encode(), "fly", None),
        (b"", "no request", None),
    ],
)
def test_a_line_that_is_no_request_says_why(line, words, request_id):
    with pytest.raises(requests.BadRequest, match=words) as caught:
        requests.decode(line)
    assert caught.value.request_id == request_id


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_bad_request(line):
    try:
        requests.decode(line)
    except requests.BadRequest as error:
        assert str(error)


def test_options_are_read_in_seconds():
    request = decode(
        verb="act", device="x", action="y", priority="urgent", timeout=1.5, deadline=2, queue_timeout=0.5
    )
    options = requests.options_of(request, ORIGIN)
    assert (options.priority, options.origin) == (Priority.URGENT, ORIGIN)
    assert (options.attempt_timeout_us, options.deadline_us, options.queue_timeout_us) == (
        1_500_000,
        2_000_000,
        500_000,
    )


@pytest.mark.parametrize("name", ["timeout", "deadline", "queue_timeout"])
def test_a_length_of_time_below_zero_is_refused_by_its_name(name):
    with pytest.raises(InvalidCommandError, match=f"^{name} "):
        requests.options_of(decode(verb="act", device="x", action="y", **{name: -1}), ORIGIN)


def test_a_whole_command_can_be_submitted():
    payload = base64.b64encode(b"\x01\x02").decode()
    operation = {"type": "write", "target": {"uuid": normal_uuid("fe51")}, "payload": payload}
    command = submit(device="lounge", operation=operation, deadline_us=5)
    assert (command.operation.payload, command.deadline_us, command.origin) == (b"\x01\x02", 5, ORIGIN)


READ = {"type": "read", "target": {"uuid": normal_uuid("2a19")}}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"device": "x"}, "operation"),
        ({"device": "x", "operation": {"type": "fly"}}, "fly"),
        ({"device": "x", "operation": READ, "deadline": 5}, "deadline"),
        ({"device": "x", "operation": {**READ, "colour": 1}}, "colour"),
        ({"device": "x", "operation": {"type": "read", "target": {"uid": "2a19"}}}, "uid"),
        ({"device": "x", "operation": READ, "stop": True}, "`stop`"),
        ({"device": "x", "operation": READ, "id": "c-1"}, "`id`"),
        ({"device": "x", "operation": READ, "origin": {"uid": 0}}, "`origin`"),
    ],
)
def test_a_command_is_as_strict_as_any_request(command, words):
    with pytest.raises(InvalidCommandError, match=words):
        submit(**command)
