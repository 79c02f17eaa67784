"""The requests of the socket, as strict data: an unknown field or a wrong type is refused.

Knows the format of a line. What a request does stands in `verbs`.
"""

from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from gattkeeper.errors import InvalidCommandError
from gattkeeper.fronts.commands import Options
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.runtime.durations import optional_us

ID_LENGTH_MAX = 256
"""Longest id of a request, in characters, that is given back."""

RequestId = str | int | None
Pointer = str | int | tuple[str, str]
PriorityName = Literal["urgent", "interactive", "normal", "background"]


class _Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"):
    """What every request carries: an id of the caller's choice, given back with each answer."""

    id: RequestId = None


class _Submitting(_Base, frozen=True, kw_only=True):
    """What every request that submits a command may say. Lengths of time are seconds.

    `wait`: False answers at once, True waits for the outcome, a number waits no longer than that.
    """

    wait: bool | float = False
    priority: PriorityName | None = None
    timeout: float | None = None
    deadline: float | None = None
    queue_timeout: float | None = None
    idempotency_key: str = ""


class Act(_Submitting, frozen=True, kw_only=True, tag="act"):
    """Carry out an action of the device's profile.

    `device` may also be a group, or "all": then together, and those that are ready wait `gather` seconds at most.
    """

    device: str
    action: str
    argument: str | int | float | None = None
    gather: float | None = None


class Read(_Submitting, frozen=True, kw_only=True, tag="read"):
    """Read a characteristic: a UUID, [service, UUID], or a handle."""

    device: str
    characteristic: Pointer


class Write(_Submitting, frozen=True, kw_only=True, tag="write"):
    """Write hex digits to a characteristic.

    With `answer` it waits, `answer_timeout` seconds at most, for the notification of that characteristic which
    begins with the hex digits of `starts_with`; that is the outcome's value.
    """

    device: str
    characteristic: Pointer
    payload: str
    response: bool = True
    idempotent: bool = False
    answer: Pointer | None = None
    starts_with: str = ""
    answer_timeout: float | None = None


class Submit(_Base, frozen=True, kw_only=True, tag="submit"):
    """Submit a command as the model spells it: any operation, payloads in base64.

    One that is `owned` is answered by its outcome alone, and taken back when the request is ended. It has no
    idempotency key, by which it could be somebody else's as well.
    """

    command: dict[str, Any]
    wait: bool | float = False
    owned: bool = False


class Pair(_Base, frozen=True, kw_only=True, tag="pair"):
    """Pair with a device, or encrypt with the bond there is; answered by the outcome.

    With `asks` the client is sent the questions of the pairing, and answers each by an `answer`. When it goes away
    the pairing is taken back.
    """

    device: str
    asks: bool = False
    deadline: float = 60.0


class Answer(_Base, frozen=True, kw_only=True, tag="answer"):
    """The answer to the question of the `pair` with the same id: a passkey of six digits, or `yes`."""

    passkey: str | None = None
    yes: bool | None = None


class Stop(_Base, frozen=True, kw_only=True, tag="stop"):
    """Emergency stop of a device, a group, or all."""

    scope: str = "all"
    latch: bool = False
    wait: bool | float = False


class Resume(_Base, frozen=True, kw_only=True, tag="resume"):
    """End a latched stop."""

    scope: str = "all"


class Cancel(_Base, frozen=True, kw_only=True, tag="cancel"):
    """Take a command back."""

    command: str


class Status(_Base, frozen=True, kw_only=True, tag="status"):
    """What the keeper looks like now."""


class Outcome(_Base, frozen=True, kw_only=True, tag="outcome"):
    """How a command ended."""

    command: str
    wait: bool | float = False


class Timeline(_Base, frozen=True, kw_only=True, tag="timeline"):
    """One command's timeline, or those of the newest `last`, of one device if it is named."""

    command: str = ""
    device: str = ""
    last: int = 20


class Devices(_Base, frozen=True, kw_only=True, tag="devices"):
    """The devices of the settings."""


class Scan(_Base, frozen=True, kw_only=True, tag="scan"):
    """Advertisements as an adapter hears them, for `duration` seconds; the first one unless one is named.

    A `duration` of null: until the request is ended.
    """

    duration: float | None = 5.0
    adapter: str = ""


class Subscribe(_Base, frozen=True, kw_only=True, tag="subscribe"):
    """A characteristic's notifications, until the request, or the connection, is ended.

    With `lease` they belong to that, and end with it. A device that refuses is told by the outcome.
    """

    device: str
    characteristic: Pointer
    kind: Literal["either", "notify", "indicate"] = "either"
    lease: str = ""
    priority: PriorityName = "normal"


class Hold(_Base, frozen=True, kw_only=True, tag="hold"):
    """Connect to a device, and keep the connection until this request, or the client's own connection, is ended.

    `holder` names the program to people. `timeout` bounds one attempt, `deadline` all of them, in seconds.
    """

    device: str
    holder: str = ""
    priority: PriorityName | None = None
    timeout: float | None = None
    deadline: float = 30.0


