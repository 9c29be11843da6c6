"""What an import costs: no driver, no primitive and no framework comes along before it is needed."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import daypass

PACKAGE = Path(daypass.__file__).parent
FRAMEWORKS = {
    "anyio",
    "argon2",
    "django",
    "fastapi",
    "flask",
    "httpx",
    "pydantic",
    "pydantic_settings",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
}
DRIVERS = {"psycopg", "pymemcache", "pymysql", "redis", "sqlalchemy"}
PRIMITIVES = {"cryptography", "nacl"}
CORE = ("errors", "limits", "encoding", "claims", "jose", "paseto", "tokens", "keyring", "stores", "sessions")


@cache
def modules_after(statement: str) -> frozenset[str]:
    """Run one statement in a fresh interpreter and name the modules that it brought in."""
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return frozenset(json.loads(answer.stdout))


def packages_after(statement: str) -> set[str]:
    """Name the top-level packages that one statement brings in."""
    return {module.partition(".")[0] for module in modules_after(statement)}


def core_rooms() -> list[str]:
    """Name the rooms of the core that stand."""
    return [room for room in CORE if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()]


def test_the_package_root_loads_nothing_heavy() -> None:
    loaded = packages_after("import daypass")
    assert loaded.isdisjoint(FRAMEWORKS | DRIVERS | PRIMITIVES | {"asyncio", "msgspec"})


def test_the_two_line_example_loads_no_primitive_and_no_driver() -> None:
    loaded = packages_after("from daypass import jwt, JWK")
    assert loaded.isdisjoint(FRAMEWORKS | DRIVERS | PRIMITIVES)


@pytest.mark.parametrize("room", core_rooms())
def test_a_core_room_loads_no_framework_and_no_driver(room: str) -> None:
    loaded = packages_after(f"import daypass.{room}")
    assert loaded.isdisjoint(FRAMEWORKS | DRIVERS | {"asyncio"})


@pytest.mark.parametrize("room", core_rooms())
def test_a_core_room_configures_no_logging(room: str) -> None:
    assert "logging.config" not in modules_after(f"import daypass.{room}")


def test_the_probe_sees_what_is_loaded() -> None:
    assert "sqlalchemy" in packages_after("import sqlalchemy")
    assert "logging.config" in modules_after("import logging.config")
