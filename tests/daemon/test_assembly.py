"""Settings become a keeper that works, and what was begun is undone when one part cannot be had."""

import hashlib
import itertools
import os
from pathlib import Path

import pytest

import gattkeeper
from gattkeeper.core.limits import Limits
from gattkeeper.daemon import assembly
from gattkeeper.daemon.assembly import limits_of, new_id_prefix, open_keeper, own_origin, settings_from
from gattkeeper.daemon.lock_place import lock_folder
from gattkeeper.daemon.settings import Settings, load_settings
from gattkeeper.daemon.settings_model import BluezAdapter, KeeperSettings, Timeouts
from gattkeeper.errors import SettingsError, StorageError
from gattkeeper.fronts.commands import Options, read_command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.storage.checkpointing import checkpoints_of, key_of
from gattkeeper.storage.checkpoints import signed_in
from gattkeeper.storage.event_query import WantedEvents, events
from gattkeeper.storage.signing import public_key
from gattkeeper.telemetry.timeline import Timeline
from gattkeeper.world.virtual_blind import BLIND_LABEL
from system.home import SETTINGS


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "gattkeeper.toml"
    file.write_text(SETTINGS)
    return file


def test_settings_may_be_named_in_every_way(path, monkeypatch):
    loaded = load_settings(path)
    assert settings_from(loaded) is loaded
    assert settings_from(path) == settings_from(str(path)) == loaded
    monkeypatch.setenv("GATTKEEPER_SETTINGS", str(path))
    assert settings_from(None) == loaded


