"""The settings file: what is in it arrives, and every mistake is told with its line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gattkeeper.daemon.settings import Settings, book_of, explain, load_settings
from gattkeeper.daemon.settings_model import (
    BluezAdapter,
    BumbleAdapter,
    DeviceSettings,
    JournalSettings,
    KeeperSettings,
    LogLevel,
    VirtualAdapter,
)
from gattkeeper.devices.toml_file import parse_toml
from gattkeeper.errors import SettingsError
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.ports import DeviceRules

EXAMPLE = Path(__file__).parents[2] / "docs" / "settings.example.toml"
DEVICE = '[devices.lounge]\naddress = "F0:00:00:00:00:01"\n'
NO_ADDRESS = "is not a Bluetooth address: six hex pairs are expected, as in F0:00:00:00:00:01"


def load(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def mistakes(tmp_path, text):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    return str(caught.value).split("\n")


def test_the_example_loads_and_shows_the_defaults():
    settings = load_settings(EXAMPLE)
    assert settings.keeper == KeeperSettings()
    assert settings.adapters == {
        "built_in": BluezAdapter(),
        "stick": BumbleAdapter(transport="usb:0"),
        "demo": VirtualAdapter(),
    }
    book = book_of(settings)
    assert book.names() == ("lounge", "kitchen", "desk")
    assert book.members("downstairs") == ("lounge", "kitchen")
    assert book.act("lounge", "target_percent", 73).label == "set_position 73"
    assert book.act("desk", "brightness", 5).coalesce_key == "set_level"


def test_the_example_names_every_key():
    text = re.sub(r"^# (?=\w+ = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    table = parse_toml("example", text).table
    keeper, adapters, devices = (table[key] for key in ("keeper", "adapters", "devices"))
    assert set(keeper) == set(KeeperSettings.__struct_fields__)
    assert set(keeper["timeouts"]) == set(type(KeeperSettings().timeouts).__struct_fields__)
    for shape, name in ((BluezAdapter, "built_in"), (BumbleAdapter, "stick"), (VirtualAdapter, "demo")):
        assert set(adapters[name]) == {"link", *shape.__struct_fields__}
    fields = next(iter(load_settings(EXAMPLE).devices.values())).__struct_fields__
    assert set().union(*devices.values()) == set(fields)


def test_an_empty_file_is_one_adapter_and_no_device(tmp_path):
    settings = load(tmp_path, "")
    assert settings == Settings()
    assert settings.adapters == {"default": BluezAdapter()}
    assert book_of(settings).names() == ()


def test_what_is_set_is_in_force(tmp_path):
    settings = load(
        tmp_path,
        """
        [keeper]
        socket = "keeper.sock"
        journal = "/var/x.db"
        log_level = "debug"
        stop_grace = 0
        timeouts.gatt = 2
        [devices.lounge]
        address = "f0:00:00:00:00:01"
        safety = true
        linger = 0.5
        profile = "virtual_blind"
        """,
    )
    assert settings.keeper.socket == tmp_path / "keeper.sock"
    assert settings.keeper.journal == Path("/var/x.db")
    assert settings.keeper.log_level is LogLevel.DEBUG
    assert (settings.keeper.stop_grace, settings.keeper.timeouts.gatt) == (0.0, 2.0)
    address = parse_address("F0:00:00:00:00:01")
    assert book_of(settings).rules("lounge") == DeviceRules(address=address, safety=True, linger_us=500_000)


@pytest.mark.parametrize("default", [True, False])
def test_payloads_are_kept_as_the_device_says_and_else_as_the_journal_does(default):
    address = parse_address("F0:00:00:00:00:01")
    devices = {
        name: DeviceSettings(address=replace(address, value=f"F0:00:00:00:00:0{number}"), journal_payloads=said)
        for number, (name, said) in enumerate({"kept": True, "not": False, "silent": None}.items())
    }
    book = book_of(Settings(devices=devices, journal=JournalSettings(payloads=default)))
    kept = [book.rules(name).journal_payloads for name in (*devices, "F0:00:00:00:00:99")]
    assert kept == [True, False, default, default]


LOCK = """
[profiles.lock]
security = "secure_connections"
[profiles.lock.actions.level]
operation = "read"
characteristic = "fe51"
[devices.front]
address = "F0:00:00:00:00:01/public"
profile = "lock"
"""


def test_a_device_demands_what_it_says_itself_or_else_its_profile(tmp_path):
    stick = '[adapters.stick]\nlink = "bumble"\ntransport = "usb:0"\n'
    back = '[devices.back]\naddress = "F0:00:00:00:00:01/random"\nprofile = "lock"\nsecurity = "encrypted"'
    settings = load(tmp_path, stick + LOCK + back)
    book = book_of(settings)
    assert [book.rules(name).security.value for name in book.names()] == ["secure_connections", "encrypted"]
    words = "F0:00:00:00:00:01/public, lock, idle connection kept 8 s, security: secure_connections"
    assert words in explain(settings)


def test_a_demand_that_bluez_cannot_prove_is_told_with_its_device(tmp_path):
    (mistake,) = mistakes(tmp_path, LOCK)
    assert mistake.startswith("settings.toml:7: front demands security 'secure_connections', and nobody can tell")


def test_a_path_may_start_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load(tmp_path, '[keeper]\njournal = "~/x.db"').keeper.journal == Path("/home/somebody/x.db")
    assert mistakes(tmp_path, '[keeper]\njournal = "~no-such-user-here/x.db"') == [
        "settings.toml:2: journal: '~no-such-user-here/x.db': there is no such home folder"
    ]


@pytest.mark.parametrize("value", ["5", '""', '"\\u0000"'])
def test_a_path_that_is_none_is_refused(tmp_path, value):
    (mistake,) = mistakes(tmp_path, f"[keeper]\nsocket = {value}")
    assert mistake.startswith("settings.toml:2: socket: a path in quotes is expected, not ")


def test_every_mistake_is_told_with_its_line(tmp_path):
    text = """\
