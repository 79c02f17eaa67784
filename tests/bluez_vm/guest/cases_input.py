"""Cases of devices that serve what nobody expects, or nothing at all, while another device is used.

Each gives what callers were told; the tests judge.
"""

import asyncio
from typing import Any

from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.place import keeper_of, place
from gattkeeper.errors import GattkeeperError
from gattkeeper.model.gatt import Property
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import (
    Drop,
    Match,
    Moment,
    Replace,
    Rule,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualService,
)
from gattkeeper.world.radio_rules import AttOpcode
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_POSITION

MANY, ODD, MUTE, OTHER_KIND = (f"F0:00:00:00:00:{last}" for last in ("0A", "0B", "0C", "0D"))
"""One each: BlueZ keeps the properties of a characteristic it knows by handle and UUID, also when the table is new."""

QUIET_S = 1.0
"""BlueZ's own questions to a device that has just connected are over by then."""

SERVICES, EACH = 10, 30
SOONER = "timeouts.connect = 8.0"
"""A connection attempt is given up sooner than by default: a case should not take minutes."""

_READ_BY_GROUP_TYPE_RESPONSE = 0x11
MALFORMED = {
    "half a PDU": b"",
    "the response to another request": b"\x0b\x00",
    "an opcode that does not exist": b"\xfe\xff\xff",
    "half an error": b"\x01\x12",
    "an error to another request": b"\x01\x0a\x03\x00\x0e",
}
"""What comes in the place of a Write Response."""


def uuid(number: int) -> str:
    return f"f0c0{number:04x}-8f2b-4b5e-9d3c-6a1e5d2c7b00"


async def three_hundred() -> dict[str, Any]:
    """A device with three hundred characteristics: the first and the last of them are read."""
    services = tuple(
        VirtualService(
            uuid(0x1000 + number),
            tuple(
                VirtualCharacteristic(uuid(number * EACH + place), Property.READ, b"%d" % (number * EACH + place))
                for place in range(EACH)
            ),
        )
        for number in range(SERVICES)
    )
    async with place(devices=1) as at, keeper_of(at) as keeper:
        await at.radio.add(VirtualDevice("many", MANY, services))
        many = keeper.device(MANY)
        first = await asyncio.gather(many.read(uuid(0), timeout=30, deadline=60), _value(keeper.device(LOUNGE)))
        table = await many.services()
        last = await many.read(uuid(SERVICES * EACH - 1))
        found = [each for service in table for each in service.characteristics if each.service == service.uuid]
        ours = [each for each in found if each.uuid.startswith("f0c0")]
        return {"characteristics": len(ours), "read": [first[0].decode(), last.decode()]}


async def odd_table() -> dict[str, Any]:
    """Twins among services and characteristics, a service with nothing in it, a value of no length."""
    twin = uuid(1)
    services = (
        VirtualService(uuid(0x1000), (VirtualCharacteristic(twin, Property.READ, b"one"),)),
        VirtualService(uuid(0x1000), (VirtualCharacteristic(twin, Property.READ, b"two"),)),
        VirtualService(uuid(0x1001), ()),
        VirtualService(
            uuid(0x1002),
            (
                VirtualCharacteristic(uuid(2), Property.READ | Property.WRITE, b""),
                VirtualCharacteristic(uuid(3), Property(0), b"closed"),
            ),
        ),
    )
    async with place(devices=1) as at, keeper_of(at) as keeper:
        await at.radio.add(VirtualDevice("odd", ODD, services))
        odd = keeper.device(ODD)
        empty = await odd.read(uuid(2))
        table = await odd.services()
        twins = [each.handle for service in table for each in service.characteristics if each.uuid == twin]
        by_handle = [(await odd.read(handle)).decode() for handle in twins]
        return {
            "empty": empty.decode(),
            "twins": by_handle,
            "ambiguous": await _refusal(odd.read(twin)),
            "closed": await _refusal(odd.read(uuid(3))),
            "empty_service": [len(each.characteristics) for each in table if each.uuid == uuid(0x1001)],
        }


