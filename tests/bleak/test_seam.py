"""The seam in real programs: every way to start one, and every Bleak and Python that it has to refuse."""

import inspect
import subprocess
import sys
from types import ModuleType

import bleak
import pytest
from ran_programs import SOURCE, Runs, fake_bleak, other_python

from gattkeeper.bleak import seam

SERVED = "served Client Scanner"
PYTHON = sys.executable


@pytest.fixture
def runs(tmp_path):
    own = Runs(tmp_path)
    with own.listen():
        yield own


def test_a_script_is_served_with_its_arguments(runs):
    assert runs.served(PYTHON, str(runs.program), "lounge", "73") == f"{SERVED} lounge 73\n"


def test_a_module_is_served(runs):
    runs.env["PYTHONPATH"] += f":{runs.folder}"
    assert runs.served(PYTHON, "-m", "blind", "x") == f"{SERVED} x\n"


@pytest.mark.parametrize("options", [("-u",), ("-W", "error"), ("-X", "dev"), ("-P",), ("-B", "-s")])
def test_options_of_python_that_change_nothing_here_are_fine(runs, options):
    assert runs.served(PYTHON, *options, str(runs.program)) == f"{SERVED}\n"


def test_a_keeper_in_the_same_process_has_bleaks_own_classes(runs):
    look = "from gattkeeper.links import bleak_inside as own; print(own.own_client(), own.own_scanner())"
    for before in ("", "import bleak; "):
        said = runs.served(PYTHON, "-c", before + look)
        assert said.count("<class 'bleak.backends.") == 2


def test_a_program_with_a_shebang_is_served_as_console_scripts_are(runs):
    runs.program.write_text(f"#!{PYTHON}\n{runs.program.read_text()}")
    runs.program.chmod(0o755)
    assert runs.served(str(runs.program), "y") == f"{SERVED} y\n"
    runs.env["PATH"] = f"{runs.folder}:{runs.env['PATH']}"
    assert runs.served("blind.py", "z") == f"{SERVED} z\n"


def test_what_a_shell_or_another_program_starts_is_served(runs):
    assert runs.served("sh", "-c", f"{PYTHON} {runs.program} in a shell") == f"{SERVED} in a shell\n"
    assert runs.served("env", "X=1", PYTHON, str(runs.program)) == f"{SERVED}\n"
    nested = [PYTHON, "-m", "gattkeeper", "run", "--socket", str(runs.socket), PYTHON, str(runs.program)]
    assert runs.served(*nested) == f"{SERVED}\n"


def test_another_environment_that_has_not_gattkeeper_is_served(runs):
    python = other_python(runs.folder / "venv", "bleak", "dbus_fast", "typing_extensions", "msgspec")
    runs.env["PYTHONPATH"] = ""
    words = [
        PYTHON,
        "-c",
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from gattkeeper.__main__ import main; main(sys.argv[1:])",
    ]
    done = subprocess.run(
        [*words, "run", "--socket", str(runs.socket), python, str(runs.program)],
        env=runs.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{SERVED}\n", "")


def test_one_without_msgspec_is_told_what_to_install(runs):
    python = other_python(runs.folder / "venv", "bleak", "dbus_fast", "typing_extensions")
    runs.program.write_text("import bleak; print('radio')")
    done = runs.run(python, str(runs.program))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs msgspec in the program's Python: `{python} -m pip install msgspec`" in done.stderr
    assert runs.served(python, "-c", "print('no Bluetooth, no trouble')") == "no Bluetooth, no trouble\n"


@pytest.mark.parametrize("version", ["0.22.3", "3.0.2", "4.0.0", "what"])
def test_another_bleak_is_refused_before_it_runs_whatever_the_program_catches(runs, version):
    fake_bleak(runs.folder, version)
    runs.program.write_text("try:\n    import bleak\nexcept Exception:\n    pass\nprint('radio')")
    done = runs.run(PYTHON, str(runs.program))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gattkeeper run: Bleak {version} is not supported: install one that is >=3.1,<4\n"


def test_a_bleak_that_has_not_what_the_seam_needs_is_refused(runs):
    fake_bleak(runs.folder, "3.9.9")
    done = runs.run(
        PYTHON, "-c", f"import sys; sys.path.insert(0, {str(runs.folder)!r}); import bleak; print('radio')"
    )
    assert (done.returncode, done.stdout) == (2, "bleak runs\n")
    assert "has no bleak.backends.client.get_platform_client_backend_type" in done.stderr


def test_a_program_without_bluetooth_does_not_even_load_bleak(runs):
    program = "import sys; print([name for name in sys.modules if name.split('.')[0] in ('bleak', 'msgspec', 'asyncio')])"
    assert runs.served(PYTHON, "-c", program) == "[]\n"


def test_what_the_system_is_connected_to_is_not_told(runs):
    program = (
        "import asyncio, bleak\n"
        "try:\n    asyncio.run(bleak.BleakAdapter.get())\n"
        "except RuntimeError as error:\n    print('refused')"
    )
    assert runs.served(PYTHON, "-c", program) == "refused\n"


def test_bleaks_modules_look_as_if_nobody_had_been_there(runs):
    program = (
        "import bleak.backends.client as c; print(type(c.__loader__).__name__, c.__spec__.loader is c.__loader__)"
    )
    assert runs.served(PYTHON, "-c", program) == "SourceFileLoader True\n"


@pytest.mark.parametrize("module", seam.CHOICES)
def test_the_installed_bleak_chooses_where_the_seam_is(module):
    """The contract with Bleak's inside: without arguments, a class and a name, and bound in `bleak` by that name."""
    function = seam.CHOICES[module][0]
    __import__(module)
    chooses = getattr(sys.modules[module], function)
    assert getattr(bleak, function) is chooses
    assert not inspect.signature(chooses).parameters
    found, _name = chooses()
    assert isinstance(found, type)


def test_bleak_that_was_loaded_before_is_changed_at_once(runs):
    program = runs.program.read_text().replace(
        "drop_in.Client, drop_in.Scanner",
        "import bleak\nfrom gattkeeper.bleak import seam\nseam.install()\ndrop_in.Client, drop_in.Scanner",
    )
    done = subprocess.run([PYTHON, "-c", program], env=runs.env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{SERVED}\n", "")


def test_an_old_python_is_told_that_it_is_old(monkeypatch, capsys):
    monkeypatch.setattr(seam.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as ended:
        seam.check_bleak()
    assert ended.value.code == 2
    assert f"{PYTHON} is Python 3.9, and gattkeeper needs 3.11" in capsys.readouterr().err


def test_a_module_that_lacks_the_function_ends_the_program(capsys):
    with pytest.raises(SystemExit):
        seam.take_over(ModuleType("bleak.backends.scanner"))
    assert "the seam for it does not fit" in capsys.readouterr().err
