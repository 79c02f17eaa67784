"""Checkpoints on their way to other places: a file elsewhere, the system's log, systemd's journal.

Knows how each place takes a line, and what each has not had yet. A place that fails is logged once and tried
again; it holds up neither another place nor the journal. What is sent twice does no harm.
"""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Protocol

import msgspec

from gattkeeper.errors import SettingsError
from gattkeeper.runtime.private_file import open_private
from gattkeeper.storage import line_file

RETRY_S = 60.0
"""After this pause a place that failed is tried again, if no new checkpoint makes it sooner."""

LAST_PUSH_S = 5.0
"""How long the end of the keeper waits for a place. What it has not had by then it gets after the next start."""

SOCKET_S = 5.0
"""How long one line may take at a socket of the system."""

SYSLOG = Path("/dev/log")
JOURNALD = Path("/run/systemd/journal/socket")

_SYSLOG_PREFIX = b"<86>gattkeeper: "  # RFC 3164, 4.1.1: facility 10 (security), severity 6 (informational)

_FILE = "file:"

_log = logging.getLogger(__name__)


class Place(Protocol):
    """Where checkpoints are pushed to."""

    def send(self, lines: bytes) -> None:
        """Take whole lines, and return when they are as safe as this place can say. Raises OSError."""

    def is_new(self) -> bool:
        """Whether it certainly has nothing of what it was sent before. Raises OSError."""


class FilePlace:
    """A file, on another disk or machine if it is to prove anything. Each push is synced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, lines: bytes) -> None:
        """Append; the folder must be there."""
        line_file.append(self._path, lines)

    def is_new(self) -> bool:
        """Another disk may have been put in."""
        return not self._path.exists()


class SocketPlace:
    """A datagram for each line; nothing says whether it was kept."""

    def __init__(self, path: Path, framed: Callable[[bytes], bytes]) -> None:
        self._path = path
        self._framed = framed

    def send(self, lines: bytes) -> None:
        """One after the other."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.settimeout(SOCKET_S)
            sending.connect(os.fspath(self._path))
            for line in lines.splitlines():
                sending.send(self._framed(line))

    def is_new(self) -> bool:
        """Nobody knows."""
        return False


def for_syslog(line: bytes) -> bytes:
    """A message of RFC 3164 as local programs send it: its host and time are added by the log."""
    return _SYSLOG_PREFIX + line


def for_journald(line: bytes) -> bytes:
    """Fields of systemd's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    return b"SYSLOG_IDENTIFIER=gattkeeper\nPRIORITY=6\nMESSAGE=" + line + b"\n"


def place_of(name: str) -> Place:
    """The place that a setting names: `file:/PATH`, `syslog` or `journald`. Raises SettingsError for others."""
    if name.startswith(_FILE) and Path(name.removeprefix(_FILE)).is_absolute():
        return FilePlace(Path(name.removeprefix(_FILE)))
    if name == "syslog":
        return SocketPlace(SYSLOG, for_syslog)
    if name == "journald":
        return SocketPlace(JOURNALD, for_journald)
    raise SettingsError(f'{name!r} is no place for checkpoints: "file:/PATH", "syslog" and "journald" are')


class Progress:
    """How many bytes of the checkpoints each place has had, kept in a file beside them. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        try:
            self._had = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            self._had = {}  # everything is sent again

    def of(self, name: str) -> int:
        """0 for a place that is new."""
        return max(0, self._had.get(name, 0))

    def note(self, name: str, had: int) -> None:
        """Not synced: after a crash some lines are sent again. Raises OSError."""
        with self._lock:
            self._had[name] = had
            new = self._path.with_name(self._path.name + ".new")
            with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
                file.write(msgspec.json.encode(self._had))
            new.replace(self._path)


class Pusher:
    """A thread that brings one place what it has not had. `wake` and `stop` may come from any thread."""

    def __init__(self, name: str, place: Place, source: Path, progress: Progress) -> None:
        self._name = name
        self._place = place
        self._source = source
        self._progress = progress
        self._condition = Condition()
        self._woken = True  # there may be something from before
        self._ending = False
        self._failing = False
        self._thread = Thread(target=self._run, name=f"gattkeeper-push-{name}", daemon=True)

    def start(self) -> None:
        """Begin to push."""
        self._thread.start()

    def wake(self) -> None:
        """There is another checkpoint."""
        with self._condition:
            self._woken = True
            self._condition.notify()

    def stop(self) -> None:
        """Ask for a last push and no further one."""
        with self._condition:
            self._ending = self._woken = True
            self._condition.notify()

    def join(self) -> None:
        """Wait for the last push, LAST_PUSH_S at most."""
        self._thread.join(LAST_PUSH_S)

    def _run(self) -> None:
        ending = False
        while not ending:
            with self._condition:
                self._condition.wait_for(lambda: self._woken, RETRY_S if self._failing else None)
                self._woken, ending = False, self._ending
            try:
                self._push()
            except OSError as fault:
                if not self._failing:
                    _log.error("checkpoints cannot be pushed to %s, and wait: %s", self._name, fault)
                self._failing = True
            else:
                if self._failing:
                    _log.warning("checkpoints are pushed to %s again", self._name)
                self._failing = False

    def _push(self) -> None:
        if not self._source.exists():
            return
        had = 0 if self._place.is_new() else self._progress.of(self._name)
        if had > self._source.stat().st_size:
            had = 0  # it is another file
        lines = line_file.read_from(self._source, had)
        if lines:
            self._place.send(lines)
            self._progress.note(self._name, had + len(lines))


def pushers_of(places: Mapping[str, Place], source: Path, progress: Path) -> list[Pusher]:
    """One for each place, by its name."""
    shared = Progress(progress)
    return [Pusher(name, place, source, shared) for name, place in places.items()]
