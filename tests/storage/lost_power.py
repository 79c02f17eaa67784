"""What is left of a folder when the power goes: a model of a disk that keeps as little as it may.

Knows that a file's content is safe after a sync of the file, a name after a sync of the folder, and nothing else is.
What was not synced may be there in part: any sectors of it, whole ones, in any order; names change in order, as in
the log of a file system. How a list of happenings is made stands in `disk_recorder`.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

SECTOR = 512
"""Bytes that a disk writes as one. Those it does not write stay as they are: SQLite counts on that as well
(https://www.sqlite.org/psow.html)."""


class Created(Struct, frozen=True, kw_only=True):
    name: str
    file: int


class Written(Struct, frozen=True, kw_only=True):
    file: int
    at: int
    content: bytes


class Truncated(Struct, frozen=True, kw_only=True):
    file: int
    size: int


class Synced(Struct, frozen=True, kw_only=True):
    file: int


class Renamed(Struct, frozen=True, kw_only=True):
    old: str
    new: str


class Removed(Struct, frozen=True, kw_only=True):
    name: str


class SyncedFolder(Struct, frozen=True, kw_only=True):
    pass


Named = Created | Renamed | Removed
Change = Written | Truncated
Happening = Named | Change | Synced | SyncedFolder
Folder = dict[str, int]
"""Which file has which name."""


class Disk:
    """Feed it what happened; at any moment ask what a power cut would leave."""

    def __init__(self) -> None:
        self._names: Folder = {}
        self._naming: list[Named] = []  # since the last sync of the folder
        self._safe: dict[int, bytearray] = {}
        self._changes: dict[int, list[Change]] = {}  # since the last sync of the file

    def feed(self, happened: Happening) -> None:
        match happened:
            case Created() | Renamed() | Removed():
                self._naming.append(happened)
            case SyncedFolder():
                for change in self._naming:
                    _name(self._names, change)
                self._naming.clear()
            case Synced(file=file):
                for one in self._changes.pop(file, ()):
                    _change(self._safe.setdefault(file, bytearray()), one)
            case Written(file=file) | Truncated(file=file):
                self._changes.setdefault(file, []).append(happened)

    def leave(self, folder: Path, dice: random.Random, *, kept: float) -> None:
        """Write the files that are left. `kept` of what was not synced is there: 0 nothing, 1 everything."""
        names = dict(self._names)
        for change in self._naming[: _some(len(self._naming), dice, kept)]:
            _name(names, change)
        for name, file in names.items():
            content = bytearray(self._safe.get(file, b""))
            for one in _torn(self._changes.get(file, ()), dice, kept):
                _change(content, one)
            (folder / name).write_bytes(content)


def _some(count: int, dice: random.Random, kept: float) -> int:
    return round(count * kept) if kept in (0, 1) else dice.randint(0, count)


def _torn(changes: Sequence[Change], dice: random.Random, kept: float) -> list[Change]:
    """Those that reached the disk, cut at its sectors."""
    left: list[Change] = []
    for change in changes:
        if isinstance(change, Truncated):
            left += [change] if dice.random() < kept else []
            continue
        start, end = change.at, change.at + len(change.content)
        while start < end:
            stop = min(end, (start // SECTOR + 1) * SECTOR)
            if dice.random() < kept:
                part = change.content[start - change.at : stop - change.at]
                left.append(Written(file=change.file, at=start, content=part))
            start = stop
    return left


def _name(names: Folder, change: Named) -> None:
    match change:
        case Created(name=name, file=file):
            names[name] = file
        case Renamed(old=old, new=new):
            names[new] = names.pop(old)
        case Removed(name=name):
            del names[name]


def _change(content: bytearray, change: Change) -> None:
    if isinstance(change, Truncated):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    content.extend(bytes(max(0, change.at - len(content))))
    content[change.at : change.at + len(change.content)] = change.content
