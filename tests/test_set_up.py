"""What `make` says when something is missing: one line, and what to do about it."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
REAL = f'exec "{sys.executable}" "$@"'
NAMES = ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15)))


def make_venv(tmp_path: Path, interpreter: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Ask for an environment where every Python is a script of one line."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NAMES:
        (programs / name).write_text(f"#!/bin/sh\n{interpreter}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", REPOSITORY / "scripts/make-venv.sh", tmp_path / "venv", *words],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "interpreter, words, reason",
    [
        ("exit 127", (), "no Python >= 3.11 found"),
        ("exit 127", ("python3",), "PYTHON=python3 is not a Python >= 3.11 that runs here"),
        (f'case "$*" in *ensurepip*) exit 1;; esac; {REAL}', (), "has no venv module: install it"),
        (f'case "$*" in *ensurepip*) exit 1;; esac; {REAL}', ("python3",), "python3 has no venv module: install it"),
    ],
)
def test_what_is_missing_for_an_environment(
    interpreter: str, words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    answer = make_venv(tmp_path, interpreter, *words)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("daypass: ")
    assert reason in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def installer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", REPOSITORY / "scripts/install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_failed_installation(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_name: str, _stamps: Path) -> None:
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(installer, "install", fail)
    monkeypatch.setattr(sys, "argv", ["install.py", "serve"])
    monkeypatch.setattr(sys, "prefix", "an environment")
    assert installer.main() == 1
    told = capsys.readouterr().err
    assert told.startswith("daypass: pip could not install (exit code 1), its message is above")
    assert "needs a network" in told
    assert told.count("\n") == 1
