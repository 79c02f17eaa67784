"""Who a device is and how secure its connection is, at the keeper on a simulated link: F41, F42, F46 and F47."""

import pytest
from msgspec.structs import replace

from gattkeeper.errors import SettingsError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.identity import AddressKind
from gattkeeper.model.operation import Pair, Read
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.model.record import Ended
from gattkeeper.model.security import Security, SecurityLevel
from gattkeeper.model.status import AlertKind
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualDevice, run_virtual
from gattkeeper.world.impostor import impostor_of
from runtime.house import House, live, write
from sim.scene import COUNTER, Book

NEVER_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def encrypted(house: House, **fields: object) -> None:
    """The lamp has to be encrypted, as the settings would say; nothing was asked of it yet."""
    rules = house.book.rules("lamp")
    house.book._rules["lamp"] = replace(rules, security=SecurityLevel.ENCRYPTED, **fields)


async def end_of(house: House, command: Command) -> Outcome:
    return await (await house.keeper.submit(command)).wait()


def verdict(outcome: Outcome) -> tuple[Verdict, Cause]:
    return outcome.verdict, outcome.cause


def security_alerts(house: House) -> list[bool]:
    return [one.raised for one in house.watch.alerts if one.kind is AlertKind.SECURITY]


def play(story, **settings: object) -> None:
    """As `live`, with a lamp that has to be encrypted."""

    async def run() -> None:
        house = House(**settings)
        encrypted(house)
        await house.keeper.start()
        await story(house)
        await house.keeper.close()
        assert house.link.log.violations == []

    run_virtual(run())


def test_f46_a_device_that_offers_less_than_was_recorded_gets_nothing_and_an_alert_tells() -> None:
    async def story(house: House) -> None:
        house.link.paired.add("lamp")
        assert verdict(await end_of(house, write())) == DELIVERED
        house.link.identities.offered["lamp"] = Security(level=SecurityLevel.ENCRYPTED, key_size=7)
        house.link.prove_again("lamp")
        outcome = await end_of(house, write(b"y"))
        assert verdict(outcome) == NEVER_SENT
        assert outcome.fault is not None
        assert outcome.fault.kind is FaultKind.INSUFFICIENT_SECURITY
        assert security_alerts(house) == [True]
        rows = [row.record.outcome for row in house.journal.rows if isinstance(row.record, Ended)]
        assert rows[-1].fault == outcome.fault, "it is on record"
        house.link.identities.offered.clear()
        assert verdict(await end_of(house, write(b"z"))) == DELIVERED
        assert security_alerts(house) == [True, False]
        assert house.applied() == [b"x", b"z"]

    live(story, safety=True, journal=True)


def test_f47_an_impostor_gets_nothing_but_a_stop_and_its_word_does_not_count() -> None:
    async def story(house: House) -> None:
        house.link.paired.add("lamp")
        impostor = house.link.identities.impostors["lamp"] = impostor_of(house.lamp)
        assert verdict(await end_of(house, write())) == NEVER_SENT
        read = Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)))
        assert verdict(await end_of(house, read)) == NEVER_SENT
        assert impostor.applied == []
        (stop,) = await house.keeper.stop("lamp")
        outcome = await stop.wait()
        assert verdict(outcome) == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
        assert {one.payload[:1] for one in impostor.applied} == {b"S"}
        house.link.identities.impostors.clear()
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        assert security_alerts(house) == [True, False]

    play(story)


def test_f47_a_device_has_to_be_paired_by_somebody_who_asks_for_it() -> None:
    async def story(house: House) -> None:
        assert verdict(await end_of(house, write())) == NEVER_SENT
        assert house.link.paired == set(), "nothing is paired unasked"
        assert verdict(await end_of(house, Command(device="lamp", operation=Pair()))) == DELIVERED
        assert verdict(await end_of(house, write())) == DELIVERED

    play(story)


def test_f41_a_device_with_a_bond_is_the_same_one_after_every_change_of_its_address() -> None:
    async def story(house: House) -> None:
        house.link.paired.add("lamp")
        house.link.identities.renamed.add("lamp")
        assert verdict(await end_of(house, write())) == DELIVERED
        assert house.applied() == [b"x"]

    play(story)


def test_f41_a_device_without_a_bond_is_gone_with_its_address_and_nobody_is_guessed() -> None:
    async def story(house: House) -> None:
        house.link.identities.renamed.add("lamp")
        outcome = await end_of(house, write())
        assert verdict(outcome) == NEVER_SENT
        assert outcome.fault is not None
        assert outcome.fault.kind is FaultKind.UNREACHABLE
        assert "under another address by now" in outcome.fault.text
        assert house.applied() == house.applied("door") == []

    live(story)


def test_f42_an_address_of_two_kinds_is_refused_and_neither_device_gets_anything() -> None:
    async def story(house: House) -> None:
        twin = VirtualDevice("twin", house.lamp.address.value, house.lamp.services, kind=AddressKind.PUBLIC)
        house.link.identities.devices.append(twin)
        bare = f"{house.lamp.address.value}/public"
        house.book._rules["lamp"] = DeviceRules(address=replace(house.lamp.address, kind=AddressKind.ANY))
        outcome = await end_of(house, write())
        assert verdict(outcome) == NEVER_SENT
        assert outcome.fault is not None
        assert outcome.fault.kind is FaultKind.AMBIGUOUS
        assert house.keeper.device(bare).name == "lamp", "it may be that one, so it is no device of its own"
        assert house.applied() == []
        assert twin.applied == []

    async def run() -> None:
        house = House()
        house.book._rules["lamp"] = DeviceRules(address=replace(house.lamp.address, kind=AddressKind.ANY))
        await house.keeper.start()
        await story(house)
        await house.keeper.close()

    run_virtual(run())


def test_f47_what_nobody_can_prove_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened(_self: BleakLink, _on_adapter: object) -> None:
        """There is a BlueZ."""

    async def start() -> None:
        rules = replace(House().book.rules("lamp"), security=SecurityLevel.ENCRYPTED)
        keeper = Keeper(links={"adapter": BleakLink()}, book=Book({"lamp": rules}))
        with pytest.raises(SettingsError, match="lamp demands security 'encrypted'"):
            await keeper.start()
        await keeper.close()

    monkeypatch.setattr(BleakLink, "open", opened)
    run_virtual(start())
