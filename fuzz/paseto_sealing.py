"""PASETO as the judge makes and opens it: every cipher and MAC put together here, from hashlib, hmac and cryptography.

Enters: version and purpose, which select a fixed key, a message, footer and implicit assertion. Leaves: what a token
holds of them, or the message again; ``Refuse`` where tag or signature does not hold.
Source: PASETO 01-Protocol-Versions; draft-irtf-cfrg-xchacha 2; RFC 5869; RFC 8439 2.3.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from fuzz import paseto_keys
from fuzz.judge import Refuse
from fuzz.keys import derived

NONCE_BYTES = {1: 32, 2: 24, 3: 32, 4: 32}
TAG_BYTES = {1: 48, 2: 16, 3: 48, 4: 32}
SIGNATURE_BYTES = {1: 256, 2: 64, 3: 96, 4: 64}
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
ECDSA = ec.ECDSA(hashes.SHA384())
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


# ------------------------------------------------------------------------------------------------ primitives


def pae(*pieces: bytes) -> bytes:
    """What is authenticated. Source: PASETO Common, PAE."""
    counted = [len(pieces).to_bytes(8, "little")]
    return b"".join(counted + [len(piece).to_bytes(8, "little") + piece for piece in pieces])


def hkdf(key: bytes, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """Derive a key with SHA-384. Source: RFC 5869 2."""
    extracted, block, out = hmac.digest(salt or bytes(48), key, "sha384"), b"", b""
    for count in range(1, 3):
        block = hmac.digest(extracted, block + info + bytes([count]), "sha384")
        out += block
    return out[:length]


def aes_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """AES-256 in counter mode."""
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(data)


@lru_cache(maxsize=64)
def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Derive the key of one nonce, round by round. Source: draft-irtf-cfrg-xchacha 2.2."""
    raw = b"expand 32-byte k" + key + nonce
    state = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, 64, 4)]
    for _ in range(10):
        for a, b, c, d in (*COLUMNS, *DIAGONALS):
            for one, other, mixed, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[one] = (state[one] + state[other]) & 0xFFFFFFFF
                word = state[mixed] ^ state[one]
                state[mixed] = (word << bits | word >> (32 - bits)) & 0xFFFFFFFF
    return b"".join(word.to_bytes(4, "little") for word in (*state[:4], *state[12:]))


def xchacha20(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """XChaCha20, from its first block on. Source: draft-irtf-cfrg-xchacha 2.3."""
    stream = algorithms.ChaCha20(hchacha20(key, nonce[:16]), bytes(8) + nonce[16:])
    return Cipher(stream, None).encryptor().update(data)


# ----------------------------------------------------------------------------------------------------- local


def header_of(version: int, purpose: str) -> bytes:
    """How a token begins."""
    return f"v{version}.{purpose}.".encode()


def _pieces(version: int, footer: bytes, implicit: bytes) -> Iterator[bytes]:
    yield footer
    if version > 2:
        yield implicit


def _encrypted(version: int, key: bytes, nonce: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Encrypt, or decrypt, under the keys of a nonce: data, and the key of the MAC."""
    encryption, authentication = b"paseto-encryption-key", b"paseto-auth-key-for-aead"
    if version == 1:
        return (
            aes_ctr(hkdf(key, encryption, 32, nonce[:16]), nonce[16:], data),
            hkdf(key, authentication, 32, nonce[:16]),
        )
    if version == 3:
        both = hkdf(key, encryption + nonce, 48)
        return aes_ctr(both[:32], both[32:], data), hkdf(key, authentication + nonce, 48)
    both = blake2b(encryption + nonce, digest_size=56, key=key).digest()
    mac_key = blake2b(authentication + nonce, digest_size=32, key=key).digest()
    return xchacha20(both[:32], both[32:], data), mac_key


def _mac(version: int, key: bytes, message: bytes) -> bytes:
    return blake2b(message, digest_size=32, key=key).digest() if version == 4 else hmac.digest(key, message, "sha384")


def encrypt(version: int, message: bytes, footer: bytes, implicit: bytes, name: str = "") -> bytes:
    """Encrypt under the fixed key. The nonce is fixed: nothing here is secret."""
    key, header, nonce = paseto_keys.local(version, name), header_of(version, "local"), derived("nonce", 32)
    if version == 2:
        nonce = nonce[:24]
        aead = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
        return nonce + aead.encrypt(bytes(4) + nonce[16:], message, pae(header, nonce, footer))
    ciphertext, mac_key = _encrypted(version, key, nonce, message)
    authenticated = pae(header, nonce, ciphertext, *_pieces(version, footer, implicit))
    return nonce + ciphertext + _mac(version, mac_key, authenticated)


def decrypt(version: int, body: bytes, footer: bytes, implicit: bytes, name: str = "") -> bytes:
    """Decrypt with the fixed key. Raises Refuse."""
    key, header, size = paseto_keys.local(version, name), header_of(version, "local"), TAG_BYTES[version]
    nonce, rest = body[: NONCE_BYTES[version]], body[NONCE_BYTES[version] :]
    if len(rest) < size:
        raise Refuse("no room for a tag")
    if version == 2:
        aead = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
        try:
            return aead.decrypt(bytes(4) + nonce[16:], rest, pae(header, nonce, footer))
        except InvalidTag:
            raise Refuse("the tag does not hold") from None
    ciphertext, tag = rest[:-size], rest[-size:]
    message, mac_key = _encrypted(version, key, nonce, ciphertext)
    authenticated = pae(header, nonce, ciphertext, *_pieces(version, footer, implicit))
    if not hmac.compare_digest(_mac(version, mac_key, authenticated), tag):
        raise Refuse("the tag does not hold")
    return message


# ---------------------------------------------------------------------------------------------------- public


def _signed(version: int, key: Any, message: bytes, footer: bytes, implicit: bytes) -> bytes:  # noqa: ANN401
    pieces = (header_of(version, "public"), message, *_pieces(version, footer, implicit))
    return pae(paseto_keys.public_octets(3, key), *pieces) if version == 3 else pae(*pieces)


def sign(version: int, message: bytes, footer: bytes, implicit: bytes, name: str = "") -> bytes:
    """Sign with the fixed key: message and signature."""
    key = paseto_keys.secret(version, name)
    signed = _signed(version, key, message, footer, implicit)
    if version == 1:
        return message + bytes(key.sign(signed, PSS, hashes.SHA384()))
    if version == 3:
        r, s = decode_dss_signature(key.sign(signed, ECDSA))
        return message + r.to_bytes(48, "big") + s.to_bytes(48, "big")
    return message + bytes(key.sign(signed))


def verify(version: int, body: bytes, footer: bytes, implicit: bytes, name: str = "") -> bytes:
    """Check a signature with the fixed key: the message. Raises Refuse."""
    size, key = SIGNATURE_BYTES[version], paseto_keys.secret(version, name)
    if len(body) < size:
        raise Refuse("no room for a signature")
    message, signature = body[:-size], body[-size:]
    signed, public = _signed(version, key, message, footer, implicit), key.public_key()
    try:
        if version == 1:
            public.verify(signature, signed, PSS, hashes.SHA384())
        elif version == 3:
            r, s = (int.from_bytes(part, "big") for part in (signature[:48], signature[48:]))
            public.verify(encode_dss_signature(r, s), signed, ECDSA)
        else:
            public.verify(signature, signed)
    except InvalidSignature:
        raise Refuse("the signature does not hold") from None
    return message
