"""What a program that was written for Bleak pays for the queue: one write with response, from its call to its end,
through `gattkeeper.bleak` and through plain Bleak, both on a D-Bus with the same scripted BlueZ in another
process, each with a device of its own. In process the keeper runs on the program's own loop; through the socket
it is a daemon with a durable journal, as `gattkeeper run` has it. On the air a write takes two connection
intervals; a BlueZ that answers at once shows what is left without them.

Plain Bleak makes one call on the bus for a write, and so does the keeper. What the daemon adds is one round trip
of the socket and two commits of the journal, one after the other: the intent before the hand-over, the outcome
before it is told. Both wait for the disk: with `TMPDIR` on one in memory the rest is measured alone.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from gattkeeper.bleak import Client
from gattkeeper.devices.book import ProfileBook
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.runtime.keeper import Keeper
from measured.figures import Figure, Goal, Tick
from measured.processes import LEVEL, SETTINGS, answers, running, world

TITLE = "A Bleak program in front of the queue"
WRITES = 30
ON_AIR_S = 0.015
"""Two connection intervals of 7.5 ms: what a write with response takes at the least."""
SOCKET_LIMIT_S = 0.001
"""What a call through the socket may take longer than plain Bleak's."""

_BECAUSE = (
    "The intent is on the disk before the write is sent, and the outcome before it is told: two syncs and six"
    " wake-ups more than plain Bleak has."
)
_DEVICE = """\
[devices.lamp]
address = "F0:00:00:00:00:02"
"""


async def written(client: BleakClient) -> float:
    """Seconds for one write, of many one after the other."""
    level = client.services.get_characteristic(LEVEL)
    assert level is not None
    began = time.perf_counter()
    for number in range(WRITES):
        await client.write_gatt_char(level, number.to_bytes(2, "big"), response=True)
    return (time.perf_counter() - began) / WRITES


async def samples(serving: list[str], env: dict[str, str], rounds: int, tick: Tick) -> dict[str, list[float]]:
    """By the way of a program: its writes, in turn. The devices are heard before anybody else listens."""
    found: dict[str, list[float]] = {"plain": [], "in process": [], "socket": []}
    heard = {device.address: device for device in await BleakScanner.discover(timeout=0.5)}
    with running(serving, env=env), answers(Path(os.environ["GATTKEEPER_SOCKET"])):
        keeper = Keeper(links={"radio": BleakLink()}, book=ProfileBook(()))
        await keeper.start()
        await writing(heard, keeper, found, rounds, tick)
        await keeper.close()
    return found


async def writing(
    heard: dict[str, BLEDevice], keeper: Keeper, found: dict[str, list[float]], rounds: int, tick: Tick
) -> None:
    """All three are connected; each writes in its turn."""
    async with (
        BleakClient(heard["F0:00:00:00:00:00"]) as plain,
        BleakClient(heard["F0:00:00:00:00:01"], backend=Client, keeper=keeper) as ours,
        BleakClient(heard["F0:00:00:00:00:02"], backend=Client) as through,
    ):
        ways = {"plain": plain, "in process": ours, "socket": through}
        for number in range(rounds):
            tick(f"{number + 1} of {rounds}")
            for way, client in ways.items():
                found[way].append(await written(client))


def writes(answer_s: float, rounds: int, tick: Tick) -> dict[str, list[float]]:
    """The samples with a BlueZ that answers after so many seconds."""
    program = str(Path(sys.executable).with_name("gattkeeper"))
    with tempfile.TemporaryDirectory() as name, world(Path(name), 3, answer_s) as env:
        settings = Path(name) / "g.toml"
        settings.write_text(SETTINGS + _DEVICE)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = env["DBUS_SYSTEM_BUS_ADDRESS"]
        os.environ["GATTKEEPER_SOCKET"] = str(Path(name) / "keeper.sock")
        return asyncio.run(samples([program, "serve", "--config", str(settings)], env, rounds, tick))


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 3 if quick else 30
    at_once, on_air = writes(0.0, rounds, tick), writes(ON_AIR_S, rounds, tick)
    longer = tuple(taken - bare for taken, bare in zip(on_air["socket"], on_air["plain"], strict=True))

    def in_process(name: str, found: dict[str, list[float]], limit: float) -> Figure:
        return Figure(
            name=name,
            ours_is="gattkeeper.bleak",
            theirs_is="plain Bleak",
            ours=tuple(found["in process"]),
            theirs=tuple(found["plain"]),
            goal=Goal(limit=limit),
            because="What is added is what the keeper takes for a command (G1).",
        )

    return [
        in_process("a write in process, answered after two intervals of 7.5 ms", on_air, 1.15),
        in_process("a write in process, answered at once", at_once, 2),
        Figure(
            name="how much longer a write through the socket takes",
            ours_is="gattkeeper.bleak",
            theirs_is="limit",
            ours=longer,
            theirs=(SOCKET_LIMIT_S,) * len(longer),
            goal=Goal(limit=1),
            because=_BECAUSE,
        ),
    ]
