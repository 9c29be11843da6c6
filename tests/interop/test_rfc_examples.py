"""The examples printed in the RFCs: what the rooms of today can do with them, and a list of what they cannot yet."""

import hashlib
import json
from base64 import b64decode
from pathlib import PurePosixPath
from typing import Any

import pytest

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import Expired, InvalidSignature, MalformedToken, TokenError, UnsupportedToken
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jwt_verifier import compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.jose.key_use import prepared_signer, signing_algorithm
from tests import vectors

EXAMPLES = {example["id"]: example for example in vectors.load("rfc-examples.json")["examples"]}
COOKBOOK = {
    PurePosixPath(place.relative_to(vectors.directory() / "rfc7520-cookbook").as_posix()).as_posix(): json.loads(
        place.read_text(encoding="utf-8")
    )
    for place in sorted((vectors.directory() / "rfc7520-cookbook").rglob("*.json"))
}

JWE = "no room for JWE yet"
NOT_YET = {
    "rfc7516-A.1": JWE,
    "rfc7516-A.2": JWE,
    "rfc7516-A.3": JWE,
    "rfc7516-A.4": JWE,
    "rfc7516-A.5": JWE,
    "rfc7516-B": JWE,
    "rfc7517-C": JWE,
    "rfc7517-C.4": JWE,
    "rfc7518-B.1": JWE,
    "rfc7518-B.2": JWE,
    "rfc7518-B.3": JWE,
    "rfc7518-C": JWE,
    "rfc7519-A.1": JWE,
    "rfc7519-A.2": JWE,
    "rfc8037-A.6": JWE,
    "rfc8037-A.7": JWE,
    "rfc9449-6.1-bound-token": "its key is not published",
    "6.nesting_signatures_and_encryption.json": JWE,
    "curve25519/ecdh-es.json": JWE,
    **{name: JWE for name in COOKBOOK if name.startswith("jwe/")},
}


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(it, id=name) for name, it in EXAMPLES.items() if it["kind"] in kinds and name not in NOT_YET]


def cookbook(*places: str) -> list[Any]:
    return [
        pytest.param(it, id=name) for name, it in COOKBOOK.items() if name.startswith(places) and name not in NOT_YET
    ]


SIGNED = of_kind("jws")
UNSECURED = of_kind("jws-unsecured", "jws-negative")
THUMBPRINTS = of_kind("thumbprint", "thumbprint-uri")
BASE64URL = of_kind("base64url")
KEY_SETS = of_kind("jwkset")
CERTIFIED = of_kind("jwk-x5c")
PROOFS = of_kind("dpop-proof")
IN_JSON = of_kind("jws-json")
DETACHED = of_kind("jws-detached")
COOKBOOK_JWS = cookbook("jws/", "curve25519/", "rfc7797/hmac")
MISPRINTED = cookbook("rfc7797/4.2")
COOKBOOK_JWK = cookbook("jwk/")


def test_nothing_is_left_out_in_silence() -> None:
    covered = [SIGNED, UNSECURED, IN_JSON, DETACHED, THUMBPRINTS, BASE64URL, KEY_SETS, CERTIFIED, PROOFS]
    covered += [COOKBOOK_JWS, MISPRINTED, COOKBOOK_JWK]
    names = [param.id for params in covered for param in params]
    assert len(names) == len(set(names))
    assert set(names).isdisjoint(NOT_YET)
    assert set(names) | set(NOT_YET) == EXAMPLES.keys() | COOKBOOK.keys()


def sign_again(key: JWK, token: str, payload: bytes) -> str:
    """Sign under the very octets of a header: the RFCs print some with line breaks, and sign writes none."""
    head = token.partition(".")[0].encode()
    return prepared_signer(key, signing_algorithm(key))(head + b".")(payload)


