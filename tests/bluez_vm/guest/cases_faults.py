"""Cases in which something goes away while a blind has a write and has not answered it.

Each gives what callers were told, when, and what reached the blind; the tests judge.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.place import Place, keeper_of, place
from bluez_vm.guest.surgery import doctor_says
from bluez_vm.guest.vhci import VhciAdapter
from gattkeeper.errors import CommandError
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import AttOpcode, Drop, Match, Moment, Rule
from gattkeeper.world.radio_rules import REMOTE_USER_TERMINATED
from gattkeeper.world.virtual_blind import BLIND_LABEL

LOUNGE = "lounge"
AWAY_S = 3.0
"""How long what went away stays away, in seconds: longer than anybody may take to see it."""

Step = Callable[[Place], Awaitable[None]]


async def told(command: Awaitable[Outcome]) -> dict[str, Any]:
    """How a command ended, as its caller is told."""
    started_at = time.monotonic()
    try:
        outcome = await command
    except CommandError as error:
        outcome = error.outcome
    fault = outcome.fault
    return {
        "verdict": outcome.verdict.value,
        "cause": outcome.cause.value,
        "fault": "" if fault is None else f"{fault.kind.value}: {fault.name} {fault.text}".strip(),
        "stop_route": [mark.note for mark in outcome.timeline if mark.phase is Phase.STOP_ROUTE],
        "attempts": len(outcome.attempts),
        "took_s": round(time.monotonic() - started_at, 2),
    }


async def bluetoothd_killed() -> dict[str, Any]:
    async def kill(_at: Place) -> None:
        bluez.kill_bluetoothd()

    async def start(_at: Place) -> None:
        await bluez.start_bluetoothd()
        await bluez.power(True)

    return await _mid_write(kill, start)


async def adapter_pulled_out() -> dict[str, Any]:
    """It returns under another number, as another adapter has taken its own."""

    async def pull(at: Place) -> None:
        at.adapters[0].unplug()

    async def plug(at: Place) -> None:
        other = VhciAdapter("F4:4E:FC:00:00:99", at.radio._air)
        other.plug()
        at.adapters.append(other)
        await bluez.power(True, adapter=other.address)
        at.adapters[0].plug()
        await bluez.power(True, adapter=at.adapters[0].address)

    return await _mid_write(pull, plug)


async def adapter_powered_off() -> dict[str, Any]:
    async def off(_at: Place) -> None:
        await bluez.power(False)

    async def on(_at: Place) -> None:
        await bluez.power(True)

    return await _mid_write(off, on)


async def adapter_blocked() -> dict[str, Any]:
    """As `rfkill block bluetooth`; before it is taken back somebody tries to switch the adapter on."""
    said: dict[str, Any] = {}

    async def block(_at: Place) -> None:
        bluez.block_radios(True)

    async def unblock(at: Place) -> None:
        said["switched_on"] = await bluez.power_refusal(at.adapters[0].address)
        said["doctor"] = await doctor_says("rfkill")
        bluez.block_radios(False)
        await bluez.power(True)

    return await _mid_write(block, unblock) | said


async def device_out_of_reach() -> dict[str, Any]:
    async def take(at: Place) -> None:
        at.radio.take_away(at.blinds[LOUNGE].device)

    async def bring(at: Place) -> None:
        at.radio.bring_back(at.blinds[LOUNGE].device)

    return await _mid_write(take, bring)


async def device_hangs_up() -> dict[str, Any]:
    async def hang_up(at: Place) -> None:
        at.radio.break_link(at.blinds[LOUNGE].device, REMOTE_USER_TERMINATED)

    async def nothing(_at: Place) -> None:
        pass

    return await _mid_write(hang_up, nothing)


async def _mid_write(fault: Step, cure: Step) -> dict[str, Any]:
    """A write is with the blind, whose answer is lost; then the fault, later the cure, then another write."""
    async with place(devices=1) as at, keeper_of(at) as keeper:
        lounge = keeper.device(LOUNGE)
        before = await told(lounge.write(BLIND_LABEL, b"before"))
        lost = Rule(Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1), Drop())
        at.radio.rules.append(lost)
        during = asyncio.ensure_future(told(lounge.write(BLIND_LABEL, b"during", timeout=20.0)))
        while at.applied(LOUNGE)[-1:] != [b"during"]:
            await asyncio.sleep(0.02)
        struck_at = time.monotonic()
        seen = asyncio.ensure_future(_seen(keeper, struck_at))
        await fault(at)
        ended = await during
        told_after_s = time.monotonic() - struck_at
        seen_after_s = await seen
        await asyncio.sleep(max(0.0, struck_at + AWAY_S - time.monotonic()))
        curing = asyncio.ensure_future(cure(at))
        after = await told(lounge.write(BLIND_LABEL, b"after", deadline=60.0, idempotent=True))
        await curing
        return {
            "before": before,
            "during": ended | {"after_s": round(told_after_s, 2)},
            "seen_after_s": round(seen_after_s, 2),
            "after": after,
            "applied": [payload.decode() for payload in at.applied(LOUNGE)],
        }


async def _seen(keeper: Keeper, struck_at: float) -> float:
    """When the keeper's own status shows that the connection is gone, or its adapter."""
    while True:
        status = keeper.status()
        if not status.adapters[0].up or status.devices[0].connection != "connected":
            return time.monotonic() - struck_at
        await asyncio.sleep(0.01)
