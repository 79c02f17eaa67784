"""A lock that processes get in the order in which they came.

Knows two kinds of file. The lock is an flock, and it alone decides who has it: the kernel frees it with its
holder, however that ends. Tickets decide who is next. A ticket is a FIFO whose writing end its owner keeps open:
the kernel closes it with its owner, and whoever is behind hears that at once. How a program waits is its own
business: `step` never does.
"""

import errno
import os
import sys
import time

from gattkeeper.runtime.lock_holder import KEEPER, Holder, is_frozen, read_holder, written

if sys.platform != "win32":
    import fcntl

LOOK_S = 1.0
"""So often, in seconds, a waiter looks whether the one before it was stopped; that it went, it hears at once."""

RETRY_S = 0.05
"""So often the first in line tries a lock that somebody has without a ticket: a keeper, or a holder's child."""

_OPEN = 0 if sys.platform == "win32" else os.O_NOFOLLOW | os.O_CLOEXEC


class Blocked:
    """What is in the way."""

    __slots__ = ("again_s", "ahead", "descriptor", "holder")

    def __init__(self, *, descriptor: int, again_s: float, ahead: int, holder: Holder | None) -> None:
        self.descriptor = descriptor  # step again when it is readable or hung up; -1: there is none
        self.again_s = again_s  # or after so many seconds
        self.ahead = ahead  # tickets before this one, the holder's among them
        self.holder = holder

    @property
    def by_keeper(self) -> bool:
        """A keeper has it, for as long as that runs."""
        return self.holder is not None and self.holder.role == KEEPER


class FairLock:
    """One way to the lock `name` in a `folder` that is its user's alone; its place in the line is taken at once.

    `step` until it gives None, then the lock is ours until `release`; `release` also gives a place up. `role` is
    told to those who wait. Raises OSError where the folder cannot hold it.
    """

    def __init__(self, folder: str, name: str, role: str) -> None:
        self.path = f"{folder}/{name}.lock"
        self._folder = folder
        self._turn = f"{name}.turn-"
        self._role = role
        self._lock = self._watched = -1
        self._ticket_path, self._ticket = self._take_ticket()

    def step(self) -> Blocked | None:
        """Take the lock if nobody is before us; what is in the way otherwise. None: it is ours."""
        if self._lock >= 0:
            return None
        self._watch_nobody()
        holder = read_holder(self.path)
        ahead = self._ahead()
        for name in reversed(ahead):
            if not self._is_there(name):
                continue
            if _passed_over(name, holder):
                self._watch_nobody()
                continue
            return Blocked(descriptor=self._watched, again_s=LOOK_S, ahead=len(ahead), holder=holder)
        if self._try():
            return None
        return Blocked(descriptor=-1, again_s=RETRY_S, ahead=len(ahead), holder=holder)

    def worker(self, pid: int) -> None:
        """Name the process that works while we hold the lock."""
        self._write(written(self._role, pid))

    def release(self) -> None:
        """Let the next one have it; harmless when it is not ours, or no more."""
        self._watch_nobody()
        if self._lock >= 0:
            self._write(b"")
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # a forked child may have the descriptor as well
            os.close(self._lock)
            self._lock = -1
        if self._ticket >= 0:
            _unlink(self._ticket_path)
            os.write(self._ticket, b".")  # for the same reason: its copy keeps the FIFO open
            os.close(self._ticket)
            self._ticket = -1

    def _take_ticket(self) -> tuple[str, int]:
        """Made under another name, so that nobody sees a ticket without an owner."""
        number = time.clock_gettime_ns(time.CLOCK_MONOTONIC)  # one clock for all processes
        while True:
            name = f"{number:020d}-{os.getpid()}"
            new, path = f"{self._folder}/.{self._turn}{name}", f"{self._folder}/{self._turn}{name}"
            try:
                os.mkfifo(new, 0o600)
                break
            except FileExistsError:  # another of this process's, in the same nanosecond
                number += 1
        descriptor = -1
        try:
            descriptor = os.open(new, os.O_RDWR | os.O_NONBLOCK | _OPEN)
            os.rename(new, path)  # noqa: PTH104 - pathlib is slow to load
        except OSError:
            _unlink(new)
            if descriptor >= 0:
                os.close(descriptor)
            raise
        return path, descriptor

    def _ahead(self) -> list[str]:
        """The tickets before ours, the first one first."""
        ours = self._ticket_path.rpartition("/")[2]
        return sorted(name for name in os.listdir(self._folder) if name.startswith(self._turn) and name < ours)  # noqa: PTH208

    def _is_there(self, name: str) -> bool:
        """Whether a ticket's owner lives; from then on it is watched. One without an owner is thrown away."""
        path = f"{self._folder}/{name}"
        try:
            self._watched = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _OPEN)
            os.read(self._watched, 1)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        self._watch_nobody()
        _unlink(path)
        return False

    def _watch_nobody(self) -> None:
        if self._watched >= 0:
            os.close(self._watched)
            self._watched = -1

    def _try(self) -> bool:
        while True:
            self._lock = os.open(self.path, os.O_RDWR | os.O_CREAT | _OPEN, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(self.path, self._lock):
                    self._write(written(self._role))
                    return True
            except BlockingIOError:
                os.close(self._lock)
                self._lock = -1
                return False
            os.close(self._lock)  # somebody has removed the file: it locks nothing any more

    def _write(self, text: bytes) -> None:
        os.pwrite(self._lock, text, 0)
        os.ftruncate(self._lock, len(text))


def _passed_over(name: str, holder: Holder | None) -> bool:
    """Whether a waiter was stopped: it loses its turn until it goes on. A holder does not, whatever it does."""
    pid = name.rpartition("-")[2]
    if not pid.isdecimal() or (holder is not None and holder.pid == int(pid)):
        return False
    return is_frozen(int(pid))


def _is_file(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116 - pathlib is slow to load
    except FileNotFoundError:
        return False


def _unlink(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - pathlib is slow to load
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
