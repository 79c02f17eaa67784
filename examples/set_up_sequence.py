"""Set a device up, as an app does after connecting: a longer ATT_MTU, the values it pushes, and what it is.

    python examples/set_up_sequence.py gattkeeper.toml lamp 2a19 2a00

with the settings, the device, the characteristic that notifies and the one that tells what the device is.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import gattkeeper

MTU_WANTED = 247
MTU_PATIENCE_S = 5.0


@asynccontextmanager
async def set_up(
    device: gattkeeper.Device, pushed: str, information: str
) -> AsyncIterator[tuple[gattkeeper.Notifications, bytes]]:
    """The values it pushes, and what it says it is. One step waits for the other; no step waits for ever.

    Raises CommandError when the device cannot be listened to or read.
    """
    try:
        async with asyncio.timeout(MTU_PATIENCE_S):
            await device.request_mtu(MTU_WANTED)
    except (TimeoutError, gattkeeper.CommandError):
        pass  # 23 bytes will do, or what the stack agreed on by itself
    async with device.subscribe(pushed) as values:
        yield values, await device.read(information)


async def main(settings: str, name: str, pushed: str, information: str) -> None:
    """Print what the device is, then what it pushes, until somebody stops us."""
    async with (
        gattkeeper.open(settings) as keeper,
        set_up(keeper.device(name), pushed, information) as (values, payload),
    ):
        print(payload.hex(" "))
        async for value in values:
            print(value.hex(" "))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
