"""Names, addresses and references that do not fit together are found."""

import pytest

from gattkeeper.daemon.settings_checks import security_problems, settings_problems
from gattkeeper.daemon.settings_model import (
    BluezAdapter,
    BumbleAdapter,
    DeviceSettings,
    JournalSettings,
    KeeperSettings,
    Settings,
    VirtualAdapter,
)
from gattkeeper.links.bumble_names import EXAMPLES
from gattkeeper.model.identity import parse_address
from gattkeeper.model.profile import Profile
from gattkeeper.model.security import SecurityLevel

STRICT = Profile(actions={}, security=SecurityLevel.AUTHENTICATED)
HCI0, HCI1, AIR = BluezAdapter(), BluezAdapter(adapter="hci1"), VirtualAdapter()


def device(number=1, **more):
    return DeviceSettings(address=parse_address(f"F0:00:00:00:00:{number:02X}"), **more)


def device_at(kind, **more):
    return DeviceSettings(address=parse_address(f"F0:00:00:00:00:01{kind}"), **more)


def problems_of(**parts):
    settings = Settings(**parts)
    return [(problem.at, problem.text) for problem in settings_problems(settings, set(settings.adapters))]


@pytest.mark.parametrize("name", ["lounge", "küche", "a.b-c_d", "1", "x" * 64])
def test_a_usable_name_passes(name):
    adapters = {"one": HCI0, "two": BluezAdapter(adapter="00:11:22:33:44:55"), "air": AIR, "sky": AIR}
    assert problems_of(adapters=adapters, devices={name: device(adapter="two", groups=("hall", "up"))}) == []


def test_checkpoints_go_to_places_that_there_are():
    at = ("journal", "checkpoint_push")
    assert problems_of(journal=JournalSettings(checkpoint_push=("syslog", "journald", "file:/mnt/a"))) == []
    ((where, text),) = problems_of(journal=JournalSettings(checkpoint_push=("syslog", "mqtt")))
    assert (where, "'mqtt' is no place for checkpoints" in text) == (at, True)
    nothing = JournalSettings(checkpoint_keys="none", checkpoint_push=("syslog",))
    assert "leaves nothing to push" in problems_of(journal=nothing)[0][1]


def test_a_loop_that_is_not_installed_is_refused_with_what_to_do(monkeypatch):
    fast = KeeperSettings(event_loop="uvloop")
    assert problems_of(keeper=fast) == []
    monkeypatch.setattr("gattkeeper.daemon.event_loop.find_spec", lambda _name: None)
    ((where, text),) = problems_of(keeper=fast)
    assert where == ("keeper", "event_loop")
    assert 'pip install "gattkeeper[fast]"' in text
    assert problems_of(keeper=KeeperSettings()) == []


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a#", "-a", "x" * 65, "a\n"])
def test_an_unusable_name_is_refused(name):
    for parts in ({"devices": {name: device()}}, {"adapters": {name: HCI0}}):
        ((_, text),) = problems_of(**parts)
        assert "is no name for a" in text


@pytest.mark.parametrize("name", ["F0:00:00:00:00:01", "f0-00-00-00-00-02"])
def test_a_device_is_not_called_like_an_address(name):
    assert problems_of(devices={name: device()}) == [
        (("devices", name), f"{name} is an address: give the device a name of its own")
    ]


def test_all_is_every_device():
    text = '"all" already stands for every device: give the {} another name'
    assert problems_of(devices={"all": device()}) == [(("devices", "all"), text.format("device"))]
    at = ("devices", "lounge", "groups")
    assert problems_of(devices={"lounge": device(groups=("all",))}) == [(at, text.format("group"))]


def test_two_devices_have_two_addresses():
    assert problems_of(devices={"lounge": device(1), "kitchen": device(1), "hall": device(2)}) == [
        (("devices", "kitchen", "address"), "kitchen has the address of lounge: one of the two must go")
    ]


@pytest.mark.parametrize(("one", "other"), [("", "/random"), ("/public", "")])
def test_an_address_whose_kind_is_not_said_may_be_any(one, other):
    devices = {"lounge": device_at(one), "kitchen": device_at(other)}
    ((at, text),) = problems_of(devices=devices)
    assert at == ("devices", "kitchen", "address")
    assert text.endswith("one of the two must go, or both say of which kind theirs is, with /public or /random")


def test_a_public_and_a_random_address_are_two():
    assert problems_of(devices={"lounge": device_at("/public"), "kitchen": device_at("/random")}) == []


def test_a_virtual_device_has_a_random_address():
    devices = {"lounge": device_at("/public", virtual="blind")}
    ((at, text),) = problems_of(adapters={"air": AIR}, devices=devices)
    assert at == ("devices", "lounge", "address")
    assert "random static addresses" in text


