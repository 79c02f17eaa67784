"""The emergency cut on the scripted BlueZ, which waits before it takes a link down as the real one does.

The privileged program is the real one on a real socket; the kernel behind it is played, as there is none here.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from dbus_fast import Variant

from fake_bluez.device import DEVICE, FakeDevice
from fake_bluez.house import BluezHouse, bluez_house
from fake_bluez.stack import ADAPTER_ADDRESS, HCI0, FakeBluez
from gattkeeper.links import bluez_cut
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bluez_cut import CUT, NO_ANSWER, NO_PROGRAM, OWN_WAY
from gattkeeper.model.identity import parse_address
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.privileged.__main__ import perform
from gattkeeper.privileged.management import DISCONNECT, address_bytes
from gattkeeper.privileged.server import Server, listen
from link_contract.bench import ConnectionLog
from privileged.kernel import Kernel

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
POLITE_S = 2.0  # as BlueZ


class CuttingKernel(Kernel):
    """A kernel whose Disconnect ends the link at the scripted BlueZ, which hears of it as of any other loss."""

    def __init__(self, bluez: FakeBluez) -> None:
        super().__init__({0: ADAPTER_ADDRESS})
        self._bluez = bluez
        self._loop = asyncio.get_running_loop()

    def send(self, data: bytes) -> int:
        sent = super().send(data)
        opcode, _, parameters = self.commands[-1]
        if opcode == DISCONNECT and (opcode, parameters) not in self.failing:
            for device in self._bluez.devices:
                if parameters == address_bytes(device.address) + b"\x02":
                    self._loop.call_soon_threadsafe(self._bluez.drop_link, device)
        return sent

    @property
    def cuts(self) -> list[bytes]:
        return [parameters for opcode, _, parameters in self.commands if opcode == DISCONNECT]


class Program:
    """The privileged program on a socket, in a thread of its own; it serves one request and goes on to the next."""

    def __init__(self, path: Path, kernel: Kernel) -> None:
        self.listener = listen(path)
        self.kernel = kernel
        self._server = Server(self.listener, frozenset({os.getuid()}), partial(perform, channel=lambda: kernel))
        self._serving = asyncio.ensure_future(asyncio.to_thread(self._serve))

    def _serve(self) -> None:
        while True:
            try:
                self._server.serve_one()
            except OSError:
                return  # the listener is closed

    async def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        await self._serving
        self.listener.close()


@pytest_asyncio.fixture
async def program(bluez: FakeBluez, tmp_path: Path) -> AsyncIterator[Program]:
    running = Program(tmp_path / "socket", CuttingKernel(bluez))
    yield running
    await running.close()


async def stopped(house: BluezHouse, *, silent: bool = True) -> tuple[Outcome, float]:
    """A write that is not answered, and a stop on top of it; what became of the stop, and how long it took."""
    house.lamp.polite_s = POLITE_S
    house.lamp.silent = silent
    running = await house.write(b"moving")
    await house.until_asked()
    began = asyncio.get_running_loop().time()
    (stop,) = await house.keeper.stop("lamp")
    await house.bluez.until_link(house.lamp, up=False)
    house.lamp.silent = False
    outcome = await stop.wait(LIMIT_S)
    house.lamp.polite_s = 0.0
    assert (await running.wait()).verdict is Verdict.UNKNOWN
    return outcome, asyncio.get_running_loop().time() - began


def routes(outcome: Outcome) -> list[str]:
    return [mark.note for mark in outcome.timeline if mark.phase is Phase.STOP_ROUTE]


DROPS = "waits for the answer in flight, then drops the link"


async def test_an_emergency_stop_has_the_link_cut_and_is_not_kept_waiting(
    bluez: FakeBluez, program: Program, tmp_path: Path
) -> None:
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        outcome, took_s = await stopped(house)
        assert (outcome.verdict, outcome.cause) == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
        assert routes(outcome) == [DROPS, CUT]
        assert took_s < POLITE_S
        assert program.kernel.commands[-1] == (DISCONNECT, 0, address_bytes(house.lamp.address) + b"\x02")
        assert (await (await house.read()).wait(LIMIT_S)).value == b"value"


async def test_without_the_program_it_takes_as_long_as_bluez_does_and_says_so(bluez: FakeBluez) -> None:
    async with bluez_house(bluez) as house:
        outcome, took_s = await stopped(house)
        assert outcome.verdict is Verdict.DELIVERED
        assert routes(outcome) == [DROPS, NO_PROGRAM]
        assert took_s > POLITE_S


async def test_a_program_that_refuses_costs_nothing_and_is_quoted(
    bluez: FakeBluez, program: Program, tmp_path: Path
) -> None:
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        program.kernel.failing[DISCONNECT, address_bytes(house.lamp.address) + b"\x02"] = 0x14
        outcome, took_s = await stopped(house)
        assert outcome.verdict is Verdict.DELIVERED
        assert routes(outcome) == [DROPS, f"{OWN_WAY}: cut_link: the program lacks CAP_NET_ADMIN"]
        assert took_s < 2 * POLITE_S


async def test_a_kind_of_address_that_nobody_knows_is_refused_and_quoted(
    bluez: FakeBluez, program: Program, tmp_path: Path
) -> None:
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        bluez.know(house.lamp)
        bluez.objects[house.lamp.path(HCI0)][DEVICE]["AddressType"] = Variant("s", "weird")
        outcome, _ = await stopped(house)
        refusal = "cut_link: cut_link needs a device's address, and its kind: public or random"
        assert routes(outcome) == [DROPS, f"{OWN_WAY}: {refusal}"]


@pytest.mark.parametrize("cut_s", [60.0, 0.01], ids=["longer than BlueZ", "shorter"])
async def test_a_program_that_never_answers_costs_nothing(
    bluez: FakeBluez, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_s: float
) -> None:
    monkeypatch.setattr(bluez_cut, "CUT_S", cut_s)
    over = asyncio.Event()

    async def listen_and_say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client goes
        writer.close()
        over.set()

    silent = await asyncio.start_unix_server(listen_and_say_nothing, tmp_path / "socket")
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        outcome, took_s = await stopped(house)
        assert routes(outcome) == [DROPS, NO_ANSWER]
        assert took_s < 2 * POLITE_S
    await over.wait()
    silent.close()


async def test_a_stop_that_comes_while_the_link_is_let_go_politely_has_it_cut(
    bluez: FakeBluez, program: Program, tmp_path: Path
) -> None:
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        house.lamp.polite_s = POLITE_S
        await (await house.read()).wait(LIMIT_S)
        leaving = asyncio.create_task(house.keeper.device("lamp").disconnect())
        await bluez.until_called("Disconnect")
        began = asyncio.get_running_loop().time()
        (stop,) = await house.keeper.stop("lamp")
        outcome = await stop.wait(LIMIT_S)
        assert outcome.verdict is Verdict.DELIVERED
        assert routes(outcome) == ["connects first", CUT]
        assert asyncio.get_running_loop().time() - began < POLITE_S
        house.lamp.polite_s = 0.0
        await leaving


async def test_nothing_but_a_stop_cuts(bluez: FakeBluez, program: Program, tmp_path: Path) -> None:
    async with bluez_house(bluez, privileged=tmp_path / "socket") as house:
        await (await house.read()).wait(LIMIT_S)
        await house.keeper.device("lamp").disconnect()
        assert program.kernel.commands == []


async def test_a_link_that_is_lost_by_itself_is_not_cut(
    bluez: FakeBluez, device: FakeDevice, program: Program, tmp_path: Path
) -> None:
    link = BleakLink(cancel_grace_s=0.5, privileged=tmp_path / "socket")
    await link.open(lambda _up, _fault: None)
    log = ConnectionLog()
    connection = await link.connect(parse_address(device.address), log)
    bluez.drop_link(device)
    await log.until_lost()
    assert await connection.disconnect(quick=True) == ""
    connection = await link.connect(parse_address(device.address), log)
    assert [await connection.disconnect(quick=True) for _ in range(2)] == [CUT, CUT]
    assert len(program.kernel.commands) == 3  # a list of adapters, one of them, and one Disconnect
    await link.close()
