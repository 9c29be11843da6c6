"""AnyOf: several Verifiers as one, each with its own keys."""

import gc
from typing import Any

import msgspec
import pytest

from daypass.errors import (
    ConfigurationError,
    Expired,
    InvalidSignature,
    MalformedToken,
    TokenError,
    UnsupportedToken,
    WrongAudience,
)
from daypass.jose.jwk import JWK
from daypass.tokens.any_of import AnyOf
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests import formats
from tests.formats import NAMES


def everything() -> AnyOf:
    return AnyOf(*(formats.material(name).verifier() for name in NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_every_format_of_its_verifiers(name: str) -> None:
    token = formats.material(name).issuer().issue({"sub": name})
    assert everything().verify(token)["sub"] == name
    others = AnyOf(*(formats.material(other).verifier() for other in NAMES if other != name))
    with pytest.raises(TokenError):
        others.verify(token)


def test_two_generations_of_one_format() -> None:
    kits = [formats.make("paseto-v4-public") for _ in range(2)]
    verify = AnyOf(*(kit.verifier() for kit in kits)).verify
    for kit in kits:
        assert verify(kit.issuer().issue({}))
    with pytest.raises(InvalidSignature):
        verify(formats.make("paseto-v4-public").issuer().issue({}))


def test_what_says_most_is_said_whatever_the_order() -> None:
    """Two issuers under one key: a client that refreshes on token_expired has to hear of it."""
    key = JWK.generate("HS256")
    now_s = 1000.0
    words: dict[str, Any] = {"clock": lambda: now_s}
    one = Verifier(key, issuer="one", audience="a", **words)
    two = Verifier(key, issuer="two", audience="a", **words)
    stranger = Verifier(JWK.generate("HS256"), issuer="two", audience="a", **words)
    token = Issuer(key, issuer="two", audience="a", lifetime_s=10, **words).issue({})
    elsewhere = Issuer(key, issuer="two", audience="b", lifetime_s=10, **words).issue({})
    now_s = 2000.0
    for verifiers in ((one, two, stranger), (stranger, two, one), (two, stranger, one)):
        with pytest.raises(Expired):
            AnyOf(*verifiers).verify(token)
    for verifiers in ((two, stranger), (stranger, two)):
        with pytest.raises(WrongAudience):
            AnyOf(*verifiers).verify(elsewhere)


def test_what_no_verifier_is_for() -> None:
    verify = AnyOf(formats.material("jwt").verifier()).verify
    for text in ("v4.public.AAAA", "v4.local.AAAA.AAAA", "a.b.c.d.e", "", "x", "." * 5_000_000, None, 5, b"a.b.c", []):
        with pytest.raises(MalformedToken):
            verify(text)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedToken):
        everything().verify(formats.material("jwt").issuer(typ="refresh+jwt").issue({}))


def test_a_wrong_set_up() -> None:
    with pytest.raises(ConfigurationError):
        AnyOf()
    for wrong in (None, formats.material("jwt").verifier().verify, b"secret", JWK.generate("HS256")):
        with pytest.raises(TypeError):
            AnyOf(formats.material("jwt").verifier(), wrong)  # type: ignore[arg-type]


def test_a_refusal_leaves_no_garbage_with_the_token_in_it() -> None:
    verify = everything().verify
    tokens = [formats.make("jwt").issuer().issue({}) for _ in range(3)]

    def refuse_all() -> None:
        for token in tokens * 20:
            try:
                verify(token)
            except TokenError:
                continue
            raise AssertionError("accepted")

    refuse_all()
    gc.collect()
    gc.disable()
    try:
        refuse_all()
        left = gc.collect()
    finally:
        gc.enable()
    assert left < 20


def test_claims_of_its_verifiers_may_have_types() -> None:
    class Access(msgspec.Struct):
        sub: str

    kit = formats.material("paseto-v4-local")
    verify = AnyOf(kit.verifier(claims_type=Access), formats.material("jwt").verifier()).verify
    assert verify(kit.issuer().issue({"sub": "u1"})).sub == "u1"
    assert verify(formats.material("jwt").issuer().issue({"sub": "u1"}))["sub"] == "u1"
