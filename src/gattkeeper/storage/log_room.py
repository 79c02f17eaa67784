"""Room for SQLite's log before there are rows in it: a commit that makes a file longer waits for it to get longer.

Knows the log as a file, and which bytes of it SQLite passes over. What is written into it is SQLite's business.

A commit in a log that grows changes the file's size and blocks too, and file systems keep a journal of those: on
ext4 its sync took a quarter longer than one in a log that has its bytes already, and twice as long while others
synced too. SQLite never shortens its log by itself and begins it anew after a thousand pages, so that it is the
first hundreds of commands after each start that paid. Zeros behind the last frame are no frame, by their salts and
checksum (https://www.sqlite.org/fileformat2.html, 4.4): SQLite takes a log of zeros for an empty one.
"""

import logging
import os
import shutil
import sqlite3
from pathlib import Path

LOG_BYTES = 4_600_000
"""Where SQLite begins its log anew, with some more: after a thousand pages of 4 kB, each with a frame's header."""

FREE_TIMES = 16
"""How many times the room must be free on the disk: where there is less, others may need it more."""

_log = logging.getLogger(__name__)


def make_room(connection: sqlite3.Connection, path: Path, size: int) -> None:
    """Have the log of a journal, which this connection writes, take so many bytes on the disk now; 0: leave it.

    What goes wrong is no trouble: then the log gets longer as it must.
    """
    try:
        if not size or shutil.disk_usage(path.parent).free < FREE_TIMES * size:
            return
        connection.execute("BEGIN IMMEDIATE")  # nobody else makes the log longer meanwhile
        try:
            _lengthen(path.with_name(path.name + "-wal"), size)
        finally:
            connection.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as fault:
        _log.debug("the log of %s gets longer as it must: %s", path, fault)


def _lengthen(log: Path, size: int) -> None:
    """All of it or nothing. Raises OSError."""
    descriptor = os.open(log, os.O_RDWR)
    try:
        before = os.fstat(descriptor).st_size
        try:
            while (now := os.fstat(descriptor).st_size) < size:
                os.pwrite(descriptor, bytes(size - now), now)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)
