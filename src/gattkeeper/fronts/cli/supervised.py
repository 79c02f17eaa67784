"""One command as a child: started, bounded in time, and its exit code.

Knows process groups and terminals. The child has a group of its own, so that it ends with all that it has
started; stdin, stdout and stderr are its parent's, untouched. It gets the terminal when it asks for it, and Ctrl-C
and Ctrl-Z reach it either way.
"""

import os
import signal
import time
from collections.abc import Callable

from gattkeeper.fronts.cli.guard import Guard, end_group, signalled
from gattkeeper.fronts.cli.signals import ENDING, Signals

EXIT_CANNOT_RUN = 126
EXIT_NOT_FOUND = 127
EXIT_BY_SIGNAL = 128


class CannotStartError(Exception):
    """The command could not be started; `.exit_code` is what a shell gives."""

    def __init__(self, command: str, error: OSError) -> None:
        super().__init__(f"cannot run {command}: {error.strerror}")
        self.exit_code = EXIT_NOT_FOUND if isinstance(error, FileNotFoundError) else EXIT_CANNOT_RUN


def run_supervised(
    command: list[str], signals: Signals, *, limit_s: float | None, started: Callable[[int], None]
) -> int:
    """Run a command to its end; its exit code, 128 + n after signal n.

    After `limit_s` seconds, or when we are told to end, its whole group is ended. `started` hears its process id.
    Raises CannotStartError.
    """
    guard = Guard()
    try:
        child = _start(command)
    except OSError as error:
        guard.dismiss()
        raise CannotStartError(command[0], error) from None
    guard.watch(child)
    started(child)
    watched = _Child(child)
    try:
        return watched.follow(signals, None if limit_s is None else time.monotonic() + limit_s)
    finally:
        watched.take_terminal_back()
        guard.dismiss()


def _start(command: list[str]) -> int:
    """Python ignores SIGPIPE and SIGXFSZ, which is nothing to hand down."""
    return os.posix_spawnp(
        command[0], command, os.environ, setpgroup=0, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
    )


class _Child:
    """A process, which leads a group of its own."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._code: int | None = None
        self._terminal = -1  # open while the child has it

    def follow(self, signals: Signals, limit_at: float | None) -> int:
        """Until it has ended; the exit code."""
        while self._code is None:
            left_s = None if limit_at is None else limit_at - time.monotonic()
            if left_s is not None and left_s <= 0:
                return self._ended_by(signal.SIGTERM)
            for number in signals.wait(left_s):
                if number in ENDING:
                    return self._ended_by(number)
                if number == signal.SIGTSTP:  # Ctrl-Z, while the terminal is ours
                    self._pause(signal.SIGTSTP)
            self._look()
        return self._code

    def take_terminal_back(self) -> None:
        """From a child that had asked for it."""
        if self._terminal >= 0:
            _give(self._terminal, os.getpgrp())
            os.close(self._terminal)
            self._terminal = -1

    def _ended_by(self, number: int) -> int:
        """The code says why it was ended, whatever it made of that."""
        end_group(self._pid, self._bury)
        self._bury(0)
        return EXIT_BY_SIGNAL + number

    def _bury(self, options: int = os.WNOHANG) -> None:
        if self._code is None and os.waitpid(self._pid, options)[0]:
            self._code = EXIT_BY_SIGNAL  # it does not matter how it ended

    def _look(self) -> None:
        while self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED)
            if not pid:
                return
            self._take(status)

    def _take(self, status: int) -> None:
        if os.WIFSIGNALED(status):
            self._code = EXIT_BY_SIGNAL + os.WTERMSIG(status)
        elif os.WIFEXITED(status):
            self._code = os.WEXITSTATUS(status)
        elif not self._wants_terminal(os.WSTOPSIG(status)):
            self._pause(signal.SIGSTOP)
        else:
            signalled(self._pid, signal.SIGCONT)

    def _wants_terminal(self, number: int) -> bool:
        """Give it the terminal, if that is what it was stopped for and we have it."""
        if number not in (signal.SIGTTIN, signal.SIGTTOU) or self._terminal >= 0:
            return False
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        if os.tcgetpgrp(terminal) != os.getpgrp():  # a shell has put us into the background
            os.close(terminal)
            return False
        self._terminal = terminal
        _give(terminal, self._pid)
        return True

    def _pause(self, number: int) -> None:
        """Stop with the child, as a shell expects of us, and go on with it."""
        had = self._terminal >= 0
        self.take_terminal_back()
        signalled(self._pid, number)
        os.kill(os.getpid(), signal.SIGSTOP)
        if had:
            self._wants_terminal(signal.SIGTTIN)
        signalled(self._pid, signal.SIGCONT)


def _give(terminal: int, group: int) -> None:
    """The terminal to a group of processes; from the background that needs SIGTTOU out of the way."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(terminal, group)
    except OSError:  # the terminal is gone, or the group is
        pass
    finally:
        signal.signal(signal.SIGTTOU, before)
