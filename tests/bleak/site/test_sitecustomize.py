"""What stands before every program: the user's own sitecustomize runs as well, and nobody is served by half."""

import os
import subprocess
import sys
from pathlib import Path

import gattkeeper.bleak

SITE = Path(gattkeeper.bleak.__file__).parent / "site"
ROOT = SITE.parents[2]
SEE = "import sys, sitecustomize; print(sitecustomize.__file__, [p for p in sys.path if 'gattkeeper' in p])"


def run(program, *paths, root=ROOT):
    found = os.pathsep.join(map(str, (SITE, *paths)))
    env = {**os.environ, "PYTHONPATH": found, "GATTKEEPER_ROOT": str(root)}
    return subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)


def test_the_users_own_runs_and_takes_the_place(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('own')\n")
    done = run(SEE, tmp_path)
    assert (done.stdout, done.stderr) == (f"own\n{tmp_path}/sitecustomize.py []\n", "")


def test_without_one_nothing_is_missed(tmp_path):
    done = run("import sys; print([p for p in sys.path if 'gattkeeper' in p])", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_the_users_own_may_fail_as_it_would_without_us(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import not_there\n")
    done = run("print('on')", tmp_path)
    assert done.stderr.startswith("Error in sitecustomize")
    assert done.stdout == "on\n"


def test_gattkeeper_is_found_and_nothing_that_lies_beside_it(tmp_path):
    (tmp_path / "gattkeeper").symlink_to(ROOT / "gattkeeper")
    (tmp_path / "beside.py").write_text("")
    done = run(
        "import importlib.util as u; print(u.find_spec('gattkeeper') is None, u.find_spec('beside'))",
        root=tmp_path,
    )
    assert done.stdout == "False None\n"


def test_a_program_that_cannot_be_served_does_not_start(tmp_path):
    (tmp_path / "gattkeeper").mkdir()
    (tmp_path / "gattkeeper" / "__init__.py").touch()  # a package of this name without what is needed
    done = run("print('radio')", root=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"gattkeeper run: cannot serve {sys.executable}: ModuleNotFoundError" in done.stderr


def test_the_folder_alone_changes_nothing(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(SITE)}
    env.pop("GATTKEEPER_ROOT", None)
    program = "import sys; print(any('seam' in name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "False\n"
