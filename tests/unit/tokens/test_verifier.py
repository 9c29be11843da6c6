"""Verifier: what is refused when it is built, typed claims, and the cache before it."""

import copy
import threading
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec
import pytest

from daypass.errors import ClaimError, ConfigurationError, Expired, MalformedToken, TokenTooLarge
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.security import forge

KEY = JWK.from_secret(forge.SECRET, alg="HS256")
WORDS: dict[str, Any] = {"issuer": "i", "audience": "a"}


def issue(claims: dict[str, Any]) -> str:
    return Issuer(KEY, **WORDS).issue(claims)


@pytest.mark.parametrize(
    "words",
    [
        {"issuer": ""},
        {"issuer": None},
        {"issuer": ["i"]},
        {"audience": ""},
        {"audience": None},
        {"format": "paseto"},
        {"typ": ""},
        {"typ": None},
        {"typ": 5},
        {"leeway_s": -1},
        {"leeway_s": 301},
        {"leeway_s": "5"},
        {"cache_entries": -1},
        {"cache_entries": 1.5},
        {"cache_entries": True},
        {"cache_entries": None},
        {"bytes_max": None},
        {"bytes_max": 0},
        {"bytes_max": 1e9},
        {"typ": "caf\u00e9"},
    ],
    ids=str,
)
def test_a_wrong_set_up_fails_at_start(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Verifier(KEY, **WORDS | words)


@pytest.mark.parametrize("keys", [None, "secret", forge.SECRET, 5, {"k": KEY}, [forge.SECRET]], ids=repr)
def test_what_is_no_key_fails_at_start(keys: Any) -> None:
    with pytest.raises(TypeError):
        Verifier(keys, **WORDS)


def test_an_empty_set_fails_at_start() -> None:
    with pytest.raises(ConfigurationError):
        Verifier([], **WORDS)


class Access(msgspec.Struct):
    """What a program wants of its claims."""

    sub: str
    exp: int
    roles: list[str] = []


@dataclass
class AsDataclass:
    sub: str
    exp: int


class AsDict(TypedDict):
    sub: str
    exp: int


@pytest.mark.parametrize("claims_type", [Access, AsDataclass, AsDict])
@pytest.mark.parametrize("cache_entries", [0, 2])
def test_claims_may_have_a_type(claims_type: Any, cache_entries: int) -> None:
    verify = Verifier(KEY, **WORDS, claims_type=claims_type, cache_entries=cache_entries).verify
    token = issue({"sub": "u1"})
    for _ in range(2):
        claims = verify(token)
        assert (claims["sub"] if isinstance(claims, dict) else claims.sub) == "u1"


@pytest.mark.parametrize(
    "more, claim", [({"sub": "u", "roles": 5}, "roles"), ({"sub": "u", "roles": ["a", 5]}, "roles"), ({}, "sub")]
)
def test_claims_of_another_type_are_refused_as_a_token(more: dict[str, Any], claim: str) -> None:
    for cache_entries in (0, 2):
        verify = Verifier(KEY, **WORDS, claims_type=Access, cache_entries=cache_entries).verify
        for _ in range(2):
            with pytest.raises(ClaimError) as raised:
                verify(issue(more))
            assert (raised.value.claim, raised.value.reason) == (claim, "type")
            assert raised.value.__cause__ is None


def test_a_longer_token_needs_a_wider_bound() -> None:
    token = Issuer(KEY, **WORDS, bytes_max=50_000).issue({"x": "y" * 20_000})
    with pytest.raises(TokenTooLarge):
        Verifier(KEY, **WORDS).verify(token)
    assert Verifier(KEY, **WORDS, bytes_max=50_000).verify(token)


def test_the_clock_is_asked_each_time() -> None:
    now_s = 1000.0
    issuer = Issuer(KEY, **WORDS, lifetime_s=10, clock=lambda: now_s)
    verify = Verifier(KEY, **WORDS, clock=lambda: now_s).verify
    token = issuer.issue({"sub": "u1"})
    assert verify(token)["sub"] == "u1"
    now_s = 1010.0
    with pytest.raises(Expired):
        verify(token)


@pytest.mark.parametrize("claims", [{"sub": "u1"}, {}, {"nbf": 5}, {"sub": "u1", "deep": {"a": [{"b": []}]}}], ids=str)
def test_a_cache_returns_equal_claims_that_are_nobody_elses(claims: dict[str, Any]) -> None:
    verify = Verifier(KEY, **WORDS, cache_entries=4).verify
    token = issue(claims)
    first = verify(token)
    kept = copy.deepcopy(first)
    for _ in range(3):
        again = verify(token)
        assert again == kept
        assert again is not first
        again["sub"] = "admin"
        if "deep" in again:
            again["deep"]["a"][0]["b"].append(1)
        first = again


def test_a_cached_token_may_lack_what_an_access_token_has() -> None:
    """No sub, no jti, no iat: the fast check has no opinion, the complete one lets it pass."""
    verify = Verifier(KEY, **WORDS, typ="JWT", cache_entries=4).verify
    token = forge.token(None, {"iss": "i", "aud": ["a"], "exp": 2_000_000_000})
    assert verify(token) == verify(token) == {"iss": "i", "aud": ["a"], "exp": 2_000_000_000}


def test_a_refused_token_is_not_remembered() -> None:
    verify = Verifier(KEY, **WORDS, cache_entries=4).verify
    bad = issue({})[:-4] + "AAAA"
    for _ in range(3):
        with pytest.raises(Exception):  # noqa: B017, PT011
            verify(bad)
    for odd in (None, [], {}, 5, b"x"):  # unhashable ones, too
        with pytest.raises(MalformedToken):
            verify(odd)


def test_a_cache_under_threads() -> None:
    verify = Verifier(KEY, **WORDS, cache_entries=3).verify
    tokens = [issue({"sub": str(number)}) for number in range(8)]
    faults: list[object] = []

    def work(offset: int) -> None:
        for turn in range(400):
            number = (turn * (offset + 1) + offset) % 8
            try:
                if verify(tokens[number])["sub"] != str(number):
                    faults.append(number)
            except Exception as raised:  # noqa: BLE001 - told by the test
                faults.append(raised)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_set_of_keys_selects_by_kid() -> None:
    keys = [JWK.generate("HS256", kid=str(number)) for number in range(3)]
    verify = Verifier(JWKSet(keys), **WORDS).verify
    for key in keys:
        assert verify(Issuer(key, **WORDS).issue({"sub": key.kid}))["sub"] == key.kid
