"""When a rule of a simulated link fires."""

import random

import pytest

from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Operation, ReadRssi, Write, WriteMode
from gattkeeper.world import Fail, Hang, LinkMatch, LinkMoment, LinkRule, LoseResponse

OPERATION, CONNECT = LinkMoment.OPERATION, LinkMoment.CONNECT


WRITE = Write(target=characteristic_ref("fe51"), payload=b"x")


def fires(
    rule: LinkRule,
    moment: LinkMoment = OPERATION,
    device: str = "lamp",
    operation: Operation | None = WRITE,
    now: float = 0.0,
):
    return rule.fires(moment, device, operation, now, random.Random(1))


def rule(**match) -> LinkRule:
    return LinkRule(LinkMatch(moment=OPERATION, **match), LoseResponse())


@pytest.mark.parametrize(
    ("match", "call", "expected"),
    [
        ({}, {}, True),
        ({}, {"moment": CONNECT}, False),
        ({"device": "lamp"}, {}, True),
        ({"device": "lamp"}, {"device": "door"}, False),
        ({"kind": "write"}, {}, True),
        ({"kind": "read"}, {}, False),
        ({"kind": "write"}, {"operation": None}, False),
        ({"mode": WriteMode.WITH_RESPONSE}, {}, True),
        ({"mode": WriteMode.WITHOUT_RESPONSE}, {}, False),
        ({"mode": WriteMode.WITH_RESPONSE}, {"operation": ReadRssi()}, False),
        ({"characteristic": "fe51"}, {}, True),
        ({"characteristic": "FE52"}, {}, False),
        ({"characteristic": "fe51"}, {"operation": ReadRssi()}, False),
        ({"from_s": 1.0}, {"now": 0.9}, False),
        ({"from_s": 1.0, "until_s": 2.0}, {"now": 1.0}, True),
        ({"until_s": 2.0}, {"now": 2.0}, False),
        ({"probability": 0.0}, {}, False),
    ],
)
def test_a_rule_is_about_what_it_says(match: dict, call: dict, expected: bool):
    assert fires(rule(**match), **call) is expected


def test_a_rule_starts_with_its_first_match_and_fires_so_often():
    counted = rule(first=2, times=2)
    assert [fires(counted) for _ in range(5)] == [False, True, True, False, False]
    assert (counted.seen, counted.fired) == (5, 2)


def test_an_action_without_meaning_at_that_moment_is_refused():
    with pytest.raises(
        ValueError, match="LoseResponse cannot happen to connect: possible are Hang, Stubborn, Fail"
    ):
        LinkRule(LinkMatch(moment=CONNECT), LoseResponse())
    assert LinkRule(LinkMatch(moment=CONNECT), Hang()).fired == 0


def test_a_fault_that_denies_what_was_done_is_refused():
    with pytest.raises(ValueError, match="ran=Ran.MAYBE"):
        LinkRule(LinkMatch(moment=OPERATION), Fail(fault=Fault(kind=FaultKind.BUSY, ran=Ran.NO), applied=True))


def test_a_rule_is_called_by_its_action_unless_it_has_a_name():
    assert rule().name == "LoseResponse"
    assert LinkRule(LinkMatch(moment=CONNECT), Hang(), name="out of reach").name == "out of reach"
