"""The look at a device that may tell what an unknown command did: when it is taken.

Knows when. A check is a read, and a command of its own, with rows, tries and an outcome like any other; it goes
before everything that waits for the device. What its answer proves stands in `resolving`. It never makes the
keeper connect again to a device that is left alone, or was disconnected on purpose.
"""

from gattkeeper.core import breaker
from gattkeeper.core.admission import take_on
from gattkeeper.core.state import DeviceState, Question, State
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.operation import Read


def take_on_owed(state: State, device: DeviceState, question: Question) -> None:
    """Put the check that is owed first in line: one at a time. What is not taken on now is, once connected."""
    if not question.owed:
        return
    question.owed = False
    void = device.changed_by != question.command.id or device.stop is not None
    if void or state.closing or device.leaving or breaker.is_open(device):
        return
    question.checks += 1
    question.check = f"{question.command.id}-check" + (f"-{question.checks}" if question.checks > 1 else "")
    entry = take_on(
        state,
        Command(
            device=device.name,
            operation=Read(target=question.read_back.target),
            id=question.check,
            priority=Priority.URGENT,
            deadline_us=state.limits.check_deadline_us,
            survive_reconnect=True,
            label=f"check {question.command.id}",
            origin=question.command.origin,
        ),
    )
    entry.checks = question.command.id
    entry.start_us = entry.turn = -1  # before everything that was ever submitted
    state.wait(device, entry)
