"""What callers get back, as data every front can write out: outcomes, timelines, devices, errors.

Knows the shape of answers. How a protocol frames them is for its own front.
"""

from typing import Any

import msgspec

from gattkeeper.errors import CommandError, GattkeeperError, QueueClosedError, RefusedError, StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.operation import kind_of
from gattkeeper.model.outcome import Cause, Outcome, PhaseMark, Resolution, Verdict
from gattkeeper.model.status import DeviceStatus, KeeperStatus
from gattkeeper.runtime.fanout import Fanout
from gattkeeper.runtime.ports import DeviceBook, Sighting
from gattkeeper.telemetry.timeline import CommandTimeline

EXIT_DONE = 0
EXIT_NOT_DELIVERED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNKNOWN = 4
EXIT_OVERTAKEN = 5
EXIT_GAVE_UP = 6
EXIT_NO_DAEMON = 69
EXIT_TRY_LATER = 75

Answer = dict[str, Any]


def outcome_answer(
    book: DeviceBook, command: Command, outcome: Outcome, resolution: Resolution | None = None
) -> Answer:
    """An outcome with the command it belongs to, and what was found out later if it was unknown.

    A value of bytes is hex in `value`; `text` says what a value means to a person.
    """
    answer: Answer = {"command_id": outcome.command_id, "device": command.device, "label": command.label}
    answer.update(msgspec.to_builtins(outcome, builtin_types=(bytes,)))
    if isinstance(outcome.value, bytes):
        answer["value"] = outcome.value.hex()
    if outcome.values:
        answer["values"] = [None if value is None else value.hex() for value in outcome.values]
    if outcome.value is not None:
        answer["text"] = book.describe(command, outcome.value)
    if resolution is not None:
        answer["resolution"] = {
            "applied": resolution.applied,
            "who": resolution.who,
            "why": resolution.why,
            "origin": msgspec.to_builtins(resolution.origin),
        }
    return answer


def fanout_answer(fanout: Fanout) -> Answer:
    """What a fan-out tells beyond its outcomes: who refused it, and how far apart the hand-overs were.

    The lengths are seconds, null until all have ended.
    """
    refused = {device: error_answer(error.code, str(error))["error"] for device, error in fanout.refused.items()}
    outcome = fanout.outcome
    spread_s, last_s = (None, None) if outcome is None else (outcome.spread_s, outcome.last_s)
    return {"refused": refused, "spread_s": spread_s, "last_s": last_s}


def timeline_answer(book: DeviceBook, known: CommandTimeline) -> Answer:
    """One command's timeline; `offset_us` counts from acceptance."""
    command = known.command
    answer: Answer = {
        "command_id": command.id,
        "device": command.device,
        "label": command.label,
        "operation": kind_of(command.operation),
        "priority": command.priority.name.lower(),
        "accepted_at_us": known.accepted_at_us,
        "phases": [_mark_answer(mark, known.accepted_at_us) for mark in known.marks],
    }
    if known.outcome is not None:
        outcome = outcome_answer(book, command, known.outcome, known.resolution)
        answer["outcome"] = {key: outcome[key] for key in outcome if key != "timeline"}
    return answer


def _mark_answer(mark: PhaseMark, accepted_at_us: int) -> Answer:
    answer: Answer = {"phase": mark.phase.value, "offset_us": mark.at_us - accepted_at_us}
    if mark.attempt:
        answer["attempt"] = mark.attempt
    if mark.note:
        answer["note"] = mark.note
    return answer


def device_answers(book: DeviceBook, status: KeeperStatus) -> list[Answer]:
    """Every device of the settings: actions, the adapter it uses and why, how strongly it was last heard."""
    used = {device.name: device for device in status.devices}
    found = []
    for name in book.names():
        device = used.get(name) or DeviceStatus(name=name, connection="", waiting=0)
        found.append(
            {
                "name": name,
                "address": str(book.rules(name).address),
                "actions": list(book.actions(name)),
                "adapter": device.adapter,
                "adapter_why": device.adapter_why,
                "advertised": msgspec.to_builtins(device.advertised),
            }
        )
    return found


def sighting_answer(sighting: Sighting) -> Answer:
    """One advertisement; manufacturer data is hex, by company number, and service data by UUID.

    `connected`: the device is connected through the keeper, and this is what was heard of it before.
    """
    return {
        "address": str(sighting.address),
        "kind": sighting.address.kind.value,
        "name": sighting.name,
        "rssi_dbm": sighting.rssi_dbm,
        "services": list(sighting.services),
        "manufacturer_data": {str(number): data.hex() for number, data in sighting.manufacturer_data.items()},
        "service_data": {uuid: data.hex() for uuid, data in sighting.service_data.items()},
        "tx_power_dbm": sighting.tx_power_dbm,
        "connected": sighting.connected,
    }


def status_answer(status: KeeperStatus) -> Answer:
    """The keeper's figures."""
    answer: Answer = msgspec.to_builtins(status)
    return answer


def error_answer(code: str, message: str) -> Answer:
    """An error: a stable code for programs, a sentence for people."""
    return {"error": {"code": code, "message": message}}


def exit_code_of(outcome: Outcome) -> int:
    """The exit code that tells a shell how a command ended."""
    if outcome.succeeded:
        return EXIT_DONE
    if outcome.verdict is Verdict.UNKNOWN:
        return EXIT_UNKNOWN
    if outcome.cause in (Cause.SUPERSEDED, Cause.CANCELLED):
        return EXIT_OVERTAKEN
    return EXIT_NOT_DELIVERED


def exit_code_for(error: GattkeeperError) -> int:
    """The exit code for a call that failed: mostly a command that was not taken on."""
    if isinstance(error, CommandError):
        return exit_code_of(error.outcome)
    if isinstance(error, QueueClosedError | StorageError):
        return EXIT_TRY_LATER
    if isinstance(error, RefusedError):
        return EXIT_REFUSED
    return EXIT_USAGE
