"""What becomes of an operation at a simulated device, without time and without a link."""

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import DiscoverServices, Pair, Read, RequestMtu, Unpair
from gattkeeper.world import AttError
from gattkeeper.world.simulated_gatt import ATT_MTU, OUT_OF_SYNC, SimulatedGatt
from sim.scene import CLOSED, COUNTER, device

READ = Read(target=characteristic_ref(COUNTER))
CLOSED_READ = Read(target=characteristic_ref(CLOSED))


def gatt(paired: set[str] | None = None, att_mtu_max: int = ATT_MTU) -> SimulatedGatt:
    paired = set() if paired is None else paired
    return SimulatedGatt(device("lamp"), paired=paired, att_mtu_max=att_mtu_max, interval_s=0.03)


def test_what_is_meant_for_an_old_table_is_refused_until_the_new_one_is_discovered():
    lamp = device("lamp")
    connection = SimulatedGatt(lamp, paired=set(), att_mtu_max=ATT_MTU, interval_s=0.03)
    before = connection.carry_out(READ)
    lamp.services = device("lamp").services
    assert connection.is_stale
    with pytest.raises(LinkError) as refused:
        connection.carry_out(READ)
    assert refused.value.fault == OUT_OF_SYNC
    connection.carry_out(DiscoverServices())
    assert not connection.is_stale
    assert connection.carry_out(READ) == before


def test_a_bond_opens_what_is_closed_and_is_gone_when_it_is_forgotten():
    paired: set[str] = set()
    connection = gatt(paired)
    with pytest.raises(AttError, match="0x0f"):
        connection.carry_out(CLOSED_READ)
    connection.carry_out(Pair())
    assert (connection.carry_out(CLOSED_READ), paired) == (b"", {"lamp"})
    connection.carry_out(Unpair())
    assert paired == set()


def test_the_att_mtu_grows_to_what_both_sides_allow():
    connection = gatt(att_mtu_max=100)
    assert [connection.carry_out(RequestMtu(att_mtu=wanted)) for wanted in (50, 23, 517)] == [50, 50, 100]
