"""Where the socket lies, and who is at its other end.

Knows file modes, stale sockets and SO_PEERCRED. What is said over the socket is not its business.
"""

import contextlib
import os
import socket
import stat
import struct
import sys
from pathlib import Path

from msgspec import Struct

from gattkeeper.errors import SettingsError
from gattkeeper.model.command import Origin

ANSWER_TIMEOUT_S = 1.0
"""How long another daemon has to take a connection before its socket counts as stale; it takes microseconds."""

PATH_BYTES_MAX = 107
"""Longest path of a socket (`sun_path` in unix(7), without its last zero)."""

BACKLOG = 64
"""Connections the kernel holds while the daemon is busy."""


class Peer(Struct, frozen=True, kw_only=True):
    """The process at the other end, as the kernel names it."""

    uid: int
    pid: int

    @property
    def name(self) -> str:
        """The user's name, or the number where the system has no name for it."""
        import pwd  # noqa: PLC0415 - not on every system that the package is imported on

        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def origin(self) -> Origin:
        """What the journal records about commands of this peer."""
        return Origin(front="socket", principal=self.name, uid=self.uid, pid=self.pid)


_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2
"""Of <sys/un.h> on macOS."""


def peer_of(connected: socket.socket) -> Peer:
    """Who connected (`struct ucred`: pid, uid, gid; on macOS `struct xucred`: version, uid, and the pid apart)."""
    if sys.platform == "darwin":
        _version, uid = struct.unpack("=II", connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 8))
        return Peer(uid=uid, pid=connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID))
    pid, uid, _gid = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Peer(uid=uid, pid=pid)


def listen(path: Path, *, shared: bool) -> socket.socket:
    """A listening socket at `path`, of mode 0600, or 0666 when it is `shared` with other users.

    A missing folder is made with mode 0700 (0755 when shared). A socket that nobody answers on is
    replaced. Raises SettingsError when the folder is not safe, or when something else is in the way.
    """
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise SettingsError(f"the path {path} is too long for a socket: it may have {PATH_BYTES_MAX} bytes")
    _prepare_folder(path.parent, shared=shared)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777)  # nobody may connect before the mode is right
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot make the socket {path}: {error.strerror or error}") from None
    finally:
        os.umask(mask)
    path.chmod(0o666 if shared else 0o600)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def remove(path: Path, identity: tuple[int, int]) -> None:
    """Take our socket away; one that another daemon has put there since stays."""
    with contextlib.suppress(FileNotFoundError):
        if identity_of(path) == identity:
            path.unlink()


def identity_of(path: Path) -> tuple[int, int]:
    """Which file lies at the path: device and inode."""
    found = path.lstat()
    return found.st_dev, found.st_ino


def _prepare_folder(folder: Path, *, shared: bool) -> None:
    mode = 0o755 if shared else 0o700
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=mode)
        found = folder.lstat()
    except OSError as error:
        raise SettingsError(f"cannot make the folder {folder} for the socket: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError(f"{folder} is not a folder: the socket needs one of its own")
    if found.st_uid != os.geteuid():
        raise SettingsError(f"the folder {folder} belongs to another user: put the socket into one of your own")
    if shared and not found.st_mode & stat.S_IXOTH:
        raise SettingsError(f"other users are allowed, but cannot get into {folder}: do `chmod 711 {folder}`")
    if found.st_mode & 0o022:
        raise SettingsError(f"others may write into {folder}: put the socket into a folder of its own (mode 0700)")


def _remove_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SettingsError(f"{path} exists and is no socket: move it away, or name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SettingsError(f"{path} is in use, or cannot be tried: {error.strerror or error}") from None
    raise SettingsError(f"a gattkeeper daemon answers at {path} already: stop it first, or name another path")
