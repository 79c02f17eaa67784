"""Bonds survive the process, end when they are asked to, and are nobody else's to read."""

import json
import logging
import os
import stat
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble import hci
from bumble.host import Host
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.smp import AddressResolver

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bumble_bonds import BondFile, BondMemory, identity
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef, Property, normal_uuid
from gattkeeper.model.operation import Pair, Read, Unpair
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog, ConnectionLog
from link_contract.checks_operation import refusal

ADAPTER = "C0:00:00:00:00:07"
DEVICE = "F0:00:00:00:00:07"
OTHER = "F0:00:00:00:00:08"
SECRET = CharacteristicRef(uuid=normal_uuid("2a00"), service=normal_uuid("fe51"))
READ = Read(target=SECRET)


@asynccontextmanager
async def lock_on_air():
    secret = VirtualCharacteristic("2a00", Property.READ, b"secret", encrypted=True)
    device = VirtualDevice("lock", DEVICE, (VirtualService("fe51", (secret,)),))
    radio = VirtualRadio()
    await radio.add(device)
    yield radio, device
    await radio.close()


@asynccontextmanager
async def connected(radio: VirtualRadio, device: VirtualDevice, bonds: Path | None):
    """A process of its own, as far as keys go: a fresh link on the same adapter."""
    link = BumbleLink(radio.adapter(ADAPTER), name="virtual", bonds=bonds)
    await link.open(AdapterLog())
    log = ConnectionLog()
    try:
        yield await link.connect(device.address, log), log
    finally:
        await link.close()


def keys_of(path: Path) -> dict:
    return json.loads(path.read_text()).get(ADAPTER, {})


def test_a_bond_in_a_file_encrypts_after_a_restart(tmp_path):
    async def main():
        path = tmp_path / "new" / "bonds.json"
        async with lock_on_air() as (radio, device):
            async with connected(radio, device, path) as (connection, _):
                assert (await refusal(connection, READ)).kind is FaultKind.NEEDS_PAIRING
                await connection.perform(Pair())
                assert await connection.perform(READ) == b"secret"
            before = path.read_bytes()
            async with connected(radio, device, path) as (connection, _):
                assert (await refusal(connection, READ)).kind is FaultKind.NEEDS_PAIRING
                await connection.perform(Pair())
                await connection.perform(Pair())  # already encrypted
                assert await connection.perform(READ) == b"secret"
            assert path.read_bytes() == before, "the old keys did it"

    run_virtual(main())


def test_a_bond_in_memory_ends_with_the_link():
    async def main():
        async with lock_on_air() as (radio, device):
            async with connected(radio, device, None) as (connection, _):
                await connection.perform(Pair())
                first = await connection._connection.device.keystore.get_all()
            async with connected(radio, device, None) as (connection, _):
                assert await connection._connection.device.keystore.get_all() == []
                await connection.perform(Pair())
                second = await connection._connection.device.keystore.get_all()
            assert len(first) == len(second) == 1
            assert first != second

    run_virtual(main())


def test_unpairing_deletes_the_bond_and_pairing_makes_another(tmp_path):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device):
            async with connected(radio, device, path) as (connection, log):
                await connection.perform(Pair())
                assert list(keys_of(path)) == [DEVICE]
                await connection.perform(Unpair())
                assert keys_of(path) == {}
                await log.until_lost()
            async with connected(radio, device, path) as (connection, _):
                assert (await refusal(connection, READ)).kind is FaultKind.NEEDS_PAIRING
                await connection.perform(Pair())
                assert await connection.perform(READ) == b"secret"

    run_virtual(main())


def test_a_device_that_is_away_is_forgotten_in_the_file_and_others_are_not(tmp_path):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device):
            async with connected(radio, device, path) as (connection, _):
                await connection.perform(Pair())
            kept = keys_of(path)[DEVICE]
            path.write_text(
                json.dumps({ADAPTER: {DEVICE: kept, OTHER: kept}, "C0:00:00:00:00:08": {DEVICE: kept}})
            )
            radio.take_away(device)
            link = BumbleLink(radio.adapter(ADAPTER), name="virtual", bonds=path)
            await link.open(AdapterLog())
            await link.forget(device.address)
            assert not await link.bonded(device.address)
            await link.close()
            assert list(keys_of(path)) == [OTHER]
            assert list(json.loads(path.read_text())["C0:00:00:00:00:08"]) == [DEVICE]

    run_virtual(main())


def test_a_file_that_went_bad_meanwhile_is_told(tmp_path):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device):
            link = BumbleLink(radio.adapter(ADAPTER), name="virtual", bonds=path)
            await link.open(AdapterLog())
            path.write_text("not JSON")
            for question in (link.bonded, link.forget):
                with pytest.raises(LinkError):
                    await question(device.address)
            await link.close()

    run_virtual(main())


