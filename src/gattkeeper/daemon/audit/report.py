"""The journal as a page to read and to print: one file that needs nothing from elsewhere, and runs nothing.

Knows HTML and sentences. Every text that came from a caller, a device or a stack is escaped in `_text`.
"""

import html
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gattkeeper import __version__
from gattkeeper.daemon.audit import drawings
from gattkeeper.daemon.audit.event_lines import event_text, kind_of, who
from gattkeeper.daemon.audit.figures import UNKNOWN_MAX, VERDICTS, DeviceFigures, Figures
from gattkeeper.daemon.audit.moments import utc_text
from gattkeeper.daemon.audit.verifying import Verified
from gattkeeper.fronts.cli.style import clean, seconds_text
from gattkeeper.model.record import Alerted, Denied, FlawAccepted, Latch, StopAsked, origin_of
from gattkeeper.storage.event_query import FoundEvent
from gattkeeper.storage.query import Found, Wanted

_MEANINGS = {
    "delivered": "the device has it, and the evidence says so",
    "sent": "written without response: nobody asked the device to acknowledge",
    "not_delivered": "the device does not have it and will not get it later",
    "unknown": "it may or may not have happened: look at the device before it is sent again",
    "open": "it had not ended when the report was made",
}

EVENTS_MAX = 500
"""Rows about no command that are listed, the newest ones."""

_ALARMING = StopAsked | Latch | Alerted | Denied | FlawAccepted

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_FILTERS = {
    "devices": "devices",
    "since_us": "accepted since",
    "until_us": "accepted before",
    "verdicts": "verdicts",
    "causes": "causes",
    "operation": "operation",
    "front": "front",
    "principal": "principal",
    "command_id": "command",
    "label": "with the text",
}


class Report(Struct, frozen=True, kw_only=True):
    """What the page is made of."""

    journal: Path
    made_utc_us: int
    wanted: Wanted
    figures: Figures
    events: tuple[FoundEvent, ...]  # about no command, newest first; more than EVENTS_MAX: not all are listed
    verified: Verified