def demanding(adapter, **more):
    settings = Settings(adapters={"one": adapter}, devices={"lock": device(**more)}, profiles={"strict": STRICT})
    return [(problem.at, problem.text) for problem in security_problems(settings)]


def test_what_no_adapter_could_prove_is_not_demanded_of_it():
    ((at, text),) = demanding(HCI0, security=SecurityLevel.ENCRYPTED)
    assert at == ("devices", "lock", "security")
    assert text.startswith("lock demands security 'encrypted', and nobody can tell")
    ((at, _),) = demanding(HCI0, profile="strict")
    assert at == ("devices", "lock", "security")
    assert demanding(HCI0, profile="strict", security=SecurityLevel.NONE) == []
    assert demanding(BumbleAdapter(transport="usb:0"), profile="strict") == []


def test_a_group_is_no_device_and_is_named_once():
    at = ("devices", "lounge", "groups")
    assert problems_of(devices={"lounge": device(1, groups=("hall", "up", "up")), "hall": device(2)}) == [
        (at, "the group hall has the name of a device: give it another"),
        (at, "lounge is in the same group twice"),
    ]


def test_two_adapters_are_two_radios():
    text = "two has the radio of one: one of the two must go"
    assert problems_of(adapters={"one": HCI0, "two": HCI0}) == [(("adapters", "two"), text)]
    usb = BumbleAdapter(transport="usb:0")
    assert problems_of(adapters={"one": usb, "two": usb}) == [(("adapters", "two"), text)]


@pytest.mark.parametrize("adapter", ["", "hci", "usb:0", "hci0; reboot"])
def test_a_bluez_adapter_is_a_name_or_an_address(adapter):
    ((at, text),) = problems_of(adapters={"one": BluezAdapter(adapter=adapter)})
    assert at == ("adapters", "one", "adapter")
    assert text.startswith("adapter takes a name such as hci0, or an adapter's address, not ")


def test_a_way_to_the_controller_is_needed():
    assert problems_of(adapters={"one": BumbleAdapter(transport="")}) == [
        (("adapters", "one", "transport"), f"transport '' is no transport: write for example {EXAMPLES}")
    ]


def test_no_adapter_at_all_is_refused():
    assert problems_of(adapters={}) == [
        (("adapters",), "adapters needs at least one; leave the table out for BlueZ's hci0")
    ]


def test_an_adapter_is_one_that_there_is():
    adapters, at = {"one": HCI0, "two": HCI1}, ("devices", "lounge", "adapter")
    for named, text in (
        ("onne", "no adapter is called 'onne'; did you mean one?"),
        ("xyz", "no adapter is called 'xyz'; there are one, two"),
        (("one", "onne"), "no adapter is called 'onne'; did you mean one?"),
        (("one", "two", "one"), "lounge names the same adapter twice"),
    ):
        assert problems_of(adapters=adapters, devices={"lounge": device(adapter=named)}) == [(at, text)]


@pytest.mark.parametrize("named", ["", "two", ("two", "one"), ()])
def test_a_device_names_its_adapter_or_several_or_none(named):
    assert problems_of(adapters={"one": HCI0, "two": HCI1}, devices={"lounge": device(adapter=named)}) == []


def test_virtual_adapters_share_one_radio_and_its_interval():
    adapters = {"air": AIR, "sky": VirtualAdapter(connection_interval=0.1)}
    text = "air, sky share one radio in memory: give them the same connection_interval"
    assert problems_of(adapters=adapters) == [(("adapters", "sky", "connection_interval"), text)]


def test_an_adapter_that_was_not_understood_is_still_known():
    settings = Settings(adapters={}, devices={"lounge": device(adapter="stick", virtual="blind")})
    assert list(settings_problems(settings, {"stick"})) == []


@pytest.mark.parametrize("adapter", ["", "default"])
def test_a_virtual_device_is_on_a_virtual_adapter(adapter):
    devices = {"lounge": device(adapter=adapter, virtual="blind")}
    assert problems_of(devices=devices, adapters={"default": AIR}) == []
    assert problems_of(devices=devices) == [
        (
            ("devices", "lounge", "virtual"),
            'lounge is virtual, but its adapter is not: use one with link = "virtual"',
        )
    ]


@pytest.mark.parametrize(
    "address", ["BF:00:00:00:00:01", "00:00:00:00:00:01", "01234567-89AB-CDEF-0123-456789ABCDEF"]
)
def test_a_virtual_device_has_an_address_that_it_may_choose(address):
    devices = {"lounge": DeviceSettings(address=parse_address(address), virtual="blind")}
    assert problems_of(devices=devices, adapters={"default": AIR}) == [
        (
            ("devices", "lounge", "address"),
            "lounge is virtual: its address begins with C0 to FF, as random static addresses do",
        )
    ]
