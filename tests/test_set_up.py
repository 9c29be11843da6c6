"""What `make` says when something is missing: one line, and what to do about it."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = "php-cli nodejs curl openssl openssh-client postgresql mariadb-server redis-server memcached"
SERVERS = ("postgres", "mariadbd", "redis-server", "memcached")
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


def packages(
    tmp_path: Path, *, present: tuple[str, ...] = (), user: int = 0, apt: str = "exit 0", policy: str = "policy"
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Ask for the Debian packages where every program is a script of one line; also what apt-get was asked to do."""
    programs, asked = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    scripts = dict.fromkeys(present, "exit 0") | {"id": f"echo {user}"}
    if apt:
        scripts["apt-get"] = f'echo "$DEBIAN_FRONTEND $(test -x {tmp_path / policy} && echo held) $*" >>{asked}; {apt}'
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    for name in ("chmod", "rm", "tail"):
        (programs / name).symlink_to(shutil.which(name) or name)
    answer = subprocess.run(
        ["/bin/sh", REPOSITORY / "scripts/debian-packages.sh"],
        env={"PATH": str(programs), "POLICY_RC_D": str(tmp_path / policy), "SERVER_FOLDERS": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer, asked.read_text(encoding="utf-8").splitlines() if asked.exists() else []


def test_packages_that_are_there_are_left_alone(tmp_path: Path) -> None:
    answer, asked = packages(tmp_path, present=("php", "node", "curl", "openssl", "ssh-keygen", *SERVERS))
    assert (answer.returncode, answer.stdout, answer.stderr, asked) == (0, "", "", [])


def test_missing_packages_are_installed_and_start_nothing(tmp_path: Path) -> None:
    answer, asked = packages(tmp_path, present=("curl", "openssl", "ssh-keygen", *SERVERS[1:]))
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == "daypass: installing php-cli nodejs postgresql (once)\n"
    assert [line.partition(" -qq")[0] for line in asked] == [
        "noninteractive held update",
        "noninteractive held install",
    ]
    assert asked[1].endswith(" php-cli nodejs postgresql")
    assert not (tmp_path / "policy").exists()


def test_what_says_whether_a_service_starts_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("mine", encoding="utf-8")
    answer, asked = packages(tmp_path)
    assert (answer.returncode, len(asked)) == (0, 2)
    assert (tmp_path / "policy").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "words, reason",
    [
        (
            {"user": 1000},
            f"only root can install packages; as root: apt-get update && apt-get install {PACKAGES}",
        ),
        ({"apt": ""}, f"there is no apt-get here: install what goes by the names of {PACKAGES}"),
        ({"apt": "echo E: no network; exit 100"}, "apt-get update failed: E: no network"),
        (
            {"apt": 'case "$*" in *update*) exit 0;; esac; echo first; echo E: not found; exit 100'},
            f"apt-get could not install {PACKAGES}: E: not found",
        ),
    ],
    ids=["not root", "no apt-get", "no network", "no package"],
)
def test_what_is_missing_for_packages(words: dict[str, Any], reason: str, tmp_path: Path) -> None:
    answer, _ = packages(tmp_path, **words)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[-1] == f"daypass: {reason}"
    assert answer.stderr.count("\n") <= 2
    assert not (tmp_path / "policy").exists()


def test_every_target_of_make_is_listed_and_has_its_list() -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    documented = re.findall(r"^([a-z]+):.*## ", makefile, flags=re.MULTILINE)
    assert [line.split()[1] for line in listed.splitlines()] == documented
    assert {"fuzz", "packages", "test", "check"} <= set(documented)
    for name in re.findall(r"\binstall-([a-z]+)\b(?!:)", makefile):
        assert (REPOSITORY / f"requirements/{name}.txt").is_file()