@pytest.mark.parametrize("example", SIGNED)
def test_a_signature_of_an_rfc(example: dict[str, Any]) -> None:
    key = JWK.from_dict(example["key"], alg=example["alg"])
    payload = b64url_decode(example["payload_b64u"].encode())
    for keys in (key, JWKSet([key])) if key.kty == "oct" else (key, key.public(), JWKSet([key.public()])):
        verified = jws.verify(example["token"], keys)
        assert verified.payload == payload
        assert verified.header["alg"] == example["alg"]
    again = sign_again(key, example["token"], payload)
    assert (again == example["token"]) == example["deterministic"]
    assert jws.verify(again, key).payload == payload
    with pytest.raises(InvalidSignature):
        jws.verify(example["token"], JWK.generate(example["alg"]))


def is_written_as_here(example: dict[str, Any]) -> bool:
    """Whether its header stands without white space, and nothing in its signature is random."""
    head = b64url_decode(example["token"].partition(".")[0].encode())
    return example["deterministic"] and json.dumps(json.loads(head), separators=(",", ":")).encode() == head


@pytest.mark.parametrize("example", [param for param in SIGNED if is_written_as_here(param.values[0])])
def test_a_signature_of_an_rfc_is_written_by_sign(example: dict[str, Any]) -> None:
    header = json.loads(b64url_decode(example["token"].partition(".")[0].encode()))
    key = JWK.from_dict({**example["key"]}, alg=example["alg"])
    assert jws.sign(b64url_decode(example["payload_b64u"].encode()), key, header=header) == example["token"]


def test_the_jwt_of_rfc_7519_holds_until_2011() -> None:
    example = EXAMPLES["rfc7519-3.1"]
    key = JWK.from_dict(example["key"], alg="HS256")
    with pytest.raises(Expired) as raised:
        jwt.verify(example["token"], key)
    assert raised.value.at == example["claims"]["exp"]
    policy = ClaimsPolicy(issuer="joe")
    verify = compile_verifier(KeyChoice(key), policy, clock=lambda: example["claims"]["exp"] - 1)
    assert verify(example["token"]) == verify(example["token"]) == example["claims"]


@pytest.mark.parametrize("example", UNSECURED)
def test_an_unsecured_or_unsupported_token_of_an_rfc_is_refused(example: dict[str, Any]) -> None:
    key = JWK.generate("HS256")
    for verify in (jws.verify, jwt.verify):
        with pytest.raises(UnsupportedToken):
            verify(example["token"], key)


@pytest.mark.parametrize("name", [name for name, why in NOT_YET.items() if why == JWE])
def test_what_has_no_room_yet_is_refused(name: str) -> None:
    """A compact JWE arrives as a token, too."""
    example = EXAMPLES.get(name) or COOKBOOK[name]
    token = example.get("token") or example.get("output", {}).get("compact")
    if isinstance(token, str):
        for verify in (jws.verify, jwt.verify):
            with pytest.raises(TokenError):
                verify(token, JWK.generate("HS256"))


@pytest.mark.parametrize("example", THUMBPRINTS)
def test_a_thumbprint_of_an_rfc(example: dict[str, Any]) -> None:
    key = JWK.from_dict(example["jwk"])
    if "sha256" in example:
        assert key.thumbprint() == key.thumbprint("sha256") == example["sha256"]
    else:
        assert key.thumbprint_uri() == example["uri"]


@pytest.mark.parametrize("example", BASE64URL)
def test_base64url_of_an_rfc(example: dict[str, Any]) -> None:
    octets = bytes.fromhex(example["octets_hex"])
    assert b64url_encode(octets) == example["encoded"]
    assert b64url_decode(example["encoded"].encode()) == octets


@pytest.mark.parametrize("example", KEY_SETS)
def test_a_key_set_of_an_rfc(example: dict[str, Any]) -> None:
    members = example["jwks"]["keys"]
    keys = JWKSet.from_dict(example["jwks"])
    assert len(keys) == len(members)
    assert JWKSet.from_json(json.dumps(example["jwks"])).to_dict(private=True) == keys.to_dict(private=True)
    for key, member in zip(keys, members, strict=True):
        assert (key.kty, key.alg, key.kid, key.use) == tuple(member.get(name) for name in ("kty", "alg", "kid", "use"))
        assert key.is_private == example["private"]
        assert key.to_dict(private=key.is_private) == member
        if member.get("kid"):
            assert keys.find(kid=member["kid"]) == (key,)


