"""The book: names lead to devices, actions to commands, and mistakes to sentences."""

import math

import pytest

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.devices.codec import parse_template
from gattkeeper.devices.profile_file import shipped_profile
from gattkeeper.errors import InvalidCommandError, UnknownDeviceError, UnsupportedError
from gattkeeper.model.command import Command, Priority, ReadBack, problem_with
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Service, characteristic_ref, normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Disconnect, DiscoverServices, Read, ReadRssi, RequestMtu, Write, WriteMode
from gattkeeper.model.profile import Choice, Integer, Profile, Raw, ReadAction, ReadBackRule, StopRule, WriteAction
from gattkeeper.runtime.ports import DeviceBook, DeviceRules
from gattkeeper.world.virtual_blind import BLIND_MOTOR, BLIND_POSITION, BLIND_TARGET

LOUNGE, KITCHEN, DESK = (parse_address(f"F0:00:00:00:00:0{number}") for number in (1, 2, 3))
LEVEL = characteristic_ref("fe51")
BYTE = parse_template("{u8}")

LAMP = Profile(
    actions={
        "set_level": WriteAction(
            characteristic=LEVEL,
            payload=BYTE,
            argument=Integer(min=0, max=100),
            setpoint=True,
            mode=WriteMode.WITHOUT_RESPONSE,
            attempt_timeout=1.5,
            deadline=9.0,
            read_back=ReadBackRule(characteristic=LEVEL, equals=BYTE, required=True),
        ),
        "dim": WriteAction(
            characteristic=LEVEL, payload=BYTE, argument=Integer(min=0, max=100), scale=-1.0, offset=100.0
        ),
        "mode": WriteAction(
            characteristic=LEVEL, payload=BYTE, argument=Choice(values={"warm": 7}), idempotent=True, scale=2.0
        ),
        "tap": WriteAction(
            characteristic=LEVEL,
            payload=parse_template("05 {token}"),
            read_back=ReadBackRule(characteristic=LEVEL, equals=parse_template("{token}"), absence=True),
        ),
        "raw": WriteAction(characteristic=LEVEL, payload=parse_template("{bytes}"), argument=Raw(length_max=4)),
        "toggle": WriteAction(characteristic=LEVEL, payload=parse_template("02")),
        "level": ReadAction(characteristic=LEVEL, decode=BYTE, unit="%"),
        "name": ReadAction(characteristic=characteristic_ref("2a00"), decode=parse_template("{text}")),
        "key": ReadAction(characteristic=characteristic_ref("2a01"), decode=parse_template("01 {bytes}")),
        "plain": ReadAction(characteristic=characteristic_ref("2a02")),
        "celsius": ReadAction(
            characteristic=characteristic_ref(("181a", "2a6e")),
            decode=parse_template("{i16le}"),
            scale=0.01,
            unit="°C",
        ),
        "kelvin": ReadAction(
            characteristic=characteristic_ref("2a6e"), decode=parse_template("{i16le}"), scale=0.01, offset=273.15
        ),
    }
)


def entry(name, address, **more):
    return Entry(name=name, rules=DeviceRules(address=address), **more)


BLIND = shipped_profile("virtual_blind")
BOOK = ProfileBook(
    [
        entry("lounge", LOUNGE, profile=BLIND, groups=("downstairs", "blinds")),
        entry("kitchen", KITCHEN, profile=BLIND, groups=("downstairs",)),
        entry("desk", DESK, profile=LAMP),
    ]
)
TYPED: DeviceBook = BOOK  # the shape that the runtime asks for


def test_names_and_groups():
    assert BOOK.names() == ("lounge", "kitchen", "desk")
    assert BOOK.members("downstairs") == ("lounge", "kitchen")
    assert BOOK.members("blinds") == ("lounge",)
    assert BOOK.members("desk") == ("desk",)
    assert BOOK.members("all") == ("lounge", "kitchen", "desk")


def test_an_address_is_the_device_that_has_it():
    assert BOOK.rules("f0-00-00-00-00-01").address == LOUNGE
    assert BOOK.members("f0:00:00:00:00:01") == ("lounge",)
    assert BOOK.act("f0:00:00:00:00:01", "open", None).device == "lounge"


def test_an_address_that_nobody_has_is_a_device_without_actions():
    assert BOOK.rules("f0:00:00:00:00:09") == DeviceRules(address=parse_address("F0:00:00:00:00:09"))
    assert BOOK.members("f0:00:00:00:00:09") == ("F0:00:00:00:00:09",)
    assert BOOK.actions("f0:00:00:00:00:09") == ()
    with pytest.raises(UnsupportedError, match="F0:00:00:00:00:09 has no profile, so it has no actions"):
        BOOK.act("f0:00:00:00:00:09", "open", None)
    assert isinstance(BOOK.stop("f0:00:00:00:00:09").operation, Disconnect)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BOOK.rules("lonuge"), "^no device is called 'lonuge'; did you mean lounge"),
        (lambda: BOOK.rules("zzz"), "^no device is called 'zzz'; known: lounge, kitchen, desk$"),
        (lambda: BOOK.members("downstars"), "^no device or group is called 'downstars'; did you mean downstairs"),
        (lambda: BOOK.act("", "open", None), "^no device is called ''"),
        (lambda: BOOK.stop("Lounge"), "did you mean lounge"),
        (lambda: ProfileBook([]).rules("lounge"), "the settings name none: add it there, or use an address"),
    ],
)
def test_an_unknown_device_gets_a_hint(call, message):
    with pytest.raises(UnknownDeviceError, match=message):
        call()


