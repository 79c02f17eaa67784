"""A shared lock file and a script per command, as one article about blinds does it: a bad example on purpose.

Knows a fixed name in a folder that everybody may write into, and a program that connects, writes and leaves each time.
"""

import fcntl
from pathlib import Path
from typing import TextIO

from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation
from gattkeeper.runtime.ports import Link
from seeds.callback_gatt import Unheard

NAME = "ble-command.lock"


def take(folder: Path) -> TextIO:
    """Wait for the lock; it is held until the file is closed."""
    file = (folder / NAME).open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


async def script(folder: Path, link: Link, address: DeviceAddress, operation: Operation) -> None:
    """One run of the program: everything from the beginning, and nobody is told how it ended."""
    with take(folder):
        connection = await link.connect(address, Unheard())
        await connection.perform(operation)
        await connection.disconnect()
