"""Every known attack on JOSE has a test that carries its id: the catalogue, held against the names of the tests."""

import ast
import re
from pathlib import Path

import pytest

from tests import vectors

TESTS = Path(__file__).resolve().parent.parent
SECTIONS = {"A": 20, "B": 11, "C": 13, "D": 12, "E": 11}
"""Keys and algorithms, signatures and spelling, parsing, claims, encryption: so many lines each."""
IDS = [f"{section}{number:02}" for section, count in SECTIONS.items() for number in range(1, count + 1)]


def names_of_tests() -> set[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


NAMES = names_of_tests()


@pytest.mark.parametrize("attack", IDS)
def test_the_attack_has_a_test_named_after_it(attack: str) -> None:
    assert any(name.startswith(f"test_{attack}_") for name in NAMES)


def test_no_test_names_an_attack_that_is_not_in_the_catalogue() -> None:
    named = {match[1] for name in NAMES if (match := re.match(r"test_([A-E]\d\d)_", name))}
    assert named == set(IDS)


def test_the_ids_are_those_of_the_catalogue() -> None:
    """It lies beside the vectors, where they are kept; without them vectors.directory() skips and says so."""
    catalogue = vectors.directory().parent / "ATTACKS.md"
    if catalogue.is_file():
        sections = catalogue.read_text(encoding="utf-8").partition("### 3.6")[0]
        assert set(re.findall(r"^- ([A-E]\d\d)\b", sections, flags=re.MULTILINE)) == set(IDS)
