"""Completion scripts for shells, made from the parsers.

Knows shells' ways to complete words. Devices are asked of the daemon at the time of completion.
"""

import argparse

from gattkeeper.fronts.cli.parsers import Parser, build_parser

_DEVICES = 'gattkeeper devices 2>/dev/null | cut -d" " -f1'


def completion_script(shell: str) -> str:
    """The script for bash, zsh or fish, to be sourced."""
    verbs = _verbs()
    if shell == "fish":
        return _fish(verbs)
    script = _bash(verbs)
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script


def _verbs() -> dict[str, list[str]]:
    """Every verb with its long options."""
    actions = build_parser()._actions  # noqa: SLF001 - argparse has no public way to list what it knows
    choices = next(action.choices for action in actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    return {name: _options(parser) for name, parser in (choices or {}).items()}


def _options(parser: Parser) -> list[str]:
    actions = parser._actions  # noqa: SLF001 - as above
    return [option for action in actions for option in action.option_strings if option.startswith("--")]


def _bash(verbs: dict[str, list[str]]) -> str:
    cases = "\n".join(f'        {verb}) words="{" ".join(options)}" ;;' for verb, options in verbs.items())
    return f"""_gattkeeper() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(verbs)}" -- "$current"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    if [ "$COMP_CWORD" -eq 2 ]; then
        words="$words $({_DEVICES})"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _gattkeeper gattkeeper
"""


def _fish(verbs: dict[str, list[str]]) -> str:
    lines = ["complete -c gattkeeper -f"]
    lines += [f"complete -c gattkeeper -n __fish_use_subcommand -a {verb}" for verb in verbs]
    for verb, options in verbs.items():
        seen = f"complete -c gattkeeper -n '__fish_seen_subcommand_from {verb}'"
        lines += [f"{seen} -l {option.removeprefix('--')}" for option in options]
        lines.append(f"{seen} -a '({_DEVICES})'")
    return "\n".join(lines) + "\n"
