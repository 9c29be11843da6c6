"""PKCS #12: a private key with its certificates, under a password. Enters: a .p12 or .pfx file. Leaves: a key, a chain.

Source: RFC 7292 4; RFC 7517 4.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from daypass.concealed import Concealed
from daypass.errors import KeyFormatError
from daypass.jose.certificate import spelt_chain
from daypass.jose.der import SCRYPT, elements_of, is_pkcs12, parsed
from daypass.jose.jwk_members import write_members
from daypass.jose.key_diagnosis import what_is
from daypass.jose.key_formats import octets_of
from daypass.jose.raw_key import RawKey, raw_from_object
from daypass.limits import KEY_DERIVATION_COUNT_MAX

__all__ = ["load_pkcs12"]

_DEPTH_MAX = 16
"""Nested values down to the parameters of a key bag."""
_INTEGER, _OCTETS = 0x02, 0x04
_CONSTRUCTED = 0x20


def load_pkcs12(data: Concealed, *, password: Concealed) -> tuple[RawKey, tuple[str, ...]]:
    """Load a private key and its certificates.

    Args:
        data: bytes, DER, at most KEY_TEXT_BYTES_MAX, with one private key.
        password: bytes; None or empty where there is none.

    Returns:
        The key, and the chain as ``x5c`` spells it, base64 of DER; empty where no certificate is that of the key.

    Raises:
        KeyFormatError: it is something else, holds no private key, or its password is another.
        WeakKey: the key is too weak.

    Source: RFC 7292 4; RFC 7517 4.7.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    octets = octets_of(data)
    if password.value is not None and not isinstance(password.value, bytes):
        raise TypeError("a password is bytes")
    if not is_pkcs12(octets.value):
        raise KeyFormatError(f"this is no PKCS #12: {what_is(octets.value)}")
    if _rounds_of(octets) > KEY_DERIVATION_COUNT_MAX:
        raise KeyFormatError(f"this file takes more than {KEY_DERIVATION_COUNT_MAX} rounds from its password to a key")
    loaded = parsed(lambda it: pkcs12.load_pkcs12(it, password.value), octets.value)
    if loaded is None:
        raise KeyFormatError("the PKCS #12 cannot be read, or its password is another")
    if loaded.key is None:
        raise KeyFormatError("this PKCS #12 holds no private key: JWK.from_x509 reads a certificate")
    raw = raw_from_object(loaded.key)
    if loaded.cert is None:
        return raw, ()
    certified = parsed(lambda _: raw_from_object(loaded.cert.certificate.public_key()), b"")
    if certified is None or write_members(certified, private=False) != write_members(raw, private=False):
        raise KeyFormatError("the certificate of this PKCS #12 is that of another key")
    return raw, spelt_chain([one.certificate for one in (loaded.cert, *loaded.additional_certs)])


def _rounds_of(der: Concealed) -> int:
    """What the key derivations cost that stand in the clear: iterations follow a salt, with scrypt N, r and p do.

    Source: RFC 7292 4, appendix C; RFC 8018 A.2, A.3; RFC 7914 7.
    """
    runs = list(_numbers_after_salts(der.value, _DEPTH_MAX))
    if SCRYPT in der.value:
        return 8 * max(map(prod, runs), default=0)
    return max((run[0] for run in runs), default=0)


def _numbers_after_salts(der: bytes, depth: int) -> Iterator[list[int]]:
    """The runs of INTEGERs that follow an OCTET STRING, at any depth; what octets hold is looked into as well."""
    run: list[int] | None = None
    for tag, body in elements_of(der):
        if tag == _INTEGER and run is not None and len(run) < 3:
            run.append(int.from_bytes(body, "big"))
            continue
        if run:
            yield run
        run = [] if tag == _OCTETS else None
        if depth and (tag & _CONSTRUCTED or (tag == _OCTETS and body[:1] == b"\x30")):
            yield from _numbers_after_salts(body, depth - 1)
    if run:
        yield run
