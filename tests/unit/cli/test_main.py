"""The entry: help, versions, one line for what went wrong, and tracebacks without local variables."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from daypass.cli.application import application
from tests.unit.cli.conftest import Command


def test_the_version(daypass: Command) -> None:
    assert daypass("--version") == (0, f"daypass {version('daypass')}\n", "")


@pytest.mark.parametrize("words", [(), ("users",), ("keys",), ("serve", "--help"), ("users", "add", "--help")])
def test_help_is_there(words: tuple[str, ...], daypass: Command) -> None:
    code, out, err = daypass(*words)
    assert code in {0, 2}
    assert "Usage:" in out + err


def test_the_module_is_the_command() -> None:
    answer = subprocess.run([sys.executable, "-m", "daypass", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("daypass ")


def test_no_traceback_shows_local_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert application.pretty_exceptions_enable is False
    assert application.pretty_exceptions_show_locals is False
    program = (
        "import sys\n"
        "from daypass.cli import options, keys\n"
        "def fail(*_words):\n"
        "    planted = 'planted' + '-secret'\n"
        "    raise ZeroDivisionError\n"
        "keys._ring = fail\n"
        "sys.argv = ['daypass', 'keys', 'list']\n"
        "from daypass.cli.main import main\nmain()"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "ZeroDivisionError" in answer.stderr
    assert "planted-secret" not in answer.stderr
