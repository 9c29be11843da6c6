"""The command line within this process: words and standard input in, exit code and text out."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.cli.main import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def daypass(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path) -> Command:
    """Run a command: ``daypass("users", "list") -> (exit code, output, errors)``."""
    for name in ("DAYPASS_KEYS", "DAYPASS_PORT", "DAYPASS_HOST", "DAYPASS_STORE", "DAYPASS_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAYPASS_DATA", str(data))

    def run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["daypass", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        answer = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, answer.out, answer.err

    return run
