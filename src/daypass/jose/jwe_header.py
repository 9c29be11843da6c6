"""The header of a JWE: what it asks for, held against what a caller allows. Enters: header parameters of a stranger.

Leaves: a frozen JWEHeader, and the parameters of the key management. What the header alone can say is refused here,
before any primitive runs; what only a key can find out is DecryptionFailed, later.
Source: RFC 7516 4; RFC 7518 4.6.1, 4.7.1, 4.8.1; RFC 8725 3.1, 3.6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode
from daypass.errors import ConfigurationError, KeyFormatError, MalformedToken, UnsupportedToken, WeakKey
from daypass.jose.header import check_shape, check_understood
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS, ContentEncryption
from daypass.jose.jwa.key_management import KeyManagementAlgorithm, KeyParameters
from daypass.jose.jwk import JWK
from daypass.jose.jwk_members import read_members
from daypass.jose.key_choice import check_allowlist
from daypass.jose.key_use import enc_of
from daypass.limits import PBES2_COUNT_MAX, PBES2_COUNT_MIN, PBES2_SALT_BYTES_MAX, PBES2_SALT_BYTES_MIN

__all__ = [
    "Allowed",
    "JWEHeader",
    "allow",
    "check_jwe_shape",
    "check_policy",
    "content_encryption",
    "key_parameters",
    "sent_parameters",
]

_SET_BY_US: Final = ("epk", "iv", "tag", "p2s")
_UNPROTECTED_NEVER: Final = ("zip", "crit", "b64")


class Allowed(msgspec.Struct, frozen=True):
    """What a caller allows beside keys and algorithms.

    Args:
        encs: names of content encryptions.
        zip: compressed plaintexts, which tell of their content by their length (CRIME).
        pbes2: passwords, which cost the time that the sender asked for.
        rsa1_5: RSAES-PKCS1-v1_5, on which padding oracles are built (Bleichenbacher).
    """

    encs: frozenset[str]
    zip: bool
    pbes2: bool
    rsa1_5: bool


def allow(encs: Collection[str] | None, *, zip: bool, pbes2: bool, rsa1_5: bool) -> Allowed:  # noqa: A002
    """Check what a caller allows; ``encs`` None: every content encryption. Source: RFC 8725 3.1, 3.2, 3.6."""
    names = CONTENT_ENCRYPTIONS if encs is None else check_allowlist("encs", encs, CONTENT_ENCRYPTIONS)
    return Allowed(frozenset(names), bool(zip), bool(pbes2), bool(rsa1_5))


class JWEHeader(msgspec.Struct, frozen=True):
    """Header parameters that have the right types.

    Args:
        alg: key management; compared with policy and key, never used to choose.
        enc: content encryption.
        kid: at most KID_BYTES_MAX; None where absent.
        typ: None where absent.
        cty: None where absent.
        is_zipped: whether the plaintext was compressed.
        members: all parameters, protected or not.
    """

    alg: str
    enc: str
    kid: str | None
    typ: str | None
    cty: str | None
    is_zipped: bool
    members: dict[str, Any]


def check_jwe_shape(protected: dict[str, Any], *unprotected: dict[str, Any]) -> JWEHeader:
    """Check the types of registered parameters, and where they stand.

    Args:
        protected: JSON values; empty where a token protects none.
        unprotected: JSON values, shared and of one recipient.

    Raises:
        MalformedToken: a wrong type, a parameter in two places, or one that has to be protected and is not.
        UnsupportedToken: ``crit`` names a parameter, or ``zip`` is another than DEF.

    Source: RFC 7516 4.1, 7.2.1 (names in the three headers are disjoint), 4.1.3 (zip is protected).
    """
    open_members: dict[str, Any] = {}
    for one in unprotected:
        if not open_members.keys().isdisjoint(one):
            raise MalformedToken("a header parameter stands twice: shared and of one recipient")
        open_members = {**open_members, **one}
    for name in _UNPROTECTED_NEVER:
        if name in open_members:
            raise MalformedToken(f"header parameter {name!r} must be protected")
    shape = check_shape(protected, open_members)
    check_understood(protected, ())  # no extension of JWE is understood here, b64 neither
    enc = shape.members.get("enc")
    if enc.__class__ is not str:
        raise MalformedToken("the header has no 'enc', or it is no string")
    if shape.members.get("zip", "DEF") != "DEF":
        raise UnsupportedToken("the zip of the token is another than DEF", kind="zip")
    is_zipped = "zip" in protected
    return JWEHeader(shape.alg, enc, shape.kid, shape.typ, shape.cty, is_zipped, shape.members)


def check_policy(header: JWEHeader, allowed: Allowed) -> None:
    """Refuse what the caller does not allow. Raises UnsupportedToken. Source: RFC 8725 3.1, 3.2, 3.6."""
    if header.enc not in allowed.encs:
        raise UnsupportedToken("the enc of the token is not one that is allowed", kind="enc")
    if header.alg.startswith("PBES2-") and not allowed.pbes2:
        raise UnsupportedToken("the token is encrypted to a password: allow_pbes2=True takes such", alg=header.alg)
    if header.alg == "RSA1_5" and not allowed.rsa1_5:
        raise UnsupportedToken(
            "the token uses RSA1_5, on which padding oracles are built: allow_rsa1_5=True takes it", alg=header.alg
        )
    if header.is_zipped and not allowed.zip:
        raise UnsupportedToken("the token is compressed: allow_zip=True takes such", kind="zip")


def content_encryption(enc: str, key: JWK) -> ContentEncryption:
    """The content encryption of a header, which a key may narrow. Raises UnsupportedToken. Source: RFC 7517 4.4."""
    if enc_of(key) not in (None, enc):
        raise UnsupportedToken("the key is for another enc than that of the token", kind="enc")
    return CONTENT_ENCRYPTIONS[enc]


def key_parameters(header: JWEHeader, key: JWK, entry: KeyManagementAlgorithm, enc: ContentEncryption) -> KeyParameters:
    """Read what the key management needs from the header, within bounds.

    Raises:
        MalformedToken: a parameter is missing, or has the wrong type or spelling.
        UnsupportedToken: ``p2c`` is out of bounds.

    Source: RFC 7518 4.6.1, 4.7.1, 4.8.1.
    """
    if not entry.needs:
        return KeyParameters(enc=enc.name, cek_bytes=enc.cek_bytes)
    members = header.members
    words: dict[str, Any] = {name: _octets(members, name) for name in ("apu", "apv") if name in members}
    for name in entry.needs:
        if name == "epk":
            words[name] = _ephemeral_key(members.get(name), key)
        elif name == "p2c":
            words[name] = _count(members.get(name))
        else:
            words[name] = _octets(members, name)
    if "p2s" in words and not PBES2_SALT_BYTES_MIN <= len(words["p2s"]) <= PBES2_SALT_BYTES_MAX:
        raise MalformedToken(f"header parameter 'p2s' has {PBES2_SALT_BYTES_MIN} to {PBES2_SALT_BYTES_MAX} octets")
    return KeyParameters(enc=enc.name, cek_bytes=enc.cek_bytes, **words)


def sent_parameters(extra: Mapping[str, Any], entry: KeyManagementAlgorithm, enc: ContentEncryption) -> KeyParameters:
    """Read what a sender asks of the key management. Raises ConfigurationError. Source: RFC 7518 4.6.1, 4.8.1."""
    for name in _SET_BY_US:
        if name in extra:
            raise ConfigurationError(f"header parameter {name!r} is set by the algorithm: leave it out")
    try:
        party = {name: _octets(extra, name) for name in ("apu", "apv") if name in extra}
        p2c = _count(extra["p2c"]) if "p2c" in extra else 0
    except (MalformedToken, UnsupportedToken) as refused:
        raise ConfigurationError(refused.hint) from None
    if p2c and "p2c" not in entry.needs:
        raise ConfigurationError("header parameter 'p2c' belongs to PBES2 alone: leave it out")
    return KeyParameters(enc=enc.name, cek_bytes=enc.cek_bytes, p2c=p2c, **party)


def _octets(members: Mapping[str, Any], name: str) -> bytes:
    text = members.get(name)
    if text.__class__ is not str or not text.isascii():
        raise MalformedToken(f"header parameter {name!r} is missing, or no base64url text")
    return b64url_decode(text.encode("ascii"))


def _count(p2c: object) -> int:
    """Before anything is derived: a count of two billion costs minutes, one beyond 31 bits the process."""
    if p2c.__class__ is not int:
        raise MalformedToken("header parameter 'p2c' is missing, or no int")
    if not PBES2_COUNT_MIN <= p2c <= PBES2_COUNT_MAX:
        raise UnsupportedToken(f"header parameter 'p2c' must be {PBES2_COUNT_MIN} to {PBES2_COUNT_MAX}", kind="PBES2")
    return p2c


def _ephemeral_key(epk: object, key: JWK) -> Any:  # noqa: ANN401 - a key object of cryptography
    """The ephemeral public key beside a key of ours; None, which fails to decrypt, for anything that is none.

    A point that is on another curve, or on none, must not be told from a wrong one. A type of its own could ask for
    other work than reading a point: it is compared first. Members that no public key has beside these are ignored.
    Source: RFC 7518 4.6.1.1.
    """
    if not isinstance(epk, dict) or epk.get("kty") != key.kty or epk.get("crv") != key.crv or "d" in epk:
        return None
    try:
        return read_members(epk).public
    except (KeyFormatError, WeakKey):
        return None