def test_the_list_of_devices_is_short_however_many_there_are():
    book = ProfileBook(entry(f"lamp{n}", parse_address(f"F0:00:00:00:00:{n:02X}")) for n in range(200))
    with pytest.raises(UnknownDeviceError) as caught:
        book.rules("x" * 100_000)
    assert "and 190 more" in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
@pytest.mark.parametrize("action", ["set_position", "target_percent"])
def test_a_position_becomes_a_write(action, percent):
    target = CharacteristicRef(uuid=BLIND_TARGET)
    payload = bytes([percent])
    assert BOOK.act("lounge", action, str(percent)) == Command(
        device="lounge",
        operation=Write(target=target, payload=payload),
        priority=Priority.INTERACTIVE,
        idempotent=True,
        coalesce_key="position",
        survive_reconnect=True,
        read_back=ReadBack(target=target, expected=payload),
        label=f"set_position {percent}",
    )


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_a_device_that_counts_the_other_way(percent):
    command = BOOK.act("desk", "dim", percent)
    assert isinstance(command.operation, Write)
    assert command.operation.payload == bytes([100 - percent])
    assert command.label == f"dim {percent}"


def test_all_that_moves_the_blind_shares_one_setpoint():
    keys = {BOOK.act("lounge", name, given).coalesce_key for name, given in (("open", None), ("close", None))}
    assert keys == {BOOK.act("lounge", "set_position", 5).coalesce_key} == {"position"}


def test_the_words_of_a_rule_reach_the_command():
    command = BOOK.act("desk", "set_level", 5)
    assert command == Command(
        device="desk",
        operation=Write(target=LEVEL, payload=b"\x05", mode=WriteMode.WITHOUT_RESPONSE),
        attempt_timeout_us=1_500_000,
        deadline_us=9_000_000,
        idempotent=True,
        coalesce_key="set_level",
        survive_reconnect=True,
        read_back=ReadBack(target=LEVEL, expected=b"\x05"),
        require_read_back=True,
        label="set_level 5",
    )


def test_a_token_is_another_one_in_each_command_and_the_same_in_its_read_back():
    book = ProfileBook([entry("desk", DESK, profile=LAMP)], tokens=iter((7, 8)))
    first, second = book.act("desk", "tap", None), book.act("desk", "tap", None)
    assert [one.operation.payload.hex() for one in (first, second)] == ["0500000007", "0500000008"]
    assert second.read_back == ReadBack(target=LEVEL, expected=b"\0\0\0\x08", proves_absence=True)
    assert (first.token, second.token, book.act("desk", "toggle", None).token) == (7, 8, 0)
    assert BOOK.act("desk", "tap", None).token != BOOK.act("desk", "tap", None).token


def test_a_toggle_is_not_repeated_and_replaces_nothing():
    command = BOOK.act("desk", "toggle", None)
    assert (command.idempotent, command.coalesce_key, command.survive_reconnect) == (False, "", True)


def test_a_word_and_bytes_go_into_the_payload_as_they_are():
    for action, given, payload in (("mode", "warm", b"\x07"), ("raw", "0A0b", b"\x0a\x0b")):
        command = BOOK.act("desk", action, given)
        assert isinstance(command.operation, Write)
        assert command.operation.payload == payload
        assert command.label == f"{action} {given.lower()}"
    assert BOOK.act("desk", "mode", "warm").idempotent


def test_a_read_becomes_a_read():
    command = BOOK.act("lounge", "position", None)
    assert command.operation == Read(target=CharacteristicRef(uuid=BLIND_POSITION))
    assert command.label == "position"
    assert command.survive_reconnect


@pytest.mark.parametrize("given", [101, "73.5", "abc", "", None, math.nan, math.inf])
def test_a_wrong_argument_is_refused(given):
    with pytest.raises(InvalidCommandError, match="^set_position takes a whole number from 0 to 100, not "):
        BOOK.act("lounge", "target_percent", given)


@pytest.mark.parametrize("action", ["open", "position"])
def test_an_argument_too_many_is_refused(action):
    with pytest.raises(InvalidCommandError, match=f"^{action} takes no argument, not 5$"):
        BOOK.act("lounge", action, 5)


def test_an_unknown_action_gets_a_hint():
    with pytest.raises(UnsupportedError, match="lounge has no action 'set_postion'; did you mean set_position"):
        BOOK.act("lounge", "set_postion", 5)


def test_the_stop_of_the_profile_is_urgent_and_may_pass():
    stop = Command(
        device="lounge",
        operation=Write(target=CharacteristicRef(uuid=BLIND_MOTOR), payload=b"\x00"),
        priority=Priority.URGENT,
        idempotent=True,
        stop=True,
        may_bypass=True,
        label="stop",
    )
    assert BOOK.stop("lounge") == stop


