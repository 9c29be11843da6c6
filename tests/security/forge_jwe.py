"""Encrypted tokens as an attacker or a careless peer writes them: nothing of daypass is used to make one.

And every way in which one reaches this library.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from daypass import jwe, jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import DecryptionFailed, TokenError
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests.encryption import EVERYTHING, fresh
from tests.security.forge import Part, b64u, octets, rsa_key

SECRET = bytes(range(64, 96))
CEK = bytes(range(100, 164))
CEK_BYTES = {"A128CBC-HS256": 32, "A192CBC-HS384": 48, "A256CBC-HS512": 64, "A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
DIGESTS = {16: "sha256", 24: "sha384", 32: "sha512"}

Sealed = tuple[bytes, bytes, bytes]
"""iv, ciphertext and tag."""


def seal(enc: str, cek: bytes, plaintext: bytes, aad: bytes, iv: bytes | None = None) -> Sealed:
    """Encrypt a content, with an iv of any length."""
    if enc.endswith("GCM"):
        iv = os.urandom(12) if iv is None else iv
        both = AESGCM(cek).encrypt(iv, plaintext, aad)
        return iv, both[:-16], both[-16:]
    iv, half = os.urandom(16) if iv is None else iv, len(cek) // 2
    padded = plaintext + bytes([16 - len(plaintext) % 16]) * (16 - len(plaintext) % 16)
    cipher = Cipher(algorithms.AES(cek[half:]), modes.CBC(iv)).encryptor()
    ciphertext = cipher.update(padded) + cipher.finalize()
    return iv, ciphertext, cbc_tag(cek, iv, ciphertext, aad)


def cbc_tag(cek: bytes, iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    half = len(cek) // 2
    return hmac.digest(cek[:half], aad + iv + ciphertext + (8 * len(aad)).to_bytes(8, "big"), DIGESTS[half])[:half]


def cek_of(enc: str) -> bytes:
    return CEK[: CEK_BYTES[enc]]


def compact(
    header: Part, plaintext: bytes = b"x", *, cek: bytes | None = None, ek: bytes = b"", iv: bytes | None = None
) -> str:
    """Encrypt under any header; `enc` is that of the header where it has one."""
    enc = header.get("enc", "A256GCM") if isinstance(header, dict) else "A256GCM"
    enc = enc if isinstance(enc, str) and enc in CEK_BYTES else "A256GCM"
    head = b64u(octets(header))
    parts = seal(enc, SECRET if cek is None else cek, plaintext, head.encode(), iv)
    return ".".join((head, *map(b64u, (ek, *parts))))


def direct(header: dict[str, Any] | None = None, plaintext: bytes = b"x", **words: Any) -> str:
    """A token under SECRET itself, by default a good one."""
    return compact({"alg": "dir", "enc": "A256GCM", **(header or {})}, plaintext, **words)


def wrapped(header: dict[str, Any] | None = None, plaintext: bytes = b"x", cek: bytes | None = None) -> str:
    """A token whose CEK is wrapped with SECRET, by default a good one."""
    members = {"alg": "A256KW", "enc": "A256GCM", **(header or {})}
    cek = cek_of(members["enc"]) if cek is None else cek
    return compact(members, plaintext, cek=cek, ek=aes_key_wrap(SECRET, cek))


def pbes2(header: dict[str, Any] | None = None, password: bytes = b"password") -> str:
    """A token to a password, with whatever parameters."""
    members = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": b64u(bytes(16)), "p2c": 1000, **(header or {})}
    members = {name: value for name, value in members.items() if value is not ...}
    salt = b"PBES2-HS256+A128KW\0" + bytes(16)
    count = members.get("p2c")
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, count if type(count) is int and 0 < count < 2000 else 1, 16)
    return compact(members, cek=cek_of("A128GCM"), ek=aes_key_wrap(derived, cek_of("A128GCM")))


# ---------------------------------------------------------------------------------------------------------- RSA


def rsa_token(encrypted_key: bytes, cek: bytes | None = None, alg: str = "RSA1_5", enc: str = "A128GCM") -> str:
    return compact({"alg": alg, "enc": enc}, cek=cek_of(enc) if cek is None else cek, ek=encrypted_key)


def rsa_encrypted(cek: bytes) -> bytes:
    return rsa_key().public_key().encrypt(cek, padding.PKCS1v15())


def rsa_block(block: bytes) -> bytes:
    """Raise any 256 octets to the public exponent: a padding of the attacker's choice."""
    numbers = rsa_key().public_key().public_numbers()
    return pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(256, "big")


