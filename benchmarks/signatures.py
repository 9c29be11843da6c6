"""Sign and verify, one table for each algorithm and direction: daypass, the peers, the primitive on its own."""

from __future__ import annotations

import hmac
import time
from secrets import token_hex
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from nacl.bindings import crypto_sign, crypto_sign_open

from benchmarks import peers
from benchmarks.material import AUDIENCE, ISSUER, access_claims, key_of, own_claims
from benchmarks.report import Bar, Group, rows_of
from benchmarks.rounds import Call, measure
from daypass.claims import ClaimsPolicy
from daypass.encoding import b64url_decode
from daypass.jose import jwt
from daypass.jose.jwk import JWK
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier

__all__ = ["issue_group", "sign_group", "verify_group"]

BARE = "the primitive alone"
VERIFIER = "daypass Verifier.verify"
SIGN = "daypass jwt.sign"
ISSUE = "daypass Issuer.issue"
BUILT = "oxyjwt + the dict, jti of token_hex"
NAMES = {"EdDSA": "Ed25519"}


def verify_group(alg: str, *, rounds: int) -> Group:
    """Verify one at+jwt, a new ``str`` each time, and look at iss, aud and exp."""
    key = key_of(alg)
    issuer = Issuer(key, issuer=ISSUER, audience=AUDIENCE, lifetime_s=3600)
    verifier = Verifier(key if alg == "HS256" else key.public(), issuer=ISSUER, audience=AUDIENCE)
    token = issuer.issue(own_claims())
    raw, verify, public = token.encode(), verifier.verify, key if alg == "HS256" else key.public()
    policy = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt")
    contestants: dict[str, Call] = {
        VERIFIER: lambda: verify(raw.decode()),
        "daypass jwt.verify": lambda: jwt.verify(raw.decode(), public, policy=policy),
        **_bare_verify(key, token),
        **peers.peers_that_verify(key, token),
    }
    _demand_the_same_checks(key)
    bars = {
        "HS256": (Bar(VERIFIER, "oxyjwt", 1.0), Bar(VERIFIER, "PyJWT", 0.1)),
        "RS256": (Bar(VERIFIER, BARE, 1.25),),
        "ES256": (Bar(VERIFIER, BARE, 1.1),),
        "EdDSA": (Bar(VERIFIER, BARE, 1.1),),
    }
    title = f"{NAMES.get(alg, alg)} verify, 12 claims, {len(token)} characters"
    result = measure(contestants, rounds=rounds)
    return rows_of(title, result, "oxyjwt" if alg == "HS256" else BARE, bars[alg])


def _demand_the_same_checks(key: JWK) -> None:
    """Show every peer what it must accept and what it must refuse; a comparison with one that is blind says nothing."""
    claims = access_claims()
    wrong = [claims | {"iss": "x"}, claims | {"aud": "x"}, claims | {"exp": 1}]
    wrong += [{name: value for name, value in claims.items() if name != absent} for absent in ("iss", "aud", "exp")]
    for name, call in peers.peers_that_verify(key, jwt.sign(claims, key)).items():
        if call() != claims:
            raise AssertionError(f"{name} does not give the claims back")
    for refused in wrong:
        for name, call in peers.peers_that_verify(key, jwt.sign(refused, key, lifetime_s=None)).items():
            try:
                call()
            except Exception:  # noqa: BLE001 - each library has its own
                continue
            raise AssertionError(f"{name} accepts what the others refuse")


def sign_group(alg: str, *, rounds: int) -> Group:
    """Sign one ready dict."""
    key, claims = key_of(alg), access_claims()
    contestants: dict[str, Call] = {
        SIGN: lambda: jwt.sign(claims, key),
        **_bare_sign(key, jwt.sign(claims, key)),
        **peers.peers_that_sign(key, claims),
    }
    bars = (Bar(SIGN, "oxyjwt", 1.4),) if alg == "HS256" else ()
    result = measure(contestants, rounds=rounds)
    return rows_of(f"{NAMES.get(alg, alg)} sign, 12 claims", result, "oxyjwt" if bars else BARE, bars)


def issue_group(*, rounds: int) -> Group:
    """From what a session knows to a token: times, issuer, audience and token id are added on the way."""
    key, own = key_of("HS256"), own_claims()
    issue = Issuer(key, issuer=ISSUER, audience=AUDIENCE, lifetime_s=600).issue
    oxyjwt_sign = peers.oxyjwt_signer(key)

    def build(jti: str) -> dict[str, Any]:
        now_s = int(time.time())
        return {"iss": ISSUER, "aud": AUDIENCE, "iat": now_s, "exp": now_s + 600, "jti": jti, **own}

    contestants: dict[str, Call] = {
        ISSUE: lambda: issue(own),
        BUILT: lambda: oxyjwt_sign(build(token_hex(16))),
        "oxyjwt + the dict, jti of uuid4": lambda: oxyjwt_sign(build(uuid4().hex)),
        "daypass jwt.sign + the dict, jti of token_hex": lambda: jwt.sign(build(token_hex(16)), key),
    }
    result = measure(contestants, rounds=rounds)
    return rows_of(
        "HS256 issue, 7 claims of the caller + iss aud iat exp jti", result, BUILT, (Bar(ISSUE, BUILT, 1.15),)
    )


# ---------------------------------------------------------------------------------------- the primitive alone


def _bare_verify(key: JWK, token: str) -> dict[str, Call]:
    """Verify over the bytes that were signed, with everything decoded before."""
    head, signature = token.encode().rsplit(b".", 1)
    raw = b64url_decode(signature)
    if key.kty == "oct":
        secret = peers.raw_secret(key)
        return {BARE: lambda: hmac.compare_digest(hmac.digest(secret, head, "sha256"), raw)}
    private = peers.raw_private_key(key)
    public = private.public_key()
    if key.kty == "RSA":
        how, kind = padding.PKCS1v15(), hashes.SHA256()
        return {BARE: lambda: public.verify(raw, head, how, kind)}
    if key.kty == "EC":
        der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        scheme = ec.ECDSA(hashes.SHA256())
        return {BARE: lambda: public.verify(der, head, scheme)}
    point, signed = public.public_bytes_raw(), raw + head
    return {
        BARE: lambda: crypto_sign_open(signed, point),
        "the primitive of OpenSSL alone": lambda: public.verify(raw, head),
    }


def _bare_sign(key: JWK, token: str) -> dict[str, Call]:
    head = token.encode().rsplit(b".", 1)[0]
    if key.kty == "oct":
        secret = peers.raw_secret(key)
        return {BARE: lambda: hmac.digest(secret, head, "sha256")}
    private = peers.raw_private_key(key)
    if key.kty == "RSA":
        how, kind = padding.PKCS1v15(), hashes.SHA256()
        return {BARE: lambda: private.sign(head, how, kind)}
    if key.kty == "EC":
        scheme = ec.ECDSA(hashes.SHA256())
        return {BARE: lambda: private.sign(head, scheme)}
    secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return {BARE: lambda: crypto_sign(head, secret), "the primitive of OpenSSL alone": lambda: private.sign(head)}