def page(report: Report) -> Iterator[bytes]:
    """The page in pieces, UTF-8."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><title>gattkeeper journal report</title>'
        f"<style>\n{style}</style></head><body>\n"
    ).encode()
    for part in (_heading, _over_time, _devices, _latencies, _unknown, _events, _proof, _left_out):
        yield (part(report) + "\n").encode()
    yield b"</body></html>\n"


def _text(text: str) -> str:
    return f"<bdi>{html.escape(clean(text))}</bdi>"


def _word(verdict: str) -> str:
    return verdict.replace("_", " ")


def _moment(utc_us: int) -> str:
    return utc_text(utc_us).replace("T", " ").partition(".")[0]


def _length(length_us: int | None) -> str:
    return "–" if length_us is None else seconds_text(length_us)  # noqa: RUF001 - a dash where there is no number


def _table(heading: tuple[str, ...], rows: Iterator[tuple[str, ...]], kind: str) -> str:
    """`kind`, of its style: in "figures" every column but the first is a number; in others all are texts."""
    kinds = ["", *(' class="number"' if kind == "figures" else "" for _ in heading[1:])]
    head = "".join(f"<th{kind}>{name}</th>" for name, kind in zip(heading, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>\n"
        for row in rows
    )
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'


def _heading(report: Report) -> str:
    figures = report.figures
    period = "no command is in it"
    if figures.first_utc_us is not None and figures.last_utc_us is not None:
        period = f"{_moment(figures.first_utc_us)} to {_moment(figures.last_utc_us)} UTC"
    total = figures.total.verdicts
    tiles = "".join(
        f'<div class="{verdict}"><b>{total[verdict]:,}</b>{_word(verdict)}</div>' for verdict in VERDICTS
    )
    meanings = "".join(
        f"<dt>{_word(verdict)}</dt><dd>{_MEANINGS[verdict]}</dd>" for verdict in VERDICTS if total[verdict]
    )
    return (
        f"<header><h1>What became of every command</h1><p>{period}</p>"
        f'<p class="faint">gattkeeper {__version__}, journal {_text(str(report.journal))}, '
        f"made {_moment(report.made_utc_us)} UTC</p></header>"
        f'<section class="totals"><div><b>{total.total():,}</b>accepted</div>{tiles}</section><dl>{meanings}</dl>'
    )


def _over_time(report: Report) -> str:
    drawn = drawings.over_time(report.figures.over_time)
    bin_length = report.figures.over_time.bin_s
    length = next(f"{bin_length // unit} {name}" for unit, name in _UNITS if not bin_length % unit)
    note = f'<p class="faint">Each bar is {length}, by the moment of acceptance.</p>'
    return f"<h2>Outcomes over time</h2>{drawn}{note}" if drawn else ""


def _by_count(report: Report) -> list[tuple[str, DeviceFigures]]:
    return sorted(report.figures.devices.items(), key=lambda item: (-item[1].verdicts.total(), item[0]))


def _devices(report: Report) -> str:
    heading = ("device", "accepted", *map(_word, VERDICTS), "attempts", "p50", "p95", "p99")
    rows = ((_text(name), *_numbers(device)) for name, device in _by_count(report))
    note = (
        '<p class="faint">p50, p95, p99: half, 95 and 99 of a hundred delivered or sent commands took no longer, '
        "from acceptance to the outcome, waiting and connecting included; right to 1 %.</p>"
    )
    return f"<h2>Devices</h2>{_table(heading, rows, 'figures')}{note}"


def _numbers(device: DeviceFigures) -> Iterator[str]:
    yield f"{device.verdicts.total():,}"
    yield from (f"{device.verdicts[verdict]:,}" for verdict in VERDICTS)
    yield f"{device.attempts:,}"
    yield from (_length(device.latencies.percentile_us(percent)) for percent in (50, 95, 99))


def _latencies(report: Report) -> str:
    charts = ((name, drawings.latencies(device.latencies)) for name, device in _by_count(report))
    drawn = "".join(f"<div><h3>{_text(name)}</h3>{chart}</div>" for name, chart in charts if chart)
    note = '<p class="faint">Dashed: p50, p95 and p99. Each picture has a height of its own.</p>'
    return f'<h2>Latency</h2><div class="charts">{drawn}</div>{note}' if drawn else ""


def _unknown(report: Report) -> str:
    figures = report.figures
    count = figures.total.verdicts["unknown"]
    if not count:
        return "<h2>Unknown outcomes</h2><p>There are none.</p>"
    heading = ("accepted (UTC)", "device", "what", "who", "why it is unknown", "found out later")
    more = f"<p>The newest {UNKNOWN_MAX} of {count:,} are listed.</p>" if count > len(figures.unknown) else ""
    return f"<h2>Unknown outcomes</h2>{more}{_table(heading, map(_unknown_row, figures.unknown), 'list')}"


def _unknown_row(found: Found) -> tuple[str, ...]:
    command, outcome, resolution = found.command, found.outcome, found.resolution
    why = outcome.cause.value.replace("_", " ") if outcome else ""
    fault = f": {outcome.fault}" if outcome and outcome.fault else ""
    later = "<b>nothing: look at the device</b>"
    if resolution is not None:
        applied = "applied" if resolution.applied else "not applied"
        later = f"{applied}: {_text(f'{resolution.why} ({resolution.who})')}"
    asked_by = f"{command.origin.front} {command.origin.principal}".strip()
    what = f"{_text(command.label or command.id)}<br><code>{_text(command.id)}</code>"
    return (_moment(found.utc_us), _text(command.device), what, _text(asked_by), _text(why + fault), later)


def _events(report: Report) -> str:
    shown = report.events[:EVENTS_MAX]
    more = "" if shown == report.events else f" The newest {EVENTS_MAX} are listed."
    note = (
        '<p class="faint">Who stopped what, latches, alerts, settings, who was not let in, recoveries, starts and '
        f"ends. Of filters only a time holds for them.{more} All of them: "
        "<code>gattkeeper audit query --events</code>.</p>"
    )
    if not shown:
        return "<h2>Events</h2><p>There are none.</p>"
    heading = ("written (UTC)", "row", "kind", "what", "who")
    return f"<h2>Events</h2>{note}{_table(heading, map(_event_row, shown), 'events')}"


def _event_row(found: FoundEvent) -> tuple[str, ...]:
    record = found.record
    kind = _text(_word(kind_of(record)))
    kind = f"<b>{kind}</b>" if isinstance(record, _ALARMING) else kind
    return (_moment(found.utc_us), str(found.seq), kind, _text(event_text(record)), _text(who(origin_of(record))))


def _proof(report: Report) -> str:
    verified = report.verified
    if not verified.whole:
        said = (
            f'<p class="warning"><b>The journal is NOT as it was written.</b> {_text(verified.journal)}: '
            f"{_text(verified.what)}. What this report says cannot be relied on.</p>"
        )
        return f"<h2>Proof</h2>{said}"
    said = (
        '<p class="whole"><b>The journal is whole.</b> When the report was made, the chain of hashes was computed '
        f"anew: every row from {verified.rows_from} to {verified.rows_to} is as it was written.<br>"
        f"Hash of row {verified.rows_to}: <code>{verified.hash}</code></p>"
    )
    return f"<h2>Proof</h2>{said}{_signed(verified)}"


def _signed(verified: Verified) -> str:
    elsewhere = "<code>gattkeeper audit verify --key KEY --checkpoints FILE</code>"
    if not verified.checkpoints:
        return (
            "<p>No signed checkpoints are beside it. So nothing shows that no rows were cut off the end, or that "
            f"not all of it was written anew, but checkpoints that were kept elsewhere: {elsewhere}.</p>"
        )
    unsigned = (verified.rows_to or 0) - (verified.signed_to or 0)
    return (
        f"<p>{verified.checkpoints:,} signed checkpoints are beside it, and every one agrees; the newest "
        f"{unsigned:,} rows are signed by none. The key that vouches for them is <code>{verified.key}</code>: "
        "compare it with the one that was kept when the keeper was installed, because whoever writes all of it "
        f"anew can sign it with a key of his own. Where copies were kept elsewhere: {elsewhere}.</p>"
    )


def _left_out(report: Report) -> str:
    limits = [
        "commands that were refused and never accepted: they are not in the journal",
        "what a device did with a command after it acknowledged it",
        "a clock that nobody could set: moments are those of this machine's wall clock, lengths of time are not",
    ]
    gone = (report.verified.rows_from or 1) - 1
    if gone:
        limits.insert(0, f"rows 1 to {gone}, which were deleted as the settings say; a row says so")
    limits += [_filter_text(name, value) for name, value in _filters(report.wanted)]
    return f"<h2>What is not in it</h2><ul>{''.join(f'<li>{limit}</li>' for limit in limits)}</ul>"


def _filters(wanted: Wanted) -> Iterator[tuple[str, object]]:
    unfiltered = Wanted()
    for name in _FILTERS:
        value = getattr(wanted, name)
        if value != getattr(unfiltered, name):
            yield name, value


def _filter_text(name: str, value: object) -> str:
    if isinstance(value, frozenset):
        value = ", ".join(sorted(value))
    if isinstance(value, int):
        value = f"{_moment(value)} UTC"
    return f"any command but those asked for: {_FILTERS[name]} {_text(str(value))}"