def pkcs1_block(message: bytes) -> bytes:
    return b"\0\2" + b"\x55" * (253 - len(message)) + b"\0" + message


# ---------------------------------------------------------------------------------------------------- agreement


@cache
def curve_key(crv: str) -> Any:
    if crv == "X25519":
        return x25519.X25519PrivateKey.generate()
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[crv])


def agreed(
    crv: str, epk: Any, z: bytes | None = None, *, wrap: bool = False, header: dict[str, Any] | None = None
) -> str:
    """A token whose key comes from a shared secret, by default an honest one, under any `epk`."""
    alg, enc = "ECDH-ES+A128KW" if wrap else "ECDH-ES", "A128GCM"
    ephemeral = x25519.X25519PrivateKey.generate() if crv == "X25519" else ec.generate_private_key(curve_key(crv).curve)
    if z is None:
        theirs = curve_key(crv).public_key()
        z = ephemeral.exchange(theirs) if crv == "X25519" else ephemeral.exchange(ec.ECDH(), theirs)
    name = (alg if wrap else enc).encode()
    info = len(name).to_bytes(4, "big") + name + bytes(8) + (128).to_bytes(4, "big")
    derived = ConcatKDFHash(hashes.SHA256(), 16, info).derive(z)
    members = {"alg": alg, "enc": enc, "epk": epk_of(ephemeral) if epk is None else epk, **(header or {})}
    members = {it: value for it, value in members.items() if value is not ...}
    if wrap:
        return compact(members, cek=cek_of(enc), ek=aes_key_wrap(derived, cek_of(enc)))
    return compact(members, cek=derived)


def epk_of(private: Any) -> dict[str, Any]:
    public = private.public_key()
    if isinstance(private, x25519.X25519PrivateKey):
        return {"kty": "OKP", "crv": "X25519", "x": b64u(public.public_bytes_raw())}
    numbers, size = public.public_numbers(), (private.curve.key_size + 7) // 8
    crv = {256: "P-256", 384: "P-384"}[private.curve.key_size]
    return {"kty": "EC", "crv": crv, **{it: b64u(getattr(numbers, it).to_bytes(size, "big")) for it in "xy"}}


# -------------------------------------------------------------------------------------------------- keys, JSON


