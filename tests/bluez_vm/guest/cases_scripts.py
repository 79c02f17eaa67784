"""One plain Bleak script, started many times at once: by itself, under each lock, and under `gattkeeper run`.

Knows how the programs are started and what became of each. They are programs as on any machine, not forks: what
loads in them is what loads in a user's.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bluez_vm.guest import bluez, plain
from bluez_vm.guest.calls import CallsAtOnce
from bluez_vm.guest.forked import Forked
from bluez_vm.guest.place import NAMES, adapter_address, fresh_folder
from bluez_vm.guest.storm import DEVICES, Storm, kernel_bugs
from gattkeeper.world.virtual_blind import BLIND_LABEL

SCRIPTS = 8
LOAD_S = 100.0
"""Eight Pythons that load Bleak at once, on two emulated processors."""

HANG_S = 100.0
"""A script that lives longer after its start is said to hang; all its own time-outs are over by then."""

IN_TURN_S = 200.0
"""The same for those that come one after the other, each with its own loading."""

_GATTKEEPER = (sys.executable, "-m", "gattkeeper")

Wrapper = Callable[[Storm], tuple[str, ...]]


def plainly() -> dict[str, Any]:
    """Eight at once with nothing between them. It may leave BlueZ, or the kernel, unusable."""
    return _eight(lambda _storm: ())


def under_run() -> dict[str, Any]:
    """The same eight, each started with `gattkeeper run`, before a daemon that was just started."""
    return _eight(lambda storm: (*_GATTKEEPER, "run", "--socket", str(storm.socket), "--"), daemon=True)


def under_flock() -> dict[str, Any]:
    """The same eight, each started with flock(1): a script is loaded when it is its turn."""
    return _eight(lambda storm: ("flock", str(storm.folder / "lock")), in_turn=True)


def under_lock() -> dict[str, Any]:
    """The same with `gattkeeper lock`."""
    return _eight(lambda _storm: (*_GATTKEEPER, "lock", "--adapter", adapter_address(0), "--"), in_turn=True)


def _eight(wrapper: Wrapper, *, daemon: bool = False, in_turn: bool = False) -> dict[str, Any]:
    storm = Storm(fresh_folder())
    Forked(_forget_devices).result(LOAD_S)
    if daemon:
        storm.start_daemon()
    calls = CallsAtOnce(storm.folder)
    scripts = _Scripts(wrapper(storm), in_turn=in_turn)
    ended = asyncio.run(scripts.ended())
    took_s = sorted(each["took_s"] for each in ended if not each["error"])
    found = {
        "succeeded": len(took_s),
        "errors": [each["error"] for each in ended if each["error"]],
        "first_s": took_s[0] if took_s else None,
        "median_s": round(statistics.median(took_s), 2) if took_s else None,
        "last_s": took_s[-1] if took_s else None,
        "loaded_s": scripts.loaded_s,
        "applied": sorted(each.payload.decode() for each in storm.applied()),
        "overlaps": dict(calls.end()),
    }
    storm.end()
    return found | {"kernel_bugs": kernel_bugs()}


def _forget_devices() -> None:
    asyncio.run(bluez.forget_devices())


class _Scripts:
    """Eight of them, on two blinds in turns. `in_turn`: something before them lets in one at a time."""

    def __init__(self, wrapper: tuple[str, ...], *, in_turn: bool) -> None:
        self._wrapper = wrapper
        self._in_turn = in_turn
        self._ready = asyncio.Barrier(SCRIPTS + 1)
        self._began_at = 0.0
        self.loaded_s = 0.0  # how long loading took, all at once

    async def ended(self) -> list[dict[str, Any]]:
        """What became of each."""
        created_at = self._began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            scripts = [group.create_task(self._script(number)) for number in range(SCRIPTS)]
            if not self._in_turn:
                async with asyncio.timeout(LOAD_S):
                    await self._ready.wait()
                self._began_at = time.monotonic()
                self.loaded_s = round(self._began_at - created_at, 2)
        return [script.result() for script in scripts]

    async def _script(self, number: int) -> dict[str, Any]:
        device = NAMES[number % DEVICES]
        process = await asyncio.create_subprocess_exec(
            *(*self._wrapper, sys.executable, str(Path(plain.__file__)), device, BLIND_LABEL, f"s{number}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        if not self._in_turn:
            await process.stdout.read(1)  # it asks, and waits
            await self._ready.wait()
        try:
            async with asyncio.timeout(IN_TURN_S if self._in_turn else HANG_S):
                _, said = await process.communicate(b"\n")
        except TimeoutError:
            process.kill()
            await process.wait()
            return {"error": "hung", "took_s": HANG_S}
        error = said.decode().strip().rpartition("\n")[2] if process.returncode else ""
        return {"error": error, "took_s": round(time.monotonic() - self._began_at, 2)}
