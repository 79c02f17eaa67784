"""By which adapters devices may be reached, and what of their news reaches the core."""

import asyncio

import pytest

from gattkeeper.core import events
from gattkeeper.errors import LinkError, SettingsError, UnsupportedError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, LinkTraits, Sighting
from gattkeeper.runtime.ways import SIGHTING_PAUSE_S, Ways
from gattkeeper.world import SimulatedLink, run_virtual
from sim.scene import Book, device

LAMP = parse_address("F0:00:00:00:00:01")
RULES = DeviceRules(address=LAMP)


class Deaf(SimulatedLink):
    """One that cannot tell about bonds until it hears."""

    hears = False

    async def bonded(self, device):
        if not self.hears:
            raise LinkError(Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="test"))
        return True


def ways_of(*links, **settings):
    fed = []
    return Ways({link.name: link for link in links}, fed.append, **settings), fed


def two(lamp=None):
    devices = [lamp or device("lamp", 1)]
    return [SimulatedLink(devices, name=name) for name in ("hall", "attic")]


def added(rules, *links):
    ways, fed = ways_of(*(links or two()))
    ways.learn("lamp", rules)
    (event,) = fed
    assert "lamp" in ways
    return event.adapter, event.others, event.by_signal


def test_the_settings_name_one_adapter_or_several_or_none():
    assert added(RULES) == ("hall", ("attic",), True)
    assert added(DeviceRules(address=LAMP, adapter="attic")) == ("attic", (), False)
    assert added(DeviceRules(address=LAMP, adapter="attic", others=("hall", "attic"))) == (
        "attic",
        ("hall",),
        False,
    )
    assert added(RULES, SimulatedLink([], name="only")) == ("only", (), False)


def test_an_adapter_that_is_not_there_is_named():
    ways, fed = ways_of(*two())
    with pytest.raises(SettingsError, match="no adapter 'cellar': there is hall, attic"):
        ways.learn("lamp", DeviceRules(address=LAMP, adapter="hall", others=("cellar",)))
    empty, _ = ways_of()
    with pytest.raises(SettingsError, match="no adapter '': there is none"):
        empty.learn("lamp", RULES)
    assert fed == []


def test_keys_are_looked_for_where_there_is_a_choice_and_where_an_adapter_can_tell():
    async def story():
        lamp = device("lamp", 1)
        hall, attic = SimulatedLink([lamp], name="hall"), SimulatedLink([lamp], name="attic")
        attic.paired.add("lamp")
        cellar = Deaf([lamp], name="cellar")
        ways, fed = ways_of(hall, attic, cellar)
        ways.learn("lamp", RULES)
        ways.learn("door", DeviceRules(address=parse_address("F0:00:00:00:00:02"), adapter="hall"))
        await ways.start()
        assert fed[2:] == [
            events.Bonded(device="lamp", adapter="hall", bonded=False),
            events.Bonded(device="lamp", adapter="attic", bonded=True),
        ]
        cellar.hears = True
        for adapter in ("hall", "cellar", "cellar"):
            ways.adapter_up(adapter)
        await asyncio.sleep(0.1)
        assert fed[4:] == [events.Bonded(device="lamp", adapter="cellar", bonded=True)]
        ways.adapter_up("cellar")
        await ways.close()

    run_virtual(story())


def test_a_signal_matters_of_devices_that_it_decides_for_once_in_a_while():
    async def story():
        ways, fed = ways_of(*two())
        ways.learn("lamp", RULES)
        ways.learn(
            "door", DeviceRules(address=parse_address("F0:00:00:00:00:02"), adapter="hall", others=("attic",))
        )
        del fed[:]
        for address in ("F0:00:00:00:00:01", "F0:00:00:00:00:02", "F0:00:00:00:00:03"):
            ways.heard("hall", Sighting(address=parse_address(address), rssi_dbm=-60))
        ways.heard("hall", Sighting(address=LAMP, rssi_dbm=-61))
        ways.heard("attic", Sighting(address=LAMP, rssi_dbm=-62))
        await asyncio.sleep(SIGHTING_PAUSE_S)
        ways.heard("hall", Sighting(address=LAMP))
        ways.heard("hall", Sighting(address=LAMP, rssi_dbm=-63))
        assert fed == [
            events.Sighted(device="lamp", adapter=adapter, rssi_dbm=rssi_dbm)
            for adapter, rssi_dbm in (("hall", -60), ("attic", -62), ("hall", -63))
        ]

    run_virtual(story())


@pytest.mark.parametrize(("every_s", "links"), [(0.0, 2), (60.0, 1)])
def test_nobody_listens_without_need(every_s, links):
    async def story():
        ways, _ = ways_of(*two()[:links], listen_every_s=every_s)
        ways.learn("lamp", RULES)
        await ways.start()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(story())


def test_adapters_listen_in_rounds_only_while_a_signal_decides_for_somebody():
    async def story():
        ways, fed = ways_of(*two(), listen_every_s=60.0)
        await ways.start()
        await asyncio.sleep(30)
        ways.learn("lamp", RULES)
        await asyncio.sleep(29)
        assert len(fed) == 1
        await asyncio.sleep(60)
        assert {event.adapter for event in fed[1:]} == {"hall", "attic"}
        assert 4 <= len(fed[1:]) <= 8, "three seconds, two adapters"
        await ways.close()

    run_virtual(story())


def test_what_one_of_its_adapters_cannot_do_is_refused_whichever_carries_it():
    async def story():
        lamp = device("lamp", 1)
        hall, attic = SimulatedLink([lamp], name="hall"), SimulatedLink([lamp], name="attic")
        attic._traits = LinkTraits(operations=hall.traits.operations - {"read_phy"})
        keeper = Keeper(links={"hall": hall, "attic": attic}, book=Book({"lamp": RULES}))
        await keeper.start()
        with pytest.raises(UnsupportedError, match="attic cannot do read_phy"):
            await keeper.device("lamp").phy()
        await keeper.close()

    run_virtual(story())