[keeper]
sokcet = "x"
queue_max = 0
ageing = inf
[adapters.stick]
link = "usb"
[devices.lounge]
address = "F0:00:00:00:00:1"
linger = "long"
[devices.kitchen]
address = 5
profile = "virtual_blnd"
[profiles.lamp.actions.set]
operation = "write"
characteristic = "fe51"
payload = "{u8}"
[profiles.fan.actions.set]
characteristic = "fe51"
[extra]
"""
    assert mistakes(tmp_path, text) == [
        "settings.toml:2: unknown key 'sokcet'; did you mean socket?",
        "settings.toml:3: queue_max takes a whole number from 1 to 1000000, not 0",
        "settings.toml:4: ageing takes a number of more than 0 and at most 86400, not inf",
        "settings.toml:6: link takes one of bluez, bumble, virtual, not 'usb'",
        f"settings.toml:8: address: 'F0:00:00:00:00:1' {NO_ADDRESS}",
        "settings.toml:9: linger takes a number from 0 to 3600, not 'long'",
        "settings.toml:11: address: an address in quotes is expected, as in F0:00:00:00:00:01, not 5",
        "settings.toml:16: set: '{u8}' has a place for a value, but the action takes no argument",
        "settings.toml:17: operation takes one of read, write, not nothing",
        "settings.toml:19: unknown key 'extra'; there are keeper, journal, adapters, devices, profiles",
    ]


@pytest.mark.parametrize("key", ["keeper", "adapters", "devices", "profiles"])
def test_a_table_that_is_none_is_refused(tmp_path, key):
    assert f"settings.toml:1: {key} takes a table of keys, not 5" in mistakes(tmp_path, f"{key} = 5")


def test_the_value_of_an_unknown_key_is_never_repeated(tmp_path):
    text = 'token = "hunter2"\n[keeper]\npassword = "hunter2"\n[keeper.sockets]\nsecret = "hunter2"'
    assert "hunter2" not in "".join(mistakes(tmp_path, text))
    assert "hunter2" not in "".join(mistakes(tmp_path, 'token = "hunter2'))


def test_a_profile_may_be_in_the_file_or_beside_it_or_shipped(tmp_path):
    lamp = '[actions.NAME]\noperation = "read"\ncharacteristic = "fe51"\n'
    (tmp_path / "lamp.toml").write_text(lamp.replace("NAME", "beside"), encoding="utf-8")
    inside = lamp.replace("actions.NAME", "profiles.NAME.actions.inside")
    for profile, action in (("lamp.toml", "beside"), ("lamp", "inside"), ("virtual_blind", "inside")):
        settings = load(tmp_path, f'{DEVICE}profile = "{profile}"\n{inside.replace("NAME", profile)}'
                        if action == "inside" else f'{DEVICE}profile = "{profile}"\n')  # fmt: skip
        assert book_of(settings).actions("lounge") == (action,)
    shipped = load(tmp_path, f'{DEVICE}profile = "virtual_blind"\n')
    assert "set_position" in book_of(shipped).actions("lounge")


def test_mistakes_in_a_profile_of_its_own_name_that_file_once(tmp_path):
    (tmp_path / "lamp.toml").write_text('[actions.level]\noperation = "read"\n', encoding="utf-8")
    text = DEVICE + 'profile = "lamp.toml"\n[devices.desk]\naddress = "F0:00:00:00:00:02"\nprofile = "lamp.toml"\n'
    assert mistakes(tmp_path, text) == ["lamp.toml:1: characteristic is missing in level"]
    (tmp_path / "lamp.toml").unlink()
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.endswith("lamp.toml: there is no such file")


@pytest.mark.parametrize(
    ("profile", "hint"),
    [("virtual_blnd", "did you mean virtual_blind?"), ("zzz", "there are virtual_blind;")],
)
def test_an_unknown_profile_gets_a_hint(tmp_path, profile, hint):
    assert mistakes(tmp_path, f'{DEVICE}profile = "{profile}"\n') == [
        f"settings.toml:3: no profile is called '{profile}'; {hint} a file is named with its ending, .toml"
    ]


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(SettingsError, match="there is no such file"):
        load_settings(tmp_path / "nothing.toml")


SCALARS = st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "fe51", "{u8}", "read", "bluez"])
KEYS = st.sampled_from(
    ["keeper", "socket", "adapters", "link", "devices", "address", "virtual", "profiles", "actions", "operation",
     "characteristic", "payload", "argument", "values", "stop", "x"]
)  # fmt: skip
TABLES = st.dictionaries(KEYS, st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, max_size=3)))


def spell(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {spell(item)}" for key, item in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


@given(TABLES)
def test_any_table_is_settings_or_mistakes(tmp_path_factory, table):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{key} = {spell(value)}" for key, value in table.items()), encoding="utf-8")
    try:
        load_settings(path)
    except SettingsError as error:
        assert all(line.startswith("any.toml:") for line in str(error).split("\n"))
