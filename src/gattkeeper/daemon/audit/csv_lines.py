"""Commands as CSV (RFC 4180) that a spreadsheet can open without running anything in it.

Knows cells. A text that a spreadsheet would take for a formula gets an apostrophe in front
(https://owasp.org/www-community/attacks/CSV_Injection); texts come from callers, devices and stacks.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from gattkeeper.daemon.audit.event_lines import EventView, event_view
from gattkeeper.daemon.audit.views import CommandView, view_of
from gattkeeper.model.outcome import Phase
from gattkeeper.storage.event_query import FoundEvent
from gattkeeper.storage.query import Found

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide ones count
"""What a formula begins with; some programs skip spaces before it."""

_PHASES = tuple(phase.value for phase in Phase if phase is not Phase.OUTCOME)

_COLUMNS = CommandView.__struct_fields__[:-1]  # all but `phases_us`, which is a column for each phase

HEADING = (*_COLUMNS, *(f"{phase}_us" for phase in _PHASES))


EVENT_HEADING = EventView.__struct_fields__[:-1]  # all but `body`


def csv_lines(found: Iterable[Found]) -> Iterator[bytes]:
    """A heading, then a line for each command, in UTF-8."""
    yield _line(HEADING)
    for one in found:
        view = view_of(one)
        values = (getattr(view, name) for name in _COLUMNS)
        lengths = (view.phases_us.get(phase, "") for phase in _PHASES)
        yield _line(_cell(value) for value in (*values, *lengths))


def csv_events(found: Iterable[FoundEvent]) -> Iterator[bytes]:
    """A heading, then a line for each row about no command; what it is about is in `text`."""
    yield _line(EVENT_HEADING)
    for one in found:
        view = event_view(one)
        yield _line(_cell(getattr(view, name)) for name in EVENT_HEADING)


def _cell(value: str | float | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if not isinstance(value, str):
        return "" if value is None else str(value)
    return "'" + value if value.startswith(FORMULA_BEGINS) or value.lstrip().startswith(FORMULA_BEGINS) else value


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