@pytest.mark.parametrize("example", CERTIFIED)
def test_a_key_with_a_certificate_keeps_it(example: dict[str, Any]) -> None:
    key = JWK.from_dict(example["jwk"], alg="RS256")
    assert (key.kid, list(key.x5c)) == (example["jwk"]["kid"], example["jwk"]["x5c"])
    der = b64decode(example["jwk"]["x5c"][0])
    thumbprint = b64url_encode(hashlib.sha256(der).digest())
    assert key.to_dict() == {**example["jwk"], "alg": "RS256", "x5t#S256": thumbprint}
    assert JWK.from_x509(der, alg="RS256", kid=key.kid).to_dict() == {
        name: value for name, value in key.to_dict().items() if name != "use"
    }


@pytest.mark.parametrize("example", PROOFS)
def test_the_signature_of_a_dpop_proof(example: dict[str, Any]) -> None:
    """The proof itself has no room yet; its signature and the thumbprint of its key hold."""
    header = json.loads(b64url_decode(example["proof"].partition(".")[0].encode()))
    key = JWK.from_dict(header["jwk"], alg="ES256")
    assert key.thumbprint() == example["jkt"]
    verified = jws.verify(example["proof"], key)
    assert {name: json.loads(verified.payload)[name] for name in ("htm", "htu")} == {
        name: example[name] for name in ("htm", "htu")
    }
    with pytest.raises(UnsupportedToken):
        jwt.verify(example["proof"], key, policy=ClaimsPolicy(required=()))


@pytest.mark.parametrize("example", IN_JSON)
def test_a_jws_in_json_of_an_rfc(example: dict[str, Any]) -> None:
    """RFC 7515 A.6 and A.7, RFC 7797 4.2: each signature by its own key, and all by all."""
    token, payload = example["token"], b64url_decode(example["payload_b64u"].encode())
    places = token.get("signatures", [token])
    keys = [
        JWK.from_dict({"kid": place.get("header", {}).get("kid", "mine"), **jwk}, alg=alg)
        for place, jwk, alg in zip(places, example["keys"], example["algs"], strict=True)
    ]
    for given in (token, json.dumps(token), json.dumps(token, indent=1)):
        for index, key in enumerate(keys):
            verified = jws.verify_json(given, key)
            assert (verified.payload, verified.key) == (payload, key)
            assert [held.index for held in verified.signatures] == [index]
        everyone = jws.verify_json(given, keys, require="all")
        assert [held.key for held in everyone.signatures] == keys
        with pytest.raises(InvalidSignature):
            jws.verify_json(given, JWK.generate(example["algs"][0]))


@pytest.mark.parametrize("example", DETACHED)
def test_a_detached_jws_of_an_rfc(example: dict[str, Any]) -> None:
    """RFC 7797 4.2: unencoded, and a full stop in it."""
    key, payload = JWK.from_dict(example["key"], alg=example["alg"]), b64url_decode(b"JC4wMg")
    assert jws.verify(example["token"], key, payload=payload).payload == payload
    header = {"b64": False, "crit": ["b64"]}
    assert jws.sign(payload, key, header=header, detached=True) == example["token"]
    for other in (b"", b"$.03", b"JC4wMg"):
        with pytest.raises(InvalidSignature):
            jws.verify(example["token"], key, payload=other)
    with pytest.raises(UnsupportedToken):
        jwt.verify(example["token"], key)


def keys_and_places(example: dict[str, Any]) -> list[tuple[JWK, dict[str, Any]]]:
    """Keys of an example of the cookbook, each with what its signature says of itself."""
    given, signing = example["input"], example["signing"]
    several = isinstance(given["key"], list)
    keys, algs = (given["key"], given["alg"]) if several else ([given["key"]], [given["alg"]])
    places = signing if several else [signing]
    return [(JWK.from_dict(jwk, alg=alg), place) for jwk, alg, place in zip(keys, algs, places, strict=True)]


