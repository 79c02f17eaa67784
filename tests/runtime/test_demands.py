"""What a connection has to prove follows from the settings, and is refused where nobody could prove it."""

import pytest

from gattkeeper.errors import SettingsError
from gattkeeper.model.identity import parse_address
from gattkeeper.model.security import NO_DEMAND, Demand, SecurityLevel
from gattkeeper.runtime.demands import demand_of
from gattkeeper.runtime.ports import DeviceRules, LinkTraits

PROVING, BLIND = (LinkTraits(operations=frozenset(), proves=proves) for proves in (True, False))


def rules(*, security: SecurityLevel = SecurityLevel.NONE, safety: bool = False) -> DeviceRules:
    return DeviceRules(address=parse_address("F0:00:00:00:00:01"), security=security, safety=safety)


def test_a_device_demands_what_the_settings_say() -> None:
    assert demand_of("lock", rules(), [PROVING]) == NO_DEMAND
    level = SecurityLevel.AUTHENTICATED
    assert demand_of("lock", rules(security=level), [PROVING]) == Demand(level=level)


def test_for_safety_a_device_demands_what_was_recorded() -> None:
    assert demand_of("lock", rules(safety=True), [PROVING]) == Demand(recorded=True)


def test_a_link_that_proves_nothing_takes_no_demand_by_name() -> None:
    with pytest.raises(SettingsError, match=r"lock demands security 'encrypted', and nobody can tell"):
        demand_of("lock", rules(security=SecurityLevel.ENCRYPTED), [PROVING, BLIND])
    assert demand_of("lock", rules(safety=True), [BLIND]) == NO_DEMAND
