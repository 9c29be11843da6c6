"""Tokens of other libraries verify here, ours there; keys travel as JWK and as PEM, with every algorithm they have."""

import json
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws
import jwt as pyjwt
import pytest
from jose import constants as python_jose_constants
from jose import jwt as python_jose
from joserfc import jwt as joserfc_jwt

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import ClaimError, MalformedToken, MissingClaim, UnsupportedToken, WeakKey, WrongAudience
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from tests.security import forge

ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
CLAIMS = {
    "sub": 'J\u00f8rgen \u6c34 \U0001f600 "quoted" \\ \u2028 \x7f \x1f',
    "\u00fcber": {"nested": [{"deep": [[], {}, None, True, False]}], "": ""},
    "float": 1.5,
    "small": 5e-324,
    "large": 1e300,
    "big": 2**70,
    "negative": -(2**63),
    "list": [1, "2", 3.25, None],
}


def good_claims(**more: Any) -> dict[str, Any]:
    now_s = int(time.time())
    return CLAIMS | {"iat": now_s, "exp": now_s + 600} | more


class Material(NamedTuple):
    """A key in the form that a peer takes: JWK members, PEM, or the bytes of a secret."""

    alg: str
    jwk: dict[str, Any]
    pem: bytes | None
    secret: bytes | None


class Peer(NamedTuple):
    """Another library: from key material to its sign and its verify."""

    algs: frozenset[str]
    sign: Callable[[Material, dict[str, Any], dict[str, Any]], str]
    verify: Callable[[Material, str], dict[str, Any]]


def pyjwt_key(material: Material) -> Any:
    if material.secret is not None:
        return material.secret
    return material.pem if material.pem is not None else pyjwt.PyJWK(material.jwk, algorithm=material.alg).key


def joserfc_key(material: Material) -> Any:
    kinds = {
        "oct": joserfc.jwk.OctKey,
        "RSA": joserfc.jwk.RSAKey,
        "EC": joserfc.jwk.ECKey,
        "OKP": joserfc.jwk.OKPKey,
    }
    return kinds[material.jwk["kty"]].import_key(material.secret or material.pem or material.jwk)


def jwcrypto_key(material: Material) -> Any:
    if material.pem is not None:
        return jwcrypto.jwk.JWK.from_pem(material.pem)
    return jwcrypto.jwk.JWK.from_json(json.dumps(material.jwk))


def python_jose_key(material: Material) -> Any:
    if material.secret is not None:
        return material.secret
    return material.pem.decode() if material.pem is not None else {**material.jwk, "alg": material.alg}


def jwcrypto_sign(material: Material, claims: dict[str, Any], header: dict[str, Any]) -> str:
    made = jwcrypto.jws.JWS(json.dumps(claims))
    made.allowed_algs = [material.alg]
    made.add_signature(jwcrypto_key(material), None, json.dumps({"alg": material.alg, **header}), None)
    return made.serialize(compact=True)


def jwcrypto_verify(material: Material, token: str) -> dict[str, Any]:
    made = jwcrypto.jws.JWS()
    made.allowed_algs = [material.alg]
    made.deserialize(token, jwcrypto_key(material))
    return json.loads(made.payload)


PEERS = {
    "PyJWT": Peer(
        frozenset(pyjwt.algorithms.get_default_algorithms()),
        lambda m, claims, header: pyjwt.encode(claims, pyjwt_key(m), m.alg, headers=header),
        lambda m, token: pyjwt.decode(token, pyjwt_key(m), [m.alg]),
    ),
    "joserfc": Peer(
        frozenset(joserfc.jws.JWSRegistry.algorithms),
        lambda m, claims, header: joserfc_jwt.encode({"alg": m.alg, **header}, claims, joserfc_key(m), [m.alg]),
        lambda m, token: joserfc_jwt.decode(token, joserfc_key(m), [m.alg]).claims,
    ),
    "jwcrypto": Peer(frozenset(jwcrypto.jws.default_allowed_algs), jwcrypto_sign, jwcrypto_verify),
    "python-jose": Peer(
        frozenset(python_jose_constants.ALGORITHMS.SUPPORTED) & SIGNATURE_ALGORITHMS.keys(),
        lambda m, claims, header: python_jose.encode(claims, python_jose_key(m), m.alg, headers=header),
        lambda m, token: python_jose.decode(token, python_jose_key(m), [m.alg]),
    ),
}
NOT_OURS = {"none", "ES521"}