async def malformed() -> dict[str, Any]:
    """Answers to a write that are none: what its caller is told, and how the next write ends."""
    found = {}
    async with place(devices=2) as at, keeper_of(at) as keeper:
        lounge, kitchen = (keeper.device(name) for name in at.blinds)
        await kitchen.write(BLIND_LABEL, b"first")
        for what, pdu in MALFORMED.items():
            await lounge.write(BLIND_LABEL, b"before")
            await asyncio.sleep(QUIET_S)
            match = Match(moment=Moment.FROM_DEVICE, device=LOUNGE, opcode=AttOpcode.WRITE_RESPONSE, times=1)
            at.radio.rules.append(Rule(match, Replace(pdu=pdu)))
            during = asyncio.ensure_future(told(lounge.write(BLIND_LABEL, b"during")))
            other = await told(kitchen.write(BLIND_LABEL, b"other"))
            found[what] = {"during": await during, "other": other}
            at.radio.rules.clear()
            found[what]["after"] = await told(lounge.write(BLIND_LABEL, b"after"))
    return found


async def never_resolved() -> dict[str, Any]:
    """A device that connects and never says what services it has; another one is connected, and used meanwhile."""
    services = (VirtualService(uuid(0x1000), (VirtualCharacteristic(uuid(1), Property.WRITE),)),)
    mute = VirtualDevice("mute", MUTE, services, database_hash=False)
    async with place(devices=1) as at, keeper_of(at, keeper=SOONER) as keeper:
        await at.radio.add(mute)
        lounge = keeper.device(LOUNGE)
        await lounge.write(BLIND_LABEL, b"first")
        match = Match(moment=Moment.FROM_DEVICE, device=mute.name, opcode=_READ_BY_GROUP_TYPE_RESPONSE)
        at.radio.rules.append(Rule(match, Drop()))
        during = asyncio.ensure_future(told(keeper.device(MUTE).write(uuid(1), b"never", deadline=40.0)))
        others = []
        while not during.done():
            others.append(await told(lounge.write(BLIND_LABEL, b"other")))
        at.radio.rules.clear()
        after = await told(keeper.device(MUTE).write(uuid(1), b"after", deadline=60.0))
        return {
            "during": await during,
            "others": len(others),
            "other_verdicts": sorted({each["verdict"] for each in others}),
            "other_s_max": max(each["took_s"] for each in others),
            "after": after,
            "applied": [each.payload.decode() for each in mute.applied],
        }


async def wrong_address() -> dict[str, Any]:
    """A device whose settings have the wrong kind of address, and one whose address is none; another one is used."""
    there = VirtualCharacteristic(uuid(1), Property.WRITE)
    odd = VirtualDevice("odd", OTHER_KIND, (VirtualService(uuid(0x1000), (there,)),))
    async with place(devices=1) as at, keeper_of(at) as keeper:
        await at.radio.add(odd)
        during = asyncio.ensure_future(told(keeper.device(f"{OTHER_KIND}/public").write(uuid(1), b"never")))
        others = [await told(keeper.device(LOUNGE).write(BLIND_LABEL, b"other"))]
        while not during.done():
            others.append(await told(keeper.device(LOUNGE).write(BLIND_LABEL, b"other")))
        known = await told(keeper.device(f"{OTHER_KIND}/public").write(uuid(1), b"never"))
        return {
            "during": await during,
            "known": known,
            "other_verdicts": sorted({each["verdict"] for each in others}),
            "malformed": _no_address(keeper, OTHER_KIND.removesuffix(":0D")),
            "after": await told(keeper.device(f"{OTHER_KIND}/random").write(uuid(1), b"after")),
            "applied": [each.payload.decode() for each in odd.applied],
        }


def _no_address(keeper: Keeper, text: str) -> str:
    try:
        keeper.device(text)
    except GattkeeperError as error:
        return f"{error.code}: {error}"
    return ""


async def _value(device: Any) -> bytes:
    value: bytes = await device.read(BLIND_POSITION)
    return value


async def _refusal(reading: Any) -> str:
    """The sentence for people when it fails; empty when it does not."""
    try:
        await reading
    except GattkeeperError as error:
        return f"{error.code}: {error}"
    return ""
