"""Discovery of a device's attribute table over Bumble, every answer looked at before the next is asked for.

Knows ATT's requests for it, and what a table may look like (Core Specification, Vol 3, Part G, 2.5, 4.4 to 4.7):
handles only rise, nothing reaches into its neighbour, a UUID has 2 or 16 bytes. Bumble's own discovery takes an
answer that breaks this for the end of the table, so that half of it would seem to be all of it.
"""

import struct
import uuid
from bisect import bisect
from contextlib import suppress
from typing import Any

from bumble import att
from bumble.core import UUID
from bumble.gatt import GATT_CHARACTERISTIC_ATTRIBUTE_TYPE, GATT_PRIMARY_SERVICE_ATTRIBUTE_TYPE
from bumble.gatt_client import Client
from msgspec import Struct

from gattkeeper.links.targets import refusal
from gattkeeper.model.gatt import Characteristic, Descriptor, Service, normal_uuid

_LAST = 0xFFFF
"""The highest handle there is (Vol 3, Part F, 3.2.2): no discovery asks more often than there are handles."""

_UUID_LENGTHS = (2, 16)
"""Bytes of a UUID on ATT: those of 4 are sent as 16 (Vol 3, Part F, 3.2.1)."""

_MANY = 8
"""Characteristics with one descriptor each from which on the CCCDs of a service are asked for by their type.

Where UUIDs are long, nearly every descriptor would take a request of its own else: 300 characteristics, 20 s.
"""

_CCCD = normal_uuid("2902")

_DECLARATION = struct.Struct("<BH")
"""A characteristic's properties and value handle, before its UUID (Vol 3, Part G, 3.3.1)."""


class _Declared(Struct, frozen=True, kw_only=True):
    """A characteristic whose descriptors are not known yet; its declaration has the handle `at`."""

    at: int
    properties: int
    handle: int
    uuid: str


async def discover(gatt: Client) -> tuple[Service, ...]:
    """Discover primary services, characteristics and descriptors.

    Raises LinkError for a table that makes no sense, and what Bumble raises.
    """
    return tuple([await _service(gatt, *found) for found in await _services(gatt)])


async def _services(gatt: Client) -> list[tuple[int, int, str]]:
    """The first handle, the last one and the UUID of each."""
    found = []
    at = 1
    while at <= _LAST:
        request = att.ATT_Read_By_Group_Type_Request(
            starting_handle=at, ending_handle=_LAST, attribute_group_type=GATT_PRIMARY_SERVICE_ATTRIBUTE_TYPE
        )
        entries = await _ask(gatt, request, "attributes")
        if not entries:
            break
        for first, last, value in entries:
            _must(at <= first <= last, f"a service from {first:#06x} to {last:#06x}, where {at:#06x} is next")
            found.append((first, last, _spelled(value, first)))
            at = last + 1
    return found


async def _service(gatt: Client, first: int, last: int, service_uuid: str) -> Service:
    declared = await _declared(gatt, first, last)
    descriptors = await _descriptors(gatt, declared, last)
    characteristics = tuple(
        Characteristic(
            uuid=each.uuid,
            service=service_uuid,
            handle=each.handle,
            properties=each.properties,
            descriptors=tuple(descriptors[each.handle]),
        )
        for each in declared
    )
    return Service(uuid=service_uuid, handle=first, characteristics=characteristics)


async def _declared(gatt: Client, first: int, last: int) -> list[_Declared]:
    found = []
    at = first
    while at <= last:
        request = att.ATT_Read_By_Type_Request(
            starting_handle=at, ending_handle=last, attribute_type=GATT_CHARACTERISTIC_ATTRIBUTE_TYPE
        )
        entries = await _ask(gatt, request, "attributes")
        if not entries:
            break
        for declaration, value in entries:
            _must(len(value) >= _DECLARATION.size, f"a declaration of {len(value)} bytes at {declaration:#06x}")
            properties, handle = _DECLARATION.unpack_from(value)
            fits = at <= declaration < handle <= last
            _must(fits, f"a characteristic at {declaration:#06x} with its value at {handle:#06x} within {at:#06x}")
            characteristic_uuid = _spelled(value[_DECLARATION.size :], declaration)
            found.append(_Declared(at=declaration, properties=properties, handle=handle, uuid=characteristic_uuid))
            at = handle + 1
    return found


