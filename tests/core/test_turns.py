"""Whose turn it is."""

from core.drive import A_READ, Drive, S, write
from gattkeeper.core import events
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Subscribe

PUSHED = CharacteristicRef(handle=3)


def test_what_restores_the_connection_goes_before_the_line() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("subscribed", Subscribe(target=PUSHED))
    drive.answer()
    drive.submit("in line", A_READ, survive_reconnect=True)
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == Subscribe(target=PUSHED)
    drive.answer()
    drive.wait(S)
    assert drive.sent()[-1] == A_READ


def test_a_device_with_nothing_to_do_is_let_go_when_the_keeper_closes() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("last", write())
    drive.feed(events.Closing())
    drive.answer()
    assert drive.scheduler.status(drive.now).devices[0].connection == "disconnecting"
