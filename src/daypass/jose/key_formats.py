"""Keys as PEM, DER, OpenSSH lines and JSON. Enters: what somebody read from a file. Leaves: a RawKey, or why not.

What is no key of the expected form gets an error that says what it is, and what to call instead.
Source: RFC 7468; RFC 5958 (PKCS#8), RFC 8017 A.1 (PKCS#1), RFC 5915 (SEC1), RFC 5280 4.1.2.7 (SPKI), RFC 4253 6.6.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from typing import Final, Literal

from daypass.concealed import Concealed
from daypass.errors import KeyFormatError
from daypass.jose.concealed_members import Members, parse_members
from daypass.jose.der import SCRYPT, elements_of, parsed
from daypass.jose.key_as_secret import SSH_MARKS
from daypass.jose.key_diagnosis import KEY_LABELS, foreign_key, is_whole_pem, labels_of, what_is
from daypass.jose.raw_key import RawKey, raw_from_object, raw_to_object
from daypass.limits import KEY_DERIVATION_COUNT_MAX, KEY_TEXT_BYTES_MAX

__all__ = ["dump_key", "load_der", "load_members", "load_pem", "load_ssh", "octets_of"]

_SSH_TYPES: Final = (
    b"ssh-rsa",
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)
_OLD_CIPHER: Final = re.compile(
    rb"DEK-Info: (?:AES-(?:128|256)-CBC,[0-9A-Fa-f]{32}|DES-EDE3-CBC,[0-9A-Fa-f]{16})[ \t]*\r?\n"
)
"""The ciphers of a PEM of old, each with an initialization vector of its length: of a shorter one the parser panics."""
_DER_DEPTH_MAX: Final = 6
"""Sequences from the outside of an encrypted key to the numbers of its key derivation, and one more."""


def octets_of(data: Concealed) -> Concealed:
    """The bytes of a text or of bytes. Raises TypeError; KeyFormatError: too long. Source: RFC 7468 2."""
    given = data.value
    if not isinstance(given, str | bytes | bytearray | memoryview):
        kind = type(given).__name__
        del given
        raise TypeError(f"a key is bytes or str, not {kind}: read its file first")
    octets = Concealed(given.encode("utf-8", "replace") if isinstance(given, str) else bytes(given))
    del given
    if len(octets.value) > KEY_TEXT_BYTES_MAX:
        raise KeyFormatError(f"the key is longer than {KEY_TEXT_BYTES_MAX} bytes")
    return octets


def load_members(text: Concealed, bytes_max: int) -> Members:
    """Read the members of a JWK or a JWK Set from JSON.

    Args:
        text: str or bytes, UTF-8, one object.
        bytes_max: so long it may be.

    Raises:
        TypeError: something else than a text.
        KeyFormatError: it is no such object; the message says what it is.

    Source: RFC 7517 4, 5.
    """
    if not isinstance(text.value, str | bytes | bytearray | memoryview):
        kind = type(text.value).__name__
        raise TypeError(f"from_json takes JSON as str or bytes, not {kind}: from_dict takes a dict")
    members = None
    with suppress(KeyFormatError):
        members = parse_members(text, bytes_max)
    if members is not None:
        return members
    given = text.value
    octets = given[:bytes_max].encode("utf-8", "replace") if isinstance(given, str) else bytes(given[:bytes_max])
    del given
    is_object = octets.strip()[:1] == b"{"
    problem = "a member stands twice, or its syntax or its UTF-8 is broken" if is_object else what_is(octets)
    del octets
    raise KeyFormatError(f"not a strict JSON object of at most {bytes_max} bytes: {problem}")


def load_pem(data: Concealed, *, password: Concealed) -> RawKey:
    """Load a private or public key from PEM.

    Args:
        data: bytes or str: PKCS#8, PKCS#1, SEC1 or SubjectPublicKeyInfo, one key, at most KEY_TEXT_BYTES_MAX.
        password: bytes, of an encrypted private key; or None.

    Raises:
        KeyFormatError: it is something else, or cannot be read; the message says what to do.

    Source: RFC 7468.
    """
    text = octets_of(data)
    labels = [label for label in labels_of(text.value) if label != b"EC PARAMETERS"]
    if len(labels) != 1 or labels[0] not in KEY_LABELS or not is_whole_pem(text.value):
        raise KeyFormatError(what_is(text.value))
    block = _block_of(text, labels[0])
    is_private = labels[0].endswith(b"PRIVATE KEY")
    is_encrypted = labels[0].startswith(b"ENCRYPTED") or (is_private and b"4,ENCRYPTED" in block.value)
    problem = _diagnose_password(is_encrypted, password) or foreign_key(_unbase64(block).value)
    if not problem and b"DEK-Info:" in block.value and not _OLD_CIPHER.search(block.value):
        problem = "the encryption of this key is not supported: encrypt it anew (openssl pkcs8 -topk8)"
    if problem:
        raise KeyFormatError(problem)
    if labels[0].startswith(b"ENCRYPTED"):  # decoded here, so that what is bounded is what is read
        return _loaded(_unbase64(block), password, form="DER", is_private=True)
    return _loaded(text, password, form="PEM", is_private=is_private)


def load_der(data: Concealed, *, password: Concealed) -> RawKey:
    """Load a private or public key from DER: the same forms, the same errors as ``load_pem``. Source: RFC 5958 2, 3."""
    octets = octets_of(data)
    if isinstance(data.value, str) or octets.value[:1] != b"\x30":
        raise KeyFormatError(f"this is no DER: {what_is(octets.value)}")
    problem = foreign_key(octets.value)
    if problem:
        raise KeyFormatError(problem)
    is_encrypted, key = _is_encrypted(octets), None
    if not is_encrypted:
        from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

        key = parsed(lambda it: load_der_private_key(it, None), octets.value) or parsed(
            load_der_public_key, octets.value
        )
        if key is None:
            what = what_is(octets.value)
            raise KeyFormatError(f"the DER cannot be read{'' if 'JWK.from_der' in what else ': ' + what}")
    problem = _diagnose_password(is_encrypted, password)
    if problem:
        raise KeyFormatError(problem)
    return _loaded(octets, password, form="DER", is_private=True) if is_encrypted else raw_from_object(key)


def load_ssh(line: Concealed) -> RawKey:
    """Load a public key from the line that OpenSSH keeps it in. Raises KeyFormatError. Source: RFC 4253 6.6."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    octets = octets_of(line)
    problem = _diagnose_ssh(octets.value)
    if problem:
        raise KeyFormatError(problem)
    key = parsed(load_ssh_public_key, octets.value.strip())
    if key is None:
        raise KeyFormatError("the line of this OpenSSH public key cannot be read: it is cut short, or was changed")
    return raw_from_object(key)


