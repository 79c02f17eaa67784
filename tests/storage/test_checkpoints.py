"""Which lines are checkpoints, whose signatures are right, and who vouches for their keys."""

import msgspec
import pytest
from msgspec.structs import replace

from gattkeeper.errors import StorageError
from gattkeeper.storage import ed25519
from gattkeeper.storage.checkpoints import (
    Checkpoint,
    Signed,
    check_key,
    checkpoint_in,
    line_of,
    signed_bytes,
    signed_in,
    told,
)
from gattkeeper.storage.verification import Flaw

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))


def public(private: bytes) -> str:
    return ed25519.public_of(private).hex()


def signed(seq: int, private: bytes, following: bytes | None = None) -> Checkpoint:
    unsigned = Checkpoint(
        install_id="ab" * 16,
        segment=1,
        seq=seq,
        hash="cd" * 32,
        utc_us=1_700_000_000_000_000,
        mono_us=5,
        boot_id="boot",
        clock_synced=True,
        key=public(private),
        next_key=public(following) if following else "",
    )
    return replace(unsigned, signature=ed25519.sign(private, signed_bytes(unsigned)).hex())


def lines(*checkpoints: Checkpoint) -> list[bytes]:
    return [line_of(checkpoint) for checkpoint in checkpoints]


def right(found: Signed | Flaw) -> Signed:
    assert isinstance(found, Signed), found
    return found


def wrong(found: Signed | Flaw) -> str:
    assert isinstance(found, Flaw)
    return found.what


def test_a_checkpoint_is_one_line_and_comes_back() -> None:
    checkpoint = signed(7, FIRST)
    line = line_of(checkpoint)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert checkpoint_in(line) == checkpoint


def test_a_line_of_a_systems_log_may_carry_one() -> None:
    logged = b"Nov 21 12:00:00 pi gattkeeper: " + line_of(signed(7, FIRST))
    found = right(signed_in([logged, b"Nov 21 12:00:01 pi gattkeeper: ready\n", b"\n"]))
    assert (len(found.checkpoints), found.others) == (1, 1)


def test_no_lines_are_no_checkpoints() -> None:
    assert right(signed_in([])) == Signed(checkpoints=(), key="", others=0)


def test_the_same_one_may_come_twice_and_in_any_order() -> None:
    one, two = signed(1, FIRST), signed(2, FIRST)
    assert right(signed_in(lines(two, one, two))).checkpoints == (one, two)


def test_any_flipped_byte_is_found_or_changes_nothing() -> None:
    whole = line_of(signed(7, FIRST))
    for place in range(len(whole) - 1):
        spoilt = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        found = signed_in([spoilt], key=public(FIRST))
        assert isinstance(found, Flaw), spoilt


def test_every_field_is_signed() -> None:
    checkpoint = signed(7, FIRST)
    for field in Checkpoint.__struct_fields__[1:-1]:
        value = getattr(checkpoint, field)
        other = value + 1 if isinstance(value, int) and not isinstance(value, bool) else None
        changed = replace(checkpoint, **{field: other if other is not None else not value})
        if field in ("install_id", "boot_id", "hash", "key", "next_key"):
            changed = replace(checkpoint, **{field: "ef" * 32})
        assert "wrong signature" in wrong(signed_in(lines(changed))), field


def test_the_key_of_the_oldest_is_trusted_unless_one_is_given() -> None:
    found = right(signed_in(lines(signed(2, FIRST), signed(1, FIRST))))
    assert found.key == public(FIRST)
    assert "does not vouch" in wrong(signed_in(lines(signed(1, FIRST)), key=public(SECOND)))
    assert "there are no checkpoints" in wrong(signed_in([], key=public(FIRST)))


def test_keys_that_were_replaced_are_a_chain_from_the_first() -> None:
    chain = lines(signed(1, FIRST), signed(2, FIRST, SECOND), signed(3, SECOND, THIRD), signed(4, THIRD))
    assert right(signed_in(chain, key=public(FIRST))).key == public(FIRST)
    assert "some before it are missing" in wrong(signed_in(chain[:2] + chain[3:], key=public(FIRST)))
    assert right(signed_in(chain[2:], key=public(SECOND))).checkpoints[0].seq == 3  # a later key is trusted: fine


def test_a_key_that_was_replaced_signs_no_more() -> None:
    """Who finds an erased key after all cannot say anything newer with it, nor name another successor."""
    chain = lines(signed(1, FIRST, SECOND), signed(2, SECOND))
    for forged in (signed(3, FIRST), signed(3, FIRST, THIRD)):
        assert "replaced before" in wrong(signed_in([*chain, line_of(forged)]))


def test_keys_in_a_circle_come_to_an_end() -> None:
    found = signed_in(lines(signed(1, FIRST, SECOND), signed(2, SECOND, FIRST)))
    assert len(right(found).checkpoints) == 2


def test_a_damaged_line_is_named() -> None:
    cut = line_of(signed(2, FIRST))[:100]
    assert "line 2 of the checkpoints is damaged" in wrong(signed_in([line_of(signed(1, FIRST)), cut]))
    assert "line 1" in wrong(signed_in([b"\xff{\xff}\n"]))


def test_a_time_that_there_is_not_is_still_said() -> None:
    assert "2023-11-14 22:13:20 UTC" in told(signed(1, FIRST))
    assert "no time that there is" in told(replace(signed(1, FIRST), utc_us=10**30))


def test_a_key_of_people_is_checked() -> None:
    assert check_key(f" {public(FIRST).upper()}\n") == public(FIRST)
    with pytest.raises(StorageError, match="64 hex digits"):
        check_key("lounge")


def test_the_form_is_documented_by_its_json() -> None:
    assert list(msgspec.json.decode(line_of(signed(1, FIRST)))) == [
        "checkpoint",
        "install_id",
        "segment",
        "seq",
        "hash",
        "utc_us",
        "mono_us",
        "boot_id",
        "clock_synced",
        "key",
        "next_key",
        "signature",
    ]
