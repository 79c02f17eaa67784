"""Profiles from TOML: those that are shipped, and those of users with their mistakes."""

import asyncio
import re
from pathlib import Path

import pytest

from gattkeeper.devices import codec
from gattkeeper.devices.arguments import understand
from gattkeeper.devices.profile_file import load_profile, shipped_profile, shipped_profiles
from gattkeeper.errors import SettingsError
from gattkeeper.model.command import Priority
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.profile import (
    Choice,
    Integer,
    Number,
    PartKind,
    Raw,
    ReadAction,
    ReadBackRule,
    StopRule,
    WriteAction,
)
from gattkeeper.world.virtual_blind import VirtualBlind

DOCUMENT = Path(__file__).parents[2] / "docs" / "profiles.md"


def write(tmp_path, text):
    path = tmp_path / "lamp.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_is_sound(name):
    assert shipped_profile(name).actions


def test_the_blind_of_the_virtual_world_has_its_profile():
    assert "virtual_blind" in shipped_profiles()
    profile = shipped_profile("virtual_blind")

    async def use():
        blind = VirtualBlind("lounge", "F0:00:00:00:00:01", position=40)
        device = blind.device
        battery = device.characteristic("2a19").value
        for name, given in (("set_position", 73), ("open", None), ("close", None)):
            action = profile.actions[name]
            assert isinstance(action, WriteAction)
            raw = understand(action.argument, given).value
            payload = codec.encode(action.payload, raw)
            device.write(device.characteristic(action.characteristic.uuid), payload)
            assert action.read_back is not None
            read = device.read(device.characteristic(action.read_back.characteristic.uuid))
            assert read == codec.encode(action.read_back.equals, raw)
        assert blind.target == 0
        assert blind.moving
        stop = profile.stop
        assert stop is not None
        device.write(device.characteristic(stop.characteristic.uuid), codec.encode(stop.payload, None))
        assert not blind.moving
        for name, expected in (("position", blind.position), ("battery", battery[0])):
            action = profile.actions[name]
            assert isinstance(action, ReadAction)
            assert action.decode is not None
            read = device.read(device.characteristic(action.characteristic.uuid))
            assert codec.decode(action.decode, read) == expected
        assert [len(applied.payload) for applied in device.applied] == [1, 1, 1, 1]

    asyncio.run(use())


def test_the_profile_in_the_documentation_makes_the_published_frames(tmp_path):
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    profile = load_profile(write(tmp_path, found[1]))
    move = profile.actions["set_position"]
    assert isinstance(move, WriteAction)
    frames = {
        percent: codec.encode(move.payload, codec.to_raw(percent, move.scale, move.offset)).hex()
        for percent in (0, 1, 50, 99, 100)
    }
    assert frames == {
        100: "00ff00009a0d010096",
        99: "00ff00009a0d010197",
        50: "00ff00009a0d0132a4",
        1: "00ff00009a0d0163f5",
        0: "00ff00009a0d0164f2",
    }
    assert profile.stop is not None
    assert codec.encode(profile.stop.payload, None).hex() == "00ff00009a0a01cc5d"


def test_the_documentation_has_every_key_and_placeholder():
    text = DOCUMENT.read_text(encoding="utf-8")
    keys = {
        name for shape in (ReadAction, WriteAction, StopRule, ReadBackRule) for name in shape.__struct_fields__
    }
    arguments = {str(shape.__struct_config__.tag) for shape in (Integer, Number, Choice, Raw)}
    placeholders = {f"{{{kind.value}}}" for kind in PartKind if kind is not PartKind.LITERAL}
    assert [key for key in keys if not re.search(rf"\b{key}\b", text)] == []
    assert [word for word in arguments if f'type = "{word}"' not in text] == []
    assert [word for word in placeholders if f"`{word}`" not in text] == []


def test_the_keys_of_a_file_arrive(tmp_path):
    text = """
        [actions.level]
        operation = "read"
        characteristic = "180f/2a19"
        decode = "{u8}"
        priority = "background"
        attempt_timeout = 2
        """
    profile = load_profile(write(tmp_path, text))
    level = profile.actions["level"]
    assert level.characteristic == characteristic_ref(("180f", "2a19"))
    assert level.priority is Priority.BACKGROUND
    assert level.attempt_timeout == 2.0
    assert profile.stop is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('characteristic = "2a1"', "lamp.toml:4: characteristic: '2a1' is not a UUID"),
        ('characteristic = "x/2a19"', "lamp.toml:4: characteristic: 'x' is not a UUID"),
        ("characteristic = 10777", 'lamp.toml:4: characteristic: a UUID in quotes is expected, as in "2a19"'),
        ('characteristic = "2a19"\npayload = 1', "lamp.toml:5: payload: hex bytes in quotes are expected"),
        ('characteristic = "2a19"\npriority = "urgent"', "lamp.toml:5: priority: one of interactive, normal, back"),
        ('characteristic = "2a19"\nmode = "loud"', "lamp.toml:5: mode takes one of with_response, without_response"),
        ('characteristic = "2a19"\nattempt_timeout = 0', "lamp.toml:5: attempt_timeout takes a number of more than 0"),
        ('charcteristic = "2a19"', "lamp.toml:4: unknown key 'charcteristic'; did you mean characteristic?"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path, line, message):
    text = f'# a lamp\n[actions.set]\noperation = "write"\n{line}\n'
    with pytest.raises(SettingsError) as caught:
        load_profile(write(tmp_path, text))
    assert message in str(caught.value)


def test_an_operation_that_is_none_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="lamp.toml:2: operation takes one of read, write, not 'blink'"):
        load_profile(write(tmp_path, '[actions.set]\noperation = "blink"\n'))


def test_a_file_without_actions_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="lamp.toml:1: actions is missing"):
        load_profile(write(tmp_path, ""))
