"""The daemon: a keeper with its fronts, from start to a clean end.

Knows signals, logging and readiness. What is served is the fronts' business.
"""

import asyncio
import logging
import os
import pwd
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from gattkeeper import __version__
from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.daemon.event_loop import run_on
from gattkeeper.daemon.journal_door import open_or_do_without, wait_for
from gattkeeper.daemon.reload import read_again
from gattkeeper.daemon.settings_model import Settings
from gattkeeper.errors import SettingsError
from gattkeeper.fronts.socket.server import SocketFront
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import Observer
from gattkeeper.storage.late_journal import LateJournal
from gattkeeper.telemetry.event_log import EventLog
from gattkeeper.telemetry.timeline import Timeline

_log = logging.getLogger("gattkeeper")


def serve(
    settings: Settings, *, path: Path | None = None, socket_path: Path | None = None, log_phases: bool = False
) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises SettingsError or StorageError before it serves.

    SIGHUP has the settings read again from their file, `path`. On a terminal, and without a file, it ends the
    daemon: there it means that the terminal was closed.
    """
    logging.basicConfig(
        level=settings.keeper.log_level.name,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    daemon = _serve(settings, socket_path or settings.keeper.socket, log_phases=log_phases, path=path)
    return run_on(settings.keeper.event_loop, daemon)


async def _serve(settings: Settings, socket_path: Path, *, log_phases: bool, path: Path | None = None) -> int:
    timeline = Timeline(settings.keeper.history_max)
    observers: list[Observer] = [timeline]
    if log_phases:
        observers.append(EventLog())
    ending, hangup = asyncio.Event(), asyncio.Event()
    rereads = path is not None and not has_terminal()
    for number, event in (
        (signal.SIGTERM, ending),
        (signal.SIGINT, ending),
        (signal.SIGHUP, hangup if rereads else ending),
    ):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) asks for that
            asyncio.get_running_loop().add_signal_handler(number, event.set)
    journal = await open_or_do_without(settings)
    async with open_keeper(
        settings, journal=journal, observers=observers, settings_path=path, daemon=True
    ) as keeper:
        front = SocketFront(
            keeper, socket_path, timeline=timeline, allowed_uids=_uids(settings.keeper.allow_users)
        )
        await front.start()
        beside = [asyncio.create_task(_reread(keeper, settings, path, hangup))] if path is not None else []
        if isinstance(journal, LateJournal):
            beside.append(asyncio.create_task(wait_for(journal, keeper, settings)))
        try:
            _log.info("%s", _ready_text(keeper, socket_path))
            notify_systemd("READY=1")
            await ending.wait()
            for task in beside:
                task.cancel()
            notify_systemd("STOPPING=1")
            _log.info("ending: what is in flight may finish")
            await keeper.close()  # before the front: those who wait get to hear how their commands ended
        finally:
            await front.close()
    return 0


async def _reread(keeper: Keeper, settings: Settings, path: Path, hangup: asyncio.Event) -> None:
    """Read the settings again whenever that is asked for; what is asked for meanwhile is done afterwards, once."""
    current = settings
    while await hangup.wait():
        hangup.clear()
        notify_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        current = await read_again(keeper, settings, path, before=current)
        notify_systemd("READY=1")


def has_terminal() -> bool:
    """Whether a terminal controls this process: its end is then told by SIGHUP."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _ready_text(keeper: Keeper, socket_path: Path) -> str:
    """What is served, and the command line that shows it."""
    names = keeper.book.names()
    devices = ", ".join(names) or "any device by its address"
    adapters = ", ".join(f"{name} ({link.name})" for name, link in keeper.links.items())
    try_this = f"gattkeeper {'devices' if names else 'scan'} --socket {shlex.quote(str(socket_path.absolute()))}"
    return f"gattkeeper {__version__} is ready: {devices} over {adapters}; try `{try_this}`"


def _uids(names: Iterable[str]) -> list[int]:
    """The users' numbers. Raises SettingsError for a name that the system does not know."""
    uids = []
    for name in names:
        try:
            uids.append(pwd.getpwnam(name).pw_uid)
        except KeyError:
            raise SettingsError(f"allow_users: there is no user {name!r} on this system") from None
    return uids


def notify_systemd(state: str) -> None:
    """Tell systemd how we are, if it started us (sd_notify(3)); nothing happens otherwise."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        try:
            notify.sendto(state.encode(), address)
        except OSError as error:
            _log.warning("systemd could not be told %s: %s", state, error)
