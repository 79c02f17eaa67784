"""Without a daemon a program has a keeper of its own, by the settings, for as long as it uses it."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from gattkeeper.bleak import Client, Scanner
from gattkeeper.bleak.own_keeper import own_door
from gattkeeper.world.virtual_blind import BLIND_LABEL
from runtime.house import nothing_left
from system.home import SETTINGS

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A virtual home as the settings in force, and no daemon."""
    file = tmp_path / "gattkeeper.toml"
    file.write_text(SETTINGS)
    monkeypatch.setenv("GATTKEEPER_SETTINGS", str(file))
    monkeypatch.delenv("GATTKEEPER_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def test_clients_and_scanners_share_a_keeper_and_the_last_one_closes_it():
    first, second = (BleakClient("lounge", backend=Client) for _ in range(2))
    async with BleakScanner(backend=Scanner), first, second:
        await first.write_gatt_char(BLIND_LABEL, b"mine", response=True)
        assert await second.read_gatt_char(BLIND_LABEL) == b"mine"
    await nothing_left()
    async with BleakClient("lounge", backend=Client) as client:
        assert client.is_connected
    await nothing_left()


async def test_two_that_come_at_once_open_one_keeper():
    first, second = await asyncio.gather(own_door(), own_door())
    assert first._keeper is second._keeper
    await first.close()
    await first.close()
    assert not second._keeper.closing
    await second.close()
    assert second._keeper.closing


async def test_a_program_that_says_so_has_its_own_although_a_daemon_answers(tmp_path, monkeypatch):
    async with await asyncio.start_unix_server(lambda _reader, writer: writer.close(), tmp_path / "keeper.sock"):
        monkeypatch.setenv("GATTKEEPER_SOCKET", str(tmp_path / "keeper.sock"))
        monkeypatch.setenv("GATTKEEPER_IN_PROCESS", "1")
        async with BleakClient("lounge", backend=Client) as client:
            await client.write_gatt_char(BLIND_LABEL, b"mine", response=True)
    await nothing_left()


async def test_settings_that_are_wrong_are_an_error_of_bleak(tmp_path, monkeypatch):
    (tmp_path / "gattkeeper.toml").write_text("[keeper]\nlinger = 8\n[nonsense]\n")
    with pytest.raises(BleakError, match="nonsense"):
        await BleakClient("lounge", backend=Client).connect()
    with pytest.raises(BleakError, match="nonsense"):
        await BleakScanner(backend=Scanner).start()
