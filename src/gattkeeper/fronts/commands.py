"""From what callers write to commands: names, hex and seconds become a `Command`.

Knows spelling and units. What a command means, and whether it may run, is the keeper's business.
"""

import re

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import InvalidCommandError, UnknownDeviceError, UsageError
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef, characteristic_ref, normal_uuid
from gattkeeper.model.operation import Pair, Read, Unpair, Write, WriteMode, WriteThenWait
from gattkeeper.runtime.durations import to_us
from gattkeeper.runtime.ports import DeviceBook


class Options(Struct, frozen=True, kw_only=True):
    """What a caller may say about any command. None: the profile's or the keeper's own choice."""

    priority: Priority | None = None
    attempt_timeout_us: int | None = None
    deadline_us: int | None = None
    queue_timeout_us: int | None = None
    idempotency_key: str = ""
    origin: Origin = Origin()


def patience(wait: bool | float) -> float | None:  # noqa: FBT001 - it is the value
    """How long to wait at most, in seconds; None: as long as it takes. Raises InvalidCommandError."""
    return None if isinstance(wait, bool) else seconds("wait", wait)


def seconds(name: str, length_s: float) -> float:
    """A length of time in seconds; raises InvalidCommandError unless it is finite and above zero."""
    to_us(name, length_s)
    return length_s


def payload_from_hex(text: str) -> bytes:
    """Bytes from hex digits, with or without spaces, colons or a leading 0x.

    Raises InvalidCommandError when they are odd, empty, no hex digits, or longer than an attribute.
    """
    digits = re.sub(r"[\s:]", "", text).lower().removeprefix("0x")
    if not digits:
        raise InvalidCommandError("the payload is empty: write it as hex digits, two for each byte (9a0d01)")
    if not re.fullmatch(r"[0-9a-f]+", digits):
        raise InvalidCommandError(
            f"{_short(text)} is no payload: write it as hex digits, two for each byte (9a0d01)"
        )
    if len(digits) % 2:
        raise InvalidCommandError(
            f"the payload has {len(digits)} hex digits, an odd number: two are needed for each byte"
        )
    payload = bytes.fromhex(digits)
    if len(payload) > ATTRIBUTE_LENGTH_MAX:
        raise InvalidCommandError(
            f"a payload of {len(payload)} bytes is longer than any attribute: {ATTRIBUTE_LENGTH_MAX} is the limit"
        )
    return payload


def characteristic_from(pointer: str | int | tuple[str, str]) -> CharacteristicRef:
    """A characteristic as JSON spells it; raises InvalidCommandError."""
    try:
        return characteristic_ref(pointer)
    except ValueError as error:
        raise InvalidCommandError(str(error)) from None


def characteristic_from_text(text: str) -> CharacteristicRef:
    """A characteristic as a shell spells it: 2a19, 180f/2a19, or handle:42 (also handle:0x2a).

    Raises InvalidCommandError.
    """
    try:
        if text.startswith("handle:"):
            return characteristic_ref(int(text.removeprefix("handle:"), 0))
        if "/" in text:
            service, uuid = text.split("/", 1)
            return CharacteristicRef(uuid=normal_uuid(uuid), service=normal_uuid(service))
        return characteristic_ref(text)
    except ValueError:
        raise InvalidCommandError(
            f"{_short(text)} is no characteristic: write a UUID (2a19), SERVICE/UUID (180f/2a19) or handle:42"
        ) from None


def act_command(
    book: DeviceBook, device: str, action: str, argument: str | float | None, options: Options
) -> Command:
    """An action of the device's profile. Raises UsageError."""
    return with_options(book.act(device, action, argument), options)


def is_group(book: DeviceBook, scope: str) -> bool:
    """Whether a name means a group, or "all", and no single device. Raises UnknownDeviceError for neither."""
    try:
        book.name_of(scope)
    except UnknownDeviceError:
        book.members(scope)
        return True
    return False


def act_commands(
    book: DeviceBook, group: str, action: str, argument: str | float | None, options: Options
) -> list[Command]:
    """The action for each device of a group, under an idempotency key of its own. Raises UsageError."""
    devices = book.members(group)
    if not devices:
        raise UsageError(f"{group} has no devices: nothing was sent")
    key = options.idempotency_key
    return [
        act_command(
            book, device, action, argument, replace(options, idempotency_key=f"{key}/{device}" if key else "")
        )
        for device in devices
    ]


def read_command(device: str, target: CharacteristicRef, options: Options) -> Command:
    """A read of one characteristic."""
    return with_options(
        Command(device=device, operation=Read(target=target), label=f"read {target}"),
        options,
    )


def write_command(
    device: str,
    target: CharacteristicRef,
    payload: bytes,
    options: Options,
    *,
    response: bool = True,
    idempotent: bool = False,
    answer: CharacteristicRef | None = None,
    starts_with: bytes = b"",
    answer_timeout: float | None = None,
) -> Command:
    """A write of one characteristic, acknowledged by the device unless `response` is False.

    With `answer` it waits, for `answer_timeout` seconds, for a notification of that characteristic which begins
    with `starts_with`. Raises InvalidCommandError.
    """
    mode = WriteMode.WITH_RESPONSE if response else WriteMode.WITHOUT_RESPONSE
    write = Write(target=target, payload=payload, mode=mode)
    operation: Write | WriteThenWait = write
    if answer is not None:
        operation = WriteThenWait(write=write, answer=answer, starts_with=starts_with)
        if answer_timeout is not None:
            operation = replace(operation, timeout_us=to_us("answer_timeout", answer_timeout))
    elif starts_with or answer_timeout is not None:
        raise InvalidCommandError("how an answer starts and how long it may take means nothing without `answer`")
    return with_options(
        Command(
            device=device,
            operation=operation,
            idempotent=idempotent,
            label=f"write {target}",
        ),
        options,
    )


def pair_command(device: str, options: Options) -> Command:
    """Pair with the device, or encrypt with the bond there is."""
    return with_options(Command(device=device, operation=Pair(), label="pair"), options)


def unpair_command(device: str, options: Options) -> Command:
    """Forget our half of the bond with the device."""
    return with_options(Command(device=device, operation=Unpair(), label="unpair"), options)


def with_options(command: Command, options: Options) -> Command:
    """The command with everything its caller said; what was not said stays as it is."""
    said = {
        name: value
        for name in ("priority", "attempt_timeout_us", "deadline_us", "queue_timeout_us")
        if (value := getattr(options, name)) is not None
    }
    return replace(command, **said, idempotency_key=options.idempotency_key, origin=options.origin)


def _short(text: str) -> str:
    """Bad input as it can be quoted in one line."""
    return ascii(text if len(text) <= 40 else f"{text[:40]}…")
