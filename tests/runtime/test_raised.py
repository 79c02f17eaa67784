"""What `status` says of alerts: those that are raised, with their words, and no others."""

import pytest
from house import House, live, write

from gattkeeper.errors import StorageError
from gattkeeper.model.status import Alert, AlertKind, DeviceStatus, KeeperStatus
from gattkeeper.runtime.raised import RaisedAlerts


def alert(kind: AlertKind, device: str, *, raised: bool = True, text: str = "") -> Alert:
    return Alert(kind=kind, device=device, raised=raised, value=0, text=text)


def lamp_with(*alerts: AlertKind) -> KeeperStatus:
    lamp = DeviceStatus(name="lamp", connection="connected", waiting=0, alerts=alerts)
    return KeeperStatus(adapters=(), devices=(lamp,), waiting=0, accepted=0, ended=0)


def test_an_alert_is_there_from_its_raising_to_its_clearing_with_its_newest_words():
    alerts = RaisedAlerts()
    alerts.note(alert(AlertKind.JOURNAL, "journal", text="full"))
    alerts.note(alert(AlertKind.JOURNAL, "journal", text="failing"))
    assert [one.text for one in alerts.in_force(lamp_with())] == ["failing"]
    alerts.note(alert(AlertKind.JOURNAL, "journal", raised=False))
    assert alerts.in_force(lamp_with()) == ()


def test_a_device_that_left_or_came_back_has_no_alert_of_before():
    alerts = RaisedAlerts()
    alerts.note(alert(AlertKind.SECURITY, "lamp"))
    alerts.note(alert(AlertKind.SECURITY, "attic"))
    assert [one.device for one in alerts.in_force(lamp_with(AlertKind.SECURITY))] == ["lamp"]
    assert alerts.in_force(lamp_with()) == ()


def test_the_keeper_shows_that_its_journal_fails_while_it_does():
    async def story(house: House) -> None:
        house.journal.failing = True
        with pytest.raises(StorageError):
            await house.keeper.submit(write())
        (shown,) = house.keeper.status().alerts
        assert (shown.kind, shown.text) == (AlertKind.JOURNAL, "the disk is full: make room")
        house.journal.failing = False
        await (await house.keeper.submit(write())).wait()
        assert house.keeper.status().alerts == ()

    live(story, journal=True)


def test_the_keeper_shows_that_something_of_its_journal_is_missing():
    async def story(house: House) -> None:
        house.journal.flaws = ("rows are missing",)
        house.keeper.look_at_journal()
        (shown,) = house.keeper.status().alerts
        assert (shown.kind, shown.text) == (
            AlertKind.JOURNAL_FLAW,
            "rows are missing; see `gattkeeper audit verify`",
        )
        await (await house.keeper.submit(write())).wait()
        assert house.keeper.status().alerts == (shown,), "a row that is durable does not mend that"

    live(story, journal=True)