def test_a_stop_is_no_action_but_shown_the_way():
    assert "stop" not in BOOK.actions("lounge")
    for device in ("lounge", "desk", "F0:00:00:00:00:09"):
        with pytest.raises(UnsupportedError, match="^stop is no action: .* `gattkeeper stop`$"):
            BOOK.act(device, "stop", None)


def test_without_a_stop_of_its_own_a_device_is_disconnected():
    command = BOOK.stop("desk")
    assert (command.operation, command.stop, command.may_bypass) == (Disconnect(), True, False)


def test_a_stop_without_response_is_sent_without():
    rule = StopRule(characteristic=LEVEL, payload=parse_template("00"), mode=WriteMode.WITHOUT_RESPONSE)
    book = ProfileBook([entry("fan", DESK, profile=Profile(actions={}, stop=rule))])
    operation = book.stop("fan").operation
    assert isinstance(operation, Write)
    assert operation.mode is WriteMode.WITHOUT_RESPONSE


def test_every_command_of_a_book_is_well_formed():
    given = {"set_position": 5, "set_level": 5, "dim": 5, "mode": "warm", "raw": "00"}
    for device in BOOK.names():
        for action in BOOK.actions(device):
            assert problem_with(BOOK.act(device, action, given.get(action))) == ""
        assert problem_with(BOOK.stop(device)) == ""


@pytest.mark.parametrize(
    ("device", "action", "payload", "text"),
    [
        ("lounge", "position", b"\x37", "55 %"),
        ("lounge", "battery", b"\x57", "87 %"),
        ("desk", "level", b"\x05\xff", "5 %"),
        ("desk", "level", b"", ""),
        ("desk", "name", b"desk\x1b[2J\x00", "desk\ufffd[2J"),
        ("desk", "name", b"\xff\xfe", "ff fe"),
        ("desk", "key", b"\x01\xab\xcd", "ab cd"),
        ("desk", "key", b"\x02\xab", "02 ab"),
        ("desk", "plain", b"\x01\x02", "01 02"),
        ("desk", "celsius", b"\xf6\xff", "-0.1 °C"),
        ("desk", "kelvin", b"\xf6\xff", "273.05"),
    ],
)
def test_a_value_is_told_to_people(device, action, payload, text):
    assert BOOK.describe(BOOK.act(device, action, None), payload) == text


def test_a_read_by_characteristic_is_decoded_too():
    assert (
        BOOK.describe(Command(device="lounge", operation=Read(target=characteristic_ref("2a19"))), b"\x57")
        == "87 %"
    )
    by_handle = Command(device="lounge", operation=Read(target=characteristic_ref(12)))
    assert BOOK.describe(by_handle, b"\x57") == "57"
    other_service = Command(device="lounge", operation=Read(target=characteristic_ref(("1815", "2a19"))))
    assert BOOK.describe(other_service, b"\x57") == "57"
    bare = Command(device="F0:00:00:00:00:09", operation=Read(target=LEVEL))
    assert BOOK.describe(bare, b"\x57") == "57"


def test_other_values_are_told_with_their_unit():
    level = Characteristic(uuid=normal_uuid("fe51"), service=normal_uuid("fe50"), handle=3, properties=2)
    services = (Service(uuid=normal_uuid("fe50"), handle=1, characteristics=(level,)),)
    for operation, value, text in (
        (ReadRssi(), -61, "-61 dBm"),
        (RequestMtu(), 247, "247 bytes"),
        (DiscoverServices(), services, "services: 1, characteristics: 1"),
        (Write(target=LEVEL, payload=b"1"), None, ""),
        (Write(target=LEVEL, payload=b"1"), b"\x01", "01"),
    ):
        assert BOOK.describe(Command(device="desk", operation=operation), value) == text


def test_two_devices_of_one_address_are_told_apart_by_its_kind():
    public, random = (parse_address(f"F0:00:00:00:00:09/{kind}") for kind in ("public", "random"))
    book = ProfileBook(
        [
            Entry(name="one", rules=DeviceRules(address=public)),
            Entry(name="other", rules=DeviceRules(address=random)),
        ]
    )
    assert book.name_of("f0:00:00:00:00:09/public") == "one"
    assert book.name_of("f0:00:00:00:00:09/random") == "other"
    with pytest.raises(
        UnknownDeviceError, match="is the address of two devices: F0:00:00:00:00:09/public is one and"
    ):
        book.name_of("F0:00:00:00:00:09")


def test_an_address_is_its_devices_name_with_the_kind_that_was_said():
    book = ProfileBook([Entry(name="one", rules=DeviceRules(address=LOUNGE))])
    assert book.name_of(f"{LOUNGE.value}/random") == "one"
    assert book.name_of(f"{DESK.value}/random") == f"{DESK.value}/random"
    assert book.rules(f"{DESK.value}/random").address == parse_address(f"{DESK.value}/random")
    assert book.name_of(DESK.value) == DESK.value