def kinds_of(peer: str) -> list[tuple[str, str | None]]:
    """Algorithms and curves that a peer and daypass both have."""
    found: list[tuple[str, str | None]] = []
    for alg in sorted(PEERS[peer].algs - NOT_OURS):
        found += [(alg, crv) for crv in SIGNATURE_ALGORITHMS[alg].curves if alg == "EdDSA"] or [(alg, None)]
    return found


CASES = [
    pytest.param(peer, alg, crv, form, id="-".join(filter(None, (peer, alg, crv, form))))
    for peer in PEERS
    for alg, crv in kinds_of(peer)
    for form in (("JWK",) if alg.startswith("HS") and peer == "jwcrypto" else ("JWK", "PEM"))
]


@cache
def our_key(alg: str, crv: str | None) -> JWK:
    """One key per type and curve: making an RSA key takes its time."""
    entry = SIGNATURE_ALGORITHMS[alg]
    if entry.kty == "oct":
        return JWK.generate(alg, bits=512)
    members = material_of(entry.kty, crv or (entry.curves[0] if entry.curves else None)).to_dict(private=True)
    return JWK.from_dict({**members, "alg": alg, "kid": f"k-{alg}"})


@cache
def material_of(kty: str, crv: str | None) -> JWK:
    kinds = {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}
    alg = str(crv) if kty == "AKP" else kinds.get(crv or kty, "EdDSA")
    return JWK.generate(alg, crv=crv if alg == "EdDSA" else None)


def material(key: JWK, form: str, *, private: bool) -> Material:
    assert key.alg is not None
    if key.kty == "oct":
        members = key.to_dict(private=True)
        return Material(key.alg, members, None, forge.unb64u(members["k"]) if form == "PEM" else None)
    return Material(key.alg, key.to_dict(private=private), key.to_pem(private=private) if form == "PEM" else None, None)


