"""Every known attack on JOSE and PASETO has a test with its id: the catalogue, held against the names of the tests."""

import ast
import re
from pathlib import Path

import pytest

from tests import vectors

TESTS = Path(__file__).resolve().parent.parent
SECTIONS = {"A": 20, "B": 11, "C": 13, "D": 12, "E": 11, "F": 13}
"""Keys and algorithms, signatures and spelling, parsing, claims, encryption, PASETO: so many attacks each."""
IDS = [f"{section}{number:02}" for section, count in SECTIONS.items() for number in range(1, count + 1)]


def names_of_tests() -> set[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def ids_in(name: str) -> list[str]:
    """The attacks that a test is named after: one, or several that it is about."""
    named = re.match(r"test_((?:[A-F]\d\d_)+)", name)
    return named[1].rstrip("_").split("_") if named else []


NAMES = names_of_tests()


@pytest.mark.parametrize("attack", IDS)
def test_the_attack_has_a_test_named_after_it(attack: str) -> None:
    assert any(attack in ids_in(name) for name in NAMES)


def test_no_test_names_an_attack_that_is_not_in_the_catalogue() -> None:
    assert {attack for name in NAMES for attack in ids_in(name)} == set(IDS)


def test_the_ids_are_those_of_the_catalogue() -> None:
    """It lies beside the vectors, where they are kept; without them vectors.directory() skips and says so."""
    catalogue = vectors.directory().parent / "ATTACKS.md"
    if catalogue.is_file():
        sections = catalogue.read_text(encoding="utf-8").partition("### 3.7")[0]
        # Those of PASETO share lines: there, an id begins a sentence.
        assert set(re.findall(r"(?:^- |\. )([A-F]\d\d)\b", sections, flags=re.MULTILINE)) == set(IDS)
