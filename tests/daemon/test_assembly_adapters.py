"""A keeper of settings with several adapters: on the scripted BlueZ, and on a virtual radio."""

import asyncio

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import VALUE, bluez, device, system_bus
from fake_bluez.stack import ADAPTER_ADDRESS, HCI0, FakeBluez
from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.errors import SettingsError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.status import AdapterStatus
from gattkeeper.runtime.keeper import Keeper

__all__ = ["bluez", "device", "system_bus"]

pytestmark = pytest.mark.asyncio

HCI1, SECOND_ADDRESS = "/org/bluez/hci1", "F4:4E:FC:00:00:02"
LIMIT_S = 20.0
GONE = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="test")

KEEPER = '[keeper]\nsocket = "keeper.sock"\njournal = "journal.db"\n'
ONE = KEEPER + '[adapters.hall]\nlink = "bluez"\nadapter = "hci0"\n'
TWO = ONE + '[adapters.attic]\nlink = "bluez"\nadapter = "{attic}"\n'
LAMP = '[devices.lamp]\naddress = "F0:00:00:00:00:01"\nlinger = 0\n'

AIR = (
    KEEPER
    + """
[adapters.hall]
link = "virtual"
connection_interval = 0.0075
[adapters.attic]
link = "virtual"
connection_interval = 0.0075
[devices.lounge]
address = "F0:00:00:00:00:01"
profile = "virtual_blind"
virtual = "blind"
adapter = ["hall", "attic"]
linger = 0
"""
)


def adapter(keeper: Keeper, name: str) -> AdapterStatus:
    return next(one for one in keeper.status().adapters if one.name == name)


async def until_up(keeper: Keeper, name: str, *, up: bool) -> None:
    while adapter(keeper, name).up is not up:
        await asyncio.sleep(0)


@pytest.mark.system
async def test_a_renumbered_adapter_is_followed_and_whoever_takes_its_number_is_not(
    bluez: FakeBluez, device: FakeDevice, tmp_path, caplog
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "g.toml").write_text(ONE + LAMP)
    async with asyncio.timeout(LIMIT_S), open_keeper(tmp_path / "g.toml") as keeper:
        assert adapter(keeper, "hall").address == ADAPTER_ADDRESS
        assert f"adapter hci0 is {ADAPTER_ADDRESS}" in caplog.text
        assert await keeper.device("lamp").read(VALUE) == b"first"
        bluez.remove_adapter()
        await until_up(keeper, "hall", up=False)
        bluez.add_adapter(HCI0, "F4:4E:FC:00:00:99")
        reading = asyncio.create_task(keeper.device("lamp").read(VALUE))
        bluez.home = HCI1
        bluez.add_adapter(HCI1, ADAPTER_ADDRESS)
        assert await reading == b"first"
        assert adapter(keeper, "hall").address == ADAPTER_ADDRESS
        connects = [path for member, path in bluez.calls if member == "Connect"]
        assert [path.rpartition("/")[0] for path in connects] == [HCI0, HCI1], "never by the new one"


@pytest.mark.system
async def test_a_device_goes_on_by_the_second_adapter_when_the_first_is_pulled(
    bluez: FakeBluez, device: FakeDevice, tmp_path
) -> None:
    bluez.add_adapter(HCI1, SECOND_ADDRESS)
    (tmp_path / "g.toml").write_text(TWO.format(attic="hci1") + LAMP + 'adapter = ["hall", "attic"]\n')
    async with asyncio.timeout(LIMIT_S), open_keeper(tmp_path / "g.toml") as keeper:
        assert await keeper.device("lamp").read(VALUE) == b"first"
        assert keeper.status().devices[0].adapter == "hall"
        bluez.remove_adapter()
        bluez.home = HCI1
        assert await keeper.device("lamp").read(VALUE) == b"first"
        status = keeper.status().devices[0]
        assert (status.adapter, status.adapter_why) == ("attic", "hall is down")


@pytest.mark.system
@pytest.mark.parametrize("second", [ADAPTER_ADDRESS, ADAPTER_ADDRESS.lower()])
async def test_two_entries_that_mean_one_adapter_are_refused(bluez: FakeBluez, tmp_path, second: str) -> None:
    (tmp_path / "g.toml").write_text(TWO.format(attic=second))
    with pytest.raises(SettingsError, match=f"adapters hall and attic have one address, {ADAPTER_ADDRESS}"):
        async with open_keeper(tmp_path / "g.toml"):
            pass


async def test_a_virtual_device_is_reached_by_either_of_two_adapters(tmp_path) -> None:
    (tmp_path / "g.toml").write_text(AIR)
    async with asyncio.timeout(LIMIT_S), open_keeper(tmp_path / "g.toml") as keeper:
        lounge = keeper.device("lounge")
        await lounge.act("set_position", 10)
        assert keeper.status().devices[0].adapter == "hall"
        while keeper.status().devices[0].connection != "disconnected":
            await asyncio.sleep(0)
        keeper._adapter_watch("hall")(False, GONE)
        await lounge.act("set_position", 20)
        assert keeper.status().devices[0].adapter == "attic"
