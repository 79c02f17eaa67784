"""Over Bumble the security that is demanded is proved with the bond, before anything of the device is read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bumble import smp
from bumble.keys import MemoryKeyStore, PairingKeys

from gattkeeper.errors import LinkError
from gattkeeper.links import bumble_trust
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.links.bumble_trust import security_of
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Pair, Write
from gattkeeper.model.security import NO_DEMAND, Demand, Proof, Security, SecurityLevel
from gattkeeper.world import AttOpcode, Moment, VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog, ConnectionLog
from link_contract.checks_operation import refusal

ADAPTER = "C0:00:00:00:00:07"
ENCRYPTED = Demand(level=SecurityLevel.ENCRYPTED)
RECORDED = Demand(recorded=True)
IN_HASTE = Demand(level=SecurityLevel.ENCRYPTED, strict=False)

JUST_WORKED = Security(level=SecurityLevel.ENCRYPTED, key_size=16)
WRITE = Write(target=characteristic_ref("fe52"), payload=b"x")


class Place:
    """A lock, a link to it, and everything that crosses the air to it."""

    def __init__(self, **device: int) -> None:
        self.radio = VirtualRadio()
        level = VirtualCharacteristic("fe52", Property.WRITE | Property.READ)
        self.lock = VirtualDevice("lock", "F0:00:00:00:00:07", (VirtualService("fe51", (level,)),), **device)
        self.link = BumbleLink(self.radio.adapter(ADAPTER), name="virtual")
        self.log = ConnectionLog()
        self.asked: list[int] = []
        self.radio.rules.append(self)  # a rule that never fires, and listens

    def fires(self, moment: Moment, device: str, opcode: int | None, now: float, dice: object) -> bool:
        if moment is Moment.TO_DEVICE and opcode is not None:
            self.asked.append(opcode)
        return False

    async def connect(self, demand: Demand = NO_DEMAND) -> object:
        self.log = ConnectionLog()
        self.asked.clear()
        return await self.link.connect(self.lock.address, self.log, demand)

    async def fault(self, demand: Demand) -> Fault:
        with pytest.raises(LinkError) as raised:
            await self.connect(demand)
        return raised.value.fault

    async def bond(self) -> None:
        connection = await self.connect()
        await connection.perform(Pair())
        await connection.disconnect()

    def lose_bond(self) -> None:
        """A factory reset."""
        self.radio._devices["lock"]._bumble.keystore = MemoryKeyStore()


@asynccontextmanager
async def place(**device: int) -> AsyncIterator[Place]:
    it = Place(**device)
    await it.radio.add(it.lock)
    await it.link.open(AdapterLog())
    yield it
    await it.link.close()
    await it.radio.close()


def test_a_bond_proves_what_it_was_made_with_before_the_first_request():
    async def main():
        async with place() as it:
            await it.bond()
            connection = await it.connect(ENCRYPTED)
            assert it.log.proofs[-1] == Proof(proved=JUST_WORKED, recorded=JUST_WORKED)
            await connection.perform(WRITE)
            assert [one.payload for one in it.lock.applied] == [b"x"]

    run_virtual(main())


def test_nothing_is_encrypted_or_told_where_nothing_is_demanded():
    async def main():
        async with place() as it:
            await it.bond()
            connection = await it.connect()
            assert it.log.proofs == []
            assert not connection._connection.is_encrypted

    run_virtual(main())


def test_without_a_bond_nothing_of_the_device_is_read():
    async def main():
        async with place() as it:
            fault = await it.fault(ENCRYPTED)
            assert (fault.kind, fault.ran) == (FaultKind.INSUFFICIENT_SECURITY, Ran.NO)
            assert fault.text.endswith("encrypted is demanded: pair with the device")
            assert it.asked == []
            await it.connect(RECORDED)  # there is nothing on record yet
            assert it.log.proofs == [Proof()]

    run_virtual(main())


@pytest.mark.parametrize("demand", [ENCRYPTED, RECORDED])
def test_f46_a_device_that_lost_its_keys_is_not_used_unencrypted(demand):
    async def main():
        async with place() as it:
            await it.bond()
            it.lose_bond()
            fault = await it.fault(demand)
            assert fault.kind is FaultKind.INSUFFICIENT_SECURITY
            assert "does not have the keys of the bond on record" in fault.text
            assert it.asked == []
            assert len(await it.link._adapter._device.keystore.get_all()) == 1, "the bond stays"

    run_virtual(main())


def test_f46_a_device_that_offers_short_keys_is_not_paired():
    async def main():
        async with place(key_size_max=7) as it:
            connection = await it.connect()
            fault = await refusal(connection, Pair())
            assert (fault.kind, fault.stack, fault.code) == (
                FaultKind.PAIRING_FAILED,
                "smp",
                smp.ErrorCode.ENCRYPTION_KEY_SIZE,
            )
            assert await it.link._adapter._device.keystore.get_all() == []

    run_virtual(main())


def test_f46_a_bond_that_nobody_confirmed_is_not_authenticated():
    async def main():
        async with place() as it:
            await it.bond()
            fault = await it.fault(Demand(level=SecurityLevel.AUTHENTICATED))
            assert fault.text == (
                "the connection is encrypted, and authenticated is demanded: its bond promises no more"
            )
            assert it.asked == []

    run_virtual(main())


@pytest.mark.parametrize("demand", [ENCRYPTED, RECORDED])
def test_f47_an_impostor_at_the_right_address_is_asked_nothing(demand):
    async def main():
        async with place() as it:
            await it.bond()
            impostor = await it.radio.impersonate(it.lock)
            assert (await it.fault(demand)).kind is FaultKind.INSUFFICIENT_SECURITY
            assert it.asked == []
            assert impostor.connections == 1
            await it.radio.unmask(impostor, it.lock)
            await (await it.connect(demand)).perform(WRITE)
            assert (len(it.lock.applied), len(impostor.applied)) == (1, 0)

    run_virtual(main())


def test_f47_an_impostor_with_keys_of_its_own_is_told_by_them():
    async def main():
        async with place() as it:
            await it.bond()
            theirs = it.radio._devices["lock"]._bumble.keystore
            ((name, keys),) = await theirs.get_all()
            keys.ltk.value = bytes(16)
            await theirs.update(name, keys)
            fault = await it.fault(ENCRYPTED)
            assert fault.kind is FaultKind.INSUFFICIENT_SECURITY
            assert fault.text == "who answered there has another key than the bond on record"

    run_virtual(main())


def test_a_connection_in_haste_is_made_all_the_same_and_says_what_it_did_not_prove():
    async def main():
        async with place() as it:
            await it.bond()
            impostor = await it.radio.impersonate(it.lock)
            connection = await it.connect(IN_HASTE)
            assert it.log.proofs == [Proof(recorded=JUST_WORKED)]
            await connection.perform(WRITE)
            assert len(impostor.applied) == 1

    run_virtual(main())


def test_what_an_impostor_says_of_its_attributes_is_forgotten_with_it():
    async def main():
        async with place() as it:
            await it.bond()
            impostor = await it.radio.impersonate(it.lock)  # it gives the same hash, and could give any table
            await (await it.connect(IN_HASTE)).disconnect()
            await it.radio.unmask(impostor, it.lock)
            await it.connect(ENCRYPTED)
            assert AttOpcode.READ_BY_GROUP_TYPE_REQUEST in it.asked, "it is discovered anew"

    run_virtual(main())


@pytest.mark.parametrize("demand", [ENCRYPTED, IN_HASTE])
def test_one_that_does_not_answer_the_encryption_is_waited_for_in_a_bounded_time(demand, monkeypatch):
    async def main():
        async with place() as it:
            await it.bond()
            controller = it.radio._devices["lock"].controller
            monkeypatch.setattr(controller, "on_le_encryption_request", lambda _connection, _packet: None)
            if demand.strict:
                fault = await it.fault(demand)
                assert fault.text.endswith("who answered there did not encrypt within 5 s")
            else:
                await it.connect(demand)
                assert it.log.proofs == [Proof(recorded=JUST_WORKED)]

    run_virtual(main())


def test_a_connection_that_is_lost_while_it_encrypts_is_lost_as_ever(monkeypatch):
    async def main():
        async with place() as it:
            await it.bond()
            controller = it.radio._devices["lock"].controller
            monkeypatch.setattr(
                controller, "on_le_encryption_request", lambda _connection, _packet: it.radio.break_link(it.lock)
            )
            assert (await it.fault(ENCRYPTED)).kind is not FaultKind.INSUFFICIENT_SECURITY

    run_virtual(main())


def test_pairing_proves_what_is_demanded_on_the_same_connection():
    async def main():
        async with place() as it:
            connection = await it.connect(IN_HASTE)
            await connection.perform(Pair())
            assert it.log.proofs[0] == Proof()
            assert it.log.proofs[-1] == Proof(proved=JUST_WORKED, recorded=JUST_WORKED)

    run_virtual(main())


KEY = PairingKeys.Key(value=bytes(16))
CONFIRMED = PairingKeys.Key(value=bytes(16), authenticated=True)


@pytest.mark.parametrize(
    ("keys", "level"),
    [
        (PairingKeys(), SecurityLevel.NONE),
        (PairingKeys(ltk=KEY), SecurityLevel.ENCRYPTED),
        (PairingKeys(ltk_central=KEY), SecurityLevel.ENCRYPTED),
        (PairingKeys(ltk_central=CONFIRMED), SecurityLevel.AUTHENTICATED),
        (PairingKeys(ltk=CONFIRMED), SecurityLevel.SECURE_CONNECTIONS),
    ],
)
def test_the_keys_of_a_bond_tell_how_it_was_made(keys, level):
    size = 0 if level is SecurityLevel.NONE else 16
    assert security_of(keys) == Security(level=level, key_size=size)


def test_a_stop_waits_less_for_encryption_than_others_do():
    assert bumble_trust.ENCRYPTION_IN_HASTE_S < bumble_trust.ENCRYPTION_S
