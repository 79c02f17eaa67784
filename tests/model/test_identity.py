"""How addresses are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.model.identity import AddressKind, DeviceAddress, looks_like_address, parse_address

PLATFORM_UUID = "6B8A6B0E-26C3-4C5A-A1B3-0D2F0E9C7A11"

six_bytes = st.binary(min_size=6, max_size=6)


@given(six_bytes, st.sampled_from(":-"), st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_every_spelling_of_six_bytes_is_one_address(six: bytes, dash: str, upper: bool, around: str) -> None:
    text = six.hex(dash)
    address = parse_address(around + (text.upper() if upper else text) + around)
    assert str(address) == six.hex(":").upper()
    assert parse_address(str(address)) == address


@given(st.text(max_size=40) | six_bytes.map(lambda six: six.hex()))
def test_looking_like_an_address_is_what_parsing_takes(text: str) -> None:
    try:
        parse_address(text)
    except ValueError:
        assert not looks_like_address(text)
    else:
        assert looks_like_address(text)


def test_the_uuid_that_macos_gives_is_kept_with_its_dashes() -> None:
    assert parse_address(PLATFORM_UUID.lower()).value == PLATFORM_UUID
    assert looks_like_address(PLATFORM_UUID)


def test_the_kind_is_kept_and_any_by_default() -> None:
    assert parse_address("F0:00:00:00:00:01").kind is AddressKind.ANY
    assert parse_address("F0:00:00:00:00:01", AddressKind.RANDOM).kind is AddressKind.RANDOM
    assert parse_address(PLATFORM_UUID, AddressKind.PUBLIC).kind is AddressKind.PUBLIC


@pytest.mark.parametrize("text", ["", "lounge", "F0:00:00:00:00", "F0:00:00:00:00:0G", "F0:00:00:00:00:01:02"])
def test_what_is_no_address_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="six hex pairs are expected, as in F0:00:00:00:00:01") as raised:
        parse_address(text)
    assert repr(text) in str(raised.value)
    assert not looks_like_address(text)


def test_addresses_sort_by_their_spelling() -> None:
    assert DeviceAddress(value="0A:00:00:00:00:01") < DeviceAddress(value="F0:00:00:00:00:01")


@pytest.mark.parametrize("kind", [AddressKind.PUBLIC, AddressKind.RANDOM])
def test_an_address_says_of_which_kind_it_is_behind_a_slash(kind: AddressKind) -> None:
    address = parse_address(f"f0-00-00-00-00-01/{kind.value.upper()}", AddressKind.ANY)
    assert (address.value, address.kind) == ("F0:00:00:00:00:01", kind)
    assert parse_address(address.spelled) == address
    assert str(address) == "F0:00:00:00:00:01"
    assert parse_address("F0:00:00:00:00:01").spelled == "F0:00:00:00:00:01"


@pytest.mark.parametrize(
    "text", ["F0:00:00:00:00:01/", "F0:00:00:00:00:01/any", f"{PLATFORM_UUID}/random", "/public"]
)
def test_only_an_address_of_48_bits_has_a_kind_to_say(text: str) -> None:
    assert not looks_like_address(text)
    with pytest.raises(ValueError, match="with /public or /random behind them"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "rotates"),
    [
        ("40:00:00:00:00:01", True),
        ("7F:00:00:00:00:01/random", True),
        ("7F:00:00:00:00:01/public", False),
        ("3F:00:00:00:00:01/random", False),
        ("C0:00:00:00:00:01/random", False),
        (PLATFORM_UUID, False),
    ],
)
def test_a_resolvable_private_address_is_known_by_its_form(text: str, rotates: bool) -> None:
    assert parse_address(text).rotates is rotates


def test_an_address_without_a_kind_may_be_that_of_either() -> None:
    bare, public, random = (parse_address(f"F0:00:00:00:00:01{kind}") for kind in ("", "/public", "/random"))
    assert bare.overlaps(public)
    assert random.overlaps(bare)
    assert random.overlaps(random)
    assert not random.overlaps(public)
    assert not parse_address("F0:00:00:00:00:02").overlaps(bare)
