"""Files that only their owner may open, and that are where they seem to be."""

import os
from pathlib import Path

import pytest

from gattkeeper.runtime.private_file import open_private


def test_a_new_file_is_its_owners_alone_and_is_not_inherited(tmp_path: Path) -> None:
    descriptor = open_private(tmp_path / "new", os.O_RDWR | os.O_CREAT)
    try:
        assert os.fstat(descriptor).st_mode & 0o777 == 0o600
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        open_private(tmp_path / "link", os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "elsewhere").exists()
