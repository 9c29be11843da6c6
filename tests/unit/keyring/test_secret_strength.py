import hashlib
import secrets

import pytest

from daypass.errors import WeakKey
from daypass.keyring.secret_strength import refuse_weak_secret, weakness_of
from daypass.limits import SECRET_BYTES_MAX


@pytest.mark.parametrize("secret", [b"", b"x", b"0123456789abcdefghijklmnopqrstu", bytes(range(0, 248, 8))])
def test_empty_and_short(secret: bytes) -> None:
    assert "empty" in str(weakness_of(secret)) or "shorter" in str(weakness_of(secret))


def test_too_long() -> None:
    assert "longer" in str(weakness_of(secrets.token_bytes(SECRET_BYTES_MAX + 1)))


GUESSABLE = [
    b"\0" * 32,
    b"a" * 64,
    b"abcdefg" * 6,
    b"abababababababababababababababababab",
    b"12345678901234567890123456789012",
    b"0123456789abcdef0123456789abcdef",
    b"0123456789abcdef" * 3 + b"0123",
    bytes(range(32)),
    bytes(range(255, 190, -1)),
    b"abcdefghijklmnopqrstuvwxyz012345",
    b"changeme" * 4,
    b"changeme" + b"!" * 24,
    b"changeme" + b"0" * 40,
    b"CHANGEME-changeme-ChangeMe-please",
    b"changeme" + b"0123456789" * 3,
    b"secretsecretsecretsecretsecretsecret",
    b"your-256-bit-secret-your-256-bit-secret",
    b"your-256-bit-secret" + b"\0" * 13,
    b"your-secret-key-change-in-production-please",
    b"super_secret_key_change_me_in_prod",
    b"this is a very long secret key for jwt hs256",
    b"default-secret-key-for-development-only",
    b"REPLACE_THIS_WITH_A_RANDOM_STRING!",
    b"password1234password1234password1234",
    b"Password Password Password Password",
    b"my-super-secret-signing-key-1234567890",
    b"insecure-secret-key-for-tests-0000",
    b"daypass-default-secret-daypass-default",
]


@pytest.mark.parametrize("secret", GUESSABLE)
def test_what_people_type(secret: bytes) -> None:
    assert "can be guessed" in str(weakness_of(secret))


@pytest.mark.parametrize(
    "secret",
    [
        hashlib.sha256(b"1").digest(),
        hashlib.sha256(b"2").hexdigest().encode(),
        b"9f86d081884c7d659a2feaa0c55ad015",
        b"b1Qm0zXyV9oJrT7uK3nWfLpE5cHdAg2SiRt8",
        b"production-key-" + hashlib.sha256(b"3").hexdigest().encode(),
        b"secret=kX9vQ2mZ7pR4tY8wB3nL6cJ1sD5f",
    ],
)
def test_what_was_drawn_passes_with_or_without_a_label(secret: bytes) -> None:
    assert weakness_of(secret) is None


@pytest.mark.parametrize(
    "draw",
    [
        lambda: secrets.token_bytes(32),
        lambda: secrets.token_hex(32).encode(),
        lambda: secrets.token_urlsafe(32).encode(),
        lambda: secrets.token_hex(16).encode(),
    ],
)
def test_nothing_drawn_at_random_is_refused(draw) -> None:
    assert [weakness_of(draw()) for _ in range(300)] == [None] * 300


def test_the_error_says_what_is_wrong_where_and_how_to_make_a_good_one() -> None:
    with pytest.raises(WeakKey) as caught:
        refuse_weak_secret(b"changeme" * 4, name="variable X")
    assert "variable X" in str(caught.value)
    assert 'python -c "import secrets; print(secrets.token_urlsafe(32))"' in str(caught.value)
    assert "changeme" not in str(caught.value)


def test_a_good_secret_passes() -> None:
    refuse_weak_secret(secrets.token_bytes(32), name="variable X")
