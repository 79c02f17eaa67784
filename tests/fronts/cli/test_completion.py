"""Completion scripts, run by the shells that are here."""

import shutil
import subprocess

import pytest

from gattkeeper.client.thin import DAEMON_VERBS
from gattkeeper.fronts.cli.completion import completion_script


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_verb_and_its_options_are_offered(shell):
    script = completion_script(shell)
    for word in (*DAEMON_VERBS, "serve", "latch" if shell == "fish" else "--latch"):
        assert all(each in script for each in word.split())


def test_bash_completes_verbs_and_options():
    program = completion_script("bash") + (
        'COMP_WORDS=(gattkeeper st); COMP_CWORD=1; _gattkeeper; echo "${COMPREPLY[@]}"\n'
        'COMP_WORDS=(gattkeeper stop lounge --l); COMP_CWORD=3; _gattkeeper; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "stop status\n--latch\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("act", "lo"), "lounge"),
        (("outcome", "lo"), ""),
        (("config", "ch"), "check"),
        (("audit", "--verd"), "--verdict"),  # of a verb of its own
        (("completion", ""), "--help bash zsh fish"),
        (("serve", "./setti"), ""),  # left to the shell, which knows files
    ],
)
def test_bash_offers_what_fits_the_verb(words, offered):
    program = (
        "gattkeeper() { echo 'lounge   F0:00:00:00:00:01  open'; }\n"
        + completion_script("bash")
        + f"COMP_WORDS=(gattkeeper {words[0]} '{words[1]}'); COMP_CWORD=2; _gattkeeper; echo \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{offered}\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_script(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [shell, "-n"], input=completion_script(shell), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
