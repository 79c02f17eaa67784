"""What Bumble reads and hears, in our words: values, ATT_MTU, Database Hash, advertisements.

Knows ATT's requests and Bumble's advertising data. Keeps nothing.
"""

import uuid
from contextlib import suppress
from typing import Any

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement
from bumble.gatt import GATT_DATABASE_HASH_CHARACTERISTIC
from bumble.gatt_client import Client
from bumble.hci import Address

from gattkeeper.links.bumble_guard import ATT_MTU_WANTED
from gattkeeper.links.targets import refusal
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, ATTRIBUTE_LENGTH_MAX
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.runtime.ports import Sighting

_RSSI_UNKNOWN = 127
"""RSSI of an advertisement without a reading (Core Specification, Vol 4, Part E, 7.7.65.2)."""

_HASH_LENGTH = 16
"""Bytes of a Database Hash (Vol 3, Part G, 7.3)."""

_AT_ITS_END = (att.ErrorCode.INVALID_OFFSET, att.ErrorCode.ATTRIBUTE_NOT_LONG)
"""Answers to a request for the next part of a value of which there is no more (Vol 3, Part F, 3.4.4.5)."""

_SERVICE_LISTS = (
    (AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
    (AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
    (AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
    (AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
)
"""Advertised lists of services, with the length of their UUIDs in bytes."""

_SERVICE_DATA = (
    (AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID, 2),
    (AdvertisingData.Type.SERVICE_DATA_32_BIT_UUID, 4),
    (AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID, 16),
)
"""Data that a service advertises, with the length of the UUID before it."""


async def read_database_hash(gatt: Client) -> bytes | None:
    """The hash of the device's attribute table, in one round trip; None: it has none, or keeps it to itself.

    Raises what Bumble raises.
    """
    request = att.ATT_Read_By_Type_Request(
        starting_handle=0x0001, ending_handle=0xFFFF, attribute_type=GATT_DATABASE_HASH_CHARACTERISTIC
    )
    answer = await gatt.send_request(request)
    if answer.op_code == att.Opcode.ATT_ERROR_RESPONSE or not answer.attributes:
        return None
    database_hash = bytes(answer.attributes[0][1])
    return database_hash if len(database_hash) == _HASH_LENGTH else None


async def exchange_mtu(gatt: Client) -> None:
    """Agree on the longest ATT_MTU. A device may keep to the 23 bytes that every device has.

    Raises what Bumble raises.
    """
    with suppress(att.ATT_Error):
        await gatt.request_mtu(ATT_MTU_WANTED)
    gatt.mtu = max(gatt.mtu, ATT_MTU_DEFAULT)  # Bumble believes a device that has less (Vol 3, Part F, 3.4.2.2)


async def read_attribute(gatt: Client, handle: int) -> bytes:
    """A value, in as many requests as it takes (Vol 3, Part G, 4.8.1 and 4.8.3).

    Bumble's own reading goes on for as long as the device does. Raises LinkError, and what Bumble raises.
    """
    answer = await gatt.send_request(att.ATT_Read_Request(attribute_handle=handle))
    part = payload = bytes(_good(answer).attribute_value)
    while len(part) == gatt.mtu - 1 and len(payload) < ATTRIBUTE_LENGTH_MAX:
        answer = await gatt.send_request(
            att.ATT_Read_Blob_Request(attribute_handle=handle, value_offset=len(payload))
        )
        if isinstance(answer, att.ATT_Error_Response) and answer.error_code in _AT_ITS_END:
            break
        part = bytes(_good(answer).part_attribute_value)
        payload += part
    if len(payload) > ATTRIBUTE_LENGTH_MAX:
        raise refusal("malformed_value", f"the device has a value longer than {ATTRIBUTE_LENGTH_MAX} bytes")
    return payload


def _good(answer: att.ATT_PDU) -> Any:
    if isinstance(answer, att.ATT_Error_Response):
        raise att.ATT_Error(answer.error_code)
    return answer


def sighting_of(advertisement: Advertisement) -> Sighting:
    """One advertisement, its scan response included where there was one.

    Anybody may send anything: fields that are cut short are left out.
    """
    names = _fields(advertisement, AdvertisingData.Type.COMPLETE_LOCAL_NAME)
    names += _fields(advertisement, AdvertisingData.Type.SHORTENED_LOCAL_NAME)
    powers = _fields(advertisement, AdvertisingData.Type.TX_POWER_LEVEL)
    return Sighting(
        address=device_address(advertisement.address),
        name=names[0].decode(errors="replace") if names else "",
        rssi_dbm=None if advertisement.rssi == _RSSI_UNKNOWN else advertisement.rssi,
        services=tuple(
            dict.fromkeys(
                _spelled(UUID.from_bytes(field[start : start + length]))
                for kind, length in _SERVICE_LISTS
                for field in _fields(advertisement, kind)
                for start in range(0, len(field) - length + 1, length)
            )
        ),
        manufacturer_data={
            int.from_bytes(field[:2], "little"): field[2:]
            for field in _fields(advertisement, AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA)
            if len(field) >= 2
        },
        service_data={
            _spelled(UUID.from_bytes(field[:length])): field[length:]
            for kind, length in _SERVICE_DATA
            for field in _fields(advertisement, kind)
            if len(field) >= length
        },
        tx_power_dbm=next((_signed(field[0]) for field in powers if len(field) == 1), None),
    )


def device_address(address: Address) -> DeviceAddress:
    """Bumble's address as ours."""
    kind = AddressKind.PUBLIC if address.is_public else AddressKind.RANDOM
    return DeviceAddress(value=address.to_string(with_type_qualifier=False), kind=kind)


def bumble_address(address: DeviceAddress) -> Address:
    """Our address as Bumble's. The kind has to be known."""
    kind = Address.PUBLIC_DEVICE_ADDRESS if address.kind is AddressKind.PUBLIC else Address.RANDOM_DEVICE_ADDRESS
    return Address(address.value, kind)


def _fields(advertisement: Advertisement, kind: AdvertisingData.Type) -> list[bytes]:
    return list(advertisement.data.get_all(kind, raw=True))


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _spelled(bumble_uuid: UUID) -> str:
    return str(uuid.UUID(bytes=bumble_uuid.to_bytes(force_128=True)[::-1]))
