"""The settings, read again: what may change does, a bad file changes nothing, and the rest is named."""

import asyncio
import hashlib
import logging

import pytest
from msgspec.structs import replace

from gattkeeper.daemon.reload import needs_restart, read_again
from gattkeeper.daemon.settings import book_of, load_settings
from gattkeeper.daemon.settings_model import JournalSettings, Settings, Timeouts
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import SimulatedLink
from system.home import SETTINGS


@pytest.fixture
def path(tmp_path):
    (tmp_path / "g.toml").write_text(SETTINGS)
    return tmp_path / "g.toml"


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gattkeeper")
    return caplog


async def after(path, text: str | None) -> tuple[str, ...]:
    """The devices that a keeper knows, once the file says something else, or is gone."""
    started_with = load_settings(path)
    keeper = Keeper(links={"radio": SimulatedLink([])}, book=book_of(started_with))
    await keeper.start()
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    await read_again(keeper, started_with, path)
    names = tuple(one.name for one in keeper.status().devices)
    assert names == keeper.book.names()
    await keeper.close()
    return names


def test_devices_groups_and_profiles_are_taken_from_the_file(path, log):
    changed = SETTINGS.replace("devices.kitchen", "devices.study") + 'groups = ["east"]\n'
    assert asyncio.run(after(path, changed)) == ("lounge", "study")
    assert "the settings were read again: lounge, study" in log.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SETTINGS.replace("profile", "porfile", 1), "g.toml:13"),
        ("[", "g.toml:1"),
        (SETTINGS.replace('"virtual_blind"', '"secret.toml"', 1), "secret.toml"),
        (None, "g.toml"),
    ],
    ids=["a misspelled key", "no TOML", "a profile that cannot be read", "no file"],
)
def test_a_bad_file_changes_nothing_and_its_fault_is_told(path, log, text, said):
    assert asyncio.run(after(path, text)) == ("lounge", "kitchen")
    assert "the settings stay as they were" in log.text
    assert said in log.text


def test_a_device_on_an_adapter_that_needs_a_restart_is_not_taken_and_both_are_told(path, log):
    more = SETTINGS + '[adapters.second]\n[devices.study]\naddress = "F0:00:00:00:00:03"\nadapter = "second"\n'
    more = more.replace("[adapters.second]", '[adapters.second]\nlink = "virtual"\nconnection_interval = 0.0075')
    more = more.replace('virtual = "blind"', 'virtual = "blind"\nadapter = "radio"')
    assert asyncio.run(after(path, more)) == ("lounge", "kitchen")
    assert "adapters.second: another value is in force after a restart" in log.text
    assert "no adapter 'second'" in log.text


def test_what_only_a_restart_brings_about_is_named(path):
    settings = load_settings(path)
    assert list(needs_restart(settings, settings)) == []
    keeper = replace(settings.keeper, socket=path, timeouts=Timeouts(gatt=1.0))
    changed = replace(settings, keeper=keeper)
    assert list(needs_restart(settings, changed)) == ["keeper.socket", "keeper.timeouts.gatt"]
    assert list(needs_restart(settings, replace(settings, adapters={}))) == ["adapters.radio"]
    journal = JournalSettings(file_mb=1, payloads=True)
    assert list(needs_restart(settings, replace(settings, journal=journal))) == ["journal.file_mb"]


@pytest.mark.parametrize(
    ("text", "changed", "later"),
    [
        (SETTINGS + "safety = true\n", ("devices.kitchen.safety",), ()),
        (
            SETTINGS.replace("[devices.lounge]", "[journal]\nfile_mb = 1\n[devices.lounge]"),
            ("journal.file_mb",),
            ("journal.file_mb",),
        ),
        ("[", None, ()),
    ],
    ids=["a device", "what a restart brings about", "a bad file"],
)
def test_what_came_of_it_is_on_record(path, text, changed, later):
    async def story():
        started_with = load_settings(path)
        keeper = Keeper(links={"radio": SimulatedLink([])}, book=book_of(started_with))
        noted = []
        keeper.note = noted.append
        await keeper.start()
        path.write_text(text)
        current = await read_again(keeper, started_with, path)
        assert await read_again(keeper, started_with, path, before=current) == current
        await keeper.close()
        return noted

    first, second = asyncio.run(story())
    assert first.sha256 == hashlib.sha256(text.encode()).hexdigest()
    if changed is None:
        assert "not TOML" in first.refused
        assert "g.toml" in second.refused
    else:
        assert (first.changed, first.after_restart, first.refused) == (changed, later, "")
        assert second.changed == ()


def test_a_virtual_device_is_put_on_the_air_by_a_restart_only(path):
    settings = load_settings(path)
    kitchen = settings.devices["kitchen"]
    without = replace(settings, devices={"lounge": settings.devices["lounge"]})
    assert list(needs_restart(settings, without)) == []
    assert list(needs_restart(without, settings)) == ["devices.kitchen.virtual"]
    renamed = Settings(keeper=settings.keeper, adapters=settings.adapters, devices={"study": kitchen})
    assert list(needs_restart(settings, renamed)) == [], "it is there under its address"
