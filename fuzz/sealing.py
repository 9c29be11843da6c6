"""Encryption as the judge does it: content and keys sealed and opened without daypass.

Enters: header parameters, the fixed key that they select, octets. Leaves: the parts of a JWE, or a plaintext;
``Refuse`` where a part is wrong. Source: RFC 7516 5; RFC 7518 4, 5; RFC 8037 3.2.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, x448, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from daypass.limits import PBES2_COUNT_MAX, PBES2_COUNT_MIN, PBES2_SALT_BYTES_MAX, PBES2_SALT_BYTES_MIN
from fuzz import key_material, keys
from fuzz.judge import Refuse, Undecided, octets
from fuzz.keys import b64u, derived

Members = dict[str, Any]

ENCS = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32, "A128CBC-HS256": 32, "A192CBC-HS384": 48, "A256CBC-HS512": 64}
OAEP: dict[str, hashes.HashAlgorithm] = {
    "RSA-OAEP": hashes.SHA1(),  # noqa: S303 - what the name means
    "RSA-OAEP-256": hashes.SHA256(),
    "RSA-OAEP-384": hashes.SHA384(),
    "RSA-OAEP-512": hashes.SHA512(),
}
AGREEMENT_CURVES = {"ECDH-ES": "P-256", "ECDH-ES+A128KW": "X25519", "ECDH-ES+A192KW": "X448", "ECDH-ES+A256KW": "P-521"}
MONTGOMERY: dict[str, Any] = {"X25519": x25519.X25519PublicKey, "X448": x448.X448PublicKey}
PBES2 = {
    "PBES2-HS256+A128KW": ("sha256", 16),
    "PBES2-HS384+A192KW": ("sha384", 24),
    "PBES2-HS512+A256KW": ("sha512", 32),
}
WRAPS = {f"A{bits}KW": bits // 8 for bits in (128, 192, 256)}
GCM_WRAPS = {f"A{bits}GCMKW": bits // 8 for bits in (128, 192, 256)}
DIRECT = ("dir", "ECDH-ES")
KIDS = ("dir", "A128GCM", *WRAPS, *GCM_WRAPS, *OAEP, "RSA1_5", *AGREEMENT_CURVES, *PBES2)
"""The fixed keys, by kid: the alg of each, or, for ``dir``, the enc."""
FAST = ("dir", "dir", "A128GCM", "A128KW", "A256GCMKW", "ECDH-ES", "ECDH-ES+A128KW")
IV = derived("iv", 16)


def members_of(kid: str) -> Members:
    """A fixed key as the members of a JWK."""
    if kid in AGREEMENT_CURVES:
        crv = AGREEMENT_CURVES[kid]
        members = keys.ec_members(crv) if crv in keys.CURVES else keys.okp_members(crv)
    elif kid in OAEP or kid == "RSA1_5":
        members = keys.rsa_members()
    else:
        members = keys.oct_members(kid, secret_bytes(kid))
    return {**members, "alg": kid, "kid": kid}


def secret_bytes(kid: str) -> int:
    """How long a fixed symmetric key is; that of ``dir`` is for A256GCM and A128CBC-HS256."""
    return (WRAPS | GCM_WRAPS | {"dir": 32, "A128GCM": 16}).get(kid, 20)


def alg_of(kid: str) -> str:
    """The key management of a fixed key."""
    return "dir" if kid in ENCS else kid


def secret(kid: str) -> bytes:
    """A fixed symmetric key."""
    return derived(kid, secret_bytes(kid))


# --------------------------------------------------------------------------------------------------- content


def seal_content(enc: str, cek: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes, bytes]:
    """Encrypt: iv, ciphertext, tag. The iv is fixed: nothing here is secret."""
    if enc.endswith("GCM"):
        sealed = AESGCM(cek).encrypt(IV[:12], plaintext, aad)
        return IV[:12], sealed[:-16], sealed[-16:]
    half = len(cek) // 2
    pad = 16 - len(plaintext) % 16
    cipher = Cipher(algorithms.AES(cek[half:]), modes.CBC(IV)).encryptor()
    ciphertext = cipher.update(plaintext + bytes([pad]) * pad) + cipher.finalize()
    return IV, ciphertext, _cbc_tag(enc, cek, IV, ciphertext, aad)


def _cbc_tag(enc: str, cek: bytes, iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    half = len(cek) // 2
    data = aad + iv + ciphertext + (len(aad) * 8).to_bytes(8, "big")
    return hmac.digest(cek[:half], data, "sha" + enc[-3:])[:half]


class Sealed(NamedTuple):
    """The encrypted content of a JWE, and what is authenticated beside it."""

    iv: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes


def open_content(enc: str, cek: bytes, sealed: Sealed) -> bytes:
    """Decrypt. Raises Refuse."""
    if len(cek) != ENCS[enc]:
        raise Refuse("the CEK has another length")
    if enc.endswith("GCM"):
        if len(sealed.iv) != 12 or len(sealed.tag) != 16:
            raise Refuse("iv or tag has another length")
        try:
            return AESGCM(cek).decrypt(sealed.iv, sealed.ciphertext + sealed.tag, sealed.aad)
        except InvalidTag:
            raise Refuse("the tag does not hold") from None
    half = len(cek) // 2
    tag = _cbc_tag(enc, cek, sealed.iv, sealed.ciphertext, sealed.aad)
    if (
        len(sealed.iv) != 16
        or not sealed.ciphertext
        or len(sealed.ciphertext) % 16
        or not hmac.compare_digest(tag, sealed.tag)
    ):
        raise Refuse("a length is wrong, or the tag does not hold")
    cipher = Cipher(algorithms.AES(cek[half:]), modes.CBC(sealed.iv)).decryptor()
    padded = cipher.update(sealed.ciphertext) + cipher.finalize()
    if not 1 <= padded[-1] <= 16 or padded[-padded[-1] :] != padded[-1:] * padded[-1]:
        raise Refuse("the padding is wrong")
    return padded[: -padded[-1]]


# ------------------------------------------------------------------------------------------------------ keys


def concat_kdf(z: bytes, name: str, members: Members, length: int) -> bytes:
    """The key that an agreement gives."""
    fields = (name.encode(), octets(members.get("apu", "")), octets(members.get("apv", "")))
    info = b"".join(len(field).to_bytes(4, "big") + field for field in fields) + (length * 8).to_bytes(4, "big")
    blocks = (hashlib.sha256(count.to_bytes(4, "big") + z + info).digest() for count in range(1, -(-length // 32) + 1))
    return b"".join(blocks)[:length]


@cache
def agreement_key(crv: str, name: str = "") -> Any:  # noqa: ANN401 - three classes without a common one
    """The fixed key of a curve, or the ephemeral one."""
    return keys.ec_key(crv, name) if crv in keys.CURVES else keys.okp_key(crv, name)


def exchange(private: Any, public: Any) -> bytes:  # noqa: ANN401 - three classes without a common one
    """Diffie-Hellman."""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.exchange(ec.ECDH(), public)
    shared: bytes = private.exchange(public)
    return shared


def agreed(alg: str, enc: str, members: Members, private: Any, public: Any) -> bytes:  # noqa: ANN401
    """The key of an agreement: the CEK itself, or the one that wraps it."""
    name, length = (enc, ENCS[enc]) if alg == "ECDH-ES" else (alg, int(alg[-5:-2]) // 8)
    return concat_kdf(exchange(private, public), name, members, length)


def pbes2_key(alg: str, kid: str, members: Members) -> bytes:
    """The key that a password gives. Raises Refuse: out of bounds."""
    salt, count = octets(_text(members, "p2s")), members.get("p2c")
    if type(count) is not int or not PBES2_COUNT_MIN <= count <= PBES2_COUNT_MAX:
        raise Refuse("p2c is out of bounds")
    if not PBES2_SALT_BYTES_MIN <= len(salt) <= PBES2_SALT_BYTES_MAX:
        raise Refuse("p2s is out of bounds")
    digest, length = PBES2[alg]
    return hashlib.pbkdf2_hmac(digest, secret(kid), alg.encode() + b"\0" + salt, count, length)


def _text(members: Members, name: str) -> str:
    text = members.get(name)
    if not isinstance(text, str):
        raise Refuse(f"{name} is no text")
    return text


def _unwrapped(key: bytes, encrypted_key: bytes) -> bytes:
    try:
        return aes_key_unwrap(key, encrypted_key)
    except (InvalidUnwrap, ValueError):
        raise Refuse("the key does not unwrap") from None


def take_key(kid: str, enc: str, members: Members, encrypted_key: bytes) -> bytes:
    """The CEK of a token. Raises Refuse or Undecided."""
    alg = alg_of(kid)
    if alg in (*AGREEMENT_CURVES, *GCM_WRAPS, *PBES2) and not all(_is_octets(members, name) for name in ("apu", "apv")):
        if alg in AGREEMENT_CURVES:
            raise Refuse("apu or apv is no base64url")
        raise Undecided
    if alg in DIRECT and encrypted_key:
        raise Refuse("there must be no encrypted key")
    if alg == "dir":
        return secret(kid)
    if alg in WRAPS:
        return _unwrapped(secret(kid), encrypted_key)
    if alg in GCM_WRAPS:
        iv, tag = octets(_text(members, "iv")), octets(_text(members, "tag"))
        return _gcm(secret(kid), iv, encrypted_key, tag)
    if alg in PBES2:
        return _unwrapped(pbes2_key(alg, kid, members), encrypted_key)
    if alg in AGREEMENT_CURVES:
        key = agreed(alg, enc, members, agreement_key(AGREEMENT_CURVES[alg]), _ephemeral(members.get("epk"), alg))
        return key if alg == "ECDH-ES" else _unwrapped(key, encrypted_key)
    return _rsa(alg, encrypted_key)


def _is_octets(members: Members, name: str) -> bool:
    try:
        octets(_text({name: "", **members}, name))
    except Refuse:
        return False
    return True


def _gcm(key: bytes, iv: bytes, encrypted_key: bytes, tag: bytes) -> bytes:
    if len(iv) != 12 or len(tag) != 16:
        raise Refuse("iv or tag has another length")
    try:
        return AESGCM(key).decrypt(iv, encrypted_key + tag, None)
    except InvalidTag:
        raise Refuse("the tag of the key does not hold") from None


def _rsa(alg: str, encrypted_key: bytes) -> bytes:
    how: padding.AsymmetricPadding = padding.PKCS1v15()
    if alg in OAEP:
        how = padding.OAEP(padding.MGF1(OAEP[alg]), OAEP[alg], None)
    try:
        return keys.rsa_key().decrypt(encrypted_key, how)
    except ValueError:
        raise Refuse("the key does not decrypt") from None


def _ephemeral(epk: object, alg: str) -> Any:  # noqa: ANN401 - three classes without a common one
    """The ephemeral public key of a header. Raises Refuse, or Undecided: it says more than a point."""
    crv = AGREEMENT_CURVES[alg]
    if not isinstance(epk, dict) or epk.get("crv") != crv or "d" in epk or key_material.judge(epk) == "refuse":
        raise Refuse("no ephemeral key of this curve")
    if not epk.keys() <= {"kty", "crv", "x", "y"}:
        raise Undecided
    x = octets(epk["x"])
    if crv in MONTGOMERY:
        public = MONTGOMERY[crv].from_public_bytes(x)
        try:
            exchange(agreement_key(crv), public)
        except ValueError:
            raise Refuse("a point of small order") from None
        return public
    curve, y = keys.CURVES[crv][0], octets(epk["y"])
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve).public_key()


# --------------------------------------------------------------------------------------------------- to send


class Handed(NamedTuple):
    """A CEK that was handed over."""

    cek: bytes
    encrypted_key: bytes
    members: Members


def hand_over(kid: str, enc: str, members: Members) -> Handed:
    """Hand a CEK over to a fixed key; what a header has to say for it comes back as members."""
    alg, cek = alg_of(kid), derived(enc, ENCS[enc])
    if alg == "dir":
        return Handed(secret(kid), b"", {})
    if alg in WRAPS:
        return Handed(cek, aes_key_wrap(secret(kid), cek), {})
    if alg in GCM_WRAPS:
        sealed = AESGCM(secret(kid)).encrypt(IV[:12], cek, None)
        return Handed(cek, sealed[:-16], {"iv": b64u(IV[:12]), "tag": b64u(sealed[-16:])})
    if alg in PBES2:
        count = members.get("p2c")
        more = {"p2s": b64u(derived("salt", 16)), "p2c": count if type(count) is int and 1000 <= count < 5000 else 1000}
        return Handed(cek, aes_key_wrap(pbes2_key(alg, kid, more), cek), more)
    if alg in AGREEMENT_CURVES:
        crv = AGREEMENT_CURVES[alg]
        ephemeral = agreement_key(crv, "ephemeral")
        epk = keys.ec_members(crv, "ephemeral") if crv in keys.CURVES else keys.okp_members(crv, "ephemeral")
        del epk["d"]
        party = members if all(_is_octets(members, name) for name in ("apu", "apv")) else {}
        key = agreed(alg, enc, party, ephemeral, agreement_key(crv).public_key())
        return Handed(key, b"", {"epk": epk}) if alg == "ECDH-ES" else Handed(cek, aes_key_wrap(key, cek), {"epk": epk})
    how: padding.AsymmetricPadding = padding.PKCS1v15()
    if alg in OAEP:
        how = padding.OAEP(padding.MGF1(OAEP[alg]), OAEP[alg], None)
    return Handed(cek, keys.rsa_key().public_key().encrypt(cek, how), {})
