"""JWS in JSON, detached and unencoded: theirs verifies here, ours there, with every algorithm that they have."""

import json
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import joserfc.jwk
import joserfc.jws
import jwcrypto.common
import jwcrypto.jwk
import jwcrypto.jws
import jwt as pyjwt
import pytest

from daypass import jws
from daypass.errors import InvalidSignature, MalformedToken, TokenError, UnsupportedToken
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

BINARY = bytes(range(256))
TEXT = '$.02 J\u00f8rgen \u6c34 \U0001f600 "quoted" \\ \u2028'
PLAIN = {"b64": False, "crit": ["b64"]}

Token = dict[str, Any]
Place = tuple[JWK, dict[str, Any], dict[str, Any] | None]
"""Who signs, and the protected and unprotected header."""


class Peer(NamedTuple):
    """Another library: sign with several keys, verify with several, each signature by its own."""

    algs: frozenset[str]
    sign: Callable[[Sequence[Place], bytes, bool], Token]
    verify: Callable[[Token, Sequence[JWK], bytes | None], bytes]


def joserfc_keys(keys: Sequence[JWK], *, private: bool) -> Any:
    members = [key.to_dict(private=private or key.kty == "oct") for key in keys]
    return joserfc.jwk.KeySet.import_key_set({"keys": members})


def joserfc_sign(places: Sequence[Place], payload: bytes, flattened: bool) -> Token:
    members = [{"protected": protected, **({"header": header} if header else {})} for _, protected, header in places]
    keys = [key for key, *_ in places]
    given: Any = members[0] if flattened else members
    algs: Any = [key.alg for key in keys]
    return {**joserfc.jws.serialize_json(given, payload, joserfc_keys(keys, private=True), algs)}


def joserfc_verify(token: Token, keys: Sequence[JWK], payload: bytes | None) -> bytes:
    """It knows a detached payload in compact tokens only: in JSON it is put back by hand."""
    if payload is not None:
        token = {
            **token,
            "payload": joserfc.jws.serialize_compact({"alg": "none"}, payload, None, ["none"]).split(".")[1],
        }
    given: Any = token
    algs: Any = [key.alg for key in keys]
    return joserfc.jws.deserialize_json(given, joserfc_keys(keys, private=False), algs).payload


def jwcrypto_key(key: JWK, *, private: bool) -> Any:
    return jwcrypto.jwk.JWK.from_json(json.dumps(key.to_dict(private=private or key.kty == "oct")))


def jwcrypto_signed(places: Sequence[Place], payload: bytes | str) -> Any:
    made = jwcrypto.jws.JWS(payload)
    made.allowed_algs = [key.alg for key, *_ in places]
    for key, protected, header in places:
        texts = [json.dumps(it) if it else None for it in (protected, header)]
        made.add_signature(jwcrypto_key(key, private=True), None, *texts)
    return made


def jwcrypto_sign(places: Sequence[Place], payload: bytes, flattened: bool) -> Token:
    """It flattens one signature always, and several never; an unencoded payload it takes as text."""
    unencoded = places[0][1].get("b64") is False
    token = json.loads(jwcrypto_signed(places, payload.decode() if unencoded else payload).serialize())
    if flattened or len(places) > 1:
        return token
    only = {name: token.pop(name) for name in ("protected", "header", "signature") if name in token}
    return {**token, "signatures": [only]}


def jwcrypto_verify(token: Token, keys: Sequence[JWK], payload: bytes | None) -> bytes:
    made = jwcrypto.jws.JWS()
    made.allowed_algs = [key.alg for key in keys]
    made.deserialize(json.dumps(token))
    for key in keys:  # one that holds is enough for it, so each key is asked
        made.verify(jwcrypto_key(key, private=False), detached_payload=payload)
    signed = made.objects["payload"] if payload is None else payload
    return signed.encode() if isinstance(signed, str) else signed


PEERS = {
    "joserfc": Peer(frozenset(joserfc.jws.JWSRegistry.algorithms), joserfc_sign, joserfc_verify),
    "jwcrypto": Peer(frozenset(jwcrypto.jws.default_allowed_algs), jwcrypto_sign, jwcrypto_verify),
}


