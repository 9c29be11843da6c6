"""The page on the RFCs, held against the tree: what it names is there, and what the code cites is on it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = (REPOSITORY / "docs/rfc-coverage.md").read_text(encoding="utf-8")
RFCS = ["7515", "7516", "7517", "7518", "7519", "7638", "7797", "8037", "8725", "8812", "9278", "9864", "9964"]
NOT_JOSE = {
    "1951",
    "3394",
    "4253",
    "4648",
    "5280",
    "5652",
    "5915",
    "5958",
    "7292",
    "7468",
    "7520",
    "7914",
    "8017",
    "8018",
}
NOT_JOSE |= {"4716", "7748", "8032", "8259", "9068", "7009", "7662"}
"""What the rooms of JOSE lean on beside its own RFCs: formats of keys, JSON, primitives."""


def rows() -> list[tuple[str, list[str]]]:
    """Each row with the RFC above it: section, requirement, module, tests."""
    found: list[tuple[str, list[str]]] = []
    rfc = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            match = re.match(r"## RFC (\d+)", line)
            rfc = match[1] if match else ""
        elif rfc and line.startswith("| ") and not line.startswith("| section"):
            found.append((rfc, [cell.strip() for cell in line.strip("|").split("|")]))
    return found


ROWS = rows()
TESTS = {path.stem.removeprefix("test_"): path for path in sorted((REPOSITORY / "tests").rglob("test_*.py"))}


@cache
def names_in(name: str) -> set[str]:
    tree = ast.parse(TESTS[name].read_text(encoding="utf-8"))
    return {node.name.removeprefix("test_") for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_is_a_table_for_each_rfc() -> None:
    assert list(dict.fromkeys(rfc for rfc, _ in ROWS)) == RFCS
    assert len(ROWS) > 100


@pytest.mark.parametrize("rfc, cells", ROWS, ids=[f"{rfc} {cells[0]} {n}" for n, (rfc, cells) in enumerate(ROWS)])
def test_a_row_names_what_is_there(rfc: str, cells: list[str]) -> None:
    section, requirement, module, tests = cells
    assert section
    assert requirement
    if module == "-":  # for the application, or left out: the row says why
        assert len(tests) > 20
        return
    for name in re.findall(r"`([^`]+)`", module):
        place = REPOSITORY / "src/daypass" / name
        assert place.with_suffix(".py").is_file() or place.is_dir(), name
    named = re.findall(r"`([^`]+)::([^`]+)`", tests)
    assert named
    for file, test in named:
        assert file in TESTS, file
        assert test in names_in(file), f"{file}::{test}"


def test_every_rfc_that_the_code_cites_is_on_the_page() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "src/daypass/jose").rglob("*.py")]
    cited = {number for text in texts for number in re.findall(r"\bRFC (\d{4})\b", text)}
    assert cited - NOT_JOSE <= set(RFCS)
    assert set(RFCS) <= cited


def test_a_name_that_is_not_there_would_be_noticed() -> None:
    assert "no_such_test" not in names_in("jwk")
    assert not (REPOSITORY / "src/daypass/jose/no_such_module.py").exists()
