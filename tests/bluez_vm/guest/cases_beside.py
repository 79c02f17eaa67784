"""Many cold blinds at once, on one adapter: connected while others are still being discovered, and one by one.

Knows two links to BlueZ that differ in that alone. Rounds of both take turns, in one boot.
"""

import asyncio
import time
from collections import Counter
from typing import Any

from msgspec.structs import replace

from bluez_vm.guest import bluez
from bluez_vm.guest.place import adapter_address, fresh_folder, place, settings
from gattkeeper.daemon.settings import book_of, load_settings
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import LinkTraits

BLINDS = 8


class OneByOne(BleakLink):
    """Holds its adapter until services are known; else as BlueZ is used."""

    @property
    def traits(self) -> LinkTraits:
        return replace(super().traits, discovers_beside=False)


async def cold_blinds(rounds: str, slots: str) -> dict[str, Any]:
    """All to half, from nothing that BlueZ knows; so many rounds of each."""
    found: dict[str, list[dict[str, Any]]] = {"one_by_one": [], "beside": []}
    async with place(devices=BLINDS) as at:
        for _ in range(int(rounds)):
            for name, kind in (("one_by_one", OneByOne), ("beside", BleakLink)):
                found[name].append(await _round(kind, int(slots), list(at.blinds)))
    return found


async def _round(kind: type[BleakLink], slots: int, names: list[str]) -> dict[str, Any]:
    await bluez.forget_devices()
    book = book_of(load_settings(settings(fresh_folder(), devices=BLINDS)))
    keeper = Keeper(links={"a0": kind(adapter_address(0))}, book=book, slots={"a0": slots})
    await keeper.start()
    try:
        began = time.monotonic()
        ends: list[float] = []

        async def half(name: str) -> Outcome:
            handle = await keeper.submit(book.act(name, "set_position", 50))
            outcome = await handle.wait()
            ends.append(time.monotonic() - began)
            return outcome

        outcomes = await asyncio.gather(*(half(name) for name in names))
        faults = Counter(
            str(attempt.fault) for one in outcomes for attempt in one.attempts if attempt.fault is not None
        )
        return {
            "took_s": round(max(ends), 2),
            "begun_beside": sum(_began_beside(one, outcomes) for one in outcomes),
            "delivered": sum(one.succeeded for one in outcomes),
            "faults": dict(faults),
        }
    finally:
        await keeper.close()


def _began_beside(one: Outcome, outcomes: list[Outcome]) -> bool:
    """Whether its connection was begun while another one's services were being discovered."""
    began = _when(one, Phase.CONNECT_START)
    return any(
        _when(other, Phase.CONNECTED) < began < _when(other, Phase.DISCOVERED)
        for other in outcomes
        if other is not one
    )


def _when(outcome: Outcome, phase: Phase) -> int:
    """The last time, in microseconds: an attempt may be repeated."""
    return max((mark.at_us for mark in outcome.timeline if mark.phase is phase), default=0)
