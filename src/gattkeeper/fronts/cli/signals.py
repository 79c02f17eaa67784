"""Signals as something to wait for, beside a descriptor and the time.

Knows the pipe that Python writes arriving signals into: none is lost between looking and waiting, and nothing of
ours runs inside a handler.
"""

import os
import select
import signal

_BYTES = 64

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that ask a program to end."""

_WATCHED = (*ENDING, signal.SIGTSTP, signal.SIGCHLD)


class Signals:
    """From here on signals are collected. One that was ignored at the start, as under nohup, stays so."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in _WATCHED:
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGCHLD:
                signal.signal(number, _collected)

    def wait(self, timeout_s: float | None, descriptor: int = -1) -> bytes:
        """The numbers of the signals that came, or nothing: the descriptor is ready, or the time is over."""
        waiting = select.poll()
        waiting.register(self._read, select.POLLIN)
        if descriptor >= 0:
            waiting.register(descriptor, select.POLLIN)
        waiting.poll(None if timeout_s is None else max(0.0, timeout_s * 1000))
        try:
            return os.read(self._read, _BYTES)
        except BlockingIOError:
            return b""


def _collected(_number: int, _frame: object) -> None:
    """Its number is in the pipe already."""
