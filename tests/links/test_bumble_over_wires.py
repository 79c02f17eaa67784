"""Over real bytes: a controller behind TCP, a Unix socket or a serial port works, is missed, and is taken up again.

In real time, for bytes take it. What a controller does is the virtual radio's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, ReadRssi, Subscribe, Write
from gattkeeper.runtime.ports import LinkConnection
from gattkeeper.world import Drop, Match, Moment, Rule, VirtualRadio
from link_contract.bench import AdapterLog, ConnectionLog
from links.wires import ADAPTER, Wire, laid
from sim.scene import COUNTER, PUSHED, WRITABLE, device

WRITE = Write(target=characteristic_ref(WRITABLE), payload=b"x")
READ = Read(target=characteristic_ref(COUNTER))
SOON_S = 1.0
BACK_S = 15.0

every_wire = pytest.mark.parametrize("kind", ["tcp", "unix", "serial"])


class Scene:
    """A link over a wire, and a device on the air."""

    def __init__(self, radio: VirtualRadio, wire: Wire) -> None:
        self.radio = radio
        self.wire = wire
        self.lamp = device("lamp")
        self.log = AdapterLog()
        self.link = BumbleLink.on_transport(wire.name)

    async def connected(self) -> tuple[LinkConnection, ConnectionLog]:
        log = ConnectionLog()
        return await self.link.connect(self.lamp.address, log), log

    async def gone(self) -> None:
        """The link said so."""
        up, fault = await asyncio.wait_for(self.log.said.get(), SOON_S)
        assert (up, fault and fault.kind) == (False, FaultKind.ADAPTER_GONE)


@asynccontextmanager
async def scene(kind: str, folder: Path, greeting: bytes = b"") -> AsyncIterator[Scene]:
    radio = VirtualRadio(connection_interval_s=0.0075)
    async with laid(kind, radio, folder) as wire:
        if greeting:
            await wire.cut()
            wire.greeting = greeting
            await wire.lay()
        made = Scene(radio, wire)
        await radio.add(made.lamp)
        await made.link.open(made.log)
        try:
            yield made
        finally:
            await made.link.close()
            await radio.close()


@every_wire
def test_a_device_is_read_written_and_heard(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with scene(kind, tmp_path) as at:
            assert at.link.name == ADAPTER
            connection, log = await at.connected()
            await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
            for number in range(1, 50):
                assert await connection.perform(READ) == number.to_bytes(4, "big")
            await connection.perform(Write(target=characteristic_ref(WRITABLE), payload=bytes(512)))
            assert [each.payload for each in at.lamp.applied] == [bytes(512)]
            at.lamp.notify(at.lamp.characteristic(PUSHED), b"now")
            assert (await log.notifications.get())[1] == b"now"
            assert await connection.perform(ReadRssi()) == -50

    asyncio.run(main())


@every_wire
def test_a_wire_that_is_cut_fails_what_runs_and_the_adapter_comes_back_by_itself(
    kind: str, tmp_path: Path
) -> None:
    async def main() -> None:
        async with scene(kind, tmp_path) as at:
            connection, log = await at.connected()
            at.radio.rules.append(Rule(Match(moment=Moment.FROM_DEVICE), Drop()))
            writing = asyncio.create_task(connection.perform(WRITE))
            while not at.lamp.applied:
                await asyncio.sleep(0.001)
            await at.wire.cut()
            with pytest.raises(LinkError) as failed:
                await asyncio.wait_for(writing, SOON_S)
            assert (failed.value.fault.kind, failed.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.MAYBE)
            await at.gone()
            assert [each.kind for each in log.losses] == [FaultKind.ADAPTER_GONE]
            with pytest.raises(LinkError, match="is not there"):
                await at.connected()
            at.radio.rules.clear()
            await at.wire.lay()
            assert await asyncio.wait_for(at.log.said.get(), BACK_S) == (True, None)
            connection, _ = await asyncio.wait_for(at.connected(), BACK_S)
            assert await connection.perform(READ) == b"\0\0\0\1"

    asyncio.run(main())


@every_wire
def test_a_wire_that_is_cut_ends_a_connection_attempt(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with scene(kind, tmp_path) as at:
            at.radio.take_away(at.lamp)
            connecting = asyncio.create_task(at.connected())
            async with asyncio.timeout(BACK_S):
                while not any(each.pending_le_connection for each in at.radio._air._present):
                    await asyncio.sleep(0)
            assert not connecting.done()
            await at.wire.cut()
            with pytest.raises(LinkError) as failed:
                await asyncio.wait_for(connecting, SOON_S)
            assert (failed.value.fault.kind, failed.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.NO)
            await at.gone()

    asyncio.run(main())


@every_wire
def test_what_a_controller_says_before_it_is_asked_is_skipped(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with scene(kind, tmp_path, b"*** Booting Zephyr OS build v4.2.0 ***\r\n") as at:
            connection, _ = await at.connected()
            assert await connection.perform(READ) == b"\0\0\0\1"

    asyncio.run(main())


def test_a_serial_port_that_another_keeper_has_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with scene("serial", tmp_path) as at:
            other = BumbleLink.on_transport(at.wire.name)
            with pytest.raises(SettingsError, match="cannot be opened: .*; another program holds it"):
                await other.open(AdapterLog())
            connection, _ = await at.connected()
            assert await connection.perform(READ) == b"\0\0\0\1"

    asyncio.run(main())
