"""Cases in which nothing goes wrong. Each gives what it measured; the tests judge."""

import asyncio
import time
from typing import Any

from bluez_vm.guest.place import NAMES, keeper_of, place
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_POSITION, BLIND_TARGET

COMMANDS = 24


async def four_blinds() -> dict[str, Any]:
    """Commands for four blinds at once, from one program."""
    async with place(devices=4) as at, keeper_of(at) as keeper:
        started_at = time.monotonic()

        async def write(number: int) -> str:
            device = keeper.device(NAMES[number % 4])
            outcome = await device.write(BLIND_LABEL, b"%d" % number, idempotent=True, deadline=60)
            return outcome.verdict.value

        verdicts = await asyncio.gather(*(write(number) for number in range(COMMANDS)))
        took_s = time.monotonic() - started_at
        return {
            "verdicts": verdicts,
            "applied": {name: [payload.decode() for payload in at.applied(name)] for name in at.blinds},
            "took_s": round(took_s, 2),
            "versions": await versions(),
        }


async def one_blind() -> dict[str, Any]:
    """Read, write and notifications on one blind, and what a write costs on a warm connection."""
    async with place(devices=1) as at, keeper_of(at) as keeper:
        lounge = keeper.device("lounge")
        started_at = time.monotonic()
        before = await lounge.read(BLIND_POSITION)
        first_s = time.monotonic() - started_at
        heard = []
        async with lounge.subscribe(BLIND_POSITION) as notifications:
            started_at = time.monotonic()
            await lounge.write(BLIND_TARGET, bytes([before[0] - 10]))
            warm_s = time.monotonic() - started_at
            async for notification in notifications:
                heard.append(notification[0])
                if heard[-1] == before[0] - 10:
                    break
        return {
            "connections": at.blinds["lounge"].device.connections,
            "before": before[0],
            "heard": heard,
            "applied": [payload[0] for payload in at.applied("lounge")],
            "first_s": round(first_s, 2),
            "warm_s": round(warm_s, 3),
        }


async def versions() -> dict[str, str]:
    """What this was measured with."""
    words = {"kernel": ("uname", "-r"), "bluez": ("bluetoothctl", "--version")}
    found = {}
    for name, command in words.items():
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        found[name] = out.decode().split()[-1]
    return found