def kinds_of(peer: str) -> list[tuple[str, str | None]]:
    """Algorithms and curves that a peer and daypass both have."""
    found: list[tuple[str, str | None]] = []
    for alg in sorted(PEERS[peer].algs & SIGNATURE_ALGORITHMS.keys()):
        found += [(alg, crv) for crv in SIGNATURE_ALGORITHMS[alg].curves if alg == "EdDSA"] or [(alg, None)]
    return found


CASES = [
    pytest.param(peer, alg, crv, id="-".join(filter(None, (peer, alg, crv))))
    for peer in PEERS
    for alg, crv in kinds_of(peer)
]


@cache
def our_key(alg: str, crv: str | None = None) -> JWK:
    """One key per algorithm; all of RSA share their numbers, which take their time to find."""
    if SIGNATURE_ALGORITHMS[alg].kty == "RSA" and alg != "RS256":
        return JWK.from_dict({**our_key("RS256").to_dict(private=True), "alg": alg, "kid": alg})
    return JWK.generate(alg, crv=crv, kid=f"{alg}-{crv}")


def half(key: JWK) -> JWK:
    return key if key.kty == "oct" else key.public()


@pytest.fixture(autouse=True)
def their_advice_is_theirs() -> Any:
    """They warn of EdDSA as a name (RFC 9864), and of their own choices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_only_none_of_theirs_is_not_here() -> None:
    beyond = {alg for peer in PEERS.values() for alg in peer.algs} - SIGNATURE_ALGORITHMS.keys()
    assert beyond <= {"none", "ES256K", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}


@pytest.mark.parametrize("flattened", [False, True], ids=["general", "flattened"])
@pytest.mark.parametrize("peer, alg, crv", CASES)
def test_their_json_verifies_here(peer: str, alg: str, crv: str | None, flattened: bool) -> None:
    key = our_key(alg, crv)
    for protected, header in (({"alg": alg, "kid": key.kid}, None), ({"alg": alg}, {"kid": key.kid})):
        token = PEERS[peer].sign([(key, protected, header)], BINARY, flattened)
        assert ("signature" in token) == flattened
        for keys in (half(key), JWKSet([half(key)])):
            for it in (token, json.dumps(token)):
                verified = jws.verify_json(it, keys, require="all")
                assert (verified.payload, verified.header, verified.unprotected) == (BINARY, protected, header or {})


@pytest.mark.parametrize("flattened", [False, True], ids=["general", "flattened"])
@pytest.mark.parametrize("peer, alg, crv", CASES)
def test_our_json_verifies_there(peer: str, alg: str, crv: str | None, flattened: bool) -> None:
    key = our_key(alg, crv)
    for unprotected in (None, {"kid": key.kid}, {"kid": key.kid, "alg": alg}):
        token = jws.sign_json(BINARY, jws.Signer(key, {"cty": "text/plain"}, unprotected), flattened=flattened)
        assert PEERS[peer].verify(token, [half(key)], None) == BINARY


@pytest.mark.parametrize("peer", PEERS)
def test_everybody_signs_one_payload(peer: str) -> None:
    keys = [our_key(alg, crv) for alg, crv in kinds_of(peer)]
    theirs = PEERS[peer].sign([(key, {"alg": key.alg}, {"kid": key.kid}) for key in keys], BINARY, False)
    verified = jws.verify_json(theirs, [half(key) for key in keys], require="all")
    assert [held.key.kid for held in verified.signatures] == [key.kid for key in keys]
    assert PEERS[peer].verify(jws.sign_json(BINARY, keys), [half(key) for key in keys], None) == BINARY
    for key in keys:
        assert [held.key.kid for held in jws.verify_json(theirs, [half(key)]).signatures] == [key.kid]


@pytest.mark.parametrize("peer, alg, crv", CASES)
def test_detached(peer: str, alg: str, crv: str | None) -> None:
    key = our_key(alg, crv)
    ours = jws.sign_json(BINARY, key, flattened=True, detached=True)
    assert PEERS[peer].verify(ours, [half(key)], BINARY) == BINARY
    theirs = PEERS[peer].sign([(key, {"alg": alg}, None)], BINARY, True)
    del theirs["payload"]
    assert jws.verify_json(theirs, half(key), payload=BINARY).payload == BINARY
    with pytest.raises(InvalidSignature):
        jws.verify_json(theirs, half(key), payload=b"other")


@pytest.mark.parametrize("flattened", [False, True], ids=["general", "flattened"])
@pytest.mark.parametrize("peer, alg, crv", CASES)
def test_unencoded_in_json(peer: str, alg: str, crv: str | None, flattened: bool) -> None:
    key = our_key(alg, crv)
    theirs = PEERS[peer].sign([(key, {"alg": alg, "kid": key.kid, **PLAIN}, None)], TEXT.encode(), flattened)
    assert theirs["payload"] == TEXT
    assert jws.verify_json(theirs, half(key)).payload == TEXT.encode()
    assert jws.verify_json(json.dumps(theirs), [half(key)], require="all").payload == TEXT.encode()
    ours = jws.sign_json(TEXT.encode(), jws.Signer(key, PLAIN), flattened=flattened)
    assert PEERS[peer].verify(ours, [half(key)], None) == TEXT.encode()


# ---------------------------------------------------------------------------------- compact: detached, unencoded


@pytest.mark.parametrize("alg, crv", kinds_of("joserfc"))
def test_compact_with_joserfc(alg: str, crv: str | None) -> None:
    key, header = our_key(alg, crv), {"alg": alg, "kid": our_key(alg, crv).kid}
    private, public = joserfc_keys([key], private=True), joserfc_keys([half(key)], private=False)
    for payload in (b"hello-there", b"$.02", TEXT.encode()):  # it leaves out what is not safe in a URL
        theirs = joserfc.jws.serialize_compact({**header, **PLAIN}, payload, private, [alg])
        detached = ".." in theirs
        assert detached == (payload != b"hello-there")
        words = {"payload": payload} if detached else {}
        assert jws.verify(theirs, half(key), **words).payload == payload
        ours = jws.sign(payload, key, header=PLAIN, detached=detached)
        assert joserfc.jws.deserialize_compact(ours, public, [alg], **words).payload == payload
    theirs = joserfc.jws.detach_content(joserfc.jws.serialize_compact(header, BINARY, private, [alg]))
    assert jws.verify(theirs, half(key), payload=BINARY).payload == BINARY
    ours = jws.sign(BINARY, key, detached=True)
    assert joserfc.jws.deserialize_compact(ours, public, [alg], payload=BINARY).payload == BINARY


@pytest.mark.parametrize("alg, crv", kinds_of("jwcrypto"))
def test_compact_with_jwcrypto(alg: str, crv: str | None) -> None:
    key = our_key(alg, crv)
    public = jwcrypto_key(half(key), private=False)
    for header, payload, detached in (
        ({}, BINARY, True),
        (PLAIN, b"hello there", False),
        (PLAIN, b"$.02", True),
    ):
        made = jwcrypto_signed([(key, {"alg": alg, **header}, None)], payload.decode() if header else payload)
        if detached:
            made.detach_payload()
        words = {"payload": payload} if detached else {}
        assert jws.verify(made.serialize(compact=True), half(key), **words).payload == payload
        if detached:
            read = jwcrypto.jws.JWS()
            read.allowed_algs = [alg]
            read.deserialize(jws.sign(payload, key, header=header, detached=True))
            read.verify(public, detached_payload=payload)
        else:  # it writes an unencoded payload into a compact token, but cannot read one there
            with pytest.raises(jwcrypto.jws.InvalidJWSObject):
                jwcrypto.jws.JWS().deserialize(made.serialize(compact=True))


@pytest.mark.parametrize("alg", sorted(pyjwt.algorithms.get_default_algorithms().keys() & SIGNATURE_ALGORITHMS.keys()))
@pytest.mark.parametrize("payload", [b"$.02", BINARY, b""], ids=repr)
def test_detached_and_unencoded_with_pyjwt(alg: str, payload: bytes) -> None:
    """It knows the two only together."""
    key = our_key(alg)
    private = pyjwt.PyJWK(key.to_dict(private=True), algorithm=alg).key
    public = pyjwt.PyJWK(half(key).to_dict(private=key.kty == "oct"), algorithm=alg).key
    there = pyjwt.PyJWS()
    theirs = there.encode(payload, private, alg, is_payload_detached=True)
    verified = jws.verify(theirs, half(key), payload=payload)
    assert (verified.payload, verified.header["b64"]) == (payload, False)
    ours = jws.sign(payload, key, header=PLAIN, detached=True)
    assert there.decode(ours, public, [alg], detached_payload=payload) == payload
    with pytest.raises(InvalidSignature):
        jws.verify(theirs, half(key), payload=payload + b"x")


# ----------------------------------------------------------------------------------------- stricter, by design


@pytest.mark.parametrize(
    "protected, header, error",
    [
        ({"typ": "x"}, {"alg": "HS256"}, UnsupportedToken),
        ({"alg": "HS256", "kid": "k"}, {"kid": "k"}, MalformedToken),
        ({"alg": "HS256"}, {"alg": "HS256"}, MalformedToken),
        ({"alg": "HS256", "crit": []}, None, MalformedToken),
        ({"alg": "HS256", "crit": ["alg"]}, None, MalformedToken),
        ({"alg": "HS256", "crit": ["b64", "b64"], "b64": False}, None, MalformedToken),
    ],
    ids=str,
)
def test_what_a_lax_peer_writes_is_refused_by_design(protected: Any, header: Any, error: type[TokenError]) -> None:
    key = JWK.generate("HS256", kid="k")
    wrote = 0
    for peer in PEERS.values():
        try:
            token = peer.sign([(key, protected, header)], b"x", True)
        except jwcrypto.common.JWException:  # it is as strict as that
            continue
        wrote += 1
        assert peer.verify(token, [key], None) == b"x"
        with pytest.raises(error):
            jws.verify_json(token, key)
        if error is UnsupportedToken:  # the RFC allows it, so it can be asked for
            assert jws.verify_json(token, key, allow_unprotected_alg=True).payload == b"x"
    assert wrote


def test_a_detached_token_has_no_payload_member() -> None:
    """RFC 7515 F takes the member away, jwcrypto empties it: two readings of one token are refused."""
    key = our_key("HS256")
    made = jwcrypto_signed([(key, {"alg": "HS256"}, None)], BINARY)
    made.detach_payload()
    token = json.loads(made.serialize())
    assert token["payload"] == ""
    with pytest.raises(MalformedToken):
        jws.verify_json(token, key, payload=BINARY)
    with pytest.raises(InvalidSignature):
        jws.verify_json(token, key)
    del token["payload"]
    assert jws.verify_json(token, key, payload=BINARY).payload == BINARY


@pytest.mark.parametrize("change", ["", "=", "\n", " "], ids=repr)
def test_base64url_of_a_lax_peer(change: str) -> None:
    """jwcrypto reads padding and more; one token has one spelling here."""
    key = our_key("HS256")
    token = jws.sign_json(b"x", key, flattened=True)
    token["payload"] += change
    if change:
        with pytest.raises(MalformedToken):
            jws.verify_json(token, key)
    else:
        assert jws.verify_json(token, key).payload == PEERS["jwcrypto"].verify(token, [key], None)


def test_a_member_that_stands_twice() -> None:
    """They keep the last one; so whoever reads the first one verified another token."""
    key = our_key("HS256")
    text = json.dumps(jws.sign_json(b"x", key, flattened=True))
    twice = text.replace('"payload":', '"payload": "b3RoZXI", "payload":')
    made = jwcrypto.jws.JWS()
    made.deserialize(twice, jwcrypto_key(key, private=False))
    assert made.payload == b"x"
    with pytest.raises(MalformedToken):
        jws.verify_json(twice, key)
