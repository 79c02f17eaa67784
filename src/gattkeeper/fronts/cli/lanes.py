"""The timeline as a picture: a lane for each device over one time axis, its commands beneath it.

A pure function: data in, lines out. Knows characters and columns; what a stage is stands in
`telemetry.spans`.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from gattkeeper.fronts.cli.style import (
    BLUE,
    CYAN,
    GREEN,
    GREY,
    MAGENTA,
    RED,
    YELLOW,
    Terminal,
    clean,
    glyph_of,
    paint,
    seconds_text,
    shorten,
    verdict_word,
)
from gattkeeper.model.operation import kind_of
from gattkeeper.model.outcome import Phase
from gattkeeper.telemetry.spans import (
    ConnectionChange,
    Span,
    Stage,
    adapter_spans,
    command_spans,
    connection_spans,
)
from gattkeeper.telemetry.timeline import CommandTimeline

BURST_GAP_US = 10_000_000
"""Commands further apart than this get pictures of their own: one axis for a whole day shows nothing."""

LABEL_WIDTH_MAX = 22
VERDICT_WIDTH_MIN = 21
TICK_COLUMNS_MIN = 9

_LOOKS = (  # the most telling first: a cell shows the first one that touches it
    (Stage.IN_FLIGHT, "█", GREEN, "in flight"),
    (Stage.DISCOVERING, "▓", CYAN, "discover, set up"),
    (Stage.SETTING_UP, "▓", CYAN, ""),
    (Stage.CONNECTING, "▒", YELLOW, "scan, connect"),
    (Stage.BACKING_OFF, "~", MAGENTA, "back off"),
    (Stage.DISCONNECTING, "x", BLUE, "disconnect"),
    (Stage.CONNECTED, "─", GREY, "connected, idle"),
    (Stage.LOCK_WAIT, "┄", MAGENTA, "wait for the adapter"),
    (Stage.WAITING, "·", GREY, "wait in line"),
)
_LATE = "!"
_LEGEND = "·┄▒▓█─x~!"  # in the order in which a command meets them
_COLOURS = {character: colour for _stage, character, colour, _words in _LOOKS} | {_LATE: RED}


class _Axis(Struct, frozen=True, kw_only=True):
    """Which moments the cells of a lane stand for."""

    from_us: int
    to_us: int
    cells: int

    def shows(self, span: Span) -> bool:
        """Whether any of it lies on the axis."""
        return span.to_us > self.from_us and span.from_us < self.to_us

    def first_cell(self, at_us: int) -> int:
        return max(0, min(self.cells - 1, (at_us - self.from_us) * self.cells // (self.to_us - self.from_us)))

    def last_cell(self, at_us: int) -> int:
        """The cell that holds the last moment before `at_us`."""
        return self.first_cell(at_us - 1)


def draw_lanes(
    commands: Sequence[CommandTimeline],
    changes: Sequence[ConnectionChange],
    now_us: int,
    terminal: Terminal,
) -> list[str]:
    """The picture of these commands, oldest first, in `terminal.width` columns; a legend at the end."""
    if not commands:
        return ["no commands since the daemon started"]
    lines: list[str] = []
    for burst in _bursts(commands, now_us):
        lines += [*_draw_burst(burst, changes, now_us, terminal), ""]
    return lines + _legend(terminal)


def _bursts(commands: Sequence[CommandTimeline], now_us: int) -> list[list[CommandTimeline]]:
    bursts: list[list[CommandTimeline]] = []
    until_us = 0
    for known in sorted(commands, key=lambda one: one.accepted_at_us):
        if not bursts or known.accepted_at_us > until_us + BURST_GAP_US:
            bursts.append([])
            until_us = 0
        bursts[-1].append(known)
        until_us = max(until_us, known.until(now_us))
    return bursts


def _draw_burst(
    burst: Sequence[CommandTimeline], changes: Sequence[ConnectionChange], now_us: int, terminal: Terminal
) -> list[str]:
    from_us = burst[0].accepted_at_us
    until_us = max(known.until(now_us) for known in burst)
    to_us = min(max(now_us, until_us), until_us + (until_us - from_us) // 20)  # a little of what came after
    label_width = min(LABEL_WIDTH_MAX, max(8, *(len(_label(one)) + 2 for one in burst), *_name_widths(burst)))
    verdict_width = max(VERDICT_WIDTH_MIN, *(len(_ending(one, Terminal())) for one in burst))
    cells = max(10, terminal.width - label_width - verdict_width - 2)
    axis = _Axis(from_us=from_us, to_us=max(to_us, from_us + 1000), cells=cells)
    spans = {
        known.command.id: command_spans(known.command.device, known.command.id, known.marks, known.until(now_us))
        for known in burst
    }
    began = f"  began {seconds_text(max(0, now_us - from_us))} ago"
    words, marks = _ticks(axis, terminal.width - label_width - 1 - len(began))
    lines = [f"{'':{label_width}} {words}{began}", f"{'':{label_width}} {marks}"]
    links = connection_spans(changes, axis.to_us)
    for position, row in enumerate(_adapter_rows(links, axis)):
        name = "adapter" if not position else ""
        lines.append(f"{name:{label_width}} {_painted(row, terminal)}".rstrip())
    for device in dict.fromkeys(known.command.device for known in burst):
        lines += _draw_device(device, burst, spans, links, axis, label_width, terminal)
    return lines


def _name_widths(burst: Iterable[CommandTimeline]) -> Iterable[int]:
    return (len(clean(known.command.device)) for known in burst)


def _draw_device(
    device: str,
    burst: Sequence[CommandTimeline],
    spans: dict[str, list[Span]],
    links: Sequence[Span],
    axis: _Axis,
    label_width: int,
    terminal: Terminal,
) -> list[str]:
    own = [known for known in burst if known.command.device == device]
    radio = [link for link in links if link.device == device]
    radio += [span for known in own for span in spans[known.command.id] if _uses_radio(span)]
    lines = [
        f"{shorten(clean(device), label_width):{label_width}} {_painted(_cells(radio, axis), terminal)}".rstrip()
    ]
    for known in own:
        row = list(_cells(spans[known.command.id], axis))
        for mark in known.marks:
            if mark.phase is Phase.LATE_ANSWER:
                row[axis.first_cell(mark.at_us)] = _LATE
        label = shorten(f"  {_label(known)}", label_width)
        lines.append(
            f"{label:{label_width}} {_painted(''.join(row), terminal)} {_ending(known, terminal)}".rstrip()
        )
    return lines


def _uses_radio(span: Span) -> bool:
    return span.stage not in (Stage.WAITING, Stage.LOCK_WAIT, Stage.BACKING_OFF)


def _label(known: CommandTimeline) -> str:
    return clean(known.command.label or kind_of(known.command.operation))


def _ending(known: CommandTimeline, terminal: Terminal) -> str:
    if known.outcome is None or known.ended_at_us is None:
        return "… " + known.marks[-1].phase.value.replace("_", " ")
    glyph, colour = glyph_of(known.outcome)
    length = seconds_text(known.ended_at_us - known.accepted_at_us)
    return f"{paint(glyph, colour, terminal)} {verdict_word(known.outcome)} {length}"


def _cells(spans: Sequence[Span], axis: _Axis) -> str:
    """One lane: each cell shows the most telling stage that touches it."""
    row = [" "] * axis.cells
    for stage, character, _colour, _words in reversed(_LOOKS):
        for span in spans:
            if span.stage is stage and axis.shows(span):
                first, last = axis.first_cell(span.from_us), axis.last_cell(span.to_us)
                row[first : last + 1] = character * (last + 1 - first)
    return "".join(row)


def _adapter_rows(links: Sequence[Span], axis: _Axis) -> list[str]:
    """Who held the adapter when, by name. Two at the same time stand in two rows."""
    rows: list[list[str]] = []
    free_at_us: list[int] = []
    for held in filter(axis.shows, adapter_spans(links)):
        free = next((i for i, at_us in enumerate(free_at_us) if at_us <= held.from_us), len(rows))
        if free == len(rows):
            rows.append([" "] * axis.cells)
            free_at_us.append(0)
        free_at_us[free] = held.to_us
        first, last = axis.first_cell(held.from_us), axis.last_cell(held.to_us)
        width = last + 1 - first
        rows[free][first : last + 1] = f"{'[' + shorten(clean(held.device), width - 1):▒<{width}}"[:width]
    return ["".join(row) for row in rows]


def _ticks(axis: _Axis, words_width: int) -> tuple[str, str]:
    """The scale: a row of lengths of time since the first command, and a row of ticks."""
    step_us = _step_us((axis.to_us - axis.from_us) * TICK_COLUMNS_MIN // axis.cells)
    words, marks = [" "] * (axis.cells + 8), ["─"] * axis.cells
    for offset_us in range(0, axis.to_us - axis.from_us, step_us):
        cell = axis.first_cell(axis.from_us + offset_us)
        word = _tick_word(offset_us, step_us)
        if cell + len(word) <= words_width:
            words[cell : cell + len(word)] = word
        marks[cell] = "┬"
    return "".join(words).rstrip(), "".join(marks)


def _step_us(least_us: int) -> int:
    """The smallest of 1, 2, 5, 10, ... milliseconds that is not less."""
    step_us = 1000
    while True:
        for factor in (1, 2, 5):
            if step_us * factor >= least_us:
                return step_us * factor
        step_us *= 10


def _tick_word(offset_us: int, step_us: int) -> str:
    if not offset_us:
        return "0"
    if step_us >= 1_000_000:
        return f"{offset_us // 1_000_000} s"
    if step_us >= 100_000:
        return f"{offset_us / 1e6:.1f} s"
    return f"{offset_us // 1000} ms"


def _painted(row: str, terminal: Terminal) -> str:
    """Runs of the same character in the colour of their stage."""
    if not terminal.color:
        return row
    painted, start = "", 0
    for end in range(1, len(row) + 1):
        if end == len(row) or row[end] != row[start]:
            run = row[start:end]
            painted += paint(run, _COLOURS[run[0]], terminal) if run[0] in _COLOURS else run
            start = end
    return painted


def _legend(terminal: Terminal) -> list[str]:
    words_of = {character: words for _stage, character, _colour, words in _LOOKS if words} | {_LATE: "late answer"}
    lines, line, width = [], "", 0
    for character in _LEGEND:
        words = words_of[character]
        if width + len(words) + 4 > terminal.width:
            lines.append(line.rstrip())
            line, width = "", 0
        line += f"{_painted(character, terminal)} {words}  "
        width += len(words) + 4
    return [*lines, line.rstrip()]