@pytest.fixture(autouse=True)
def their_advice_is_theirs() -> Any:
    """They warn of EdDSA as a name (RFC 9864), and of their own choices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_every_algorithm_of_theirs_is_here_or_named() -> None:
    for name, peer in PEERS.items():
        assert peer.algs - SIGNATURE_ALGORITHMS.keys() <= NOT_OURS, name
    assert frozenset().union(*(peer.algs for peer in PEERS.values())) >= SIGNATURE_ALGORITHMS.keys()


@pytest.mark.parametrize("peer, alg, crv, form", CASES)
def test_their_token_verifies_here(peer: str, alg: str, crv: str | None, form: str) -> None:
    key = our_key(alg, crv)
    claims = good_claims()
    token = PEERS[peer].sign(material(key, form, private=True), claims, {})
    ours = key if key.kty == "oct" else key.public()
    assert jwt.verify(token, ours) == claims
    assert jwt.verify(token, JWKSet([ours])) == claims
    assert json.loads(jws.verify(token, ours).payload) == claims
    assert repr(jwt.verify(token, ours)["large"]) == "1e+300"


@pytest.mark.parametrize("peer, alg, crv, form", CASES)
def test_their_access_token_passes_a_verifier(peer: str, alg: str, crv: str | None, form: str) -> None:
    key = our_key(alg, crv)
    claims = good_claims(iss=ISSUER, aud=[AUDIENCE, "other"], jti="j")
    token = PEERS[peer].sign(material(key, form, private=True), claims, {"typ": "at+jwt", "kid": key.kid})
    for cache_entries in (0, 2):
        verify = Verifier([key], issuer=ISSUER, audience=AUDIENCE, cache_entries=cache_entries).verify
        assert verify(token) == verify(token) == claims


@pytest.mark.parametrize("peer, alg, crv, form", CASES)
def test_our_token_verifies_there(peer: str, alg: str, crv: str | None, form: str) -> None:
    key = our_key(alg, crv)
    theirs = material(key, form, private=False)
    claims = good_claims()
    assert PEERS[peer].verify(theirs, jwt.sign(claims, key)) == claims
    assert PEERS[peer].verify(theirs, jwt.sign(CLAIMS, key)).keys() == claims.keys()
    assert PEERS[peer].verify(theirs, jws.sign(json.dumps(claims).encode(), key)) == claims


@pytest.mark.parametrize("alg, crv", kinds_of("PyJWT"))
def test_a_token_of_an_issuer_verifies_there(alg: str, crv: str | None) -> None:
    key = our_key(alg, crv)
    token = Issuer(key, issuer=ISSUER, audience=AUDIENCE).issue(CLAIMS)
    theirs = pyjwt_key(material(key, "JWK", private=False))
    claims = pyjwt.decode(token, theirs, [alg], issuer=ISSUER, audience=AUDIENCE)
    assert claims.items() >= CLAIMS.items()
    assert claims.keys() == CLAIMS.keys() | {"iss", "aud", "iat", "exp", "jti"}
    assert pyjwt.get_unverified_header(token) == {"alg": alg, "typ": "at+jwt", "kid": key.kid}


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_key_of_theirs_loads_here(alg: str) -> None:
    """JWK and PEM as joserfc and jwcrypto write them, private and public."""
    sizes = {"RS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
    kty, size = sizes[alg]
    theirs = joserfc.jwk.generate_key(kty, size)
    word = {"RSA": "size"}.get(kty, "crv")
    others = jwcrypto.jwk.JWK.generate(kty=kty, **{word: size})
    for members, pem, public_pem, thumbprint in (
        (theirs.as_dict(private=True), theirs.as_pem(private=True), theirs.as_pem(private=False), theirs.thumbprint()),
        (
            others.export(private_key=True, as_dict=True),
            others.export_to_pem(private_key=True, password=None),
            others.export_to_pem(),
            others.thumbprint(),
        ),
    ):
        keys = [JWK.from_dict(members, alg=alg), JWK.from_pem(pem, alg=alg)]
        public = JWK.from_pem(public_pem, alg=alg)
        assert {key.thumbprint() for key in (*keys, public)} == {thumbprint}
        assert [key.is_private for key in (*keys, public)] == [True, True, False]
        assert keys[1].kid == public.kid == thumbprint


def test_a_header_without_typ_is_a_plain_jwt() -> None:
    key = our_key("HS256", None)
    token = pyjwt.encode(good_claims(), pyjwt_key(material(key, "PEM", private=True)), "HS256", headers={"typ": None})
    assert "typ" not in pyjwt.get_unverified_header(token)
    assert jwt.verify(token, key)["big"] == 2**70
    with pytest.raises(UnsupportedToken):  # by design: an access token says that it is one
        Verifier(key, issuer=ISSUER, audience=AUDIENCE).verify(token)


@pytest.mark.parametrize(
    "claims, error",
    [
        ({"exp": ...}, MissingClaim),
        ({"sub": 5}, ClaimError),
        ({"jti": 5}, ClaimError),
        ({"iat": "2000000000"}, ClaimError),
        ({"exp": "9999999999"}, ClaimError),
        ({"exp": 10**15}, ClaimError),
        ({"aud": "somebody"}, WrongAudience),
        ({"nan": float("nan")}, MalformedToken),
        ({"inf": float("inf")}, MalformedToken),
        ({"surrogate": "\ud800"}, MalformedToken),
    ],
    ids=str,
)
def test_what_a_lax_peer_writes_is_refused_by_design(claims: dict[str, Any], error: type[Exception]) -> None:
    key = our_key("HS256", None)
    given = {name: value for name, value in good_claims(**claims).items() if value is not ...}
    token = jwcrypto_sign(material(key, "JWK", private=True), given, {"typ": "JWT"})
    with pytest.raises(error) as raised:
        jwt.verify(token, key)
    assert type(raised.value) is error


def test_a_secret_that_they_take_may_be_too_short_here() -> None:
    token = pyjwt.encode(good_claims(), b"short", "HS256")
    assert pyjwt.decode(token, b"short", ["HS256"])
    with pytest.raises(WeakKey):
        JWK.from_secret(b"short", alg="HS256")


def test_the_token_of_the_article_on_php() -> None:
    """No exp, no typ to speak of, one claim: read where the caller says that nothing is required."""
    token = forge.token({"typ": "JWT", "alg": "HS256"}, {"id": "1"})
    key = JWK.from_secret(forge.SECRET, alg="HS256")
    assert jwt.verify(token, key, policy=ClaimsPolicy(required=())) == {"id": "1"}
    with pytest.raises(MissingClaim):
        jwt.verify(token, key)
    assert jwt.sign({"id": "1"}, key, lifetime_s=None, header={"typ": "JWT"}).split(".")[1] == token.split(".")[1]
    assert pyjwt.decode(jwt.sign({"id": "1"}, key, lifetime_s=None), forge.SECRET, ["HS256"]) == {"id": "1"}