def dump_key(raw: RawKey, *, form: Literal["PEM", "DER"], private: bool, password: Concealed) -> bytes:
    """Write SubjectPublicKeyInfo, or PKCS#8 with the private parts. Source: RFC 5280 4.1.2.7; RFC 5958."""
    from cryptography.hazmat.primitives import serialization as s

    key, encoding = raw_to_object(raw, private=private), {"PEM": s.Encoding.PEM, "DER": s.Encoding.DER}[form]
    if not private:
        return key.public_bytes(encoding, s.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]
    if not isinstance(password.value, bytes | None):
        raise TypeError("a password is bytes")
    how = s.BestAvailableEncryption(password.value) if password.value else s.NoEncryption()
    return key.private_bytes(encoding, s.PrivateFormat.PKCS8, how)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------- diagnoses


def _diagnose_ssh(octets: bytes) -> str:
    """Say why a text is no line of an OpenSSH public key that JOSE has an algorithm for; empty where it may be one."""
    text = octets.strip()
    kind = text.split(None, 1)[0] if text else b""
    is_of_ssh = any(mark in text for mark in (*SSH_MARKS, b"-cert-v01@openssh.com "))
    if not is_of_ssh or b"-----BEGIN" in text:
        return f"this is no OpenSSH public key: {what_is(octets)}"
    if b"\n" in text or b"\r" in text:
        return "these are several lines: pass one, that of one OpenSSH public key"
    if kind in _SSH_TYPES:
        return ""
    if kind.endswith(b"-cert-v01@openssh.com"):
        return "this is an OpenSSH certificate: pass the public key that it was made for"
    if kind.startswith(b"sk-"):
        return "this OpenSSH key lives on a security key, which signs no tokens"
    if kind.startswith(SSH_MARKS) or kind + b" " in SSH_MARKS:
        return "an OpenSSH key of this type is not supported: ssh-rsa, ecdsa-sha2-nistp256/384/521, ssh-ed25519 are"
    return "something stands before the key (options, a host name): pass the line from its type on, ssh-ed25519 say"


