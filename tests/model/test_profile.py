"""Profiles as data: which setpoint an action moves, and the order of things that never change."""

import msgspec
import pytest

from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.profile import (
    Choice,
    Part,
    PartKind,
    Profile,
    ReadAction,
    Template,
    WriteAction,
    setpoint_of,
)

TARGET = characteristic_ref("fe51")
BYTE = Template(text="{u8}", parts=(Part(kind=PartKind.U8),))


@pytest.mark.parametrize(
    ("setpoint", "expected"), [(False, ""), (True, "set_level"), ("position", "position")], ids=str
)
def test_a_setpoint_is_named_after_the_action_or_shared_by_name(setpoint, expected):
    action = WriteAction(characteristic=TARGET, payload=BYTE, setpoint=setpoint)
    assert setpoint_of("set_level", action) == expected


def test_a_read_moves_no_setpoint():
    assert setpoint_of("level", ReadAction(characteristic=TARGET)) == ""


def test_a_profile_survives_the_way_through_json():
    profile = Profile(
        actions={
            "level": ReadAction(characteristic=TARGET, decode=BYTE, unit="%"),
            "mode": WriteAction(characteristic=TARGET, payload=BYTE, argument=Choice(values={"heat": 1})),
        }
    )
    assert msgspec.json.decode(msgspec.json.encode(profile), type=Profile) == profile
