"""One owner per adapter, tried with links to one controller on a virtual radio."""

from contextlib import aclosing, asynccontextmanager

import pytest

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.adapter import Rung
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.world import VirtualBlind, VirtualRadio

pytestmark = pytest.mark.asyncio

ADAPTER = "C0:00:00:00:00:01"
BLIND = "F0:00:00:00:00:01"


class Quiet:
    """Events of a connection that nobody follows."""

    def progress(self, phase):
        """It takes as long as it takes."""

    def sighted(self, sighting):
        """Nobody asked."""

    def notification(self, characteristic, payload):
        """Nobody asked for one."""

    def lost(self, fault):
        """It was let go of on purpose."""

    def updated(self, *, att_mtu=None, table=None):
        """It stays as it is."""


def ignore(up, fault):
    """What the adapter does is not looked at."""


@asynccontextmanager
async def radio():
    air = VirtualRadio(connection_interval_s=0.0075)
    try:
        yield air
    finally:
        await air.close()


def link_to(air, folder, address=ADAPTER, name="stick"):
    return OwnedLink(BumbleLink(air.adapter(address), name=name), folder)


async def test_second_owner_is_refused_and_told_who_is_first(tmp_path):
    async with radio() as air, radio() as other_air:
        first, second = link_to(air, tmp_path), link_to(other_air, tmp_path, name="the same, asked for otherwise")
        await first.open(ignore)
        with pytest.raises(
            SettingsError, match=rf"adapter {ADAPTER}: .* is held by this very process: two owners"
        ):
            await second.open(ignore)
        with pytest.raises(LinkError):  # and its own hold on the stack is gone
            await second.connect(parse_address(BLIND), Quiet())
        await first.close()


async def test_adapter_that_somebody_owns_is_not_even_opened(tmp_path):
    async with radio() as air:
        first = link_to(air, tmp_path)
        await first.open(ignore)
        opened = []

        async def open_host():
            opened.append(True)

        second = OwnedLink(BumbleLink(open_host, name="stick"), tmp_path)
        with pytest.raises(SettingsError, match=r"adapter stick: .* is held by this very process"):
            await second.open(ignore)
        assert opened == []
        await first.close()


async def test_adapter_that_cannot_be_opened_is_not_held(tmp_path):
    async def open_host():
        raise OSError(19, "No such device")

    for _ in range(2):
        with pytest.raises(SettingsError, match="No such device"):
            await OwnedLink(BumbleLink(open_host, name="stick"), tmp_path).open(ignore)


async def test_owner_that_closed_makes_room_for_the_next(tmp_path):
    async with radio() as air:
        for _ in range(2):
            owner = link_to(air, tmp_path)
            await owner.open(ignore)
            await owner.close()


async def test_adapters_with_other_addresses_are_other_adapters(tmp_path):
    async with radio() as air:
        owners = [link_to(air, tmp_path), link_to(air, tmp_path, "C0:00:00:00:00:02", name="other")]
        for owner in owners:
            await owner.open(ignore)
        assert {file.name for file in tmp_path.iterdir()} == {
            "adapter-stick.lock",
            "adapter-C0-00-00-00-00-01.lock",
            "adapter-other.lock",
            "adapter-C0-00-00-00-00-02.lock",
        }
        for owner in owners:
            await owner.close()


async def test_folder_that_cannot_hold_a_lock_is_named(tmp_path):
    async with radio() as air:
        with pytest.raises(SettingsError, match=r"adapter stick: the lock file .*missing.* cannot be opened"):
            await link_to(air, tmp_path / "missing").open(ignore)


async def test_everything_else_is_the_links_own(tmp_path):
    async with radio() as air:
        await air.add(VirtualBlind("lounge", BLIND, applied_sink=lambda _applied: None).device)
        owned = link_to(air, tmp_path)
        assert owned.name == "stick"
        await owned.open(ignore)
        assert owned.name == ADAPTER
        assert "read" in owned.traits.operations
        connection = await owned.connect(parse_address(BLIND), Quiet())
        await connection.disconnect()
        await owned.recover(Rung.POWER_CYCLE, parse_address(BLIND))
        async with aclosing(owned.scan(1.0)) as sightings:
            assert str((await anext(sightings)).address) == BLIND
        await owned.close()
