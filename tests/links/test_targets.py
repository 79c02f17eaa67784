"""What is refused before anything is sent says what to do instead."""

import pytest
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links.targets import chosen_kind, find_descriptor, find_target, must_allow, must_fit
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Descriptor, Property, Service, normal_uuid
from gattkeeper.model.operation import SubscriptionKind

BATTERY = Characteristic(
    uuid=normal_uuid("2a19"),
    service=normal_uuid("180f"),
    handle=3,
    properties=Property.READ.value,
    descriptors=(Descriptor(uuid=normal_uuid("2902"), handle=4),),
)
SERVICES = (Service(uuid=normal_uuid("180f"), handle=1, characteristics=(BATTERY,)),)


def refused(call, *arguments):
    with pytest.raises(LinkError) as caught:
        call(*arguments)
    assert caught.value.fault.ran is Ran.NO
    return caught.value.fault


@pytest.mark.parametrize(
    "ref",
    [
        CharacteristicRef(uuid=BATTERY.uuid),
        CharacteristicRef(uuid=BATTERY.uuid, service=BATTERY.service),
        CharacteristicRef(handle=3),
    ],
)
def test_a_target_is_found(ref):
    assert find_target(SERVICES, ref) is BATTERY


def test_a_missing_target_is_told_what_there_is():
    fault = refused(find_target, SERVICES, CharacteristicRef(uuid=normal_uuid("2a37")))
    assert (fault.kind, fault.name) == (FaultKind.REJECTED, "no_such_characteristic")
    assert fault.text == "the device has no characteristic 2a37; it has 2a19"


def test_a_device_with_nothing_is_said_to_have_nothing():
    assert "none at all" in refused(find_target, (), CharacteristicRef(handle=9)).text


def test_the_list_of_what_there_is_is_bounded():
    many = tuple(
        Characteristic(uuid=normal_uuid(f"{number:04x}"), service="s", handle=number, properties=0)
        for number in range(1, 101)
    )
    fault = refused(
        find_target, (Service(uuid="s", handle=1, characteristics=many),), CharacteristicRef(handle=999)
    )
    assert fault.text.endswith("and 80 more")
    assert len(fault.text) < 300


def test_an_ambiguous_target_is_told_where_it_is():
    twice = (*SERVICES, Service(uuid=normal_uuid("1800"), handle=9, characteristics=(BATTERY,)))
    fault = refused(find_target, twice, CharacteristicRef(uuid=BATTERY.uuid))
    assert fault.name == "ambiguous"
    assert "name its service or its handle: 180f (handle 0x0003)" in fault.text


def test_a_descriptor_is_found_or_refused():
    assert find_descriptor(BATTERY, normal_uuid("2902")).handle == 4
    fault = refused(find_descriptor, BATTERY, normal_uuid("2901"))
    assert (fault.name, fault.text) == ("no_such_descriptor", "2a19 has no descriptor 2901; it has 2902")


def test_a_missing_property_is_told_which_there_are():
    must_allow(BATTERY, Property.READ)
    fault = refused(must_allow, BATTERY, Property.WRITE)
    assert (fault.kind, fault.name) == (FaultKind.REJECTED, "property")
    assert fault.text == "2a19 does not allow write; it allows read"


def test_a_payload_fits_up_to_three_bytes_less_than_the_mtu():
    must_fit(bytes(20), 23)
    fault = refused(must_fit, bytes(21), 23)
    assert (fault.kind, fault.name) == (FaultKind.UNSUPPORTED, "att_mtu")


EITHER, NOTIFY, INDICATE = SubscriptionKind.EITHER, SubscriptionKind.NOTIFY, SubscriptionKind.INDICATE


def pushing(*properties):
    return replace(BATTERY, properties=sum(each.value for each in properties))


@pytest.mark.parametrize(
    ("properties", "wanted", "held", "chosen"),
    [
        ((Property.NOTIFY,), EITHER, None, NOTIFY),
        ((Property.INDICATE,), EITHER, None, INDICATE),
        ((Property.NOTIFY, Property.INDICATE), EITHER, None, NOTIFY),
        ((Property.NOTIFY, Property.INDICATE), EITHER, INDICATE, INDICATE),
        ((Property.NOTIFY, Property.INDICATE), INDICATE, None, INDICATE),
        ((Property.NOTIFY, Property.INDICATE), INDICATE, INDICATE, INDICATE),
        ((Property.NOTIFY, Property.INDICATE), NOTIFY, None, NOTIFY),
    ],
)
def test_the_kind_follows_the_wish_the_subscriber_there_is_and_the_property(properties, wanted, held, chosen):
    assert chosen_kind(pushing(*properties), wanted, held) is chosen


@pytest.mark.parametrize(("wanted", "held"), [(NOTIFY, INDICATE), (INDICATE, NOTIFY)])
def test_two_subscribers_cannot_have_different_kinds(wanted, held):
    fault = refused(chosen_kind, pushing(Property.NOTIFY, Property.INDICATE), wanted, held)
    assert (fault.kind, fault.name) == (FaultKind.REJECTED, "subscription_kind")
    assert "2a19 is subscribed to the other way already" in fault.text


@pytest.mark.parametrize("wanted", list(SubscriptionKind))
def test_a_kind_that_is_not_there_is_refused_by_property(wanted):
    assert refused(chosen_kind, BATTERY, wanted, None).name == "property"