class Renew(_Base, frozen=True, kw_only=True, tag="renew"):
    """The holder of a lease of this connection is still there."""

    lease: str


class End(_Base, frozen=True, kw_only=True, tag="end"):
    """End the `subscribe`, `scan` or `hold` of this connection with the id `request`; answered when it is over."""

    request: str | int


class Resolve(_Base, frozen=True, kw_only=True, tag="resolve"):
    """Record what was found out about a command that ended unknown."""

    command: str
    applied: bool
    why: str
    who: str = ""


class AcceptFlaws(_Base, frozen=True, kw_only=True, tag="accept_flaws"):
    """Take the journal as it is, with what the start found missing or changed: see `Keeper.accept_flaws`."""

    who: str
    why: str


class Cli(_Base, frozen=True, kw_only=True, tag="cli"):
    """A command line; answered with framed text. Takes the whole connection for itself.

    `asks`: whoever sits there may be asked. `tty`: progress is shown. `color`: results may be coloured. `columns`:
    how wide they may be.
    """

    argv: tuple[str, ...]
    asks: bool = False
    tty: bool = False
    color: bool = False
    columns: int = 80


Submitting = Act | Read | Write
Request = (
    Act
    | Read
    | Write
    | Submit
    | Pair
    | Answer
    | Stop
    | Resume
    | Cancel
    | Status
    | Outcome
    | Timeline
    | Devices
    | Scan
    | Subscribe
    | Hold
    | Renew
    | End
    | Resolve
    | AcceptFlaws
    | Cli
)


class _Envelope(Struct):
    id: RequestId = None


class BadRequest(Exception):  # noqa: N818 - a value on its way to the answer
    """A line that is no request; nothing was done. `request_id` is the caller's, where it could be read."""

    def __init__(self, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.request_id = request_id


_DECODER: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_ENVELOPE = msgspec.json.Decoder(_Envelope)

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, ValueError)


def decode(line: bytes) -> Request:
    """One line as a request. Raises BadRequest."""
    try:
        request = _DECODER.decode(line)
        msgspec.json.encode(request.id)  # what cannot be given back is no id
    except UnicodeDecodeError:
        raise BadRequest("the line is not UTF-8") from None
    except RecursionError:
        raise BadRequest("the line is nested too deep") from None
    except _UNREADABLE as error:
        raise BadRequest(f"the line is no request: {error}", _id_of(line)) from None
    if isinstance(request.id, str) and len(request.id) > ID_LENGTH_MAX:
        raise BadRequest(f"an id has at most {ID_LENGTH_MAX} characters")
    return request


def _id_of(line: bytes) -> RequestId:
    """The id of a line that is wrong elsewhere; None when even that cannot be read."""
    try:
        found = _ENVELOPE.decode(line).id
        msgspec.json.encode(found)
    except _UNREADABLE:
        return None
    return None if isinstance(found, str) and len(found) > ID_LENGTH_MAX else found


def options_of(request: Submitting, origin: Origin) -> Options:
    """What the request says about its command. Raises InvalidCommandError."""
    return Options(
        priority=None if request.priority is None else Priority[request.priority.upper()],
        attempt_timeout_us=optional_us("timeout", request.timeout),
        deadline_us=optional_us("deadline", request.deadline),
        queue_timeout_us=optional_us("queue_timeout", request.queue_timeout),
        idempotency_key=request.idempotency_key,
        origin=origin,
    )


def command_of(request: Submit, origin: Origin) -> Command:
    """The command of a `submit`, as strict as the other requests. Raises InvalidCommandError."""
    try:
        command = msgspec.convert(request.command, type=Command, str_keys=True)
    except msgspec.ValidationError as error:
        raise InvalidCommandError(f"the command is wrong: {error}") from None
    unknown = _unknown_fields(request.command, command)
    if unknown:
        raise InvalidCommandError(f"the command has fields that mean nothing: {', '.join(unknown)}")
    for name in ("id", "origin", "stop", "may_bypass", "fanout"):
        if name in request.command:
            raise InvalidCommandError(f"`{name}` is not the caller's to give; a stop has its own verb")
    if request.owned and command.idempotency_key:
        raise InvalidCommandError("an owned command has no idempotency key: leave out one of the two")
    return msgspec.structs.replace(command, origin=origin)


@cache
def _known_fields(kind: type[Struct]) -> frozenset[str | None]:
    """Kept, because msgspec makes a new description of a struct each time it is asked for one."""
    return frozenset((*kind.__struct_encode_fields__, kind.__struct_config__.tag_field))


def _unknown_fields(given: object, taken: object) -> list[str]:
    """Keys of the JSON that no field of the struct took, with those of the structs inside it."""
    if not isinstance(given, dict) or not isinstance(taken, Struct):
        return []
    known = _known_fields(type(taken))
    unknown = [] if given.keys() <= known else [key for key in given if key not in known]
    for key, inner in given.items():
        if isinstance(inner, dict):
            unknown += _unknown_fields(inner, getattr(taken, key, None))
    return unknown
