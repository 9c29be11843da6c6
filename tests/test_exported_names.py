"""The public list: `daypass.__all__`, what it resolves to, and what a type checker sees."""

import ast
import inspect
from pathlib import Path

import pytest

import daypass
from daypass import errors

ROOT = Path(daypass.__file__)


def names_for_type_checkers() -> set[str]:
    """Read the names that the TYPE_CHECKING block of the package root imports."""
    names: set[str] = set()
    for node in ast.parse(ROOT.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom | ast.Import):
                    names |= {alias.asname or alias.name for alias in inner.names}
    return names


def test_the_list_is_sorted_and_has_no_name_twice() -> None:
    assert list(daypass.__all__) == sorted(set(daypass.__all__))


@pytest.mark.parametrize("name", daypass.__all__)
def test_each_name_resolves_and_is_listed_by_dir(name: str) -> None:
    assert getattr(daypass, name) is not None
    assert name in dir(daypass)


def test_a_type_checker_sees_the_same_list() -> None:
    resolved_by_hand = {name for name in daypass.__all__ if name.startswith("__")}
    assert names_for_type_checkers() == set(daypass.__all__) - resolved_by_hand


def test_every_error_is_exported() -> None:
    own = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.DaypassError) and not name.startswith("_")
    }
    assert own <= set(daypass.__all__)


@pytest.mark.parametrize(
    "name",
    [
        "ClaimsPolicy",
        "Grants",
        "Issuer",
        "JWK",
        "JWKSet",
        "KeyRing",
        "Principal",
        "SessionPolicy",
        "AsyncSessions",
        "Sessions",
        "TokenPair",
        "Verifier",
        "inspect_token",
        "jwe",
        "jwk",
        "jws",
        "jwt",
    ],
)
def test_the_names_of_the_design_are_exported(name: str) -> None:
    assert name in daypass.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = daypass.no_such_name  # type: ignore[attr-defined]


def test_the_package_says_that_it_is_typed() -> None:
    assert ROOT.with_name("py.typed").is_file()
