"""Which keeper serves a client or a scanner: the one that was said, else the daemon, else one of this process.

Knows the order in which they are looked for.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gattkeeper.bleak.doors import Door
from gattkeeper.errors import DaemonGoneError

if TYPE_CHECKING:
    from gattkeeper.runtime.keeper import Keeper  # a program that only speaks to the daemon does without it

IN_PROCESS_VARIABLE = "GATTKEEPER_IN_PROCESS"
"""Environment variable: when it is not empty no daemon is looked for, as `gattkeeper run --in-process` sets it."""

_SERVED: ContextVar["tuple[asyncio.AbstractEventLoop, Keeper] | None"] = ContextVar(
    "gattkeeper_bleak_served", default=None
)


@contextmanager
def serve(keeper: "Keeper") -> Iterator[None]:
    """Clients and scanners that are used in this block, and in tasks made in it, are served by this keeper.

    For a program that has a keeper, and libraries that make their own `BleakClient`. To be used inside the
    keeper's event loop.
    """
    token = _SERVED.set((asyncio.get_running_loop(), keeper))
    try:
        yield
    finally:
        _SERVED.reset(token)


async def find_door(keeper: "Keeper | None") -> Door:
    """The door to `keeper`, else to the one that `serve` named, else to the daemon, else to the loop's own keeper.

    The daemon's socket is that of $GATTKEEPER_SOCKET, else the usual one; $GATTKEEPER_IN_PROCESS does without.
    Raises GattkeeperError: the daemon that is named does not answer, or a keeper of our own cannot be had.
    """
    served = _SERVED.get()
    if keeper is None and served is not None and served[0] is asyncio.get_running_loop():
        keeper = served[1]
    if keeper is not None:
        from gattkeeper.bleak.in_process import InProcess  # noqa: PLC0415 - see above

        return InProcess(keeper)
    door = None if os.environ.get(IN_PROCESS_VARIABLE) else await _daemon()
    if door is not None:
        return door
    from gattkeeper.bleak.own_keeper import own_door  # noqa: PLC0415 - see above

    return await own_door()


async def _daemon() -> Door | None:
    """A connection to the daemon; None where none answers. Raises DaemonGoneError when it was named."""
    if sys.platform == "win32":
        return None  # no daemon runs there
    from gattkeeper.bleak.through_socket import ThroughSocket  # noqa: PLC0415 - not every program needs it
    from gattkeeper.client.async_client import AsyncClient  # noqa: PLC0415 - as above

    try:
        return ThroughSocket(await AsyncClient.open())
    except DaemonGoneError:
        if os.environ.get("GATTKEEPER_SOCKET"):
            raise
        return None
