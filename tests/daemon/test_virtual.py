"""Which settings make which virtual world."""

import pytest

from gattkeeper.daemon.settings import load_settings
from gattkeeper.daemon.virtual import VirtualWorld

TWO_ADAPTERS = """
[adapters.left]
link = "virtual"
applied_log = "left.jsonl"
[adapters.right]
link = "virtual"
[devices.lounge]
address = "F0:00:00:00:00:01"
adapter = "left"
virtual = "blind"
[devices.kitchen]
address = "F0:00:00:00:00:02"
adapter = "right"
virtual = "blind"
[devices.anywhere]
address = "F0:00:00:00:00:04"
virtual = "blind"
[devices.elsewhere]
address = "F0:00:00:00:00:03"
adapter = "left"
"""


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "g.toml").write_text(TWO_ADAPTERS)
    return load_settings(tmp_path / "g.toml")


async def heard_by(link):
    await link.open(lambda _up, _fault: None)
    try:
        return {str(sighting.address) async for sighting in link.scan(0.3)}
    finally:
        await link.close()


@pytest.mark.asyncio
async def test_each_adapter_hears_every_virtual_device(settings):
    world = VirtualWorld(settings)
    await world.start()
    for name in ("left", "right"):
        assert await heard_by(world.links[name]) == {f"F0:00:00:00:00:0{number}" for number in (1, 2, 4)}
    await world.close()


@pytest.mark.asyncio
async def test_adapters_have_addresses_of_their_own(settings):
    world = VirtualWorld(settings)
    for link in world.links.values():
        await heard_by(link)
    assert [link.name for link in world.links.values()] == ["C0:00:00:00:00:01", "C0:00:00:00:00:02"]
    await world.close()


def test_what_reaches_the_devices_is_written_down_only_where_asked(settings, tmp_path):
    VirtualWorld(settings)
    assert {file.name for file in tmp_path.iterdir()} == {"g.toml", "left.jsonl"}


def test_what_reaches_a_device_is_in_the_log_of_its_first_adapter_that_has_one(settings):
    world = VirtualWorld(settings)
    log = world._logs["left"]
    assert world._sink(settings.devices["anywhere"]) is log
    assert world._sink(settings.devices["lounge"]) is log
    assert world._sink(settings.devices["kitchen"]) is not log