async def _descriptors(gatt: Client, declared: list[_Declared], last: int) -> dict[int, list[Descriptor]]:
    """By value handle: whatever lies between a characteristic's value and the next declaration.

    A request goes as far as the service does, so that one answer may serve many characteristics.
    """
    gaps = list(
        zip((each.handle for each in declared), [*(each.at for each in declared[1:]), last + 1], strict=True)
    )
    single = {value + 1: value for value, before in gaps if before == value + 2}
    cccds = await _cccds(gatt, min(single), last) & single.keys() if len(single) >= _MANY else set()
    found = {value: [Descriptor(uuid=_CCCD, handle=value + 1)] if value + 1 in cccds else [] for value, _ in gaps}
    known = {each.at for each in declared} | found.keys() | cccds
    values = list(found)
    at = 0
    for value, before in gaps:
        at = max(at, value + 1)
        while at < before and at not in cccds:
            request = att.ATT_Find_Information_Request(starting_handle=at, ending_handle=last)
            entries = await _ask(gatt, request, "information")
            if not entries:
                return found
            for handle, spelled in entries:
                _must(at <= handle <= last, f"an attribute at {handle:#06x}, where {at:#06x} is next")
                at = handle + 1
                if handle not in known:
                    owner = values[bisect(values, handle) - 1]
                    found[owner].append(Descriptor(uuid=_spelled(spelled, handle), handle=handle))
    return found


async def _cccds(gatt: Client, first: int, last: int) -> set[int]:
    """Handles of the CCCDs in a service, many in one answer; not those that the device keeps to itself."""
    found: set[int] = set()
    at = first
    with suppress(att.ATT_Error):
        while at <= last:
            request = att.ATT_Read_By_Type_Request(
                starting_handle=at, ending_handle=last, attribute_type=UUID.from_16_bits(0x2902)
            )
            entries = await _ask(gatt, request, "attributes")
            if not entries:
                break
            for handle, _ in entries:
                _must(at <= handle <= last, f"an attribute at {handle:#06x}, where {at:#06x} is next")
                found.add(handle)
                at = handle + 1
    return found


async def _ask(gatt: Client, request: att.ATT_PDU, field: str) -> list[tuple[Any, ...]]:
    """What one answer lists; nothing when there is no more. Raises LinkError, and what Bumble raises."""
    answer = await gatt.send_request(request)
    if isinstance(answer, att.ATT_Error_Response):
        if answer.error_code != att.ErrorCode.ATTRIBUTE_NOT_FOUND:
            raise att.ATT_Error(answer.error_code)
        return []
    entries: list[tuple[Any, ...]] = getattr(answer, field)
    _must(bool(entries), f"an answer without an attribute from {request.starting_handle:#06x} on")
    return entries


def _spelled(value: bytes, handle: int) -> str:
    """A UUID as it is on the air: the lowest byte first."""
    _must(len(value) in _UUID_LENGTHS, f"a UUID of {len(value)} bytes at {handle:#06x}")
    if len(value) == _UUID_LENGTHS[0]:
        return normal_uuid(value[::-1].hex())
    return str(uuid.UUID(bytes=value[::-1]))


def _must(makes_sense: bool, what: str) -> None:  # noqa: FBT001 - it is what the function is about
    """Raise LinkError for a table that makes no sense."""
    if not makes_sense:
        raise refusal("malformed_table", f"the device's table of attributes makes no sense: {what}")