def _diagnose_password(is_encrypted: bool, password: Concealed) -> str:
    if is_encrypted and password.value is None:
        return "the private key is encrypted: pass its password"
    if password.value is not None and not is_encrypted:
        return "a password was passed, and the key is not encrypted"
    if password.value is not None and not isinstance(password.value, bytes):
        raise TypeError("a password is bytes")
    return ""


# --------------------------------------------------------------------------------------------------- reading


def _block_of(text: Concealed, label: bytes) -> Concealed:
    """What stands between the BEGIN and the END of the one block that has this label; empty where there is no END."""
    after = text.value.partition(b"-----BEGIN " + label + b"-----")[2]
    block, end, _ = after.partition(b"-----END " + label + b"-----")
    return Concealed(block if end else b"")


def _unbase64(block: Concealed) -> Concealed:
    """The octets of a block; empty where it is no base64 (a block of old, with headers, is none)."""
    with suppress(ValueError):
        return Concealed(b64decode(block.value.translate(None, b" \t\r\n"), validate=True))
    return Concealed(b"")


def _loaded(text: Concealed, password: Concealed, *, form: Literal["PEM", "DER"], is_private: bool) -> RawKey:
    if password.value is not None and form == "DER" and _rounds_of(text) > KEY_DERIVATION_COUNT_MAX:
        raise KeyFormatError(
            f"this key takes more than {KEY_DERIVATION_COUNT_MAX} rounds from its password to a key: encrypt it anew"
        )
    from cryptography.hazmat.primitives import serialization as s

    private = {"PEM": s.load_pem_private_key, "DER": s.load_der_private_key}[form]
    public = {"PEM": s.load_pem_public_key, "DER": s.load_der_public_key}[form]
    key = parsed(lambda octets: private(octets, password.value) if is_private else public(octets), text.value)
    if key is None:
        hint = "" if password.value is None else ", or its password is another, or its encryption is not supported"
        raise KeyFormatError(f"the {form} cannot be read{hint}")
    return raw_from_object(key)


def _is_encrypted(der: Concealed) -> bool:
    """Whether it is a sequence of an algorithm and octets, as no other form of a key is. Source: RFC 5958 3."""
    outer = next(elements_of(der.value), (0, b""))[1]
    return [tag for tag, _ in elements_of(outer)][:2] == [0x30, 0x04]


def _rounds_of(der: Concealed) -> int:
    """What it costs to derive the key that an encrypted key is under: of minutes and gigabytes the parser has no fear.

    Beyond 2^31 rounds of PBKDF2 it even leaves the process with something that is no Exception.
    Source: RFC 8018 A.2, A.3 (iterationCount); RFC 7914 7 (scrypt: N, r, p).
    """
    numbers = list(_integers(der.value, _DER_DEPTH_MAX))
    return 8 * prod(numbers[:3]) if SCRYPT in der.value else max(numbers, default=0)


def _integers(der: bytes, depth: int) -> Iterator[int]:
    """The INTEGERs of DER, down to a depth of nested SEQUENCEs. Source: RFC 8018 A."""
    for tag, body in elements_of(der):
        if tag == 0x30 and depth:
            yield from _integers(body, depth - 1)
        elif tag == 0x02:
            yield int.from_bytes(body, "big")
