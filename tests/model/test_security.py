"""What a connection lacks of what is demanded, by level, by record and by the length of its key."""

import pytest

from gattkeeper.model.security import (
    NO_DEMAND,
    Demand,
    Proof,
    Security,
    SecurityLevel,
    cannot_prove,
    shortfall,
)

NONE, ENCRYPTED, AUTHENTICATED, SECURE = SecurityLevel


def proof(level: SecurityLevel, key_size: int = 16, recorded: SecurityLevel = NONE) -> Proof:
    of_bond = Security(level=recorded, key_size=0 if recorded is NONE else 16)
    return Proof(proved=Security(level=level, key_size=0 if level is NONE else key_size), recorded=of_bond)


def test_each_level_includes_those_before_it() -> None:
    for index, level in enumerate(SecurityLevel):
        assert [level.includes(other) for other in SecurityLevel] == [n <= index for n in range(4)]


@pytest.mark.parametrize("level", SecurityLevel)
def test_nothing_is_lacking_where_nothing_is_demanded(level: SecurityLevel) -> None:
    assert shortfall(NO_DEMAND, proof(level, key_size=7, recorded=SECURE)) == ""
    assert not NO_DEMAND.asks


@pytest.mark.parametrize("demanded", [ENCRYPTED, AUTHENTICATED, SECURE])
@pytest.mark.parametrize("level", SecurityLevel)
def test_what_is_demanded_by_name_is_proved_or_lacking(demanded: SecurityLevel, level: SecurityLevel) -> None:
    lacks = shortfall(Demand(level=demanded), proof(level))
    assert (lacks == "") is level.includes(demanded)
    assert lacks == "" or lacks.endswith(f"and {demanded.value} is demanded")


def test_what_is_on_record_is_demanded_where_that_is_asked_for() -> None:
    demand = Demand(recorded=True)
    assert demand.asks
    assert shortfall(demand, proof(NONE)) == "", "there is no bond yet"
    lacks = shortfall(demand, proof(NONE, recorded=ENCRYPTED))
    assert lacks == "the connection is not encrypted, and the bond on record was encrypted"
    lacks = shortfall(demand, proof(ENCRYPTED, recorded=AUTHENTICATED))
    assert lacks == "the connection is encrypted, and the bond on record was authenticated"
    assert shortfall(demand, proof(AUTHENTICATED, recorded=ENCRYPTED)) == ""


def test_a_short_key_is_not_enough() -> None:
    lacks = shortfall(Demand(recorded=True), proof(ENCRYPTED, key_size=7, recorded=ENCRYPTED))
    assert lacks == "its key has 7 bytes, and that of the bond on record had 16"
    assert shortfall(Demand(level=ENCRYPTED), proof(ENCRYPTED, key_size=15)).endswith("and 16 are demanded")


def test_a_demand_that_nobody_can_check_says_what_to_do() -> None:
    assert "lock demands security 'encrypted'" in cannot_prove("lock", ENCRYPTED)
    assert 'security = "none"' in cannot_prove("lock", ENCRYPTED)
