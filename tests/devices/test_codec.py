"""Templates: against frames that makers and users of real blinds published, and against themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.devices.codec import (
    decode,
    encode,
    has_token,
    is_number,
    parse_template,
    to_raw,
    to_text,
    tokens,
    values_of,
)
from gattkeeper.model.profile import PartKind

NUMBERS = [kind for kind in PartKind if is_number(kind)]


def limits(kind: PartKind) -> tuple[int, int]:
    bits = int("".join(letter for letter in kind.value if letter.isdigit()))
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.value.startswith("i") else (0, 2**bits - 1)


@pytest.mark.parametrize(
    ("text", "value", "payload"),
    [
        ("00 ff 00 00 9a 0d 01 {u8} {xor:4}", 0, "00ff00009a0d010096"),  # AM43, opened
        ("00 ff 00 00 9a 0a 01 cc {xor:4}", None, "00ff00009a0a01cc5d"),  # AM43, stopped
        ("9a 0d 01 {u8} {xor}", 73, "9a0d0149df"),  # the same maker, without the prefix
        ("f5 03 01 01 {u8} {sum:2}", 50, "f50301013234"),  # RYSE, set to 50
        ("57 0f 45 01 05 ff {u8}", 50, "570f450105ff32"),  # SwitchBot curtain, to 50
    ],
)
def test_published_frames_come_out(text, value, payload):
    assert encode(parse_template(text), value).hex() == payload


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_percent_in_one_byte(percent):
    template = parse_template("{u8}")
    assert encode(template, percent) == bytes([percent])
    assert decode(template, bytes([percent])) == percent


@pytest.mark.parametrize(("percent", "raw"), [(0, 1000), (1, 990), (50, 500), (99, 10), (100, 0)])
def test_a_device_that_counts_the_other_way_in_tenths(percent, raw):
    assert to_raw(percent, -0.1, 100.0) == raw
    assert to_text(raw, -0.1, 100.0) == str(percent)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("u16le", "3412"), ("u16be", "1234"), ("u24le", "341200"), ("u24be", "001234"),
        ("u32le", "34120000"), ("u32be", "00001234"), ("i16le", "3412"), ("i32be", "00001234"),
    ],
)  # fmt: skip
def test_the_name_of_a_number_says_its_width_and_order(kind, payload):
    assert encode(parse_template(f"{{{kind}}}"), 0x1234).hex() == payload


def test_a_token_is_four_bytes_and_counts_for_the_checksum():
    template = parse_template("01 {u8} {token} {sum}")
    assert has_token(template)
    assert not has_token(parse_template("01 {u8}"))
    assert encode(template, 2, 0x0A0B0C0D).hex() == "01020a0b0c0d31"
    with pytest.raises(ValueError, match=r"\{token\} cannot carry"):
        encode(parse_template("{token}"), None)


def test_tokens_differ_and_are_never_nothing():
    drawn = tokens(2**32 - 3)
    assert [next(drawn) for _ in range(4)] == [2**32 - 2, 2**32 - 1, 1, 2]
    assert next(tokens(0)) == 1


@given(st.data())
def test_a_number_that_fits_comes_back(data):
    kind = data.draw(st.sampled_from(NUMBERS))
    value = data.draw(st.integers(*limits(kind)))
    before, after = data.draw(st.binary(max_size=4)), data.draw(st.binary(max_size=4))
    template = parse_template(f"{before.hex()} {{{kind.value}}} {after.hex()} {{xor}} {{sum:1}}")
    assert decode(template, encode(template, value) + b"ignored") == value


@given(st.data())
def test_a_number_that_does_not_fit_is_refused(data):
    kind = data.draw(st.sampled_from(NUMBERS))
    low, high = limits(kind)
    value = data.draw(st.integers(max_value=low - 1) | st.integers(min_value=high + 1))
    with pytest.raises(ValueError, match=f"does not fit into {kind.value}"):
        encode(parse_template(f"{{{kind.value}}}"), value)


@given(st.text(max_size=40))
def test_any_text_is_a_template_or_a_sentence(text):
    try:
        template = parse_template(text)
    except ValueError as error:
        assert str(error)
    else:
        assert template.text == text


@given(st.binary(max_size=40))
def test_any_payload_is_decoded_or_refused(payload):
    template = parse_template("01 {any} {u16le} {xor:1}")
    try:
        value = decode(template, payload)
    except ValueError:
        assert len(payload) < 5 or payload[0] != 1 or payload[4] != payload[1] ^ payload[2] ^ payload[3]
    else:
        assert value == payload[2] + payload[3] * 256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one byte"),
        ("   ", "at least one byte"),
        ("0", "neither a hex byte"),
        ("01 zz", "'zz' is neither"),
        ("{u8", "neither a hex byte"),
        ("{u9}", r"\{u9\} is no placeholder: there are u8, "),
        ("{literal}", "no placeholder"),
        ("{u8:1}", "only the checksums"),
        ("00" * 513, "longer than any attribute"),
    ],
)
def test_a_bad_template_is_explained(text, message):
    with pytest.raises(ValueError, match=message):
        parse_template(text)


def test_bytes_take_their_place():
    template = parse_template("01 {bytes} ff")
    assert encode(template, b"ab") == b"\x01ab\xff"
    assert decode(parse_template("01 {bytes}"), b"\x01abc") == b"abc"


@pytest.mark.parametrize(("text", "value"), [("{u8}", None), ("{u8}", b"a"), ("{bytes}", 1), ("{any}", 1)])
def test_a_value_of_the_wrong_kind_is_refused(text, value):
    with pytest.raises(ValueError, match="cannot carry"):
        encode(parse_template(text), value)


def test_text_ends_at_the_zeros_that_fill_it_up():
    assert decode(parse_template("{text}"), b"lounge\x00\x00") == "lounge"


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="utf-8"):
        decode(parse_template("{text}"), b"\xff")


def test_a_template_without_a_place_has_no_value():
    assert decode(parse_template("01"), b"\x01\x02") is None
    assert values_of(parse_template("01 {any} {sum}")) == []


def test_a_wrong_checksum_is_refused():
    with pytest.raises(ValueError, match="wrong checksum"):
        decode(parse_template("{u8} {sum}"), b"\x01\x02")
