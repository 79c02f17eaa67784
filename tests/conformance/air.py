"""A keeper over Bumble on a virtual radio, in virtual time: a complete stack for the cases.

Knows how to build one and to take it down again.
"""

from collections.abc import Awaitable, Callable

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.runtime.device import Device
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualDevice, VirtualRadio, run_virtual
from runtime.house import nothing_left
from sim.scene import Book, device

ADAPTER = "C0:00:00:00:00:01"


class Air:
    """`lamp` and `door` on the air, and a keeper with one adapter."""

    def __init__(self, lamp: VirtualDevice) -> None:
        self.radio = VirtualRadio()
        self.lamp, self.door = lamp, device("door", 2)
        self.keeper = Keeper(
            links={"adapter": BumbleLink(self.radio.adapter(ADAPTER), name="virtual")},
            book=Book({one.name: DeviceRules(address=one.address) for one in (self.lamp, self.door)}),
        )

    async def connected(self, name: str = "lamp") -> Device:
        known = self.keeper.device(name)
        await known.connect()
        return known

    def applied(self) -> list[bytes]:
        return [one.payload for one in self.lamp.applied]


def live(story: Callable[[Air], Awaitable[None]], *, lamp: VirtualDevice | None = None) -> None:
    """Run a story; nothing may be left of it."""

    async def run() -> None:
        air = Air(lamp or device("lamp", 1))
        await air.radio.add(air.lamp)
        await air.radio.add(air.door)
        await air.keeper.start()
        try:
            await story(air)
        finally:
            await air.keeper.close()
            await air.radio.close()
        await nothing_left()

    run_virtual(run())
