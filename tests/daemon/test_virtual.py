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
[devices.elsewhere]
address = "F0:00:00:00:00:03"
adapter = "left"
"""


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "g.toml").write_text(TWO_ADAPTERS)
    return load_settings(tmp_path / "g.toml")


async def on_the_air(world):
    await world.start()
    await world.link.open(lambda _up, _fault: None)
    try:
        return {str(sighting.address) async for sighting in world.link.scan(0.3)}
    finally:
        await world.link.close()
        await world.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "address"), [("left", "F0:00:00:00:00:01"), ("right", "F0:00:00:00:00:02")])
async def test_each_adapter_hears_its_own_virtual_devices_alone(settings, name, address):
    world = VirtualWorld(settings, name, settings.adapters[name], number=1)
    assert await on_the_air(world) == {address}


@pytest.mark.asyncio
async def test_adapters_have_addresses_of_their_own(settings):
    names = []
    for number, (name, adapter) in enumerate(settings.adapters.items(), start=1):
        world = VirtualWorld(settings, name, adapter, number=number)
        await on_the_air(world)
        names.append(world.link.name)
    assert names == ["C0:00:00:00:00:01", "C0:00:00:00:00:02"]


def test_what_reaches_the_devices_is_written_down_only_where_asked(settings, tmp_path):
    for name in ("left", "right"):
        VirtualWorld(settings, name, settings.adapters[name], number=1)
    assert {file.name for file in tmp_path.iterdir()} == {"g.toml", "left.jsonl"}
