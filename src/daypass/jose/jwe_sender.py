"""What a sender does, whatever the serialization: the header it writes. Enters: a caller's words. Leaves: parameters.

What every receiver refuses is refused here.
Source: RFC 7516 4, 5.1; RFC 7518 4.6.1, 4.7.1, 4.8.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daypass.encoding import b64url_encode
from daypass.errors import ConfigurationError, MalformedToken, UnsupportedToken
from daypass.jose.header import encode_members
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS, ContentEncryption
from daypass.jose.jwa.key_management import KeyManagementAlgorithm, Sent
from daypass.jose.jwe_header import check_jwe_shape
from daypass.jose.jwk import JWK
from daypass.jose.jwk_members import write_members
from daypass.jose.key_use import enc_of
from daypass.jose.raw_key import raw_from_object

__all__ = [
    "check_sent_shape",
    "demand_key_size",
    "demand_plaintext",
    "demand_recipient",
    "demand_same",
    "enc_for",
    "sender_header",
    "sent_members",
]


def demand_plaintext(plaintext: object) -> bytes:
    """Take anything that is bytes. Raises TypeError. Source: RFC 7516 2."""
    if not isinstance(plaintext, bytes | bytearray | memoryview):
        raise TypeError("a plaintext is bytes; jwt.encrypt takes claims")
    return bytes(plaintext)


def demand_recipient(key: object) -> JWK:
    """Refuse what is no key, a secret as bytes above all. Raises TypeError. Source: RFC 8725 3.1."""
    if not isinstance(key, JWK):
        del key
        raise TypeError('one JWK encrypts: JWK.from_secret(secret, alg="A256KW") makes one of bytes')
    return key


def enc_for(enc: object, key: JWK | None = None) -> ContentEncryption:
    """The row of a content encryption that a caller names. Raises ConfigurationError. Source: RFC 7518 5.1."""
    entry = CONTENT_ENCRYPTIONS.get(enc) if isinstance(enc, str) else None
    if entry is None:
        raise ConfigurationError(f"enc must be one of {', '.join(CONTENT_ENCRYPTIONS)}")
    if key is not None and enc_of(key) not in (None, entry.name):
        raise ConfigurationError("the alg of this key is another enc: pass that one")
    return entry


def demand_key_size(key: JWK, entry: KeyManagementAlgorithm, enc: ContentEncryption) -> None:
    """With ``dir`` the key is the CEK, and has its length. Raises ConfigurationError. Source: RFC 7518 4.5, 5.1."""
    if entry.name == "dir" and len(key.raw.private) != enc.cek_bytes:
        raise ConfigurationError(f"with dir and {enc.name} a key has exactly {enc.cek_bytes} bytes")


def sender_header(
    key: JWK, entry: KeyManagementAlgorithm, row: ContentEncryption, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """The protected header but for what the key management adds. Raises ValueError. Source: RFC 7516 4.1."""
    own = {"alg": entry.name, "enc": row.name} | ({} if key.kid is None else {"kid": key.kid})
    demand_same(extra, own)
    members = {**own, **extra}
    check_sent_shape(members)
    return members


def demand_same(extra: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse a header that contradicts key or enc. Raises ConfigurationError. Source: RFC 7516 4.1."""
    for name, value in own.items():
        if extra.get(name, value) != value:
            raise ConfigurationError(f"the header names another {name} than key and enc do: leave it out")


def check_sent_shape(protected: dict[str, Any], *unprotected: dict[str, Any]) -> None:
    """Refuse to write a header that every receiver refuses. Raises ValueError, TypeError. Source: RFC 7516 4."""
    encode_members({**protected, **{name: value for one in unprotected for name, value in one.items()}})
    try:
        check_jwe_shape(protected, *unprotected)
    except (MalformedToken, UnsupportedToken) as refused:
        raise ConfigurationError(refused.hint) from None


def sent_members(sent: Sent) -> dict[str, Any]:
    """Spell what the key management adds to a header. Source: RFC 7518 4.6.1, 4.7.1, 4.8.1."""
    spelt: dict[str, Any] = {}
    for name, value in sent.members.items():
        if isinstance(value, bytes):
            spelt[name] = b64url_encode(value)
        else:
            spelt[name] = value if isinstance(value, int) else write_members(raw_from_object(value), private=False)
    return spelt