@cache
def receiver(alg: str, crv: str | None = None) -> JWK:
    """The key of the tokens above, as daypass sees it."""
    if alg.startswith("RSA"):
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        pem = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return JWK.from_pem(pem, alg=alg, kid="k")
    if alg.startswith("ECDH"):
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        pem = curve_key(crv or "P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return JWK.from_pem(pem, alg=alg, kid="k")
    return JWK.from_secret(b"password" if alg.startswith("PBES2") else SECRET, alg=alg, kid="k")


def flattened(
    protected: Any = None, plaintext: bytes = b"x", *, aad: str | None = None, **members: Any
) -> dict[str, Any]:
    """A JWE in JSON under SECRET itself; `...` as protected leaves it out."""
    protected = {"alg": "dir", "enc": "A256GCM"} if protected is None else protected
    head = "" if protected is ... else protected if isinstance(protected, str) else b64u(octets(protected))
    authenticated = head if aad is None else f"{head}.{aad}"
    iv, ciphertext, tag = map(b64u, seal("A256GCM", SECRET, plaintext, authenticated.encode()))
    token = {} if protected is ... else {"protected": head}
    token |= {} if aad is None else {"aad": aad}
    return {**token, "iv": iv, "ciphertext": ciphertext, "tag": tag, **members}


def general(*recipients: Any, protected: Any = None, shared: Any = ..., aad: str | None = None) -> dict[str, Any]:
    """A JWE in JSON, whose CEK is wrapped with SECRET for every recipient that says so."""
    protected = {"enc": "A256GCM"} if protected is None else protected
    head = "" if protected is ... else b64u(octets(protected))
    cek = cek_of("A256GCM")
    authenticated = head if aad is None else f"{head}.{aad}"
    iv, ciphertext, tag = map(b64u, seal("A256GCM", cek, b"x", authenticated.encode()))
    token: dict[str, Any] = {} if protected is ... else {"protected": head}
    token |= {} if shared is ... else {"unprotected": shared}
    token |= {} if aad is None else {"aad": aad}
    return {**token, "recipients": list(recipients), "iv": iv, "ciphertext": ciphertext, "tag": tag}


def recipient(header: Any = None, **members: Any) -> dict[str, Any]:
    """Who can unwrap with SECRET."""
    own = {"alg": "A256KW"} if header is None else header
    ek = b64u(aes_key_wrap(SECRET, cek_of("A256GCM")))
    return {**({} if own is ... else {"header": own}), "encrypted_key": ek, **members}


def segments(token: str) -> list[str]:
    return token.split(".")


def with_segment(token: str, index: int, text: str) -> str:
    parts = segments(token)
    parts[index] = text
    return ".".join(parts)


def text_of(token: dict[str, Any]) -> str:
    return json.dumps(token)


def agreement(crv: str, *, wrap: bool | int = False) -> JWK:
    return receiver("ECDH-ES+A128KW" if wrap else "ECDH-ES", crv)


# -------------------------------------------------------------------------------------------- every way in

EVERY_WORD: dict[str, Any] = {**EVERYTHING, "allow_unknown_sender": True, "policy": ClaimsPolicy(required=())}


def flat(token: str) -> dict[str, Any]:
    """The same token in JSON."""
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    return {name: text for name, text in zip(names, segments(token), strict=True) if text or name != "encrypted_key"}


def ways(key: JWK, good: str | None = None) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Every way in which a compact token can reach this library; the warm one has decrypted a good token before."""
    mine = fresh(key)
    yield "jwe.decrypt", lambda it: jwe.decrypt(it, mine, **EVERYTHING)
    yield "a set", lambda it: jwe.decrypt(it, JWKSet([mine]), algs=(str(key.alg),), **EVERYTHING)
    yield "jwt.decrypt", lambda it: jwt.decrypt(it, mine, **EVERY_WORD)
    yield "decrypt_json", lambda it: jwe.decrypt_json(flat(it), mine, **EVERYTHING)
    yield "decrypt_json of text", lambda it: jwe.decrypt_json(json.dumps(flat(it)), mine, **EVERYTHING)
    if good is not None:
        warm = fresh(key)
        assert jwe.decrypt(good, warm, **EVERYTHING)
        yield "warm", lambda it: jwe.decrypt(it, warm, **EVERYTHING)


def refused(bad: str, error: type[TokenError], key: JWK, good: str | None = None) -> None:
    """Hold that every way refuses with exactly this class, and that nothing hangs on the error."""
    for name, decrypt in ways(key, good):
        with pytest.raises(TokenError) as raised:
            decrypt(bad)
        assert type(raised.value) is error, name
        if error is DecryptionFailed:
            assert str(raised.value) == str(DecryptionFailed())
            assert raised.value.__cause__ is None, name
            assert raised.value.__context__ is None, name
            assert vars(raised.value) == vars(DecryptionFailed())
