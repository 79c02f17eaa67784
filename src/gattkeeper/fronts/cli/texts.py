"""Answers as people read them: one glyph, what, verdict, time, reason.

Knows words only. The timeline's picture is drawn in `lanes`.
"""

import textwrap
from collections.abc import Iterable, Sequence

from gattkeeper.fronts.cli.style import (
    GREY,
    RED,
    YELLOW,
    Terminal,
    clean,
    glyph_of,
    paint,
    seconds_text,
    verdict_word,
)
from gattkeeper.model.command import Command
from gattkeeper.model.operation import kind_of
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.status import AdapterStatus, AdvertisedRssi, Alert, AlertKind, DeviceStatus, KeeperStatus
from gattkeeper.runtime.fanout import FanoutOutcome
from gattkeeper.runtime.ports import DeviceBook, Sighting

_REASONS = {
    Cause.ACKNOWLEDGED: "the device acknowledged it",
    Cause.APP_ACK: "the device answered it with a notification",
    Cause.READ_BACK: "the device was read, and has it",
    Cause.ACCEPTED_LOCALLY: "no acknowledgement was asked for",
    Cause.ASSUMED: "the stack gives no answer to this; it is assumed to be done",
    Cause.NEVER_SENT: "never sent",
    Cause.REJECTED: "the device refused it",
    Cause.SHED: "the queue was full, and it made room for a more urgent one",
    Cause.EXPIRED: "its time ran out before it could be sent",
    Cause.LINK_LOST_BEFORE_SEND: "the connection was lost before it was sent",
    Cause.UNSUPPORTED: "not possible here",
    Cause.FAILED: "it failed",
    Cause.LINK_LOST_IN_FLIGHT: "the connection was lost before the device answered",
    Cause.TIMED_OUT_IN_FLIGHT: "the device did not answer in time",
    Cause.PARTLY: "only a part of it was carried out",
    Cause.UNCLEAR_ANSWER: "the answer leaves it open whether the device carried it out",
    Cause.CANCELLED_IN_FLIGHT: "taken back after it was sent",
    Cause.CRASHED_IN_FLIGHT: "the daemon died before the device answered",
    Cause.STACK_RESTARTED: "the Bluetooth service went away before the device answered",
}

_GAUGES = (AlertKind.DEPTH, AlertKind.OLDEST_WAITING, AlertKind.IN_FLIGHT)
"""A device's line has their figures of this moment; their words are of the moment at which they were raised."""


def what(command: Command) -> str:
    """What was asked of which device: "lounge set_position 73"."""
    return clean(f"{command.device} {command.label or kind_of(command.operation).replace('_', ' ')}")


def duration_us(outcome: Outcome) -> int | None:
    """From acceptance to the outcome, where the timeline says so."""
    if len(outcome.timeline) < 2:
        return None
    return outcome.timeline[-1].at_us - outcome.timeline[0].at_us


def outcome_text(
    book: DeviceBook,
    command: Command,
    outcome: Outcome,
    terminal: Terminal,
    by: Command | None = None,
    resolution: Resolution | None = None,
) -> str:
    """An outcome in a line, with what was found out later, or advice, beneath it. `by`: what overtook it."""
    glyph, colour = glyph_of(outcome)
    parts = [what(command), verdict_word(outcome)]
    if outcome.value is not None:
        parts = [what(command), clean(book.describe(command, outcome.value))]
    length_us = duration_us(outcome)
    if length_us is not None:
        parts.append(seconds_text(length_us))
    reason = _reason(outcome, by)
    if reason:
        parts.append(reason)
    lines = textwrap.wrap("  ".join(parts), terminal.width - 2, subsequent_indent="  ", break_long_words=False)
    text = paint(glyph, colour, terminal) + " " + "\n  ".join(line.strip() for line in lines)
    advice = _advice(command, outcome, terminal.width - 2) if resolution is None else resolution_text(resolution)
    return f"{text}\n{textwrap.indent(advice, '  ')}" if advice else text


