"""Which lock an adapter has, and where it lies: the same for keepers, `gattkeeper lock` and programs.

Knows the private folder and how an adapter is named in the settings. Reads no more of them than the adapters, and
loads no more than it needs: every `gattkeeper lock` passes here.
"""

import os
import stat
import sys

from gattkeeper.client.socket_path import runtime_folder
from gattkeeper.daemon.settings_paths import settings_file
from gattkeeper.runtime.adapter_key import lock_name

DEFAULT_ADAPTER = "hci0"
"""What Bleak uses when nobody names another, and what a keeper without settings uses."""


_COLONS = 5
"""Of an address; no transport has so many."""


class LockPlaceError(Exception):
    """What has to change before there can be a lock. No SettingsError, because `errors` is slow to load."""


class LockPlace:
    """The lock of one adapter."""

    __slots__ = ("adapter", "folder", "name")

    def __init__(self, adapter: str, folder: str) -> None:
        self.adapter = adapter.upper() if adapter.count(":") == _COLONS else adapter  # as keepers spell an address
        self.folder = folder
        self.name = lock_name(self.adapter)


def lock_place(adapter: str | None) -> LockPlace:
    """The lock of an adapter: of that name in the settings, else "hci0", an address, a transport.

    None: the only adapter of the settings, or hci0 where they have none. Raises LockPlaceError: the settings have
    several, or cannot be read; the folder is not ours alone.
    """
    known = adapters_of_settings()
    if adapter is None:
        if len(known) > 1:
            raise LockPlaceError(
                f"the settings have several adapters: say which with --adapter: {', '.join(known)}"
            )
        adapter = next(iter(known.values()), DEFAULT_ADAPTER)
    return LockPlace(known.get(adapter, adapter), lock_folder())


def locks_path() -> str:
    """Where the locks are, whether or not that is there."""
    return f"{runtime_folder()}/locks"


def lock_folder() -> str:
    """The folder of all locks, made if it is missing. Raises LockPlaceError when it is not ours alone."""
    folder = locks_path()
    above = folder.rpartition("/")[0]
    try:
        os.makedirs(above.rpartition("/")[0] or "/", exist_ok=True)  # noqa: PTH103 - pathlib is slow to load
        _make(above, 0o711)  # the socket is there too, and other users may be allowed to use it
        _make(folder, 0o700)
    except OSError as error:
        raise LockPlaceError(f"cannot make the folder {folder} for adapters' locks: {error.strerror}") from None
    return folder


def _make(folder: str, mode: int) -> None:
    try:  # noqa: SIM105 - contextlib is slow to load
        os.mkdir(folder, mode)  # noqa: PTH102 - as above
    except FileExistsError:
        pass
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise LockPlaceError(f"{folder} is not a folder: move it away, adapters' locks belong there")
    if sys.platform == "win32":  # a folder is its user's there by where it lies
        return
    if found.st_uid != os.geteuid():
        raise LockPlaceError(
            f"{folder}, where adapters' locks are, belongs to another user: run this as that user"
        )
    if found.st_mode & 0o022:
        raise LockPlaceError(
            f"others may write into {folder}, where adapters' locks are: do `chmod go-w {folder}`"
        )


def adapters_of_settings() -> dict[str, str]:
    """The adapters of the settings in force, each with what names it to the machine. A virtual one has no lock."""
    path = settings_file()
    if path is None:
        return {}
    import tomllib  # noqa: PLC0415 - slow to load, and not everybody has settings

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow to load
            table = tomllib.load(file).get("adapters", {})
        found = {name: _machine_name(adapter) for name, adapter in table.items()}
    except (OSError, ValueError, AttributeError) as error:
        why = getattr(error, "strerror", None) or error
        raise LockPlaceError(f"{path} cannot be read: {why}; `gattkeeper config check` explains it") from None
    return {name: adapter for name, adapter in found.items() if adapter}


def _machine_name(adapter: dict[str, object]) -> str:
    if adapter.get("link") == "virtual":
        return ""
    return str(adapter.get("transport") or adapter.get("adapter") or DEFAULT_ADAPTER)
