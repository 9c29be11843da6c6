"""The matrix: no token of one kind or format passes as another, and nobody writes one with a public half.

A kind that joins daypass joins KINDS; a format joins by standing in the table of formats.
Source: RFC 8725 3.11, 3.12; PASETO 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

import itertools
import json
from typing import Any

import pytest

from daypass import jwe, jws, jwt, paseto
from daypass.errors import MalformedToken, TokenError, UnsupportedToken
from daypass.jose.jwk import JWK
from daypass.keyring.ring import KeyRing
from daypass.paseto.keys import LocalKey, SecretKey
from daypass.sessions.manager import Sessions
from daypass.sessions.policy import FORMATS as SESSION_FORMATS
from daypass.sessions.policy import SessionPolicy
from daypass.stores.memory import MemoryStore
from daypass.tokens.any_of import AnyOf
from daypass.tokens.verifier import Verifier
from tests import formats
from tests.formats import NAMES, PARTIES

KINDS = ("at+jwt", "refresh+jwt", "logout+jwt", "JWT")
"""Kinds of tokens that an Issuer can be told to make: all of them under the same keys here."""


@pytest.fixture(scope="module")
def sessions() -> Any:
    with Sessions.open("memory://", issuer=PARTIES["issuer"], audience=PARTIES["audience"]) as opened:
        yield opened


@pytest.fixture(scope="module")
def tokens() -> dict[tuple[str, str], str]:
    """One token of every format and kind, all for the same parties, with all the claims of an access token."""
    claims = {"sub": "u1", "sid": "s1", "client_id": "c", "roles": [], "auth_time": 1, "jti": "j1"}
    return {(name, kind): formats.material(name).issuer(typ=kind).issue(claims) for name in NAMES for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cache_entries", [0, 64])
def test_a_verifier_takes_its_own_kind_in_its_own_format(
    name: str, kind: str, cache_entries: int, tokens: dict[tuple[str, str], str]
) -> None:
    verify = formats.material(name).verifier(typ=kind, cache_entries=cache_entries).verify
    for _ in range(2):
        for (other_name, other_kind), token in tokens.items():
            if (other_name, other_kind) == (name, kind):
                assert verify(token)["sub"] == "u1"
                continue
            with pytest.raises(TokenError) as raised:
                verify(token)
            if other_name == name:
                assert isinstance(raised.value, UnsupportedToken)


@pytest.mark.parametrize("kind", KINDS)
def test_any_of_several_verifiers_takes_one_kind_in_every_format(kind: str, tokens: dict[tuple[str, str], str]) -> None:
    verify = AnyOf(*(formats.material(name).verifier(typ=kind) for name in NAMES)).verify
    for (_, other_kind), token in tokens.items():
        if other_kind == kind:
            assert verify(token)["sub"] == "u1"
        else:
            with pytest.raises(UnsupportedToken):
                verify(token)


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(
    sessions: Sessions, tokens: dict[tuple[str, str], str]
) -> None:
    pair = sessions.start("u1")
    for name, kind in itertools.product(NAMES, KINDS):
        for text in (pair.refresh_token, pair.access_token):  # other keys, and for the former no such text
            with pytest.raises(TokenError):
                formats.material(name).verifier(typ=kind).verify(text)
    for text in (*tokens.values(), pair.access_token):
        with pytest.raises(TokenError):
            sessions.refresh(text)
    for text in (*tokens.values(), pair.refresh_token):
        with pytest.raises(TokenError):
            sessions.verify(text)
    assert sessions.verify(pair.access_token).subject == "u1"


def test_no_token_of_sessions_passes_for_another_and_none_of_a_stranger_passes_for_one_of_theirs(
    tokens: dict[tuple[str, str], str],
) -> None:
    """Over one ring with keys for every format, the kinds that are looked up among them."""
    ring = KeyRing.in_memory()
    for alg in ("A256GCM", "v4.public", "v4.local", "v3.public", "v3.local"):
        ring.rotate(alg=alg, at_once=True)
    store = MemoryStore()

    def over(name: Any, *others: Any) -> Sessions:
        policy = SessionPolicy(format=name, accepted_formats=others, revocation="none")
        return Sessions(store, ring, policy=policy, **PARTIES)

    by_format = {name: over(name) for name in SESSION_FORMATS}
    pairs = {name: sessions.start("u1") for name, sessions in by_format.items()}
    for name, sessions in by_format.items():
        strangers = [*tokens.values(), *(pair.refresh_token for pair in pairs.values())]
        for text in [*strangers, *(pair.access_token for other, pair in pairs.items() if other != name)]:
            with pytest.raises(TokenError):
                sessions.verify(text)
            if text not in {pair.refresh_token for pair in pairs.values()}:
                with pytest.raises(TokenError):
                    sessions.refresh(text)
        for other in NAMES:
            with pytest.raises(TokenError):
                formats.material(other).verifier().verify(pairs[name].access_token)
    everything = over(*SESSION_FORMATS)
    assert {everything.verify(pair.access_token).subject for pair in pairs.values()} == {"u1"}
    for text in [*tokens.values(), *(pair.refresh_token for pair in pairs.values())]:
        with pytest.raises(TokenError):
            everything.verify(text)


def test_the_keys_of_sessions_make_access_tokens_alone(sessions: Sessions) -> None:
    """Under the very keys of a ring: another kind of token that it signed opens no session."""
    key = sessions.keys.signing_keys()[0]
    principal = sessions.verify(sessions.start("u1").access_token)
    claims = dict(principal.claims)
    assert sessions.verify(jwt.sign(claims, key, header={"typ": "at+jwt"})).subject == "u1"
    for header in (None, {"typ": "refresh+jwt"}, {"typ": "logout+jwt"}, {"typ": "at+jwt", "cty": "JWT"}):
        with pytest.raises(UnsupportedToken):
            sessions.verify(jws.sign(json.dumps(claims).encode(), key, header=header))


# ------------------------------------------------------------------------------- whoever has the public half


@pytest.fixture(scope="module")
def recipients() -> list[JWK]:
    return [JWK.generate("RSA-OAEP-256"), JWK.generate("ECDH-ES"), JWK.generate("ECDH-ES+A256KW", crv="X25519")]


def written_by_a_stranger(public: JWK, inner: dict[str, Any] | None = None) -> list[str]:
    """What can be made with a public half: claims as they should be, under every header that might pass."""
    claims = {"iss": PARTIES["issuer"], "aud": PARTIES["audience"], "exp": 4_000_000_000, "iat": 1, "sub": "admin"}
    claims |= {"jti": "j", "sid": "s"} | (inner or {})
    plain = [
        jwt.encrypt(claims, public, header={"typ": "at+jwt"}, lifetime_s=None),
        jwt.encrypt(claims, public, lifetime_s=None),
    ]
    payload = json.dumps(claims).encode()
    outer = [{"cty": "JWT"}, {"cty": "JWT", "typ": "JWT"}, {"cty": "at+jwt", "typ": "at+jwt"}, {}]
    stranger = JWK.generate("EdDSA")
    signed = jwt.sign(claims, stranger, header={"typ": "at+jwt"}).encode()
    unsigned = b"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + signed.split(b".")[1] + b"."
    texts = [payload, signed, unsigned, plain[0].encode()]
    return plain + [jwe.encrypt(text, public, enc="A256GCM", header=header) for text in texts for header in outer]


def test_a_jwe_made_with_a_public_half_is_refused_by_every_verifier(recipients: list[JWK]) -> None:
    kit = formats.material("nested")
    signing = kit.verifying
    verifiers: list[Verifier] = [formats.material(name).verifier() for name in NAMES]
    for recipient in recipients:
        verifiers.append(kit.verifier(decrypt_with=recipient))
        verifiers.append(kit.verifier([signing, JWK.generate("ES256").public()], decrypt_with=[recipient]))
    verifiers.append(kit.verifier(decrypt_with=recipients, typ="JWT"))
    forged = [token for recipient in recipients for token in written_by_a_stranger(recipient.public())]
    everything = AnyOf(*verifiers).verify
    for token in forged:
        for verify in (*(verifier.verify for verifier in verifiers), everything):
            with pytest.raises(TokenError):
                verify(token)


def test_no_signed_token_passes_for_one_that_is_nested_and_none_that_is_nested_for_a_signed_one() -> None:
    """The same signing key in both formats: the layer around it is demanded, not tolerated."""
    nested = formats.material("nested")
    signed = formats.Material("jwt", nested.issuing, nested.verifying, {}, {})
    inner, outer = signed.issuer().issue({"sub": "u1"}), nested.issuer().issue({"sub": "u1"})
    assert signed.verifier().verify(inner)
    assert nested.verifier().verify(outer)
    with pytest.raises(MalformedToken):
        nested.verifier().verify(inner)
    with pytest.raises(MalformedToken):
        signed.verifier().verify(outer)


def test_the_same_32_bytes_are_a_key_of_one_format_alone() -> None:
    """F01: one secret, loaded for three formats: what is made under one is nothing to the others."""
    secret = bytes(range(100, 132))
    kits = [
        formats.Material("jwt", hs := JWK.from_secret(secret, alg="HS256"), hs, {}, {}),
        formats.Material("jwe", direct := JWK.from_secret(secret, alg="A256GCM"), direct, {}, {}),
        formats.Material("paseto-v4-local", four := LocalKey.from_bytes(4, secret), four, {}, {}),
        formats.Material("paseto-v3-local", three := LocalKey.from_bytes(3, secret), three, {}, {}),
    ]
    for one, other in itertools.product(kits, kits):
        token = one.issuer().issue({"sub": "u1"})
        if one is other:
            assert one.verifier().verify(token)
            continue
        with pytest.raises(TokenError):
            other.verifier().verify(token)
        with pytest.raises(TokenError):
            other.verifier().verify(respelt(token, other.name))


def respelt(token: str, name: str) -> str:
    """Put the header of another version before it, where both are PASETO."""
    if not name.startswith("paseto") or not token.startswith("v"):
        return token
    _, purpose, rest = token.split(".", 2)
    return f"v{name[8]}.{purpose}.{rest}"


def test_a_v4_public_key_as_a_v4_local_key_opens_nothing() -> None:
    """F01: the public half of a signing key is known to all; as a shared key it would let all of them write."""
    secret = SecretKey.generate(4)
    public = secret.public()
    verify = Verifier(public, **PARTIES, format="paseto-v4-public").verify
    shared = LocalKey.from_bytes(4, public.to_bytes())
    forged = formats.Material("paseto-v4-local", shared, shared, {}, {}).issuer().issue({"sub": "admin"})
    for text in (forged, forged.replace("local", "public", 1)):
        with pytest.raises(TokenError):
            verify(text)
    with pytest.raises(TypeError):
        paseto.decrypt(forged, public)  # type: ignore[arg-type]
