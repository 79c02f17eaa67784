"""What a hash covers: everything in a row, its place, and whose journal it is."""

import hashlib

import pytest

from gattkeeper.storage.chain import DOMAIN, HASH_LENGTH, NOTHING_BEFORE, Head, Row, Segment, link, origin

ROW: Row = (7, "accepted", "c1", "lounge", None, 5, 6, "boot", 1, b'{"a":1}')
SEGMENT = Segment(number=1, first_seq=1, install_id="ab" * 16, made_utc_us=9)


def test_the_same_row_after_the_same_one_has_the_same_hash() -> None:
    assert link(NOTHING_BEFORE, ROW) == link(bytes(32), tuple(ROW))
    assert len(link(NOTHING_BEFORE, ROW)) == HASH_LENGTH


@pytest.mark.parametrize("column", range(len(ROW)))
def test_each_column_counts(column: int) -> None:
    other = list(ROW)
    other[column] = "x" if isinstance(ROW[column], str | None) else 0 if column != 9 else b""
    assert link(NOTHING_BEFORE, tuple(other)) != link(NOTHING_BEFORE, ROW)


def test_the_row_before_counts() -> None:
    assert link(b"\x01" * 32, ROW) != link(NOTHING_BEFORE, ROW)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("1",), (1,)), ((None,), ("",)), ((b"a",), ("a",)), (("a", ""), ("a",))],
)
def test_no_two_rows_are_the_same_bytes(one: Row, other: Row) -> None:
    assert link(NOTHING_BEFORE, one) != link(NOTHING_BEFORE, other)


def test_what_is_hashed_can_be_written_down_by_hand() -> None:
    # fixarray of 3; 7 as a fixint; fixstr "c1"; nil: the shortest MessagePack there is.
    assert link(NOTHING_BEFORE, (7, "c1", None)) == hashlib.sha256(bytes(32) + b"\x93\x07\xa2c1\xc0").digest()


def test_the_chain_of_a_file_begins_before_its_first_row() -> None:
    head = origin(SEGMENT)
    assert isinstance(head, Head)
    assert head.seq == 0
    assert len(head.hash) == HASH_LENGTH
    assert DOMAIN == "gattkeeper journal 3"


@pytest.mark.parametrize(
    "other",
    [
        Segment(number=2, first_seq=1, install_id="ab" * 16, made_utc_us=9),
        Segment(number=1, first_seq=2, install_id="ab" * 16, made_utc_us=9),
        Segment(number=1, first_seq=1, install_id="ac" * 16, made_utc_us=9),
        Segment(number=1, first_seq=1, install_id="ab" * 16, made_utc_us=10),
        Segment(number=1, first_seq=1, install_id="ab" * 16, made_utc_us=9, previous_hash=b"\x01" * 32),
    ],
)
def test_all_of_the_beginning_counts(other: Segment) -> None:
    assert origin(other).hash != origin(SEGMENT).hash
