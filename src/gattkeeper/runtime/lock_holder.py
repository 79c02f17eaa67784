"""Who holds a lock file: what a holder writes into it, and what the kernel knows of that process.

Knows the text of the file and /proc. Whether the lock is held at all, only the kernel's lock tells: the text stays
behind when its writer is gone.
"""

import os
import time

KEEPER, COMMAND, SCRIPT = "keeper", "command", "script"
"""What holds it: a keeper for as long as it runs, `gattkeeper lock` for one command, or a program's own code."""

_TEXT_BYTES_MAX = 200
_COMMAND_LENGTH_MAX = 100
"""So much of a command line is shown."""


class Holder:
    """A process that holds a lock. A plain class: the command line's fast path does without msgspec."""

    __slots__ = ("pid", "role", "since_utc_s")

    def __init__(self, pid: int, since_utc_s: float, role: str) -> None:
        self.pid = pid
        self.since_utc_s = since_utc_s  # 0 when it did not say
        self.role = role

    def __str__(self) -> str:
        """One clause: "process 4242 (python blind.py), for 12.0 s"."""
        command = command_line(self.pid)
        text = f"process {self.pid}" + (f" ({command})" if command else "")
        if self.pid == os.getpid():
            text = "this very process"
        if self.since_utc_s:
            text += f", for {max(0.0, time.time() - self.since_utc_s):.1f} s"
        if is_frozen(self.pid):
            text += f", which is stopped (`kill -CONT {self.pid}` lets it go on)"
        return text


def written(role: str, worker: int = 0) -> bytes:
    """What this process writes: its id, since when, what for, and the process that works for it."""
    return f"{os.getpid()}\n{time.time():.3f}\n{role}\n{worker}\n".encode()


def read_holder(path: str) -> Holder | None:
    """Whoever wrote itself into the file and lives, or else its worker; None when nobody known does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        words = os.read(descriptor, _TEXT_BYTES_MAX).decode(errors="replace").split("\n")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    pid, since, role, worker = (*words, "", "", "", "")[:4]
    since_utc_s = float(since) if since.replace(".", "", 1).isdecimal() else 0.0
    for candidate in (pid, worker):
        if candidate.isdecimal() and int(candidate) and is_alive(int(candidate)):
            return Holder(int(candidate), since_utc_s, role)
    return None


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whosoever it is."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def is_frozen(pid: int) -> bool:
    """Whether it is stopped, by SIGSTOP, Ctrl-Z or a debugger: states T and t of proc(5). Unknown: no."""
    stat = _proc(pid, "stat")
    return stat.rpartition(b")")[2].strip()[:1] in (b"T", b"t")


def command_line(pid: int) -> str:
    """What it was started as, on one line and not too long; empty where that cannot be seen."""
    words = _proc(pid, "cmdline").decode(errors="replace").split("\0")
    text = " ".join(words).strip()
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _COMMAND_LENGTH_MAX else text[: _COMMAND_LENGTH_MAX - 1] + "…"


def _proc(pid: int, name: str) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:  # it ended in between
        return b""
    finally:
        os.close(descriptor)
