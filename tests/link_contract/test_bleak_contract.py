"""The link contract, held by BleakLink against the scripted BlueZ on a real bus.

Knows how the bench's provocations are played on the scripted BlueZ. The checks are in `contract`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from fake_bluez.device import FakeCharacteristic, FakeDevice, Question
from fake_bluez.stack import FakeBluez
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.gatt import Property
from gattkeeper.model.identity import DeviceAddress
from link_contract.bench import LAYOUT, PASSKEY, AdapterLog, Panel
from link_contract.contract import CHECKS, Check, name_of

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="BlueZ and its bus are on Linux only"),
]

FLAGS = {
    Property.READ: "read",
    Property.WRITE: "write",
    Property.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Property.NOTIFY: "notify",
    Property.INDICATE: "indicate",
}


_QUESTIONS = {
    Panel.SHOWS: Question(member="RequestPasskey", answer=[PASSKEY]),
    Panel.TYPES: Question(member="DisplayPasskey", signature="uq", body=(PASSKEY, 0)),
    Panel.COMPARES: Question(member="RequestConfirmation", signature="u", body=(PASSKEY,)),
}


class BluezBench:
    """`link_contract.bench.LinkBench` on the scripted BlueZ."""

    patience_s = 0.5
    cannot: Mapping[str, str] = {
        "att_error": "BlueZ gives one D-Bus error for three ATT codes: the number is lost before Bleak sees it",
    }

    def __init__(self, bluez: FakeBluez) -> None:
        layout = {
            uuid: [
                FakeCharacteristic(
                    each.uuid, [name for bit, name in FLAGS.items() if bit in each.properties], each.value
                )
                for each in characteristics
            ]
            for uuid, characteristics in LAYOUT.items()
        }
        self.bluez = bluez
        self.device = FakeDevice("F0:00:00:00:00:01", layout)
        bluez.devices.append(self.device)
        self.link = BleakLink()
        self.adapter_log = AdapterLog()
        self.address = DeviceAddress(value=self.device.address)

    def applied(self) -> list[tuple[str, bytes]]:
        return list(self.device.applied)

    async def until_applied(self, count: int) -> None:
        await self.bluez.until_applied(self.device, count)

    async def until_asked(self) -> None:
        await self.bluez.asked.get()

    async def until_connected(self) -> None:
        await self.bluez.until_link(self.device, up=True)

    async def until_disconnected(self) -> None:
        await self.bluez.until_link(self.device, up=False)

    async def notify(self, uuid: str, payload: bytes) -> None:
        self.bluez.notify(self.device, uuid, payload)

    async def silence_responses(self) -> None:
        self.device.silent = True

    async def delay_responses(self, delay_s: float) -> None:
        self.device.delay_s = delay_s

    async def att_error(self, code: int) -> None:
        self.device.att_error = code

    async def lose_link(self) -> None:
        self.bluez.drop_link(self.device)

    async def lose_link_in_discovery(self) -> None:
        self.device.lost_in_discovery = True

    async def stop_advertising(self) -> None:
        self.device.in_reach = False

    async def vanish_adapter(self) -> None:
        self.bluez.remove_adapter()

    async def return_adapter(self) -> None:
        self.bluez.add_adapter()

    async def panel(self, panel: Panel, typed: asyncio.Future[int]) -> None:
        self.device.questions = (_QUESTIONS[panel],)

    async def heal(self) -> None:
        self.device.silent = False
        self.device.delay_s = 0.0
        self.device.att_error = 0
        self.device.in_reach = True
        while not self.bluez.asked.empty():
            self.bluez.asked.get_nowait()


@pytest_asyncio.fixture
async def bench(bluez: FakeBluez) -> AsyncIterator[BluezBench]:
    bench = BluezBench(bluez)
    await bench.link.open(bench.adapter_log)
    yield bench
    await bench.link.close()


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
async def test_contract(check: Check, bench: BluezBench) -> None:
    await check(bench)
