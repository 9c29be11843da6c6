"""The peers: how a user of each library signs and verifies, with keys made ready once, as objects of that library.

Everybody verifies signature, algorithm, ``iss`` and ``aud``, and demands ``iss``, ``aud`` and an ``exp`` to come.
What oxyjwt's fast road does not demand (``exp``) is asked of its answer, which costs it less than its own option.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import oxyjwt
from cryptography.hazmat.primitives import serialization
from jose import jwk as jose_jwk
from jose import jwt as jose_jwt
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

from benchmarks.material import AUDIENCE, ISSUER
from benchmarks.rounds import Call
from daypass.jose.jwk import JWK

__all__ = ["oxyjwt_signer", "peers_that_sign", "peers_that_verify", "raw_private_key", "raw_secret"]

Claims = dict[str, Any]


def raw_secret(key: JWK) -> bytes:
    """The bytes of a symmetric key."""
    text: str = key.to_dict(private=True)["k"]
    return pyjwt.utils.base64url_decode(text)


def raw_private_key(key: JWK) -> Any:
    """The key object of ``cryptography``."""
    return serialization.load_pem_private_key(key.to_pem(private=True), None)


def peers_that_verify(key: JWK, token: str) -> dict[str, Call]:
    """Name the peers and what each does to verify one token, which reaches it as a new ``str``."""
    alg = str(key.alg)
    return {
        "PyJWT": _pyjwt_verify(key, alg, token),
        "joserfc": _joserfc_verify(key, alg, token),
        "jwcrypto": _jwcrypto_verify(key, alg, token),
        **({} if alg == "EdDSA" else {"python-jose": _python_jose_verify(key, alg, token)}),
        **_oxyjwt_verify(key, alg, token),
    }


def peers_that_sign(key: JWK, claims: Claims) -> dict[str, Call]:
    """Name the peers and what each does to sign these claims."""
    alg = str(key.alg)
    pyjwt_key = _pyjwt_key(key, is_private=True)
    joserfc_key = joserfc_jwk.import_key(key.to_dict(private=True))
    jwcrypto_key = jwcrypto_jwk.JWK(**key.to_dict(private=True))
    oxyjwt_key = _oxyjwt_key(key, alg, is_private=True)
    header = {"alg": alg, "typ": "JWT"}

    def jwcrypto_sign() -> object:
        token = jwcrypto_jwt.JWT(header=header, claims=claims)
        token.make_signed_token(jwcrypto_key)
        return token.serialize()

    calls: dict[str, Call] = {
        "PyJWT": lambda: pyjwt.encode(claims, pyjwt_key, alg),
        "joserfc": lambda: joserfc_jwt.encode(header, claims, joserfc_key, [alg]),
        "jwcrypto": jwcrypto_sign,
        "oxyjwt": lambda: oxyjwt.encode(claims, oxyjwt_key, alg),
    }
    if alg != "EdDSA":
        jose_key = _python_jose_key(key, alg, is_private=True)
        calls["python-jose"] = lambda: jose_jwt.encode(claims, jose_key, alg)
    return calls


def oxyjwt_signer(key: JWK) -> Callable[[Claims], object]:
    """How oxyjwt signs claims that are not known before."""
    encode, own, alg = oxyjwt.encode, _oxyjwt_key(key, str(key.alg), is_private=True), str(key.alg)
    return lambda claims: encode(claims, own, alg)


# ------------------------------------------------------------------------------------------------ one by one


def _public_pem(key: JWK) -> bytes:
    return key.public().to_pem()


def _pyjwt_key(key: JWK, *, is_private: bool) -> Any:
    if key.kty == "oct":
        return raw_secret(key)
    private = raw_private_key(key)
    return private if is_private else private.public_key()


def _pyjwt_verify(key: JWK, alg: str, token: str) -> Call:
    raw, decode, raw_key = token.encode(), pyjwt.decode, _pyjwt_key(key, is_private=False)
    options: Any = {"require": ["iss", "aud", "exp"]}
    return lambda: decode(raw.decode(), raw_key, [alg], options, audience=AUDIENCE, issuer=ISSUER)


def _joserfc_verify(key: JWK, alg: str, token: str) -> Call:
    raw, decode = token.encode(), joserfc_jwt.decode
    own = joserfc_jwk.import_key((key if key.kty == "oct" else key.public()).to_dict(private=key.kty == "oct"))
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )

    def verify() -> object:
        claims = decode(raw.decode(), own, [alg]).claims
        registry.validate(claims)
        return claims

    return verify


def _jwcrypto_verify(key: JWK, alg: str, token: str) -> Call:
    raw = token.encode()
    own = jwcrypto_jwk.JWK(**(key if key.kty == "oct" else key.public()).to_dict(private=key.kty == "oct"))
    wanted = {"iss": ISSUER, "aud": AUDIENCE, "exp": None}
    return lambda: json.loads(jwcrypto_jwt.JWT(jwt=raw.decode(), key=own, algs=[alg], check_claims=wanted).claims)


def _python_jose_key(key: JWK, alg: str, *, is_private: bool) -> Any:
    if key.kty == "oct":
        return jose_jwk.construct(raw_secret(key), alg)
    pem = key.to_pem(private=True) if is_private else _public_pem(key)
    return jose_jwk.construct(pem.decode(), alg)


def _python_jose_verify(key: JWK, alg: str, token: str) -> Call:
    raw, decode, own = token.encode(), jose_jwt.decode, _python_jose_key(key, alg, is_private=False)
    options = {"require_iss": True, "require_aud": True, "require_exp": True}
    return lambda: decode(raw.decode(), own, [alg], options, audience=AUDIENCE, issuer=ISSUER)


def _oxyjwt_key(key: JWK, alg: str, *, is_private: bool) -> Any:
    kind = oxyjwt.EncodingKey if is_private else oxyjwt.DecodingKey
    if key.kty == "oct":
        return kind.from_secret(raw_secret(key))
    make: dict[str, Callable[[bytes], Any]] = {
        "RS256": kind.from_rsa_pem,
        "ES256": kind.from_ec_pem,
        "EdDSA": kind.from_ed_pem,
    }
    return make[alg](key.to_pem(private=True) if is_private else _public_pem(key))


def _oxyjwt_verify(key: JWK, alg: str, token: str) -> dict[str, Call]:
    raw, decode, own, algs = token.encode(), oxyjwt.decode, _oxyjwt_key(key, alg, is_private=False), [alg]
    options = {"require": ["iss", "aud", "exp"]}

    def verify() -> object:
        claims = decode(raw.decode(), own, algs, audience=AUDIENCE, issuer=ISSUER)
        claims["exp"]
        return claims

    return {
        "oxyjwt": verify,
        "oxyjwt, option require": lambda: decode(raw.decode(), own, algs, options, audience=AUDIENCE, issuer=ISSUER),
    }
