"""SQLite's failures in a person's words.

Knows what to do about each kind. Whether to go on after one is for its caller to say.
"""

import sqlite3

_DAMAGED = "it is damaged: keep a copy, then restore it or start a new one"


def is_io_error(fault: Exception) -> bool:
    """Whether a disk failed, or a file system: not that it is full, or held."""
    return _primary(fault) == sqlite3.SQLITE_IOERR


def _primary(fault: Exception) -> int:
    """The low byte is the primary code (https://www.sqlite.org/rescode.html)."""
    code: int = getattr(fault, "sqlite_errorcode", 0)
    return code & 0xFF


def explain(fault: Exception) -> str:
    """What went wrong, with what to do where the kind of failure says so."""
    advice = {
        sqlite3.SQLITE_BUSY: "another program holds it: close that",
        sqlite3.SQLITE_CANTOPEN: "make the file and its folder readable and writable",
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_FULL: "free space on its disk",
        sqlite3.SQLITE_IOERR: "look at its disk: full, over a limit, read-only, or failing",
        sqlite3.SQLITE_NOTADB: _DAMAGED,
        sqlite3.SQLITE_READONLY: "make the file, its folder and its file system writable",
    }
    remedy = advice.get(_primary(fault))
    return f"{fault}: {remedy}" if remedy else str(fault)
