"""A script as people write them: finds a device by its name, connects, writes once, disconnects.

Knows Bleak alone. It stands for programs that nobody wants to change.
"""

import asyncio
import sys

from bleak import BleakClient, BleakScanner

TIMEOUT_S = 30.0  # of scan and of connect: thrice as long as usual, for slow machines


async def main(name: str, characteristic: str, payload: str) -> None:
    """Ends with a traceback, and exit code 1, when something fails."""
    scanner = BleakScanner()
    input("ready?")  # somebody says when
    async with asyncio.timeout(TIMEOUT_S), scanner:
        async for found, advertisement in scanner.advertisement_data():  # noqa: B007 - wanted after the loop
            if advertisement.local_name == name:
                break
    async with BleakClient(found, timeout=TIMEOUT_S) as client:
        await client.write_gatt_char(characteristic, payload.encode(), response=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
