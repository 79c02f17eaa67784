"""Everything that SQLite and the journal do to a folder, in order, as a list.

Knows how to stand between SQLite and its files: a copy of the VFS it has by default
(https://www.sqlite.org/vfs.html), whose writes, truncations and syncs are noted on their way. The library is the one
that Python's own `sqlite3` uses, so it is the real code that is recorded. Renaming, removing and syncing a folder
are Python's calls, and are noted there. What a list of this means after a power cut is `lost_power`'s business.
"""

import _sqlite3
import ctypes
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from pathlib import Path
from typing import Any

import pytest
from lost_power import Created, Folder, Happening, Removed, Renamed, Synced, SyncedFolder, Truncated, Written

_OPEN_CREATE = 0x4
_NEW_NAME_IS_SYNCED = 0x800 | 0x4000 | 0x80000
"""SQLITE_OPEN_MAIN_JOURNAL, _SUPER_JOURNAL and _WAL: when such a file was made, its first sync is followed by one of
its folder (os_unix.c, unixOpen and unixSync)."""

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """sqlite3_vfs, version 3 (https://www.sqlite.org/c3ref/vfs.html)."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("path_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("rest", c_void_p * 14),
    )


class _Methods(Structure):
    """sqlite3_io_methods, version 3 (https://www.sqlite.org/c3ref/io_methods.html)."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("rest", c_void_p * 13),
    )


class _File(Structure):
    _fields_ = (("methods", POINTER(_Methods)),)


class Recorder:
    """Notes what happens to one folder. A sync is noted and not done: only the model must survive."""

    def __init__(self, folder: Path) -> None:
        self.happened: list[Happening] = []
        self._folder = os.path.realpath(folder)
        self._names: Folder = {}
        self._count = 0
        self._open: dict[int, int] = {}  # SQLite's file, by its address: which of ours
        self._to_sync: set[int] = set()  # whose name becomes durable with their first sync
        self._library = _sqlite()
        self._library.sqlite3_vfs_find.restype = c_void_p
        self._plain = self._library.sqlite3_vfs_find(None)
        self._vfs = _copy(_Vfs, self._plain)
        self._plain_open = _OPEN(self._vfs.open)
        self._plain_delete = _DELETE(self._vfs.delete)
        self._methods: dict[int, _Methods] = {}
        self._kept: list[object] = [_OPEN(self._opened), _DELETE(self._deleted)]  # as long as SQLite may call them
        self._vfs.name = b"recorded"
        self._vfs.open, self._vfs.delete = (cast(one, c_void_p) for one in self._kept)  # type: ignore[arg-type]

    @contextmanager
    def on(self) -> Iterator[None]:
        """Every connection that is opened meanwhile is recorded; it must be closed meanwhile."""
        assert self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) == 0
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "replace", self._then(os.replace, self._renamed))
                patch.setattr(os, "unlink", self._then(os.unlink, self._removed))
                patch.setattr(os, "fsync", self._synced_by_python)
                yield
        finally:
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))

    def _here(self, name: str) -> str:
        """The name inside our folder; empty for any other."""
        folder, name = os.path.split(os.path.realpath(name))
        return name if folder == self._folder else ""

    def _opened(self, _vfs: int, path: int, file: int, flags: int, flags_out: int) -> int:
        result: int = self._plain_open(self._plain, path, file, flags, flags_out)
        name = self._here(os.fsdecode(ctypes.string_at(path))) if path else ""
        if result == 0 and name:
            if name not in self._names:
                self._count += 1
                self._names[name] = self._count
                self.happened.append(Created(name=name, file=self._count))
                if flags & _OPEN_CREATE and flags & _NEW_NAME_IS_SYNCED:
                    self._to_sync.add(self._count)
            self._open[file] = self._names[name]
            opened = _File.from_address(file)
            opened.methods = ctypes.pointer(self._recorded(opened.methods))
        return result

    def _recorded(self, plain: Any) -> _Methods:
        """The same methods, three of them noted: one set for each kind of file that SQLite has."""
        address = ctypes.addressof(plain.contents)
        if address not in self._methods:
            methods = _copy(_Methods, address)
            write, truncate = _WRITE(methods.write), _TRUNCATE(methods.truncate)

            def written(file: int, content: int, size: int, at: int) -> int:
                content_of = ctypes.string_at(content, size)
                self.happened.append(Written(file=self._open[file], at=at, content=content_of))
                return write(file, content, size, at)  # type: ignore[no-any-return]

            def truncated(file: int, size: int) -> int:
                self.happened.append(Truncated(file=self._open[file], size=size))
                return truncate(file, size)  # type: ignore[no-any-return]

            calls = (_WRITE(written), _TRUNCATE(truncated), _SYNC(self._synced))
            self._kept += calls
            methods.write, methods.truncate, methods.sync = (cast(call, c_void_p) for call in calls)
            self._methods[address] = methods
        return self._methods[address]

    def _synced(self, file: int, _flags: int) -> int:
        number = self._open[file]
        self.happened.append(Synced(file=number))
        if number in self._to_sync:
            self._to_sync.discard(number)
            self.happened.append(SyncedFolder())
        return 0

    def _deleted(self, _vfs: int, path: bytes, sync_folder: int) -> int:
        result: int = self._plain_delete(self._plain, path, sync_folder)
        if result == 0:
            self._removed(os.fsdecode(path))
            if sync_folder and self._here(os.fsdecode(path)):
                self.happened.append(SyncedFolder())
        return result

    def _then(self, call: Callable[..., None], note: Callable[..., None]) -> Callable[..., None]:
        def both(*names: str | os.PathLike[str], **options: Any) -> None:
            call(*names, **options)
            note(*(os.fspath(name) for name in names))

        return both

    def _renamed(self, old: str, new: str) -> None:
        if self._here(old) in self._names:
            self._names[self._here(new)] = self._names.pop(self._here(old))
            self.happened.append(Renamed(old=self._here(old), new=self._here(new)))

    def _removed(self, name: str) -> None:
        if self._names.pop(self._here(name), None) is not None:
            self.happened.append(Removed(name=self._here(name)))

    def _synced_by_python(self, descriptor: int) -> None:
        """Ours are of the folder, and of SQLite's log where that was emptied."""
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            if os.path.samestat(found, Path(self._folder).stat()):
                self.happened.append(SyncedFolder())
            return
        name = self._here(os.readlink(f"/proc/self/fd/{descriptor}"))
        if name in self._names:
            self.happened.append(Synced(file=self._names[name]))


def _sqlite() -> ctypes.CDLL:
    """The SQLite inside Python, wherever it was built in."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    if not hasattr(library, "sqlite3_vfs_find"):
        pytest.skip("this Python hides the functions of its SQLite: its files cannot be recorded")
    return library


def _copy(kind: Any, address: int) -> Any:
    return kind.from_buffer_copy(ctypes.string_at(address, ctypes.sizeof(kind)))
