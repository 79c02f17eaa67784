"""One process at a time: a lock file.

Knows how to hold it and how to say who does. What it protects is its caller's business.
"""

import os
import sys
from pathlib import Path

from gattkeeper.errors import StorageError
from gattkeeper.runtime.private_file import open_private

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_PID_LENGTH_MAX = 20
"""Digits read back from a lock file: more than any process id has."""

_FAR = 1 << 30
"""The byte that is locked on Windows, where what is locked cannot be read."""


def hold(path: Path, *, remedy: str, text: bytes = b"") -> int:
    """Take the lock, write our process id into it (or a `text` that begins with it), and give the descriptor;
    closing that lets go.

    The lock is the kernel's (flock; on Windows, of one byte far behind the text): it goes when its holder does,
    however that dies, and the file that stays behind means nothing. Raises StorageError, naming the holder and
    the `remedy`, when another process has it.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as fault:
        raise StorageError(f"the lock file {path} cannot be opened: {fault.strerror}") from fault
    try:
        _take(descriptor)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text or f"{os.getpid()}\n".encode())
    except BlockingIOError as fault:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise StorageError(f"{path} is held by {holder}: {remedy}") from fault
    except OSError as fault:
        os.close(descriptor)
        raise StorageError(f"the lock file {path} cannot be used: {fault.strerror}") from fault
    return descriptor


def _take(descriptor: int) -> None:
    """Raises BlockingIOError when another process has it."""
    if sys.platform == "win32":
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as fault:
            raise BlockingIOError(fault.errno, fault.strerror) from fault
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(descriptor: int) -> str:
    """Whoever wrote its process id; it is not there yet in the moment after the lock was taken."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    digits = os.read(descriptor, _PID_LENGTH_MAX).partition(b"\n")[0].strip()
    if not digits.isdigit():
        return "another process"
    return "this very process" if int(digits) == os.getpid() else f"process {int(digits)}"