def test_without_any_file_there_is_one_bluez_adapter(tmp_path, monkeypatch):
    monkeypatch.delenv("GATTKEEPER_SETTINGS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if Path("/etc/gattkeeper/settings.toml").exists():
        pytest.skip("this machine has settings in /etc/gattkeeper")
    assert settings_from(None) == Settings()
    assert settings_from(None).adapters == {"default": BluezAdapter()}


@pytest.mark.asyncio
async def test_the_keeper_of_a_settings_file_reaches_its_devices(path):
    async with gattkeeper.open(path) as keeper:
        lounge = keeper.device("lounge")
        battery = await lounge.read("2a19")
        await lounge.act("set_position", 100)
    assert battery
    assert (path.parent / "applied.jsonl").read_bytes().count(b"\n") == 1


@pytest.mark.asyncio
async def test_observers_are_told(path):
    timeline = Timeline()
    async with open_keeper(path, observers=[timeline]) as keeper:
        await keeper.device("lounge").read("2a19")
    assert [known.command.device for known in timeline.newest(10)] == ["lounge"]


@pytest.mark.asyncio
async def test_outcomes_of_an_earlier_keeper_are_found_in_the_journal(path):
    timeline = Timeline()
    async with open_keeper(path, observers=[timeline]) as keeper:
        await keeper.device("lounge").write(BLIND_LABEL, b"\x01")
    (known,) = timeline.newest(10)
    async with open_keeper(path) as keeper:
        assert keeper.handle(known.command.id).outcome.succeeded


@pytest.mark.asyncio
async def test_the_settings_and_who_asked_are_on_record(path):
    async with open_keeper(path) as keeper:
        handle = await keeper.submit(read_command("lounge", characteristic_ref("2a19"), Options()))
        await handle.wait()
        assert handle.command.origin == own_origin()
    (read,) = [
        found.record for found in events(path.parent / "journal.db", WantedEvents(kinds=frozenset({"settings"})))
    ]
    assert (read.path, read.sha256) == (str(path), hashlib.sha256(SETTINGS.encode()).hexdigest())
    assert (own_origin().uid, own_origin().pid) == (os.getuid(), os.getpid())


@pytest.mark.asyncio
async def test_without_a_journal_nothing_is_written(path):
    async with open_keeper(path, journal=False) as keeper:
        await keeper.device("lounge").read("2a19")
    assert {file.name for file in path.parent.iterdir()} == {"gattkeeper.toml", "applied.jsonl"}


@pytest.mark.asyncio
async def test_two_keepers_cannot_share_a_journal_and_the_first_one_goes_on(path):
    async with open_keeper(path) as keeper:
        with pytest.raises(StorageError, match="is held by this very process"):
            async with open_keeper(path):
                pass
        assert await keeper.device("lounge").read("2a19")


@pytest.mark.asyncio
async def test_missing_bus_is_told_and_what_was_open_is_let_go(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nowhere'}")
    path.write_text('[keeper]\nsocket = "run/s"\njournal = "j"\n[adapters.real]\nlink = "bluez"\n')
    with pytest.raises(SettingsError, match="D-Bus"):
        async with open_keeper(path):
            pass
    path.write_text(SETTINGS)
    async with open_keeper(path) as keeper:  # the journal is free again
        assert keeper.book.names() == ("lounge", "kitchen")


@pytest.mark.asyncio
async def test_missing_bus_does_not_keep_the_devices_of_another_adapter_waiting(path, tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nowhere'}")
    named = SETTINGS.replace('virtual = "blind"', 'virtual = "blind"\nadapter = "radio"')
    path.write_text(named + '\n[adapters.real]\nlink = "bluez"\n')
    async with open_keeper(path) as keeper:
        assert await keeper.device("lounge").read("2a19")
        assert [adapter.up for adapter in keeper.status().adapters] == [True, False]


@pytest.mark.asyncio
async def test_controller_that_is_not_there_is_named(path):
    path.write_text(
        '[keeper]\nsocket = "run/s"\njournal = "j"\n[adapters.a]\nlink = "bumble"\ntransport = "usb:7"\n'
    )
    with pytest.raises(SettingsError, match="usb:7"):
        async with open_keeper(path):
            pass


@pytest.mark.parametrize(("named", "file"), [("", "state/bonds.json"), ('bonds = "keys.json"\n', "keys.json")])
def test_bonds_are_next_to_the_journal_unless_a_file_is_named(path, named, file):
    path.write_text(f'[keeper]\njournal = "state/j"\n[adapters.a]\nlink = "bumble"\ntransport = "usb:7"\n{named}')
    settings = load_settings(path)
    link = assembly._link(settings, settings.adapters["a"], set())
    assert link._bonds == path.parent / file
    assert link._bonds_optional is not bool(named)


def test_locks_lie_where_programs_look_for_them_whatever_the_settings_say(path, monkeypatch):
    assert str(assembly._lock_folder()) == lock_folder()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    path.write_text("")
    with pytest.raises(SettingsError, match="cannot make the folder .*/gattkeeper/locks"):
        assembly._lock_folder()


def test_every_limit_of_the_settings_reaches_the_core():
    timeouts = Timeouts(gatt=1, discovery=2, mtu=3, connect=4, pair=5)
    settings = KeeperSettings(
        queue_max=6,
        queue_per_device_max=7,
        ageing=8,
        late_answer_grace=0.25,
        stop_grace=0.05,
        stop_persist=9,
        stop_persist_backoff=0.5,
        lease_idle=11,
        lease_max=12,
        timeouts=timeouts,
    )
    limits = limits_of(settings)
    assert (limits.queue_max, limits.queue_per_device_max, limits.ageing_us) == (6, 7, 8_000_000)
    assert (limits.attempt_timeout_us, limits.discovery_timeout_us) == (1_000_000, 2_000_000)
    assert (limits.mtu_timeout_us, limits.connect_timeout_us) == (3_000_000, 4_000_000)
    assert (limits.pair_timeout_us, limits.late_answer_grace_us) == (5_000_000, 250_000)
    assert limits.stop_grace_us == 50_000
    assert (limits.stop_persist_us, limits.stop_persist_backoff_us) == (9_000_000, 500_000)
    assert (limits.lease_idle_us, limits.lease_us_max) == (11_000_000, 12_000_000)


def test_the_ladders_settings_reach_the_core():
    limits = limits_of(
        KeeperSettings(
            recovery_wedged_min=4,
            recovery_failures_min=7,
            recovery_devices_min=3,
            recovery_in_vain_min=5,
            recovery_window=60.0,
            recovery_drain=2.0,
            recovery_cooldown=90.0,
            recovery_per_hour_max=2,
        )
    )
    assert (limits.recovery_wedged_min, limits.recovery_failures_min, limits.recovery_devices_min) == (4, 7, 3)
    assert limits.recovery_in_vain_min == 5
    assert (limits.recovery_window_us, limits.recovery_drain_us) == (60_000_000, 2_000_000)
    assert (limits.recovery_cooldown_us, limits.recovery_per_hour_max) == (90_000_000, 2)
    assert limits_of(KeeperSettings()) == Limits(), "the same defaults"


def test_ids_of_later_starts_sort_later():
    moments = [1_700_000_000_000_000_000 + step for step in (0, 1_000_000, 31_000_000, 10**12, 10**17)]
    prefixes = [new_id_prefix(moment) for moment in moments]
    assert all(len(prefix) == 8 for prefix in prefixes)
    assert all(earlier < later for earlier, later in itertools.pairwise(prefixes))


@pytest.mark.asyncio
async def test_the_journal_is_signed_as_the_settings_say(path):
    copy = path.with_name("copy.jsonl")
    path.write_text(SETTINGS + f'\n[journal]\ncheckpoint_keys = "evolving"\ncheckpoint_push = ["file:{copy}"]\n')
    async with open_keeper(path) as keeper:
        await keeper.device("lounge").write(BLIND_LABEL, b"\x01")
    journal = load_settings(path).keeper.journal
    assert signed_in(copy.read_bytes().splitlines(), key=public_key(key_of(journal))).checkpoints
    assert copy.read_bytes() == checkpoints_of(journal).read_bytes()


@pytest.mark.asyncio
async def test_a_journal_that_is_not_to_be_signed_has_no_key(path):
    path.write_text(SETTINGS + '\n[journal]\ncheckpoint_keys = "none"\n')
    async with open_keeper(path):
        pass
    journal = load_settings(path).keeper.journal
    assert journal.exists()
    assert not key_of(journal).exists()
    assert not checkpoints_of(journal).exists()
