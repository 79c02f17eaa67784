"""The findings as text for people and as one line for programs.

Knows columns and colours. The order is the examination's.
"""

import textwrap

import msgspec

from gattkeeper.daemon.doctor.findings import Finding, Level
from gattkeeper.fronts.cli.style import BLUE, GREEN, RED, YELLOW, Terminal, clean, paint

_SIGNS = {Level.OK: ("✓", GREEN), Level.NOTE: ("·", BLUE), Level.WARNING: ("!", YELLOW), Level.PROBLEM: ("✗", RED)}
_AREA = 10
_INDENT = _AREA + 4


def as_text(findings: list[Finding], terminal: Terminal) -> str:
    """A line each, its cure below it, and the sum at the end."""
    return "\n".join([*(_entry(each, terminal) for each in findings), "", _sum(findings, terminal)])


def as_json(findings: list[Finding]) -> str:
    """One line: counts, then every finding as it is."""
    counts = {f"{level.value}s": count for level, count in _counts(findings).items() if level is not Level.OK}
    return msgspec.json.encode({**counts, "findings": findings}).decode()


def exit_code(findings: list[Finding]) -> int:
    """0: no problem; 1: at least one."""
    return int(any(each.level is Level.PROBLEM for each in findings))


def _entry(finding: Finding, terminal: Terminal) -> str:
    sign, color = _SIGNS[finding.level]
    lines = _wrapped(finding.what, terminal)
    cure = _wrapped(f"→ {finding.cure}", terminal) if finding.cure else []
    first, *rest = [*lines, *cure]
    head = f"{paint(sign, color, terminal)} {finding.area:<{_AREA}}  {first}"
    return "\n".join([head, *(" " * _INDENT + line for line in rest)])


def _wrapped(text: str, terminal: Terminal) -> list[str]:
    return textwrap.wrap(clean(text), terminal.width - _INDENT, break_on_hyphens=False) or [""]


def _counts(findings: list[Finding]) -> dict[Level, int]:
    return {level: sum(each.level is level for each in findings) for level in Level}


def _sum(findings: list[Finding], terminal: Terminal) -> str:
    counts = _counts(findings)
    words = [
        paint(f"{counts[level]} {level.value}{'' if counts[level] == 1 else 's'}", _SIGNS[level][1], terminal)
        for level in (Level.PROBLEM, Level.WARNING, Level.NOTE)
        if counts[level]
    ]
    return ", ".join(words) or "nothing is wrong"
