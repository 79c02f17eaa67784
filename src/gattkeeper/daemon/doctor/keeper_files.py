"""The keeper's own belongings: settings, socket, journal, and the locks on adapters.

Knows where they are and what modes they should have. Takes no lock and opens no journal: looking must not be in
anybody's way.
"""

import os
import socket
import stat
from pathlib import Path

import msgspec

from gattkeeper.daemon.doctor.findings import Finding, note, ok, problem, warning
from gattkeeper.daemon.doctor.hci_sockets import name_of
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError
from gattkeeper.daemon.settings_model import Settings
from gattkeeper.model.status import KeeperStatus

AREA = "keeper"
ANSWER_S = 2.0
"""How long the daemon may take to tell its status, in seconds; it takes milliseconds."""

_ANSWER_BYTES = 65536


class StatusAnswer(msgspec.Struct):
    """What the socket answers to the verb `status`."""

    status: KeeperStatus | None = None


def status_of(path: Path) -> KeeperStatus | None:
    """What a running daemon says of itself; None when nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(ANSWER_S)
        try:
            asked.connect(str(path))
            asked.sendall(b'{"verb":"status"}\n')
            line = b""
            while not line.endswith(b"\n") and (chunk := asked.recv(_ANSWER_BYTES)):
                line += chunk
            return msgspec.json.decode(line, type=StatusAnswer).status
        except (OSError, ValueError):  # ValueError: a NUL in the path, or no answer of ours
            return None


def look_at_socket(settings: Settings) -> list[Finding]:
    """Whether a daemon answers, and who may speak to it."""
    path = settings.keeper.socket
    try:
        found = path.lstat()
    except FileNotFoundError:
        return [ok(AREA, f"no daemon has made the socket {path}: none runs, or it has other settings")]
    except OSError as error:
        return [
            note(AREA, f"{path} was not looked at: {error.strerror}", "ask the daemon's owner for allow_users")
        ]
    shared = bool(settings.keeper.allow_users)
    if found.st_mode & stat.S_IWOTH and not shared:
        cure = f"chmod 600 {path}; or restart the daemon, which does that"
        return [
            warning(AREA, f"everybody on this machine may write to {path}, and allow_users names nobody", cure)
        ]
    if not os.access(path, os.W_OK):
        return [note(AREA, f"this user may not use {path}", "ask the daemon's owner to list you in allow_users")]
    status = status_of(path)
    if status is None:
        return [warning(AREA, f"nobody answers at {path}", "start the daemon: gattkeeper serve; see its log")]
    return [ok(AREA, f"a daemon answers at {path}: {len(status.devices)} devices, {status.waiting} commands wait")]


def look_at_journal(settings: Settings) -> list[Finding]:
    """Whether the journal can be written, and who may read it."""
    path = settings.keeper.journal
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        folder = next(each for each in path.parents if each.exists())
        can = os.access(folder, os.W_OK)
        return [ok(AREA, f"the journal {path} can be made")] if can else [_not_ours(folder)]
    except OSError as error:
        return [note(AREA, f"{path} was not looked at: {error.strerror}", "run as the daemon's owner")]
    if mode & 0o077:
        what = f"others may read or write the journal {path}: it holds every payload"
        return [warning(AREA, what, f"chmod 600 {path}")]
    return [ok(AREA, f"the journal {path} can be written")] if os.access(path, os.W_OK) else [_not_ours(path)]


def _not_ours(path: Path) -> Finding:
    cure = "start the daemon as its owner, or set journal in [keeper] to a place of yours"
    return note(AREA, f"this user may not write {path}", cure)


def look_at_locks(machine: Machine, folder: Path) -> list[Finding]:
    """Who holds which adapter."""
    try:
        table = machine.text("proc/locks")
    except UnreadableError as error:
        return [note("lock", f"not looked at: {error}")]
    found: list[Finding] = []
    for path in _lock_files(folder):
        adapter = path.stem.removeprefix("adapter-")
        holder = holder_in(table, path.stat())
        if holder is None:
            found.append(ok("lock", f"{adapter} is free: the file {path} is a leftover and means nothing"))
        else:
            name = name_of(machine, holder) or "a program this user cannot see"
            found.append(ok("lock", f"{adapter} is held by {name} (process {holder})"))
    return found or [ok("lock", "no adapter is held")]


def holders_of_locks(machine: Machine, folder: Path) -> set[int]:
    """The processes that hold an adapter: keepers."""
    try:
        table = machine.text("proc/locks")
    except UnreadableError:
        return set()
    holders = (holder_in(table, path.stat()) for path in _lock_files(folder))
    return {holder for holder in holders if holder is not None}


def holder_in(table: str, file: os.stat_result) -> int | None:
    """The process that /proc/locks (proc(5)) names for a file: device numbers in hexadecimal, then the inode."""
    wanted = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in table.splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == wanted:
            return int(words[4])
    return None


def _lock_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("adapter-*.lock"))
    except OSError:
        return []


def settings_finding(error: str) -> Finding:
    """Settings that cannot be used: the rest is looked at with the defaults."""
    return problem("settings", error, "correct it; `gattkeeper config check` explains every mistake")
