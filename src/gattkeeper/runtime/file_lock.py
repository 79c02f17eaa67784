"""One process at a time: a lock file.

Knows how to hold it and how to say who does. What it protects is its caller's business.
"""

import fcntl
import os
from pathlib import Path

from gattkeeper.errors import StorageError

_PID_LENGTH_MAX = 20
"""Digits read back from a lock file: more than any process id has."""


def hold(path: Path, *, remedy: str) -> int:
    """Take the lock, write our process id into it, and give the descriptor; closing that lets go.

    The lock is the kernel's (flock): it goes when its holder does, however that dies, and the file that
    stays behind means nothing. Raises StorageError, naming the holder and the `remedy`, when another
    process has it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise StorageError(f"the lock file {path} cannot be opened: {fault.strerror}") from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as fault:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise StorageError(f"{path} is held by {holder}: {remedy}") from fault
    except OSError as fault:
        os.close(descriptor)
        raise StorageError(f"the lock file {path} cannot be used: {fault.strerror}") from fault
    return descriptor


def _holder(descriptor: int) -> str:
    """Whoever wrote its process id; it is not there yet in the moment after the lock was taken."""
    digits = os.pread(descriptor, _PID_LENGTH_MAX, 0).strip()
    return f"process {int(digits)}" if digits.isdigit() else "another process"