def test_a_device_that_lost_its_keys_is_not_paired_anew_unasked(tmp_path):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device):
            async with connected(radio, device, path) as (connection, _):
                await connection.perform(Pair())
            radio._devices["lock"]._bumble.keystore = MemoryKeyStore()  # a factory reset
            async with connected(radio, device, path) as (connection, _):
                fault = await refusal(connection, Pair())
                assert (fault.kind, fault.ran, fault.name) == (FaultKind.PAIRING_FAILED, Ran.NO, "key_missing")
                assert "unpair it here (gattkeeper unpair), then pair it again" in fault.text

    run_virtual(main())


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path):
    async def main():
        path = tmp_path / "bonds.json"
        before = os.umask(0)
        try:
            bonds = await BondFile.open(ADAPTER, path)
            await bonds.update(DEVICE, PairingKeys(ltk=PairingKeys.Key(value=bytes(16))))
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["bonds.json"], "nothing half-written is left"
        path.chmod(0o640)
        with pytest.raises(SettingsError, match=f"chmod 600 {path}"):
            await BondFile.open(ADAPTER, path)

    run_virtual(main())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        f'{{"{ADAPTER}": {{"F0": 1}}}}',
        f'{{"{ADAPTER}": {{"F0": {{"ltk": {{"value": "c0ffee!"}}}}}}}}',
    ],
)
def test_a_file_of_something_else_is_refused_without_quoting_it(tmp_path, text):
    async def main():
        path = tmp_path / "bonds.json"
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(SettingsError, match="is not a file of bonds: move it away") as refused:
            await BondFile.open(ADAPTER, path)
        assert "c0ffee" not in str(refused.value)
        assert refused.value.__suppress_context__

    run_virtual(main())


def test_a_path_that_cannot_be_read_is_told_by_the_link(tmp_path):
    async def main():
        async with lock_on_air() as (radio, device):
            with pytest.raises(SettingsError, match=f"the bonds in {tmp_path} cannot be read: Is a directory"):
                tmp_path.chmod(0o700)
                async with connected(radio, device, tmp_path):
                    pass

    run_virtual(main())


def test_a_bond_that_cannot_be_written_fails_the_pairing_and_says_where(tmp_path, monkeypatch):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device), connected(radio, device, path) as (connection, _):
            monkeypatch.setattr("gattkeeper.links.bumble_bonds.tempfile.mkstemp", _disk_full)
            fault = await refusal(connection, Pair())
            assert (fault.kind, fault.name) == (FaultKind.PAIRING_FAILED, "unsaved")
            assert f"could not be written to {path}: No space left on device" in fault.text
        assert list(tmp_path.iterdir()) == []

    run_virtual(main())


def test_a_bond_that_cannot_be_deleted_stays_and_so_does_the_connection(tmp_path, monkeypatch):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device), connected(radio, device, path) as (connection, log):
            await connection.perform(Pair())
            monkeypatch.setattr("gattkeeper.links.bumble_bonds.tempfile.mkstemp", _disk_full)
            fault = await refusal(connection, Unpair())
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "unsaved")
            assert await connection.perform(READ) == b"secret"
            assert log.losses == []
        assert list(keys_of(path)) == [DEVICE]

    run_virtual(main())


def _disk_full(**_where):
    raise OSError(28, "No space left on device")


def test_keys_are_never_logged(tmp_path, caplog):
    async def main():
        path = tmp_path / "bonds.json"
        async with lock_on_air() as (radio, device), connected(radio, device, path) as (connection, _):
            await connection.perform(Pair())
            (keys,) = keys_of(path).values()
            await connection.perform(Unpair())
        return keys

    with caplog.at_level(logging.INFO):
        keys = run_virtual(main())
    secrets = [each["value"] for each in keys.values() if isinstance(each, dict)]
    assert secrets
    assert not [each for each in secrets if each in caplog.text]


def test_an_adapter_without_an_address_keeps_no_bonds(tmp_path):
    async def main():
        from bumble.controller import Controller  # noqa: PLC0415
        from bumble.link import LocalLink  # noqa: PLC0415
        from bumble.transport.common import AsyncPipeSink  # noqa: PLC0415

        async def open_host():
            controller = Controller("nameless", link=LocalLink(), public_address="00:00:00:00:00:00")
            return Host(controller, AsyncPipeSink(controller))

        with pytest.raises(SettingsError, match="has no address of its own"):
            await BumbleLink(open_host, name="nameless", bonds=tmp_path / "bonds.json").open(AdapterLog())
        link = BumbleLink(open_host, name="nameless", bonds=tmp_path / "bonds.json", bonds_optional=True)
        await link.open(AdapterLog())
        await link.close()
        assert list(tmp_path.iterdir()) == []

    run_virtual(main())


def test_a_device_that_hides_its_address_is_known_by_the_one_it_paired_with():
    async def main():
        async with lock_on_air() as (radio, device), connected(radio, device, None) as (connection, _):
            theirs = connection._connection
            irk, paired_with = bytes(range(16)), hci.Address(DEVICE)
            theirs.peer_address = hci.Address.generate_private_address(irk)
            assert identity(theirs) == str(theirs.peer_address), "a stranger"
            theirs.device.address_resolver = AddressResolver([(irk, paired_with)])
            assert identity(theirs) == str(paired_with)
            theirs.peer_address = paired_with

    run_virtual(main())


@pytest.mark.parametrize("in_file", [True, False])
def test_a_device_that_never_hides_is_not_looked_for_under_other_addresses(tmp_path, in_file):
    async def main():
        bonds = await BondFile.open(ADAPTER, tmp_path / "bonds.json") if in_file else BondMemory()
        for name, irk in (("F0:00:00:00:00:01", bytes(16)), ("F0:00:00:00:00:02", bytes(range(16)))):
            keys = PairingKeys(ltk=PairingKeys.Key(value=bytes(16)), irk=PairingKeys.Key(value=irk))
            await bonds.update(name, keys)
        assert await bonds.get_resolving_keys() == [(bytes(range(16)), hci.Address("F0:00:00:00:00:02"))]

    run_virtual(main())
