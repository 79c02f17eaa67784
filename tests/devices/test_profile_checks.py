"""What makes a profile unsound is found before a device hears of it."""

import pytest

from gattkeeper.devices.codec import parse_template
from gattkeeper.devices.profile_checks import profile_problems
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.profile import (
    Choice,
    Integer,
    Number,
    Profile,
    Raw,
    ReadAction,
    ReadBackRule,
    StopRule,
    WriteAction,
)

LEVEL = characteristic_ref("fe51")
PERCENT = Integer(min=0, max=100)


def write(payload="{u8}", **more):
    return WriteAction(characteristic=LEVEL, payload=parse_template(payload), **{"argument": PERCENT, **more})


def read(**more):
    return ReadAction(characteristic=LEVEL, **more)


def problems_of(**parts):
    return [(problem.at[1:], problem.text) for problem in profile_problems(Profile(**parts), ("profiles",))]


@pytest.mark.parametrize(
    "action",
    [
        write(),
        write("01", argument=None),
        write("{u16be} {sum}", argument=Number(min=-100, max=100), scale=0.01, offset=-100.0),
        write(argument=Choice(values={"heat": 0, "cool": 255})),
        write("01 {bytes}", argument=Raw(length_max=511)),
        write(read_back=ReadBackRule(characteristic=LEVEL, equals=parse_template("01"))),
        write("{u8} {token}", read_back=ReadBackRule(characteristic=LEVEL, equals=parse_template("{token}"))),
        write("{token}", argument=None),
        read(),
        read(decode=parse_template("01 {any} {text}")),
    ],
    ids=range(10),
)
def test_a_sound_action_passes(action):
    assert problems_of(actions={"set_level": action}) == []


@pytest.mark.parametrize(
    ("action", "key", "text"),
    [
        (write("01"), "payload", "has no place for the argument"),
        (write(argument=None), "payload", "the action takes no argument"),
        (write(argument=Integer(min=0, max=256)), "payload", "256 does not fit into u8"),
        (write(argument=Integer(min=-1, max=1)), "payload", "-1 does not fit into u8"),
        (write(scale=-1.0, offset=99.0), "payload", "-1 does not fit into u8"),
        (write(argument=Integer(min=2, max=1)), "argument", "min is more than max"),
        (write(argument=Number(min=0, max=1e308), scale=1e-300), "payload", "cannot carry every allowed argument"),
        (write(argument=Choice(values={"heat": 256})), "payload", "256 does not fit into u8"),
        (write(argument=Choice(values={"1": 1})), "argument", "'1' is no word to choose"),
        (write(argument=Raw()), "payload", "does not fit the argument"),
        (write("{bytes}"), "payload", "does not fit the argument"),
        (write("01 {bytes}", argument=Raw()), "payload", "513 bytes are longer than any attribute"),
        (write("{u8} {any}"), "payload", "{any} has its place where a value is decoded"),
        (write("{text}"), "payload", "{text} has its place where a value is decoded"),
        (write(scale=0.0), "scale", "scale must not be 0"),
        (write(setpoint=""), "setpoint", "at least one letter"),
        (
            write(read_back=ReadBackRule(characteristic=LEVEL, equals=parse_template("{i8} {any}"))),
            "read_back",
            "{any} has its place",
        ),
        (
            write(read_back=ReadBackRule(characteristic=LEVEL, equals=parse_template("{token}"))),
            "read_back",
            "the payload does not carry it",
        ),
        (read(decode=parse_template("{u8} {token}")), "decode", "{token} has its place where a value is written"),
        (read(decode=parse_template("01")), "decode", "needs exactly one place"),
        (read(decode=parse_template("{u8} {u8}")), "decode", "needs exactly one place"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unsound_action_is_explained_at_its_key(action, key, text):
    ((at, said),) = problems_of(actions={"set_level": action})
    assert at == ("actions", "set_level", key)
    assert said.startswith("set_level: ")
    assert text in said


@pytest.mark.parametrize("name", ["", "Set", "set-level", "1st", "x" * 65, "a b"])
def test_a_name_that_people_would_mistype_is_refused(name):
    ((at, said),) = problems_of(actions={name: read()})
    assert at == ("actions", name)
    assert "is no name for an action" in said


def test_a_name_stands_for_one_action():
    assert problems_of(actions={"open": read(), "close": read(aliases=("open",))}) == [
        (("actions", "close", "aliases"), "open already names an action")
    ]


def test_stop_is_nobody_elses_name():
    assert problems_of(actions={"stop": read()}) == [
        (("actions", "stop"), 'stop is no name for an action: write a table "stop" instead')
    ]


def test_a_stop_takes_no_argument():
    stop = StopRule(characteristic=LEVEL, payload=parse_template("{u8}"))
    assert problems_of(actions={}, stop=stop) == [
        (("stop", "payload"), "stop: '{u8}' must be plain bytes: a stop takes no argument")
    ]


def test_a_profile_that_does_nothing_is_refused():
    assert problems_of(actions={}) == [(("actions",), "a profile needs at least one action, or a stop")]
