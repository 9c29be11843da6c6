"""Bounds: constants with their unit in the name, and a line that says what each bounds."""

import ast
import re
from pathlib import Path

import pytest

from daypass import limits

NAMES = [name for name in vars(limits) if name.isupper()]
UNITS = re.compile(r"_(BYTES|BITS|S|CHARACTERS|DIGITS)(_|$)")
COUNTS = re.compile(r"_(REMEMBERED|MAX|ONCE|COUNT)(_|$)")


@pytest.mark.parametrize("name", NAMES)
def test_a_bound_is_a_positive_int_with_a_unit_or_a_count(name: str) -> None:
    value = getattr(limits, name)
    assert type(value) is int
    assert value > 0
    assert UNITS.search(name) or COUNTS.search(name)


def test_every_bound_says_what_it_bounds() -> None:
    body = ast.parse(Path(limits.__file__).read_text(encoding="utf-8")).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(following, ast.Expr), ast.unparse(statement)


def test_bounds_fit_into_each_other() -> None:
    assert limits.COOKIE_BYTES_MAX < limits.JWT_BYTES_MAX < limits.TOKEN_BYTES_MAX
    assert limits.KID_BYTES_MAX < limits.HEADER_BYTES_MAX < limits.JWT_BYTES_MAX
    assert limits.SECRET_BYTES_MAX < limits.KEY_TEXT_BYTES_MAX < limits.KEY_SET_BYTES_MAX
    assert limits.RSA_MODULUS_BITS_MIN < limits.RSA_MODULUS_BITS_MAX
    assert limits.PBES2_COUNT_MIN < limits.PBES2_COUNT_DEFAULT < limits.PBES2_COUNT_MAX
    assert limits.PBES2_SALT_BYTES_MIN < limits.PBES2_SALT_BYTES < limits.PBES2_SALT_BYTES_MAX
    assert limits.PBES2_COUNT_MAX < limits.KEY_DERIVATION_COUNT_MAX < 2**31  # beyond, PBKDF2 panics
    assert limits.INFLATED_BYTES_FREE < limits.PLAINTEXT_BYTES_MAX < limits.TOKEN_BYTES_MAX
    assert limits.FOOTER_BYTES_MAX < limits.JWT_BYTES_MAX
    assert limits.PBES2_COUNT_DEFAULT < limits.PASERK_PBKDF2_COUNT_MAX < limits.KEY_DERIVATION_COUNT_MAX
    assert limits.ARGON2_MEMORY_BYTES_DEFAULT < limits.ARGON2_MEMORY_BYTES_MAX < limits.ARGON2_WORK_BYTES_MAX
    assert limits.ARGON2_PASS_COUNT_DEFAULT * limits.ARGON2_MEMORY_BYTES_DEFAULT < limits.ARGON2_WORK_BYTES_MAX
