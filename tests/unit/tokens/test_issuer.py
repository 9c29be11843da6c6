"""Issuer: what every token has, ids that never repeat, and the turn of a second in both directions."""

import json
import multiprocessing
import os
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from daypass import jws
from daypass.errors import ConfigurationError
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import JWT_BYTES_MAX, NUMERIC_DATE_MAX
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.security import forge

KEY = JWK.from_secret(forge.SECRET, alg="HS256")
WORDS: dict[str, Any] = {"issuer": "i", "audience": "a"}
NOW_S = 1_800_000_000.5


def read(token: str) -> dict[str, Any]:
    return json.loads(forge.unb64u(token.split(".")[1]))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(forge.unb64u(token.split(".", maxsplit=1)[0]))


@pytest.mark.parametrize("alg", ["HS256", "HS512", "RS256", "PS256", "ES256", "ES512", "EdDSA", "Ed448"])
def test_a_token_has_what_rfc_9068_wants(alg: str) -> None:
    key = JWK.generate(alg)
    token = Issuer(key, **WORDS, lifetime_s=60, clock=lambda: NOW_S).issue({"sub": "u1", "client_id": "c"})
    claims = read(token)
    assert len(claims.pop("jti")) == 32
    assert claims == {"iss": "i", "aud": "a", "iat": 1_800_000_000, "exp": 1_800_000_060, "sub": "u1", "client_id": "c"}
    assert header_of(token) == {"alg": alg, "typ": "at+jwt", "kid": key.kid}
    assert json.loads(jws.verify(token, key).payload) == read(token)
    assert Verifier(key, **WORDS, clock=lambda: NOW_S).verify(token) == read(token)


def test_a_token_without_claims_of_its_own() -> None:
    for typ in ("at+jwt", "JWT"):
        token = Issuer(KEY, **WORDS, typ=typ, clock=lambda: NOW_S).issue({})
        assert read(token).keys() == {"iss", "aud", "iat", "exp"} | ({"jti"} if typ == "at+jwt" else set())
        assert Verifier(KEY, **WORDS, typ=typ, clock=lambda: NOW_S).verify(token) == read(token)


@pytest.mark.parametrize("name", ["iss", "aud", "iat", "exp"])
def test_what_the_issuer_sets_is_not_for_the_caller(name: str) -> None:
    issue = Issuer(KEY, **WORDS).issue
    for value in ("i", 5, None):
        with pytest.raises(ValueError, match="set by the Issuer"):
            issue({name: value})
        with pytest.raises(ValueError, match="set by the Issuer"):
            issue({"sub": "u1", name: value})


def test_a_jti_of_the_caller_stays() -> None:
    assert read(Issuer(KEY, **WORDS).issue({"jti": "mine"}))["jti"] == "mine"


def test_each_token_has_its_own_jti() -> None:
    issue = Issuer(KEY, **WORDS).issue
    assert len({read(issue({}))["jti"] for _ in range(1000)}) == 1000


def test_threads_never_share_a_jti() -> None:
    issue = Issuer(KEY, **WORDS).issue
    found: list[str] = []

    def many() -> None:
        found.extend(read(issue({}))["jti"] for _ in range(1000))

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(found) == 8000