def _reason(outcome: Outcome, by: Command | None) -> str:
    if outcome.by:
        overtaker = f"{outcome.by} ({by.label})" if by is not None and by.label else outcome.by
        return f"by {clean(overtaker)}"
    reason = _REASONS.get(outcome.cause, "")
    if outcome.fault is not None:
        fault = outcome.fault
        said = clean(fault.text if fault.stack == "keeper" and fault.text else str(fault))  # our own words suffice
        reason = f"{reason}: {said}" if reason else said
    return reason


def resolution_text(resolution: Resolution) -> str:
    """What was found out about an unknown outcome: "resolved: applied, read back 49 from ... (gattkeeper)"."""
    found = "applied" if resolution.applied else "not applied"
    return f"resolved: {found}, {clean(resolution.why)} ({clean(resolution.who)})"


def _advice(command: Command, outcome: Outcome, width: int) -> str:
    """Of an unknown outcome: what it means, what to check, what to do; a sentence each, `width` columns wide."""
    if outcome.verdict is not Verdict.UNKNOWN:
        return ""
    means = "It may or may not have happened; gattkeeper does not send it again by itself."
    if outcome.cause is Cause.PARTLY:
        means = f"A part of it happened ({outcome.progress} steps were answered), and the rest never will."
    check = f"Look at {clean(command.device)} itself: did it do this or not?"
    act = "Do not send it again before you know; then record what you found, and it is settled:"
    sentences = "\n".join(textwrap.fill(sentence, width) for sentence in (means, check, act))
    return f"{sentences}\n  gattkeeper resolve {outcome.command_id} --applied (or --not-applied) --why TEXT"


def spread_text(outcome: FanoutOutcome) -> str:
    """How far the hand-overs of a fan-out were apart, and when the last of them had ended; empty without any."""
    if not outcome.outcomes:
        return ""
    spread, last = (seconds_text(round(length_s * 1e6)) for length_s in (outcome.spread_s, outcome.last_s))
    return f"{spread} between the first and the last hand-over; all had ended after {last}"


def gave_up_text(command: Command, command_id: str) -> str:
    """The words when a caller's patience ends before the command does."""
    return (
        f"gattkeeper: gave up waiting; {what(command)} goes on\n  gattkeeper outcome {command_id} says how it ends"
    )


def status_text(status: KeeperStatus, terminal: Terminal) -> str:
    """Alerts that the figures do not show, adapters, devices, totals: a line each."""
    alerts = "\n".join(_alert_text(alert, terminal) for alert in status.alerts if alert.kind not in _GAUGES)
    rows = [_adapter_row(adapter, terminal) for adapter in status.adapters]
    text = _table(rows)
    several = len(status.adapters) > 1
    devices = _table([_device_row(device, terminal, several=several) for device in status.devices])
    totals = f"{status.accepted} accepted, {status.ended} ended, {status.waiting} waiting"
    return "\n".join(part for part in (alerts, text, devices, totals) if part)


def _alert_text(alert: Alert, terminal: Terminal) -> str:
    kind = alert.kind.value.replace("_", " ")
    return paint(f"alert {kind} ({clean(alert.device)})", RED, terminal) + f": {clean(alert.text)}"


def _adapter_row(adapter: AdapterStatus, terminal: Terminal) -> tuple[str, ...]:
    state = "up" if adapter.up else paint("down", RED, terminal)
    notes = [adapter.address] if adapter.address not in ("", adapter.name) else []
    if adapter.connecting:
        notes.append(f"connecting {clean(adapter.connecting)}")
    if adapter.serialization == "adapter":
        notes.append("one operation at a time")
    if adapter.recovery:
        notes.append(f"recovery: {adapter.recovery.replace('_', ' ')}")
    slots = f"{adapter.connections} of {adapter.slots} slots"
    return (f"adapter {clean(adapter.name)}", state, slots, ", ".join(notes))


