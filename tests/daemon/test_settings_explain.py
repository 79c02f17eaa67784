"""What is in force is said in full, and fits a terminal."""

from pathlib import Path

from gattkeeper.daemon.settings import load_settings
from gattkeeper.daemon.settings_explain import explain
from gattkeeper.daemon.settings_model import (
    DeviceSettings,
    JournalSettings,
    KeeperSettings,
    Settings,
    VirtualAdapter,
)
from gattkeeper.model.identity import parse_address

EXAMPLE = Path(__file__).parents[2] / "docs" / "settings.example.toml"


def test_what_is_kept_of_the_journal_in_words():
    for journal, said in (
        (JournalSettings(kept_mb=500), "of those before it 500 MB are kept"),
        (JournalSettings(file_mb=8, kept_days=30), "a file has 8 MB, of those before it 30 days are kept"),
        (JournalSettings(kept_mb=500, kept_days=30), "of those before it 500 MB and 30 days are kept"),
    ):
        assert said in explain(Settings(journal=journal))


def test_what_is_signed_of_the_journal_in_words():
    for journal, said in (
        (JournalSettings(checkpoint_keys="none"), "its end is not signed: that it is missing would not be found"),
        (
            JournalSettings(checkpoint_rows=5, checkpoint_every=1.5),
            "signed after 5 rows and 1.5 s at the latest\n",
        ),
        (JournalSettings(checkpoint_keys="evolving"), "at the latest, each time with a new key"),
        (JournalSettings(checkpoint_push=("syslog", "file:/a")), "pushed to syslog, file:/a"),
    ):
        assert said in explain(Settings(journal=journal))


def test_the_bare_settings_in_words():
    keeper = KeeperSettings(
        socket=Path("/run/keeper.sock"), journal=Path("/var/journal.db"), allow_users=("mary",)
    )
    assert explain(Settings(keeper=keeper)).split("\n") == [
        "socket          /run/keeper.sock, for the owner, root, mary",
        "journal         /var/journal.db",
        "                a file has 64 MB, nothing is deleted",
        "                its end is signed after 1000 rows and 300 s at the latest",
        "                if a start finds rows missing, nothing that changes a device starts until somebody accepts that",
        "                of payloads it has length and SHA-256, not the bytes",
        "log level       info",
        "event loop      asyncio",
        "queues          1000 commands for a device, 10000 in all",
        "ageing          10 s of waiting are worth one priority",
        "history         1000 ended commands",
        "an attempt      read, write, subscribe 5 s, discovery 10 s,",
        "                MTU 10 s, connect 20 s, disconnect 12 s,",
        "                pairing 30 s",
        "stop            waits 0.1 s for the answer in flight",
        "late answer     a connection waits 0.5 s for it",
        "pairing         holds a device's other operations up for 30 s at most",
        "",
        "adapters",
        "  default       hci0 through BlueZ, 5 connections at once, serialization auto",
        "",
        "devices: none",
        "",
        "groups: none",
        "",
        "profiles: none",
    ]


def test_stops_that_go_on_are_explained():
    text = explain(Settings(keeper=KeeperSettings(stop_persist=60)))
    assert (
        "                one that failed is tried again every 5 s for 60 s; the device takes nothing else meanwhile"
    ) in text.split("\n")


def test_the_example_in_words():
    settings = load_settings(EXAMPLE)
    text = explain(settings)
    bonds = settings.keeper.journal.parent / "bonds.json"
    for line in (
        f"  stick         usb:0, driven by gattkeeper through Bumble, bonds in {bonds}, 5 connections at once, serialization auto",
        "  demo          a radio in memory, connection interval 30 ms, 5 connections at once, serialization auto",
        "  lounge        F0:00:00:00:00:01, virtual_blind, on demo, idle connection kept 8 s, a virtual blind",
        "  downstairs    lounge, kitchen",
        "  my_lamp        set_level (also brightness), level; stops by a write",
    ):
        assert line in text.split("\n")


def test_the_choice_of_adapters_in_words():
    address = parse_address("F0:00:00:00:00:01")
    devices = {
        "lamp": DeviceSettings(address=address, adapter=("sky", "air")),
        "door": DeviceSettings(address=address),
    }
    text = explain(Settings(adapters={"air": VirtualAdapter(), "sky": VirtualAdapter()}, devices=devices))
    assert "  lamp          F0:00:00:00:00:01, no profile, on sky, else air, idle connection kept 8 s" in text
    assert "no profile, on whichever adapter hears it best, idle" in text


def test_the_log_of_a_virtual_adapter_is_named():
    text = explain(Settings(adapters={"air": VirtualAdapter(applied_log=Path("/var/applied.jsonl"))}))
    assert "30 ms, what reaches its devices goes to /var/applied.jsonl, 5 connections" in text


def test_whose_payloads_the_journal_keeps_is_told_where_it_is_not_as_for_all():
    address = parse_address("F0:00:00:00:00:01")
    devices = {
        "kept": DeviceSettings(address=address, journal_payloads=True),
        "not": DeviceSettings(address=address, journal_payloads=False),
        "default": DeviceSettings(address=address),
    }
    told = {}
    for default in (False, True):
        text = explain(Settings(journal=JournalSettings(payloads=default), devices=devices))
        told[default] = [line for line in text.split("\n") if "payloads" in line]
    assert [line.split()[0] for line in told[False]] == ["of", "kept"]
    assert [line.split()[0] for line in told[True]] == ["payloads", "not"]
    assert told[False][1].endswith(", payloads in the journal")
    assert told[True][1].endswith(", no payloads in the journal")


def test_a_device_with_everything_the_other_way():
    device = DeviceSettings(address=parse_address("F0:00:00:00:00:01"), safety=True, linger=0)
    text = explain(Settings(devices={"lounge": device}))
    assert "F0:00:00:00:00:01, no profile, idle connection not kept, safety" in text
