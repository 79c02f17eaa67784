"""What the daemon writes out is read back as it was."""

import json

import pytest

from gattkeeper.client.answers import outcome_in, sighting_in
from gattkeeper.fronts.answers import outcome_answer, sighting_answer
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Service, normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Connect, Phy
from gattkeeper.model.outcome import (
    Attempt,
    Cause,
    ConnectionParameters,
    Outcome,
    Phase,
    PhaseMark,
    Phys,
    Verdict,
)
from gattkeeper.runtime.ports import Sighting
from sim.scene import Book

COMMAND = Command(device="lamp", operation=Connect(), id="c-1")
FAULT = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80, name="application_error")
SERVICE = Service(uuid=normal_uuid("180f"), handle=16)


def over_the_wire(answer):
    return json.loads(json.dumps(answer))


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\x00\xff",
        -61,
        517,
        (SERVICE,),
        Phys(tx=Phy.LE_1M, rx=Phy.LE_2M),
        ConnectionParameters(interval_us=7500, latency=0, supervision_timeout_us=5_000_000),
    ],
)
def test_an_outcome_and_its_value(value):
    outcome = Outcome(
        command_id="c-1",
        verdict=Verdict.DELIVERED,
        cause=Cause.VALUE,
        value=value,
        values=(b"\x01", None),
        attempts=(Attempt(number=1, started_at_us=1, ended_at_us=2, fault=FAULT),),
        timeline=(PhaseMark(phase=Phase.ACCEPTED, at_us=1),),
    )
    assert outcome_in(over_the_wire(outcome_answer(Book({}), COMMAND, outcome))) == outcome


def test_the_fault_of_an_outcome():
    outcome = Outcome(command_id="c-1", verdict=Verdict.NOT_DELIVERED, cause=Cause.REJECTED, fault=FAULT)
    assert outcome_in(over_the_wire(outcome_answer(Book({}), COMMAND, outcome))).fault == FAULT


@pytest.mark.parametrize("address", ["F0:00:00:00:00:01", "F0:00:00:00:00:01/random"])
def test_an_advertisement(address):
    sighting = Sighting(
        address=parse_address(address),
        name="lamp",
        rssi_dbm=-61,
        services=(normal_uuid("180f"),),
        manufacturer_data={0x004C: b"\x02\x15"},
        service_data={normal_uuid("fd3d"): b"T"},
        tx_power_dbm=-4,
        connected=True,
    )
    assert sighting_in(over_the_wire(sighting_answer(sighting))) == sighting
    bare = Sighting(address=parse_address(address))
    assert sighting_in(over_the_wire(sighting_answer(bare))) == bare
