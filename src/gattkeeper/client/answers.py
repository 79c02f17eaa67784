"""The daemon's answers as data of the model: what `fronts.answers` writes out, read back.

Knows the shape of answers. How they are asked for stands in `async_client`.
"""

from typing import Any

from msgspec import convert

from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.outcome import Outcome
from gattkeeper.runtime.ports import Sighting

Answer = dict[str, Any]


def outcome_in(answer: Answer) -> Outcome:
    """The outcome of an answer; values that are text there are the hex digits of bytes."""
    said = {
        **answer,
        "value": _bytes_in(answer.get("value")),
        "values": [_bytes_in(value) for value in answer.get("values", ())],
    }
    return convert(said, Outcome, builtin_types=(bytes,))


def sighting_in(answer: Answer) -> Sighting:
    """The advertisement of an answer."""
    return Sighting(
        address=DeviceAddress(value=answer["address"], kind=AddressKind(answer["kind"])),
        name=answer["name"],
        rssi_dbm=answer["rssi_dbm"],
        services=tuple(answer["services"]),
        manufacturer_data={
            int(number): bytes.fromhex(data) for number, data in answer["manufacturer_data"].items()
        },
        service_data={uuid: bytes.fromhex(data) for uuid, data in answer["service_data"].items()},
        tx_power_dbm=answer["tx_power_dbm"],
        connected=answer["connected"],
    )


def _bytes_in(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value
