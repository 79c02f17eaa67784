"""Settings on record: the file by its digest, what changed by name, and never a value."""

import hashlib

import pytest
from msgspec.structs import replace

from gattkeeper.daemon.settings import load_settings
from gattkeeper.daemon.settings_model import JournalSettings, Settings
from gattkeeper.daemon.settings_record import (
    REFUSED_LENGTH_MAX,
    differences,
    file_digest,
    refusal_row,
    settings_row,
)
from gattkeeper.model.identity import parse_address
from system.home import SETTINGS


@pytest.fixture
def path(tmp_path):
    (tmp_path / "g.toml").write_text(SETTINGS)
    return tmp_path / "g.toml"


def test_a_file_is_known_by_the_digest_of_its_bytes(path, tmp_path):
    assert file_digest(path) == hashlib.sha256(SETTINGS.encode()).hexdigest()
    assert file_digest(tmp_path / "none.toml") == file_digest(None) == ""


def test_keys_that_differ_are_named_down_to_the_last_word(path):
    settings = load_settings(path)
    lounge = replace(settings.devices["lounge"], address=parse_address("F0:00:00:00:00:09"), safety=True)
    changed = replace(
        settings,
        keeper=replace(settings.keeper, stop_grace=0.2, timeouts=replace(settings.keeper.timeouts, gatt=1.0)),
        journal=JournalSettings(payloads=True),
        devices={"lounge": lounge, "study": settings.devices["kitchen"]},
    )
    assert set(differences(settings, changed)) == {
        "keeper.stop_grace",
        "keeper.timeouts.gatt",
        "journal.payloads",
        "devices.lounge.address",
        "devices.lounge.safety",
        "devices.kitchen",
        "devices.study",
    }
    assert list(differences(settings, settings)) == []


def test_at_a_start_what_is_not_as_by_default_is_named_and_no_value(path):
    row = settings_row(path, Settings(), load_settings(path), 7, after_restart=("keeper.socket",))
    assert {"keeper.socket", "adapters.radio", "devices.lounge", "profiles.virtual_blind"} <= set(row.changed)
    assert (row.path, row.after_restart, row.refused) == (str(path), ("keeper.socket",), "")
    assert "F0:00:00:00:00:01" not in str(row)


def test_a_file_that_was_refused_is_on_record_with_the_reason_cut_to_a_length(path):
    row = refusal_row(path, "x" * 1000, 7)
    assert (row.sha256, row.changed, len(row.refused)) == (file_digest(path), (), REFUSED_LENGTH_MAX)
