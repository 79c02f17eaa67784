"""The privileged program as its systemd unit runs it: a process of its own, as root, at its own socket."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bluez_vm.guest.place import READY_S
from gattkeeper.privileged.wire import SOCKET

_POLL_S = 0.05


@asynccontextmanager
async def privileged_program() -> AsyncIterator[None]:
    """It listens; afterwards it is gone, and its socket with it."""
    SOCKET.parent.mkdir(exist_ok=True)  # RuntimeDirectory of the unit
    program = await asyncio.create_subprocess_exec(sys.executable, "-m", "gattkeeper.privileged")
    try:
        async with asyncio.timeout(READY_S):
            while not SOCKET.is_socket():
                await asyncio.sleep(_POLL_S)
        yield
    finally:
        program.kill()
        await program.wait()
        SOCKET.unlink(missing_ok=True)
