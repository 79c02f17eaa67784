"""A file is there whole or not at all, and nobody else's is lost."""

from pathlib import Path

import pytest

from gattkeeper.daemon.audit.whole_file import whole_file
from gattkeeper.errors import ConflictError, StorageError


def write(path: Path, content: bytes = b"new", *, force: bool = False) -> None:
    with whole_file(path, force=force) as file:
        file.write(content)


def test_it_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_file(path, force=False) as file:
        file.write(b"half")
        assert not path.exists()
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
    assert path.read_bytes() == b"half"
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "out", force=False) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(ConflictError, match="is there already: name another file, or say --force"):
        write(path)
    assert path.read_bytes() == b"old"
    write(path, force=True)
    assert path.read_bytes() == b"new"


def test_a_file_that_came_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(ConflictError), whole_file(path, force=False):
        path.write_bytes(b"other")
    assert path.read_bytes() == b"other"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_link_to_nowhere_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConflictError):
        write(path)


@pytest.mark.parametrize("name", ["none/out", "file/out", "x" * 300])
def test_where_nothing_can_be_written_a_sentence_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written: "):
        write(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a folder: name a file in it"):
        write(tmp_path, force=True)
