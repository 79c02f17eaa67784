"""Lines are added whole or not at all, whatever a write that was cut short left behind."""

import errno
import os
from pathlib import Path

import pytest

from gattkeeper.storage import line_file


def test_lines_are_added_to_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    line_file.append(path, b"one\n")
    line_file.append(path, b"two\nthree\n")
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b"half", b"x" * 200_000])
def test_a_torn_end_is_taken_away(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n" + torn)
    assert line_file.read_from(path, 0) == b"one\n"
    line_file.append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_file_of_nothing_but_a_torn_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"half")
    line_file.append(path, b"one\n")
    assert path.read_bytes() == b"one\n"


def test_what_could_not_be_synced_was_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    line_file.append(path, b"one\n")

    def failing(_descriptor: int) -> None:  # a disk that fails cannot be had here
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        line_file.append(path, b"two\n")
    assert path.read_bytes() == b"one\n"


def test_reading_goes_on_where_it_was_or_begins_anew_in_a_shorter_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntwo\nhalf")
    assert line_file.read_from(path, 4) == b"two\n"
    assert line_file.read_from(path, 8) == b""
    assert line_file.read_from(path, 999) == b"one\ntwo\n"


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lines").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        line_file.append(tmp_path / "lines", b"one\n")
