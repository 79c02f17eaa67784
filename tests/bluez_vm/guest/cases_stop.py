"""Cases of the emergency stop while the blind has a write and has not answered it.

Knows what reached the blind, and when. The tests judge.
"""

import asyncio
from typing import Any

from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.place import keeper_of, place
from bluez_vm.guest.privileged import privileged_program
from gattkeeper.world import AttOpcode, Delay, Match, Moment, Rule
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_MOTOR, MOTOR_STOP

ANSWER_S = 1.0
"""How late the blind's answer is, in seconds: longer than the stop's grace, shorter than a time-out."""


async def on_another_characteristic() -> dict[str, Any]:
    return await _stop_behind(BLIND_LABEL, b"slow")


async def on_the_same_characteristic() -> dict[str, Any]:
    return await _stop_behind(BLIND_MOTOR, MOTOR_STOP)


async def with_the_privileged_program() -> dict[str, Any]:
    """On the same characteristic again, where the link can be cut at once."""
    async with privileged_program():
        return await on_the_same_characteristic()


async def _stop_behind(characteristic: str, payload: bytes) -> dict[str, Any]:
    async with place(devices=1) as at, keeper_of(at) as keeper:
        lounge = keeper.device(LOUNGE)
        await lounge.act("set_position", 0)  # it moves now, for some seconds
        blind = at.blinds[LOUNGE]
        first = len(blind.device.applied)
        # Once: on each connection BlueZ writes something of its own, before ours.
        late = Rule(
            Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1), Delay(seconds=ANSWER_S)
        )
        at.radio.rules.append(late)
        during = asyncio.ensure_future(told(lounge.write(characteristic, payload)))
        waiting = asyncio.ensure_future(told(lounge.write(BLIND_LABEL, b"waiting")))
        while len(blind.device.applied) == first:
            await asyncio.sleep(0.01)
        blind.move_to(100)
        asked_at = asyncio.get_running_loop().time()
        (stop,) = await keeper.stop(LOUNGE)
        ended = {"stop": await told(stop.wait()), "during": await during, "waiting": await waiting}
        applied = blind.device.applied[first:]
        return ended | {
            "reached_s": [round(each.at_s - asked_at, 2) for each in applied],
            "applied": [[each.characteristic[:8], each.payload.decode("latin1")] for each in applied],
            "moving": blind.moving,
        }
