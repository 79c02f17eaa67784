"""A process that ends a command when the one that watches over it was killed.

Knows a pipe: it closes with its writer, however that ends. The guard is a fork and has what its parent has, the
lock among it; so nobody gets that before the command is gone.
"""

import os
import signal
import time
from collections.abc import Callable

GRACE_S = 5.0
"""What is told to end (SIGTERM) has so long before it is ended (SIGKILL)."""

_LOOK_S = 0.02
_DONE = b"."


class Guard:
    """Forks. `watch` names the group of processes to end when we are killed; `dismiss` when all went well."""

    def __init__(self) -> None:
        read, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _stand_guard(read, self._pipe)
        os.close(read)

    def watch(self, group: int) -> None:
        """From now on this group of processes does not outlive us."""
        os.write(self._pipe, f"{group}\n".encode())

    def dismiss(self) -> None:
        """Nothing is to be ended any more."""
        try:  # noqa: SIM105 - contextlib is slow to load
            os.write(self._pipe, _DONE)
        except BrokenPipeError:  # somebody has killed the guard
            pass
        os.close(self._pipe)
        os.waitpid(self._pid, 0)


def end_group(group: int, reap: Callable[[], object] = lambda: None, grace_s: float = GRACE_S) -> None:
    """SIGTERM to all of a group, and SIGKILL to what is left of it after the grace. `reap` buries its leader."""
    give_up_at = time.monotonic() + grace_s
    signalled(group, signal.SIGTERM)
    signalled(group, signal.SIGCONT)  # who is stopped hears nothing
    while is_at_work(group):
        if time.monotonic() >= give_up_at:
            signalled(group, signal.SIGKILL)
            return
        time.sleep(_LOOK_S)
        reap()


def is_at_work(group: int) -> bool:
    """Whether somebody in it lives. The dead are in it until their parents look: in a container perhaps never."""
    if not signalled(group, 0):
        return False
    try:
        pids = [name for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - pathlib is slow to load
    except OSError:
        return True
    return not pids or any(_works_in(group, pid) for pid in pids)


def _works_in(group: int, pid: str) -> bool:
    """By the state and the group in proc(5): the first and the third word behind the name."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        words = os.read(descriptor, 4096).rpartition(b")")[2].split()
    except OSError:  # it ended in between
        return False
    finally:
        os.close(descriptor)
    return int(words[2]) == group and words[0] not in (b"Z", b"X")


def signalled(group: int, number: int) -> bool:
    """Whether there was somebody to hear it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # it has become somebody else's
        return True
    return True


def _stand_guard(read: int, write: int) -> None:
    """In the fork; never returns."""
    os.close(write)
    os.setpgid(0, 0)  # what the terminal or a service manager sends to our parent's group is not for us
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    heard = b""
    while chunk := os.read(read, 64):
        heard += chunk
    group, newline, done = heard.partition(b"\n")
    if newline and done != _DONE:
        end_group(int(group))
    os._exit(0)
