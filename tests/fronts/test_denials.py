"""Who was not let in is on record, and cannot fill it."""

from collections.abc import Iterator

from gattkeeper.fronts import denials as denials_module
from gattkeeper.fronts.denials import ROW_EVERY_US, Denials
from gattkeeper.model.command import Origin
from gattkeeper.model.record import Denied

EVE = Origin(front="socket", principal="eve", uid=1000, pid=1)
MAL = Origin(front="socket", principal="mal", uid=1001, pid=2)


class Door:
    def __init__(self) -> None:
        self.rows: list[Denied] = []
        self.now_us = 0
        self.denials = Denials(self.rows.append, lambda: self.now_us)

    def come(self, origin: Origin, times: int = 1) -> None:
        for _ in range(times):
            self.denials.add(origin, "not among the users")

    def told(self) -> Iterator[tuple[str, int]]:
        return ((row.origin.principal, row.times) for row in self.rows)


def test_the_first_time_is_on_record_at_once_with_who_and_why():
    door = Door()
    door.now_us = 5
    door.come(EVE)
    assert door.rows == [Denied(origin=EVE, why="not among the users", times=1, at_us=5)]


def test_who_tries_again_is_counted_and_has_a_row_a_minute():
    door = Door()
    door.come(EVE, 4)
    door.come(MAL)
    door.now_us = ROW_EVERY_US
    door.come(EVE)
    assert list(door.told()) == [("eve", 1), ("mal", 1), ("eve", 3), ("eve", 1)]


def test_many_users_at_once_have_no_more_rows_than_there_are_places(monkeypatch):
    monkeypatch.setattr(denials_module, "USERS_MAX", 1)
    door = Door()
    door.come(EVE)
    door.come(MAL, 3)
    assert list(door.told()) == [("eve", 1)]
