"""A bench for the link over Bumble: its adapter and its device meet on a virtual radio, in virtual time.

Knows the virtual radio and its rules.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bumble.pairing import PairingConfig, PairingDelegate

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.world.radio import VirtualRadio
from gattkeeper.world.radio_rules import (
    Action,
    AnswerError,
    AttOpcode,
    Delay,
    Disconnect,
    Drop,
    Match,
    Moment,
    Rule,
)
from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualDevice, VirtualService
from link_contract.bench import LAYOUT, PASSKEY, AdapterLog, LaidOut, Panel

ADAPTER = "C0:00:00:00:00:01"
DEVICE = "F0:00:00:00:00:01"

ATT_MTU = 100
"""Of the device, in bytes: too short for the longest value, which takes six parts and the execution."""


class WatchedDevice(VirtualDevice):
    """A virtual device that can be waited for."""

    def __init__(self, att_mtu: int, *, database_hash: bool) -> None:
        self.changed = asyncio.Condition()
        self.is_connected = False
        self.asked = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()
        services = tuple(
            VirtualService(uuid, tuple(self._characteristic(each) for each in laid_out))
            for uuid, laid_out in LAYOUT.items()
        )
        super().__init__(
            "bench",
            DEVICE,
            services,
            database_hash=database_hash,
            att_mtu_max=att_mtu,
            applied_sink=lambda _applied: self._tell(),
        )

    def connected(self) -> None:
        super().connected()
        self.is_connected = True
        self._tell()

    def disconnected(self) -> None:
        super().disconnected()
        self.is_connected = False
        self._tell()

    def _characteristic(self, laid_out: LaidOut) -> VirtualCharacteristic:
        def on_read() -> bytes:
            self.asked.set()
            return characteristic.value

        characteristic = VirtualCharacteristic(
            laid_out.uuid,
            laid_out.properties,
            laid_out.value,
            on_read=on_read,
            on_write=lambda _payload: self.asked.set(),
        )
        return characteristic

    def _tell(self) -> None:
        async def tell() -> None:
            async with self.changed:
                self.changed.notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


_IoCapability = PairingDelegate.IoCapability
_CAPABILITIES = {
    Panel.SHOWS: _IoCapability.DISPLAY_OUTPUT_ONLY,
    Panel.TYPES: _IoCapability.KEYBOARD_INPUT_ONLY,
    Panel.COMPARES: _IoCapability.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
}


class _Panel(PairingDelegate):
    """The device's keys and display."""

    def __init__(self, capability: _IoCapability, typed: asyncio.Future[int]) -> None:
        super().__init__(capability)
        self._typed = typed

    async def confirm(self, auto: bool = False) -> bool:
        """Without a passkey: only where there is nothing to show or type one on."""
        return self.io_capability == _IoCapability.NO_OUTPUT_NO_INPUT

    async def generate_passkey(self) -> int:
        return PASSKEY

    async def get_number(self) -> int:
        return await self._typed


class BumbleBench:
    """A `LinkBench` on a virtual radio."""

    patience_s = 10.0
    cannot: Mapping[str, str] = {}

    def __init__(self, att_mtu: int = ATT_MTU, *, database_hash: bool = True) -> None:
        self.radio = VirtualRadio()
        self.device = WatchedDevice(att_mtu, database_hash=database_hash)
        self.address = self.device.address
        self.adapter_log = AdapterLog()
        self.link = BumbleLink(self.radio.adapter(ADAPTER), name="virtual")

    def applied(self) -> list[tuple[str, bytes]]:
        return [(each.characteristic, each.payload) for each in self.device.applied]

    async def until_applied(self, count: int) -> None:
        async with self.device.changed:
            await self.device.changed.wait_for(lambda: len(self.device.applied) >= count)

    async def until_asked(self) -> None:
        await self.device.asked.wait()
        self.device.asked.clear()

    async def until_connected(self) -> None:
        async with self.device.changed:
            await self.device.changed.wait_for(lambda: self.device.is_connected)

    async def until_disconnected(self) -> None:
        async with self.device.changed:
            await self.device.changed.wait_for(lambda: not self.device.is_connected)

    async def notify(self, uuid: str, payload: bytes) -> None:
        self.device.notify(self.device.characteristic(uuid), payload)

    async def silence_responses(self) -> None:
        self._from_now_on(Match(moment=Moment.FROM_DEVICE), Drop())

    async def delay_responses(self, delay_s: float) -> None:
        self._from_now_on(Match(moment=Moment.FROM_DEVICE), Delay(seconds=delay_s))

    async def att_error(self, code: int) -> None:
        self._from_now_on(Match(moment=Moment.TO_DEVICE), AnswerError(code=code))

    async def lose_link(self) -> None:
        self.radio.break_link(self.device)

    async def lose_link_in_discovery(self) -> None:
        match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.READ_BY_GROUP_TYPE_REQUEST)
        self._from_now_on(match, Disconnect())

    async def stop_advertising(self) -> None:
        self._from_now_on(Match(moment=Moment.ADVERTISEMENT), Drop())

    async def vanish_adapter(self) -> None:
        self.radio.unplug_adapter(ADAPTER)

    async def return_adapter(self) -> None:
        self.radio.plug_adapter(ADAPTER)

    async def panel(self, panel: Panel, typed: asyncio.Future[int]) -> None:
        config = PairingConfig(delegate=_Panel(_CAPABILITIES[panel], typed))
        self.radio._devices["bench"]._bumble.pairing_config_factory = lambda _connection: config

    async def heal(self) -> None:
        self.radio.rules.clear()

    def _from_now_on(self, match: Match, action: Action) -> None:
        self.device.asked.clear()
        self.radio.rules[:] = [Rule(match, action)]


@asynccontextmanager
async def bumble_bench(att_mtu: int = ATT_MTU, *, database_hash: bool = True) -> AsyncIterator[BumbleBench]:
    """A bench with its link open and its device on the air."""
    bench = BumbleBench(att_mtu, database_hash=database_hash)
    await bench.radio.add(bench.device)
    await bench.link.open(bench.adapter_log)
    try:
        yield bench
    finally:
        await bench.link.close()
        await bench.radio.close()
