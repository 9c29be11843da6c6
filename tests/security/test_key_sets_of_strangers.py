"""Key sets as an attacker or a careless operator writes them, each beside a token that its key would verify.

What the public vectors for JSON Web Keys ask: weak keys, keys for something else, names that stand twice, mixed sets.
"""

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from daypass import jws, jwt
from daypass.errors import DaypassError, InvalidSignature, UnknownKey
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests.security import forge
from tests.security.forge import b64u, compact

Case = tuple[list[dict[str, Any]], str]


def uint(number: int) -> str:
    return b64u(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def oct_member(secret: bytes, alg: str = "HS256", kid: str = "k") -> dict[str, Any]:
    return {"kty": "oct", "alg": alg, "use": "sig", "kid": kid, "k": b64u(secret)}


def mac_by(secret: bytes, alg: str = "HS256", kid: str = "k") -> str:
    digest = f"sha{alg[2:]}"
    return compact({"alg": alg, "kid": kid}, b"foo", lambda data: hmac.digest(secret, data, digest))


def es_member(**more: Any) -> dict[str, Any]:
    return {**forge.jwk("ES256").to_dict(), "kid": "k", "use": "sig", **more}


def es_token() -> str:
    def sign(data: bytes) -> bytes:
        r, s = forge.ecdsa("ES256")(data)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return compact({"alg": "ES256", "kid": "k"}, b"foo", sign)


def rs_member(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": uint(numbers.n), "e": uint(numbers.e), **more}


def rs_token(key: rsa.RSAPrivateKey) -> str:
    return compact(
        {"alg": "RS256", "kid": "k"}, b"foo", lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    )


def exponent_one() -> Case:
    """A signature under an exponent of one is the padded hash itself: everybody writes it."""

    def sign(data: bytes) -> bytes:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(data)
        info = bytes.fromhex("3031300d060960864801650304020105000420") + digest.finalize()
        return b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info

    member = rs_member(forge.rsa_key(), e="AQ")
    return [member], compact({"alg": "RS256", "kid": "k"}, b"foo", sign)


def empty_secret(alg: str) -> Case:
    return [{**oct_member(b"", alg), "k": ""}], mac_by(b"", alg)


def touched(member: dict[str, Any], name: str) -> dict[str, Any]:
    raw = forge.unb64u(member[name])
    return {**member, name: b64u(raw[:-1] + bytes([raw[-1] ^ 0x10]))}


SECRET, OTHER = bytes(range(32)), bytes(range(100, 132))
REFUSED: dict[str, Callable[[], Case]] = {
    "1024 bits": lambda: ([rs_member(forge.rsa_key(1024))], rs_token(forge.rsa_key(1024))),
    "an exponent of one": exponent_one,
    "HS256, 31 bytes": lambda: ([oct_member(SECRET[:31])], mac_by(SECRET[:31])),
    "HS384, 47 bytes": lambda: ([oct_member(bytes(range(47)), "HS384")], mac_by(bytes(range(47)), "HS384")),
    "HS512, 63 bytes": lambda: ([oct_member(bytes(range(63)), "HS512")], mac_by(bytes(range(63)), "HS512")),
    "HS256, no bytes": lambda: empty_secret("HS256"),
    "HS384, no bytes": lambda: empty_secret("HS384"),
    "HS512, no bytes": lambda: empty_secret("HS512"),
    "a kid twice": lambda: ([oct_member(SECRET), oct_member(OTHER)], mac_by(SECRET)),
    "a key twice": lambda: ([oct_member(SECRET)] * 2, mac_by(SECRET)),
    "a kid twice, one of them misspelt": lambda: (
        [oct_member(SECRET), {**oct_member(OTHER), "k": b64u(OTHER)[:-1] + "f"}],
        mac_by(SECRET),
    ),
    "a kid twice, one of them too short": lambda: ([oct_member(OTHER[:5]), oct_member(SECRET)], mac_by(SECRET)),
    "the private half beside the public one": lambda: (
        [es_member(), {**es_member(), "d": b64u(private_number())}],
        es_token(),
    ),
    "another use": lambda: ([es_member(use="enc")], es_token()),
    "RSA for encryption": lambda: ([rs_member(forge.rsa_key(), alg="RSA1_5", use="enc")], rs_token(forge.rsa_key())),
    "an alg of encryption": lambda: ([rs_member(forge.rsa_key(), alg="RSA-OAEP")], rs_token(forge.rsa_key())),
    "key_ops of the signer": lambda: ([es_member(key_ops=["sign"])], es_token()),
    "an alg that is none": lambda: ([es_member(alg="ES521")], es_token()),
    "an alg that nobody has": lambda: ([es_member(alg="ES224")], es_token()),
    "the alg of another curve": lambda: ([es_member(alg="ES384")], es_token()),
    "the alg of another type": lambda: ([es_member(alg="RS256")], es_token()),
    "alg none": lambda: ([es_member(alg="none")], compact({"alg": "none", "kid": "k"}, b"foo", lambda _: b"")),
    "a point off the curve": lambda: ([touched(es_member(), "y")], es_token()),
    "another curve": lambda: ([es_member(crv="P-384")], es_token()),
    "secp256k1": lambda: ([es_member(crv="secp256k1", alg="ES256K")], es_token()),
    "another type": lambda: ([es_member(kty="RSA")], es_token()),
    "no type": lambda: ([{name: value for name, value in es_member().items() if name != "kty"}], es_token()),
    "a private number of another": lambda: ([es_member(d=b64u(bytes(31) + b"\5"))], es_token()),
    "nothing": lambda: ([], es_token()),
}
ACCEPTED: dict[str, Callable[[], Case]] = {
    "HS256, 65 bytes": lambda: ([oct_member(bytes(range(65)))], mac_by(bytes(range(65)))),
    "HS384, 65 bytes": lambda: ([oct_member(bytes(range(65)), "HS384")], mac_by(bytes(range(65)), "HS384")),
    "HS512, 65 bytes": lambda: ([oct_member(bytes(range(65)), "HS512")], mac_by(bytes(range(65)), "HS512")),
    "two secrets": lambda: ([oct_member(SECRET), oct_member(OTHER, kid="k2")], mac_by(SECRET)),
    "RSA": lambda: ([rs_member(forge.rsa_key())], rs_token(forge.rsa_key())),
    "EC": lambda: ([es_member()], es_token()),
    "a secret beside a public key": lambda: ([oct_member(SECRET, kid="k2"), es_member()], es_token()),
    "a public key beside a secret": lambda: ([es_member(kid="k2"), oct_member(SECRET)], mac_by(SECRET)),
    "one kid over two types": lambda: ([es_member(), oct_member(SECRET)], mac_by(SECRET)),
    "a weak key beside a good one": lambda: ([es_member(), rs_member(forge.rsa_key(1024))], es_token()),
}


def private_number() -> bytes:
    return forge.ec_key("ES256").private_numbers().private_value.to_bytes(32, "big")


def verified(keys: list[dict[str, Any]], token: str) -> bytes:
    return jws.verify(token, JWKSet.from_json(json.dumps({"keys": keys}))).payload


@pytest.mark.parametrize("what", REFUSED)
def test_A16_A18_a_set_that_verifies_nothing(what: str) -> None:
    keys, token = REFUSED[what]()
    with pytest.raises(DaypassError):
        verified(keys, token)
    for key in keys:
        if not what.startswith(("a kid twice", "a key twice", "the private half")):
            with pytest.raises(DaypassError):
                jws.verify(token, JWK.from_dict(key))


@pytest.mark.parametrize("what", ACCEPTED)
def test_A16_A18_a_set_that_verifies(what: str) -> None:
    keys, token = ACCEPTED[what]()
    assert verified(keys, token) == b"foo"
    head, body, signature = token.split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    with pytest.raises(InvalidSignature):
        verified(keys, f"{head}.{body}.{changed}")


def test_A18_no_key_of_a_mixed_set_does_the_work_of_another() -> None:
    """The public key as a secret, the secret's name over a public key's signature, and the other way round."""
    public, secret = forge.jwk("RS256"), JWK.from_secret(SECRET, alg="HS256", kid="s")
    keys = JWKSet.from_dict({"keys": [{**public.to_dict(), "kid": "p"}, secret.to_dict(private=True)]})
    for stolen in (public.to_pem(), public.to_der(), json.dumps(public.to_dict()).encode(), public.kid.encode()):
        for kid in ("p", "s"):
            with pytest.raises(DaypassError):
                jws.verify(mac_by(stolen, kid=kid), keys)
    with pytest.raises(InvalidSignature):
        jws.verify(compact({"alg": "HS256", "kid": "s"}, b"foo", forge.pkcs1()), keys)
    with pytest.raises(DaypassError):
        jws.verify(compact({"alg": "RS256", "kid": "s"}, b"foo", forge.pkcs1()), keys)
    with pytest.raises(UnknownKey):
        jws.verify(compact({"alg": "RS256", "kid": "x"}, b"foo", forge.pkcs1()), keys)
    assert jws.verify(compact({"alg": "RS256", "kid": "p"}, b"foo", forge.pkcs1()), keys).payload == b"foo"
    assert jws.verify(mac_by(SECRET, kid="s"), keys).payload == b"foo"
    assert jwt.verify(jwt.sign({"sub": "u"}, secret), keys)["sub"] == "u"


def test_A18_a_private_key_in_a_public_set_is_used_by_its_public_half() -> None:
    """An operator's mishap: the token holds all the same, and what is published again has no private part."""
    leaked = {**es_member(), "d": b64u(private_number())}
    keys = JWKSet.from_dict({"keys": [leaked, rs_member(forge.rsa_key(), kid="r")]})
    assert [key.is_private for key in keys] == [True, False]
    assert jws.verify(es_token(), keys).payload == b"foo"
    assert [sorted(member) for member in keys.to_dict()["keys"]] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"],
        ["alg", "e", "kid", "kty", "n", "use"],
    ]
