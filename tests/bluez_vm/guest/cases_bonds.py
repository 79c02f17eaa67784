"""Cases of a device that demands a bond, over the guest's bluetoothd: with one, without, and after one side lost it.

Each gives what callers were told and what reached the device; the tests judge.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.cases_pairing import IO, Person, equip
from bluez_vm.guest.place import Place, device_address, keeper_of, place
from bluez_vm.guest.storm import kernel_bugs
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world.virtual_blind import BLIND_LABEL

KITCHEN = "kitchen"
Between = Callable[[Place, Keeper], Awaitable[None]]


async def _write(keeper: Keeper, name: str, payload: bytes, *, deadline_s: float = 60.0) -> dict[str, Any]:
    return await told(keeper.device(name).write(BLIND_LABEL, payload, idempotent=True, deadline=deadline_s))


async def _bonds() -> list[bool]:
    """Whether BlueZ has keys of the lounge's blind: one entry for each object of it."""
    known = [each.get("org.bluez.Device1", {}) for each in (await bluez.objects()).values()]
    return [each["Paired"] for each in known if each.get("Address") == device_address(0)]


async def _demanded(between: Between, *, deadline_s: float = 60.0) -> dict[str, Any]:
    """Writes to a blind that demands a bond, before and after something; the other blind is used meanwhile."""
    async with place(devices=2) as at, keeper_of(at) as keeper:
        equip(at, IO.NO_OUTPUT_NO_INPUT, Person())
        first = await _write(keeper, LOUNGE, b"first")
        bonded = [await _bonds()]
        await keeper.device(LOUNGE).disconnect()
        await between(at, keeper)
        second = asyncio.ensure_future(_write(keeper, LOUNGE, b"second", deadline_s=deadline_s))
        other = await _write(keeper, KITCHEN, b"other", deadline_s=deadline_s)
        found = {
            "first": first,
            "second": await second,
            "other": other,
            "bonded": [*bonded, await _bonds()],
            "applied": [payload.decode() for payload in at.applied(LOUNGE)],
            "kernel_bugs": kernel_bugs(),
        }
        await bluez.forget_devices()
        return found


async def kept() -> dict[str, Any]:
    """Nothing is lost: the bond serves the next connection."""

    async def nothing(_at: Place, _keeper: Keeper) -> None:
        pass

    return await _demanded(nothing)


async def lost_here() -> dict[str, Any]:
    """Somebody removes the device from BlueZ, keys and all; the device keeps its half."""

    async def forget(_at: Place, _keeper: Keeper) -> None:
        await bluez.forget_devices()

    return await _demanded(forget)


async def lost_there() -> dict[str, Any]:
    """The device forgets us; BlueZ keeps its half."""

    async def forget(at: Place, _keeper: Keeper) -> None:
        await at.radio._devices[LOUNGE]._bumble.keystore.delete_all()

    return await _demanded(forget, deadline_s=45.0)
