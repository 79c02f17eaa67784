"""Handles of a simulated device are those that a GATT server would give."""

from gattkeeper.model.gatt import Property
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualService
from gattkeeper.world.simulated_table import CCCD, discover

READ, NOTIFY, INDICATE = Property.READ, Property.NOTIFY, Property.INDICATE


def test_declarations_values_and_cccds_take_a_handle_each():
    attributes = [VirtualCharacteristic(f"fe5{n}", each) for n, each in enumerate((READ, NOTIFY, INDICATE, READ))]
    services = (VirtualService("fe60", tuple(attributes[:2])), VirtualService("fe61", tuple(attributes[2:])))
    table, found = discover(VirtualDevice("lamp", "F0:00:00:00:00:01", services))
    assert [service.handle for service in found] == [1, 7]
    handles = [each.handle for service in found for each in service.characteristics]
    assert handles == [3, 5, 9, 12]
    assert [table[handle] for handle in handles] == attributes
    cccds = [
        (each.uuid, each.handle)
        for service in found
        for one in service.characteristics
        for each in one.descriptors
    ]
    assert cccds == [(CCCD, 6), (CCCD, 10)]
    assert [each.properties for service in found for each in service.characteristics] == [2, 16, 32, 2]