@pytest.mark.parametrize("example", COOKBOOK_JWS)
def test_a_compact_jws_of_the_cookbook(example: dict[str, Any]) -> None:
    """RFC 7520 4.1 to 4.5, Ed25519, and an unencoded payload."""
    compact = example["output"].get("compact")
    if compact is None:  # 4.6 to 4.8 have none, since something in them is not protected
        assert any("unprotected" in place for _, place in keys_and_places(example))
        return
    ((key, place),) = keys_and_places(example)
    payload, header = example["input"]["payload"].encode(), place["protected"]
    detached = ".." in compact
    words = {"payload": payload} if detached else {}
    for keys in (key, JWKSet([key])) if key.kty == "oct" else (key.public(), JWKSet([key.public()])):
        verified = jws.verify(compact, keys, **words)
        assert (verified.payload, verified.header) == (payload, header)
    again = jws.sign(payload, key, header=header, detached=detached)
    assert (again == compact) == example.get("reproducible", False)
    assert jws.verify(again, key, **words).payload == payload
    if detached:
        with pytest.raises(InvalidSignature):
            jws.verify(compact, key)
    else:
        assert again.rpartition(".")[0] == compact.rpartition(".")[0]


@pytest.mark.parametrize("form", ["json", "json_flat"])
@pytest.mark.parametrize("example", COOKBOOK_JWS)
def test_a_jws_in_json_of_the_cookbook(example: dict[str, Any], form: str) -> None:
    """RFC 7520 4.1 to 4.8, Ed25519, and an unencoded payload, general and flattened."""
    signers = keys_and_places(example)
    keys = [key for key, _ in signers]
    if form not in example["output"]:  # 4.8 has three signatures
        assert len(signers) > 1
        return
    token, payload = example["output"][form], example["input"]["payload"].encode()
    words: dict[str, Any] = {} if "payload" in token else {"payload": payload}
    if any("alg" in place.get("unprotected", {}) for _, place in signers):
        with pytest.raises(UnsupportedToken):
            jws.verify_json(token, keys, require="all", **words)
        words["allow_unprotected_alg"] = True
    for given in (token, json.dumps(token)):
        verified = jws.verify_json(given, keys, require="all", **words)
        assert verified.payload == payload
        assert [(held.key, held.header, held.unprotected) for held in verified.signatures] == [
            (key, place.get("protected", {}), place.get("unprotected", {})) for key, place in signers
        ]
    again = jws.sign_json(
        payload,
        [jws.Signer(key, place.get("protected"), place.get("unprotected")) for key, place in signers],
        flattened=form == "json_flat",
        detached="payload" not in token,
    )
    assert (again == token) == example.get("reproducible", False)
    assert jws.verify_json(again, keys, require="all", **words).payload == payload
    words["payload"] = b"another"
    detached = {name: value for name, value in token.items() if name != "payload"}
    with pytest.raises(InvalidSignature):
        jws.verify_json(detached, keys, **words)


@pytest.mark.parametrize("example", MISPRINTED)
def test_an_unencoded_payload_that_crit_does_not_name_is_refused(example: dict[str, Any]) -> None:
    """The cookbook prints a protected header that differs from its own description: b64 without crit."""
    key = JWK.from_dict(example["input"]["key"])
    for token in (example["output"]["json"], example["output"]["json_flat"]):
        with pytest.raises(MalformedToken, match="crit"):
            jws.verify_json(token, key)
    mended = jws.sign_json(b"$.02", jws.Signer(key, example["signing"]["protected"]), flattened=True)
    assert mended == EXAMPLES["rfc7797-4.2-flattened"]["token"]


@pytest.mark.parametrize("example", COOKBOOK_JWK)
def test_a_key_of_the_cookbook(example: dict[str, Any]) -> None:
    """RFC 7520 3."""
    key = JWK.from_dict(example)
    assert key.is_private == ("d" in example or "k" in example)
    assert key.to_dict(private=key.is_private) == example
    assert JWK.from_json(json.dumps(example)).to_dict(private=key.is_private) == example
    if "d" in example:
        public = key.public().to_dict()
        assert public.items() < example.items()
        assert not {"d", "p", "q", "dp", "dq", "qi"} & public.keys()
