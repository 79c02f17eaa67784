"""`gattkeeper lock`: a command of anybody's under the adapter's lock.

Knows how one waits on a command line: lines on stderr, exit codes, signals. Whose turn it is, the lock decides.
Imports little: it stands before every command of somebody's flow.
"""

import os
import signal
import time

from gattkeeper.fronts.cli.signals import ENDING, Signals
from gattkeeper.fronts.cli.supervised import EXIT_BY_SIGNAL, CannotStartError, run_supervised
from gattkeeper.runtime.fair_lock import Blocked, FairLock
from gattkeeper.runtime.lock_holder import COMMAND

EXIT_TRY_LATER = 75
PROGRESS_S = 0.25
"""How often the line is drawn anew on a terminal, in seconds."""


class LockCall:
    """What was asked for on the command line; lengths of time in seconds, None for no bound."""

    __slots__ = ("adapter", "command", "limit_s", "wait_s")

    def __init__(
        self, *, command: list[str], adapter: str | None, wait_s: float | None, limit_s: float | None
    ) -> None:
        self.command = command
        self.adapter = adapter
        self.wait_s = wait_s
        self.limit_s = limit_s


def quick_call(words: list[str]) -> LockCall | None:
    """The call in the words after `lock`; None when they need the whole parser: help, or a mistake."""
    adapter: str | None = None
    lengths: dict[str, float] = {}
    while words and words[0].startswith("-") and words[0] != "--":
        option, equals, value = words[0].partition("=")
        if not equals:
            if len(words) < 2:
                return None
            value = words[1]
        words = words[1:] if equals else words[2:]
        if option == "--adapter":
            adapter = value
        elif option in ("--wait", "--kill-after") and value.replace(".", "", 1).isdecimal():
            lengths[option] = float(value)
        else:
            return None
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        return None
    return LockCall(
        command=command,
        adapter=adapter,
        wait_s=lengths.get("--wait"),
        limit_s=lengths.get("--kill-after"),
    )


def run_under_lock(call: LockCall, *, adapter: str, folder: str, name: str) -> int:
    """Wait for the lock, run the command, let the next one have it; the exit code."""
    signals = Signals()
    try:
        lock = FairLock(folder, name, COMMAND)
    except OSError as error:
        return _refused(f"cannot use the lock of {adapter} in {folder}: {error.strerror}", EXIT_TRY_LATER)
    try:
        code = _Wait(lock, adapter, call.wait_s).until_ours(signals)
        return _run(call, lock, signals) if code is None else code
    except OSError as error:
        return _refused(f"cannot use {lock.path}: {error.strerror}", EXIT_TRY_LATER)
    finally:
        lock.release()


def _run(call: LockCall, lock: FairLock, signals: Signals) -> int:
    started_at = time.monotonic()
    try:
        code = run_supervised(call.command, signals, limit_s=call.limit_s, started=lock.worker)
    except CannotStartError as error:
        return _refused(str(error), error.exit_code)
    ran_s = time.monotonic() - started_at
    over = call.limit_s is not None and ran_s >= call.limit_s and code > EXIT_BY_SIGNAL
    why = f", ended by its limit of {call.limit_s:g} s" if over and call.limit_s else ""
    _tell(f"done after {ran_s:.2f} s: exit code {code}{why}")
    return code


class _Wait:
    """The time before the lock is ours."""

    def __init__(self, lock: FairLock, adapter: str, wait_s: float | None) -> None:
        self._lock = lock
        self._adapter = adapter
        self._began_at = time.monotonic()
        self._end_at = None if wait_s is None else self._began_at + wait_s
        self._redrawn = os.isatty(2)
        self._told = False

    def until_ours(self, signals: Signals) -> int | None:
        """None once it is ours; the exit code when the wait ended without it."""
        while blocked := self._lock.step():
            if blocked.by_keeper and blocked.descriptor < 0:
                return self._over(
                    f"{self._adapter} belongs to a keeper, {blocked.holder}: send it the command"
                    " (`gattkeeper act …`), or let it serve the program (`gattkeeper run -- …`)"
                )
            now = time.monotonic()
            if self._end_at is not None and now >= self._end_at:
                return self._over(f"gave up after {now - self._began_at:.2f} s: {self._what(blocked)}")
            self._show(blocked)
            for number in signals.wait(self._pause_s(blocked, now), blocked.descriptor):
                if number in ENDING:
                    self._clear()
                    return EXIT_BY_SIGNAL + number
                if number == signal.SIGTSTP:
                    os.kill(os.getpid(), signal.SIGSTOP)  # Ctrl-Z: others go first until we go on
        self._clear()
        _tell(f"lock acquired: {self._adapter} after {time.monotonic() - self._began_at:.2f} s")
        return None

    def _pause_s(self, blocked: Blocked, now: float) -> float:
        pause_s = min(blocked.again_s, PROGRESS_S) if self._redrawn else blocked.again_s
        return pause_s if self._end_at is None else min(pause_s, self._end_at - now)

    def _what(self, blocked: Blocked) -> str:
        ahead = f"; {blocked.ahead} before this one" if blocked.ahead else ""
        return f"{self._adapter} is held by {blocked.holder or 'another process'}{ahead}"

    def _show(self, blocked: Blocked) -> None:
        text = f"lock wait: {self._what(blocked)}"
        if self._redrawn:
            line = f"{text}; {time.monotonic() - self._began_at:.1f} s"
            _write(f"\r\x1b[K{line[: _columns() - 1]}")
        elif not self._told:
            _tell(text)
        self._told = True

    def _over(self, text: str) -> int:
        self._clear()
        return _refused(text, EXIT_TRY_LATER)

    def _clear(self) -> None:
        if self._redrawn and self._told:
            _write("\r\x1b[K")


def _refused(text: str, code: int) -> int:
    _write(f"gattkeeper: {text}\n")
    return code


def _tell(text: str) -> None:
    _write(f"gattkeeper lock: {text}\n")


def _write(text: str) -> None:
    """Past Python's buffers; nobody needs to hear it."""
    try:  # noqa: SIM105 - contextlib is slow to load
        os.write(2, text.encode(errors="replace"))
    except OSError:
        pass


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80
