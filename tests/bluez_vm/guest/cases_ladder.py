"""Cases in which the adapter itself is the trouble, and gattkeeper climbs its recovery ladder.

Each gives the rungs as the journal has them, and what became of the commands; the tests judge.
"""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.place import Place, fresh_folder, keeper_of, place
from bluez_vm.guest.privileged import privileged_program
from bluez_vm.guest.supervisor import supervisor
from bluez_vm.guest.surgery import doctor_says
from gattkeeper.model.record import Recovery
from gattkeeper.runtime.device import Device
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world.virtual_blind import BLIND_LABEL

SOONER = """\
recovery_failures_min = 2
recovery_wedged_min = 1
breaker_failures_max = 100
timeouts.connect = 5.0
"""
"""Settings that are lower than their defaults, or higher for the breaker: a case should not take minutes."""

GONE_S = 1.0
"""A lost link is gone on the air by then, in seconds: the supervision time-out is 0.42 s."""

TIRED_S = 150.0
"""How long people go on tapping, in seconds."""


async def phantom() -> dict[str, Any]:
    """Firmware that says it has disconnected, and has not: the devices are taken, and advertise no more."""
    folder = fresh_folder()
    async with place(devices=2) as at:
        async with keeper_of(at, folder, keeper=SOONER) as keeper:
            before = [await told(keeper.device(name).write(BLIND_LABEL, b"before")) for name in at.blinds]
            at.adapters[0].controller.keeps_links = True
            for name in at.blinds:
                await keeper.device(name).disconnect()
            left = {"on_air": at.adapters[0].links(), "in_bluez": await bluez.connected_devices()}
            at.adapters[0].controller.keeps_links = False
            doctor = await doctor_says(settings=folder / "gattkeeper.toml")
            tapped = await _tap_until_delivered(keeper, at)
        return {"before": before, "left": left, "doctor": doctor, "rungs": _rungs(folder)} | tapped


async def believed() -> dict[str, Any]:
    """Firmware that does not say that one device's link is lost: BlueZ believes in it, and another device is used."""
    folder = fresh_folder()
    async with place(devices=2) as at:
        async with keeper_of(at, folder, keeper=SOONER) as keeper:
            lounge, kitchen = (keeper.device(name) for name in at.blinds)
            before = [await told(each.write(BLIND_LABEL, b"before")) for each in (lounge, kitchen)]
            adapter = at.adapters[0].controller
            adapter.hides_losses = True
            at.radio.break_link(at.blinds[LOUNGE].device)
            await asyncio.sleep(GONE_S)
            adapter.hides_losses = False
            left = {"on_air": at.adapters[0].links(), "in_bluez": len(await bluez.connected_devices())}
            tapping = asyncio.ensure_future(_tap(lounge, b"after"))
            others = []
            while not tapping.done():
                others.append(await told(kitchen.write(BLIND_LABEL, b"other")))
        return {
            "before": before,
            "left": left,
            "tapped": await tapping,
            "other_verdicts": sorted({each["verdict"] for each in others}),
            "other_s_max": max(each["took_s"] for each in others),
            "applied": [payload.decode() for payload in at.applied(LOUNGE)],
            "rungs": _rungs(folder),
        }


async def hung() -> dict[str, Any]:
    """Firmware that answers no command any more, until it is reset."""
    folder = fresh_folder()
    async with privileged_program(), place(devices=2) as at:
        async with keeper_of(at, folder, keeper=SOONER) as keeper:
            before = [await told(keeper.device(name).write(BLIND_LABEL, b"before")) for name in at.blinds]
            for name in at.blinds:
                await keeper.device(name).disconnect()
            at.adapters[0].controller.hangs = True
            tapped = await _tap_until_delivered(keeper, at)
            doctor = await doctor_says("kernel", settings=folder / "gattkeeper.toml")
        return {"before": before, "doctor": doctor, "rungs": _rungs(folder)} | tapped


async def service_hung() -> dict[str, Any]:
    """bluetoothd stops in its tracks, as one that waits for ever; systemd is told to restart it."""
    folder = fresh_folder()
    async with supervisor(), place(devices=2) as at:
        async with keeper_of(at, folder, keeper=SOONER, adapter="restart_service = true") as keeper:
            before = [await told(keeper.device(name).write(BLIND_LABEL, b"before")) for name in at.blinds]
            for name in at.blinds:
                await keeper.device(name).disconnect()
            bluez.stop_bluetoothd()
            tapped = await _tap_until_delivered(keeper, at)
        return {"before": before, "rungs": _rungs(folder)} | tapped


async def _tap(device: Device, payload: bytes) -> list[dict[str, Any]]:
    """Somebody who taps again when told that it did not work."""
    ended: list[dict[str, Any]] = []
    give_up_at = time.monotonic() + TIRED_S
    while not ended or (ended[-1]["verdict"] != "delivered" and time.monotonic() < give_up_at):
        ended.append(await told(device.write(BLIND_LABEL, payload)))
        await asyncio.sleep(0.1)
    return ended


async def _tap_until_delivered(keeper: Keeper, at: Place) -> dict[str, Any]:
    """People at every blind at once, who tap again when they are told that it did not work."""
    started_at = time.monotonic()

    taps = [_tap(keeper.device(name), b"after") for name in at.blinds]
    tapped = dict(zip(at.blinds, await asyncio.gather(*taps), strict=True))
    return {
        "tapped": tapped,
        "applied": {name: [payload.decode() for payload in at.applied(name)] for name in at.blinds},
        "took_s": round(time.monotonic() - started_at, 1),
    }


def _rungs(folder: Path) -> list[dict[str, str]]:
    """The recovery's rows in a daemon's journal, in order."""
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        rows = journal.execute("SELECT body FROM journal WHERE kind = 'recovery' ORDER BY seq").fetchall()
    records = [msgspec.json.decode(body, type=Recovery) for (body,) in rows]
    return [
        {"rung": each.rung.value, "device": each.device, "why": each.why, "fault": str(each.fault or "")}
        for each in records
    ]
