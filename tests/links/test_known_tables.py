"""Tables are remembered by device, and not without end."""

from gattkeeper.links.known_tables import TABLES_MAX, KnownTable, KnownTables
from gattkeeper.model.gatt import Service

TABLE = KnownTable(database_hash=bytes(16), services=())
OTHER = KnownTable(database_hash=bytes(16), services=(Service(uuid="fe50", handle=1),))


def test_the_last_table_of_a_device_is_known_until_it_is_forgotten() -> None:
    known = KnownTables()
    assert known.find("lamp") is None
    known.remember("lamp", TABLE)
    known.remember("door", TABLE)
    known.remember("lamp", OTHER)
    assert known.find("lamp") == OTHER
    known.forget("lamp")
    known.forget("lamp")
    assert known.find("lamp") is None
    assert known.find("door") == TABLE


def test_beyond_the_ceiling_the_one_used_longest_ago_goes() -> None:
    known = KnownTables()
    for number in range(TABLES_MAX):
        known.remember(f"device-{number}", TABLE)
    known.find("device-0")
    known.remember("one too many", TABLE)
    assert known.find("device-0") == TABLE
    assert known.find("device-1") is None
    assert known.find("device-2") == TABLE
