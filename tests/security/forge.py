"""Tokens as an attacker or a careless peer writes them: nothing of daypass is used to make one."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from daypass import jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import DaypassError, TokenError
from daypass.jose.jwk import JWK
from daypass.tokens.verifier import Verifier

ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
POLICY = ClaimsPolicy(issuer=ISSUER, audience=AUDIENCE, typ="JWT")
SECRET = bytes(range(32, 64))

Signer = Callable[[bytes], bytes]
Part = bytes | dict[str, Any]


def b64u(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def unb64u(text: str) -> bytes:
    """Decode base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(**changes: Any) -> dict[str, Any]:
    """Name claims that hold; a change of `...` takes one away."""
    now_s = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "iat": now_s, "exp": now_s + 600, "jti": "j1"}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def octets(part: Part) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()


def compact(header: Part, payload: Part, sign: Signer) -> str:
    """Sign whatever it is given."""
    signed = f"{b64u(octets(header))}.{b64u(octets(payload))}"
    return f"{signed}.{b64u(sign(signed.encode()))}"


def hs256(secret: bytes = SECRET) -> Signer:
    return lambda data: hmac.digest(secret, data, "sha256")


def token(header: Part | None = None, payload: Part | None = None, *, secret: bytes = SECRET) -> str:
    """Make an HS256 token, by default a good one."""
    parts = {"alg": "HS256", "typ": "JWT"} if header is None else header, claims() if payload is None else payload
    return compact(*parts, hs256(secret))


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def other_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pkcs1(key: rsa.RSAPrivateKey | None = None) -> Signer:
    return lambda data: (key or rsa_key()).sign(data, padding.PKCS1v15(), hashes.SHA256())


def pss(salt_length: Any = padding.PSS.DIGEST_LENGTH) -> Signer:
    how = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt_length)
    return lambda data: rsa_key().sign(data, how, hashes.SHA256())


CURVES = {
    "ES256": (ec.SECP256R1(), hashes.SHA256(), 32, ec.SECP256R1.group_order),
    "ES384": (ec.SECP384R1(), hashes.SHA384(), 48, ec.SECP384R1.group_order),
    "ES512": (ec.SECP521R1(), hashes.SHA512(), 66, ec.SECP521R1.group_order),
    "ES256K": (ec.SECP256K1(), hashes.SHA256(), 32, ec.SECP256K1.group_order),
}


@cache
def ec_key(alg: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[alg][0])


def ecdsa(alg: str) -> Callable[[bytes], tuple[int, int]]:
    """Sign as r and s."""
    return lambda data: decode_dss_signature(ec_key(alg).sign(data, ec.ECDSA(CURVES[alg][1])))


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@cache
def ed448_key() -> ed448.Ed448PrivateKey:
    return ed448.Ed448PrivateKey.generate()


def public_pem(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, form)


def public_der(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, form)


def private_der(key: Any) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@cache
def jwk(alg: str) -> JWK:
    """The public (for HS256: the) key of the signers above, as daypass sees it."""
    if alg == "HS256":
        return JWK.from_secret(SECRET, alg=alg)
    if alg in CURVES:
        return JWK.from_pem(public_pem(ec_key(alg)), alg=alg, kid=alg)
    keys = {"EdDSA": ed25519_key, "Ed25519": ed25519_key, "Ed448": ed448_key}
    return JWK.from_pem(public_pem(keys.get(alg, rsa_key)()), alg=alg, kid=alg)


def ways(key: Any, good: str | None = None) -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Every way in which a token reaches this library; the warm ones have verified a good token before."""
    yield "jws.verify", lambda it: jws.verify(it, key)
    yield "jwt.verify", lambda it: jwt.verify(it, key, policy=POLICY)
    for name, cache_entries in (("Verifier", 0), ("Verifier with a cache", 4)):
        words = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "JWT", "cache_entries": cache_entries}
        yield name, Verifier(key, **words).verify
        if good is not None:
            warm = Verifier(key, **words)
            assert warm.verify(good) == warm.verify(good)
            yield f"warm {name}", warm.verify


def refused(
    bad: Any, error: type[TokenError], key: Any = None, *, good: str | None = None, as_jws: bool = True
) -> None:
    """Hold that every way refuses with exactly this class; `as_jws=False`: only a JWT is refused for it."""
    key = jwk("HS256") if key is None else key
    if good is None and isinstance(key, JWK) and key.alg == "HS256":
        good = token()
    for name, verify in ways(key, good):
        if as_jws or name != "jws.verify":
            assert outcome(verify, bad) is error, name


def outcome(act: Callable[..., object], *args: Any) -> object:
    """Tell the class of what was raised; what is not an error of ours goes on its way."""
    try:
        act(*args)
    except DaypassError as raised:
        return type(raised)
    return "accepted"
