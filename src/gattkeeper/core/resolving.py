"""What a look at the device tells about a command that ended unknown.

Knows what proves what. When such a look is taken stands in `checking`; that the resolution is written down once,
and who else may have resolved the command meanwhile, is not known here.

A value read back proves something only while nothing else that changes the device has been handed over since the
command was. It also comes too late for the command to be applied afterwards: on the same bearer the device takes
requests in their order and the command's own has been answered, and what went over a connection that is gone is
gone with it.
"""

from msgspec.structs import replace

from gattkeeper.core.effects import Resolve
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, Question, State
from gattkeeper.model.operation import Write, WriteDescriptor
from gattkeeper.model.outcome import AnswerValue


def ask(device: DeviceState, entry: Entry) -> None:
    """A command has ended unknown: note the question, if a look at the device can answer it.

    Not for a composite, which may be carried out in part; nor for a stop, after which a person looks; nor by
    handle, which on the next connection may be that of something else. What an attempt left may be gone again
    when another command ran before the next attempt: then absence proves nothing.
    """
    command = entry.command
    plain = isinstance(command.operation, Write | WriteDescriptor) and not command.stop
    read_back = command.read_back
    if plain and read_back is not None and read_back.target.uuid and device.changed_by == command.id:
        absence = read_back.proves_absence and not entry.overtaken
        device.question = Question(command=command, read_back=replace(read_back, proves_absence=absence))


def ask_again(state: State, device: DeviceState) -> None:
    """There is a new connection: what could not be told before may be told now, unless a check waits already."""
    question = device.question
    if question is not None:
        question.owed = question.check not in state.entries


def look(state: State, device: DeviceState, command_id: str, value: AnswerValue) -> None:
    """Judge what was read for the sake of this command. What proves nothing is not asked for again at once."""
    question = device.question
    if question is None or question.command.id != command_id or not isinstance(value, bytes):
        return
    question.owed = False
    read_back = question.read_back
    applied = value.startswith(read_back.expected)
    if device.changed_by == command_id and (applied or read_back.proves_absence):
        found = "what was expected" if applied else "something other than what was expected"
        why = f"read back {found} from {read_back.target}"  # no values: the journal may not be one to hold them
        state.effects.append(Resolve(command=question.command, applied=applied, why=why))


def settle(device: DeviceState, command_id: str) -> None:
    """It is known, whoever found out."""
    if device.question is not None and device.question.command.id == command_id:
        device.question = None
