"""The program as it is started: which way a command line takes, and what that loads."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fronts.keeper_bench import bench

SOURCE = Path(__file__).parents[1] / "src"
PROGRAM = Path(__file__).parents[1] / "scripts" / "gattkeeper"


def environment(path):
    return {**os.environ, "PYTHONPATH": str(SOURCE), "GATTKEEPER_SOCKET": str(path)}


@pytest.mark.asyncio
async def test_the_fast_path_loads_nothing_heavy(tmp_path):
    program = "import sys; before = set(sys.modules); from gattkeeper.__main__ import main; code = main(['status']); sys.stderr.write(' '.join(set(sys.modules) - before)); sys.exit(code)"
    async with bench(tmp_path) as b:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=environment(b.path), stdout=-1, stderr=-1
        )
        _, loaded = await child.communicate()
    assert child.returncode == 0
    allowed = {
        "gattkeeper",
        "gattkeeper.__main__",
        "gattkeeper.client",
        "gattkeeper.client.thin",
        "gattkeeper.client.socket_path",
        "_socket",
    }
    assert set(loaded.decode().split()) <= allowed


def test_module_and_script_are_the_same_program(tmp_path):
    settings = {"env": environment(tmp_path / "nobody.sock"), "capture_output": True, "text": True, "check": False}
    script = subprocess.run([sys.executable, str(PROGRAM), "status"], **settings)
    module = subprocess.run([sys.executable, "-m", "gattkeeper", "status"], **settings)
    assert (script.returncode, script.stderr) == (module.returncode, module.stderr)
    assert script.returncode == 69


def test_bad_usage_is_told_even_without_a_daemon(tmp_path):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "write", "lounge", "fe51", "zz"],
        env=environment(tmp_path / "nobody.sock"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "hex digits" in done.stderr