def send_ids(issuer: Issuer, pipe: Any) -> None:
    pipe.send([read(issuer.issue({}))["jti"] for _ in range(400)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside the threads of other tests
def test_a_forked_process_draws_ids_of_its_own() -> None:
    issuer = Issuer(KEY, **WORDS)
    issuer.issue({})  # the parent has drawn a batch
    fork = multiprocessing.get_context("fork")
    found: list[str] = []
    for _ in range(2):
        ours, theirs = fork.Pipe()
        child = fork.Process(target=send_ids, args=(issuer, theirs))
        child.start()
        found += ours.recv()
        child.join()
    found += [read(issuer.issue({}))["jti"] for _ in range(400)]
    assert len(set(found)) == 1200


def test_the_second_turns_both_ways() -> None:
    """Clocks go on, and are set back."""
    now_s = NOW_S
    issue = Issuer(KEY, **WORDS, lifetime_s=100, clock=lambda: now_s).issue
    for now_s in (NOW_S, NOW_S + 0.4999, NOW_S + 0.5, NOW_S + 1, NOW_S - 3600, NOW_S - 3600.6, NOW_S):
        claims = read(issue({}))
        assert (claims["iat"], claims["exp"]) == (int(now_s), int(now_s) + 100)
        assert jws.verify(issue({"sub": "x" * int(now_s % 7)}), KEY)


def test_a_token_may_end_before_its_lifetime() -> None:
    issue = Issuer(KEY, **WORDS, lifetime_s=100, clock=lambda: NOW_S).issue
    now_s = int(NOW_S)
    assert read(issue({}, expires_at=now_s + 5))["exp"] == now_s + 5
    assert read(issue({}, expires_at=now_s + 500))["exp"] == now_s + 100
    assert read(issue({}))["exp"] == now_s + 100
    for late in (now_s, now_s - 1, 0, float("nan")):
        with pytest.raises(ValueError, match="born expired"):
            issue({}, expires_at=late)


def test_a_token_has_a_longest_length() -> None:
    issue = Issuer(KEY, **WORDS).issue
    with pytest.raises(ValueError, match=str(JWT_BYTES_MAX)):
        issue({"x": "y" * JWT_BYTES_MAX})
    length = len(issue({"x": "y"}))
    assert Issuer(KEY, **WORDS, bytes_max=length).issue({"x": "y"})
    with pytest.raises(ValueError, match=f"have {length} bytes"):
        Issuer(KEY, **WORDS, bytes_max=length - 1).issue({"x": "y"})
    wide = Issuer(KEY, **WORDS, bytes_max=10**6).issue({"x": "y" * 100_000})
    assert Verifier(KEY, **WORDS, bytes_max=10**6).verify(wide)["x"] == "y" * 100_000


@pytest.mark.parametrize(
    "words",
    [
        {"issuer": ""},
        {"issuer": None},
        {"audience": ""},
        {"audience": ("a", "")},
        {"audience": None},
        {"format": "jwe"},
        {"format": None},
        {"typ": ""},
        {"typ": None},
        {"lifetime_s": 0},
        {"lifetime_s": -1},
        {"lifetime_s": True},
        {"lifetime_s": 1.5},
        {"lifetime_s": "900"},
        {"lifetime_s": NUMERIC_DATE_MAX},
    ],
    ids=str,
)
def test_a_wrong_set_up_fails_at_start(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Issuer(KEY, **WORDS | words)


def test_a_lifetime_beyond_the_calendar_fails_at_start() -> None:
    with pytest.raises(ValueError, match="9999"):
        Issuer(KEY, **WORDS, lifetime_s=NUMERIC_DATE_MAX - 1)


def test_a_key_that_cannot_sign_fails_at_start() -> None:
    private = JWK.generate("ES256")
    wrong = [
        private.public(),
        JWK.from_dict({**KEY.to_dict(private=True), "use": "enc"}),
        JWK.from_dict({**KEY.to_dict(private=True), "key_ops": ["verify"]}),
        JWK.from_dict({"kty": "oct", "k": forge.b64u(forge.SECRET)}),
        JWK.from_dict({"kty": "oct", "k": forge.b64u(forge.SECRET), "alg": "A256KW"}),
        JWKSet([private.public()]),
        [private, KEY],
        [],
    ]
    for keys in wrong:
        with pytest.raises(ConfigurationError):
            Issuer(keys, **WORDS)
    assert Issuer([private, JWK.generate("RS256").public()], **WORDS).issue({})
    for keys in (None, "secret", forge.SECRET, 5, {"kty": "oct"}, [forge.SECRET]):
        with pytest.raises(TypeError):
            Issuer(keys, **WORDS)  # type: ignore[arg-type]


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token_has_an_id_however_its_typ_is_spelt(typ: str) -> None:
    token = Issuer(KEY, **WORDS, typ=typ).issue({"sub": "u1"})
    assert len(Verifier(KEY, **WORDS).verify(token)["jti"]) == 32


@pytest.mark.parametrize("expires_at", [Decimal("1800000010"), Fraction(1_800_000_010)])
def test_a_time_that_json_would_write_as_text_is_refused(expires_at: Any) -> None:
    with pytest.raises(TypeError, match="expires_at is a number"):
        Issuer(KEY, **WORDS, clock=lambda: NOW_S).issue({"sub": "u1"}, expires_at=expires_at)


@pytest.mark.parametrize("words", [{"bytes_max": None}, {"bytes_max": 0}, {"typ": "caf\u00e9"}], ids=str)
def test_a_set_up_that_no_token_could_have_fails_at_start(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Issuer(KEY, **WORDS, **words)
