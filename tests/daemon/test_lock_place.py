"""Which lock is meant, and whose folder it lies in."""

import os
from pathlib import Path

import pytest

from gattkeeper.daemon.lock_place import LockPlaceError, adapters_of_settings, lock_folder, lock_place, locks_path

SETTINGS = """
[adapters.loud]
link = "bluez"
adapter = "AA:BB:CC:00:00:01"
[adapters.toy]
link = "virtual"
"""
SECOND = """
[adapters.stick]
link = "bumble"
transport = "usb:1"
[adapters.plain]
link = "bluez"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("GATTKEEPER_SETTINGS", str(tmp_path / "g.toml"))
    (tmp_path / "g.toml").write_text("")
    return tmp_path


def test_without_settings_the_default_adapter_is_meant(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lock_place(None).adapter == "hci0"
    monkeypatch.delenv("GATTKEEPER_SETTINGS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "nothing"))
    monkeypatch.chdir(home)
    assert lock_place(None).adapter == "hci0"


def test_the_only_adapter_of_the_settings_is_meant_and_a_virtual_one_never(home: Path) -> None:
    (home / "g.toml").write_text(SETTINGS)
    assert lock_place(None).name == "adapter-AA-BB-CC-00-00-01"


def test_of_several_adapters_one_has_to_be_named(home: Path) -> None:
    (home / "g.toml").write_text(SETTINGS + SECOND)
    with pytest.raises(LockPlaceError, match="several adapters: say which with --adapter: loud, stick, plain"):
        lock_place(None)
    assert lock_place("stick").name == "adapter-usb-1"
    assert lock_place("plain").adapter == "hci0"
    assert lock_place("aa:bb:cc:00:00:01").name == lock_place("loud").name


@pytest.mark.parametrize("text", ["[", "adapters = 3", "[adapters]\nx = 3", "\udcff"])
def test_settings_that_cannot_be_read_are_told(home: Path, text: str) -> None:
    (home / "g.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LockPlaceError, match=r"g.toml cannot be read: .*config check"):
        adapters_of_settings()


def test_the_folder_is_made_for_its_owner_alone(home: Path) -> None:
    assert lock_folder() == locks_path() == f"{home}/run/gattkeeper/locks"
    assert os.stat(locks_path()).st_mode & 0o777 == 0o700
    assert lock_folder() == locks_path()


def test_a_folder_that_is_not_ours_alone_is_refused(home: Path) -> None:
    lock_folder()
    os.chmod(locks_path(), 0o777)
    with pytest.raises(LockPlaceError, match="others may write into .*chmod go-w"):
        lock_folder()
    os.rmdir(locks_path())
    os.symlink(home, locks_path())
    with pytest.raises(LockPlaceError, match="is not a folder"):
        lock_folder()


def test_a_folder_of_somebody_else_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(LockPlaceError, match="belongs to another user"):
        lock_folder()


def test_a_folder_that_cannot_be_made_is_told(home: Path) -> None:
    (home / "run").write_text("")
    with pytest.raises(LockPlaceError, match="cannot make the folder .*run/gattkeeper/locks"):
        lock_folder()
