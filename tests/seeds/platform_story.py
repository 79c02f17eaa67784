"""The device of article 001 (3 services, 11 characteristics) and its four sources, on a platform's stack.

Knows the load and how to judge what came of it. Who carries it out, the keeper or callers of their own, is the
tests' choice.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from itertools import count

from msgspec import Struct

from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Operation, Read, Write, WriteMode
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualService

READABLE = ("a101", "a102", "a103", "b102", "b103", "b104")
PUSHED = ("b101", "c104")
WRITABLE = ("c101", "c102", "c103")
SOURCES = {
    "ui": ("b102", "c101", "c102", "c101"),
    "sync": ("a101", "a102", "a103", "c103"),
    "telemetry": ("b102", "b103", "b104", "b103"),
    "setup": ("c102", "a101", "c103", "c102"),
}
"""What each source asks for, in turn: values it reads, and characteristics it writes."""

UNHEEDED = "c102"
"""The one that is written without response."""

ROUNDS = 200
AT_ONCE = 3
"""Rounds of each source, and operations of one source that are under way together."""


class Load(Struct, frozen=True, kw_only=True):
    """What came of it, over all sources."""

    asked: int
    told: Counter[str]  # how callers were answered
    wrong: int  # values of another characteristic, or given to two callers
    lost: int  # writes that were told as done, and never reached the device
    twice: int


def the_device() -> VirtualDevice:
    """Every value it gives names its characteristic, and is given once."""

    def numbered(uuid: str) -> Callable[[], bytes]:
        numbers = count(1)
        return lambda: bytes.fromhex(uuid) + next(numbers).to_bytes(4)

    def service(first: str) -> VirtualService:
        writable = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE
        kinds = {**dict.fromkeys(READABLE, Property.READ), **dict.fromkeys(PUSHED, Property.NOTIFY)}
        kinds |= dict.fromkeys(WRITABLE, writable)
        return VirtualService(
            f"{first}100",
            tuple(
                VirtualCharacteristic(uuid, kinds[uuid], on_read=numbered(uuid) if uuid in READABLE else None)
                for uuid in sorted(kinds)
                if uuid.startswith(first)
            ),
        )

    device = VirtualDevice("monitor", "F0:00:00:00:00:01", tuple(service(first) for first in "abc"))
    assert sum(len(each.characteristics) for each in device.services) == 11
    return device


async def load(device: VirtualDevice, perform: Callable[[str, Operation], Awaitable[tuple[str, object]]]) -> Load:
    """Four sources at once. `perform` gives how the caller was told ("done" for good), and the value."""
    told: Counter[str] = Counter()
    values: defaultdict[str, list[bytes]] = defaultdict(list)
    done: list[bytes] = []
    numbers = count(1)

    async def one(source: str, uuid: str) -> None:
        target = characteristic_ref(uuid)
        payload = next(numbers).to_bytes(4)
        mode = WriteMode.WITHOUT_RESPONSE if uuid == UNHEEDED else WriteMode.WITH_RESPONSE
        writes = uuid in WRITABLE
        operation = Write(target=target, payload=payload, mode=mode) if writes else Read(target=target)
        how, value = await perform(source, operation)
        told[how] += 1
        if how == "done" and writes:
            done.append(payload)
        elif how == "done":
            values[uuid].append(value if isinstance(value, bytes) else b"")

    async def run(source: str, wants: tuple[str, ...]) -> None:
        for number in range(ROUNDS):
            await asyncio.gather(*(one(source, wants[(number + each) % len(wants)]) for each in range(AT_ONCE)))

    await asyncio.gather(*(run(source, wants) for source, wants in SOURCES.items()))
    await asyncio.sleep(1)  # what was sent without response is on its way
    reached = Counter(one.payload for one in device.applied)
    return Load(
        asked=len(SOURCES) * ROUNDS * AT_ONCE,
        told=told,
        wrong=sum(_wrong(uuid, given) for uuid, given in values.items()),
        lost=sum(payload not in reached for payload in done),
        twice=sum(times > 1 for times in reached.values()),
    )


def _wrong(uuid: str, given: list[bytes]) -> int:
    others = sum(not value.startswith(bytes.fromhex(uuid)) for value in given)
    return others + len(given) - len(set(given))