def _device_row(device: DeviceStatus, terminal: Terminal, *, several: bool) -> tuple[str, ...]:
    notes = [by_text(device)] if several else []
    if device.in_flight:
        notes.append(f"{device.in_flight} in flight for {seconds_text(device.in_flight_us)}")
    if device.oldest_waiting_us:
        notes.append(f"oldest waits {seconds_text(device.oldest_waiting_us)}")
    if device.stopped_by:
        notes.append(paint(f"stopped by {device.stopped_by}", RED, terminal))
    if device.stop_persists_us:
        notes.append(
            paint(f"its stop failed: tried again for {seconds_text(device.stop_persists_us)}", RED, terminal)
        )
    if device.latched_by:
        notes.append(paint(f"latched by {device.latched_by}: resolve it", YELLOW, terminal))
    if device.availability != "available":
        notes.append(paint(device.availability, YELLOW, terminal))
    if device.alerts:
        kinds = ", ".join(kind.value.replace("_", " ") for kind in device.alerts)
        notes.append(paint(f"alert: {kinds}", YELLOW, terminal))
    if device.advertised is not None:
        notes.append(advertised_text(device.advertised))
    if device.subscriptions:
        notes.append(f"{device.subscriptions} subscribed")
    notes += [f"held by {clean(lease.holder)} for {seconds_text(lease.held_us)}" for lease in device.leases]
    waiting = f"{device.waiting} waiting" if device.waiting else paint("idle", GREY, terminal)
    return (clean(device.name), device.connection, waiting, ", ".join(notes))


def by_text(device: DeviceStatus) -> str:
    """Which adapter a device uses, and why that one."""
    return clean(f"by {device.adapter}: {device.adapter_why}")


def stop_persists_text(device: DeviceStatus) -> str:
    """What goes on after an emergency stop that failed."""
    name = clean(device.name)
    length = seconds_text(device.stop_persists_us)
    return f"… {name}: the stop is tried again for {length}, until one succeeds or `gattkeeper resume {name}`"


def advertised_text(advertised: AdvertisedRssi) -> str:
    """As in "-61 dBm when it advertised 12 s ago": no strength of a connection."""
    return f"{advertised.rssi_dbm} dBm when it advertised {seconds_text(advertised.age_us)} ago"


def devices_text(book: DeviceBook, status: KeeperStatus) -> str:
    """A line for each: name, address, the adapter it uses where there are several, actions, how it was heard."""
    used = {device.name: by_text(device) for device in status.devices}
    heard = {device.name: device.advertised for device in status.devices}
    several = len(status.adapters) > 1
    rows = [
        (
            clean(name),
            str(book.rules(name).address),
            *([used.get(name, "")] if several else []),
            ", ".join(book.actions(name)) or "no actions",
            "" if (last := heard.get(name)) is None else advertised_text(last),
        )
        for name in book.names()
    ]
    return _table(rows) or "no devices: name them in the settings"


def sightings_text(sightings: Iterable[Sighting]) -> str:
    """A line for each device that was heard, the strongest first; those we are connected to, as heard before."""
    strongest = sorted(sightings, key=lambda one: -200 if one.rssi_dbm is None else one.rssi_dbm, reverse=True)
    rows = [
        (
            one.address.spelled,
            "" if one.rssi_dbm is None else f"{one.rssi_dbm} dBm",
            clean(one.name),
            "connected" if one.connected else "",
        )
        for one in strongest
    ]
    return _table(rows) or "nothing was heard"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns two spaces apart. A painted cell counts as wide as it looks."""
    if not rows:
        return ""
    widths = [max(map(_looks, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell + " " * (width - _looks(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _looks(cell: str) -> int:
    """Columns a cell takes: our paint is 5 bytes before the text and 4 behind it."""
    return len(cell) - 9 if cell.startswith("\x1b[") else len(cell)
