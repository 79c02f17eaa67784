"""Completion scripts for shells, made from the parsers.

Knows shells' ways to complete words. Devices are asked of the daemon at the time of completion.
"""

import argparse

from gattkeeper.fronts.cli.parsers import Parser, build_parser

_DEVICES = 'gattkeeper devices 2>/dev/null | cut -d" " -f1'
_ON_DEVICES = ("act", "read", "write", "subscribe", "pair", "unpair", "stop", "resume")


def completion_script(shell: str) -> str:
    """The script for bash, zsh or fish, to be sourced."""
    verbs = _verbs()
    if shell == "fish":
        return _fish(verbs)
    script = _bash(verbs)
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script


def _verbs() -> dict[str, list[str]]:
    """Every verb with what may follow it."""
    actions = build_parser()._actions  # noqa: SLF001 - argparse has no public way to list what it knows
    choices = next(action.choices for action in actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    return {name: _words(parser) for name, parser in (choices or {}).items()}


def _words(parser: Parser) -> list[str]:
    """Its long options, then the words that its arguments may be, then those of its own verbs; each once."""
    actions = parser._actions  # noqa: SLF001 - as above
    options = [option for action in actions for option in action.option_strings if option.startswith("--")]
    words = options + [str(choice) for action in actions for choice in action.choices or ()]
    verbs = [verb for action in actions if isinstance(action.choices, dict) for verb in action.choices.values()]
    return list(dict.fromkeys(words + [word for verb in verbs for word in _words(verb)]))


def _bash(verbs: dict[str, list[str]]) -> str:
    cases = "\n".join(f'        {verb}) words="{" ".join(words)}" ;;' for verb, words in verbs.items())
    return f"""_gattkeeper() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(verbs)}" -- "$current"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    case "${{COMP_WORDS[1]}}:$COMP_CWORD" in
        {":2|".join(_ON_DEVICES)}:2) words="$words $({_DEVICES})" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _gattkeeper gattkeeper
"""


def _fish(verbs: dict[str, list[str]]) -> str:
    lines = ["complete -c gattkeeper -f"]
    lines += [f"complete -c gattkeeper -n __fish_use_subcommand -a {verb}" for verb in verbs]
    for verb, words in verbs.items():
        seen = f"complete -c gattkeeper -n '__fish_seen_subcommand_from {verb}'"
        lines += [
            f"{seen} -l {word.removeprefix('--')}" if word.startswith("--") else f"{seen} -a {word}"
            for word in words
        ]
        if verb in _ON_DEVICES:
            lines.append(f"{seen} -a '({_DEVICES})'")
    return "\n".join(lines) + "\n"
