"""JWE in JSON serialization, flattened and general: bytes, encrypted for several recipients.

Enters: a plaintext, or a stranger's JSON. Leaves: a dict, or what was decrypted. Size, shape, header policy and keys of
all recipients come before the first primitive; then each recipient that a key of ours may be is tried, within bounds.
Source: RFC 7516 5, 7.2; RFC 7520 5.10 to 5.13.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode, b64url_encode, encode_json
from daypass.errors import (
    ConfigurationError,
    DecryptionFailed,
    MalformedToken,
    TokenError,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.header import demand_header, encode_members
from daypass.jose.json_serialization import (
    check_size,
    copy_header,
    encoded_in,
    header_in,
    parts_in,
    protected_in,
    read_json_token,
)
from daypass.jose.jwa.content_encryption import ContentEncryption
from daypass.jose.jwa.key_management import (
    KEY_MANAGEMENT_ALGORITHMS,
    KeyManagementAlgorithm,
    KeyParameters,
    Sent,
)
from daypass.jose.jwe_header import (
    Allowed,
    JWEHeader,
    allow,
    check_jwe_shape,
    check_policy,
    content_encryption,
    key_parameters,
    sent_parameters,
)
from daypass.jose.jwe_message import DecryptedJWE, content_opener, deflate, inflate, open_content, seal_content
from daypass.jose.jwe_sender import (
    check_sent_shape,
    demand_key_size,
    demand_plaintext,
    demand_recipient,
    demand_same,
    enc_for,
    sender_header,
    sent_members,
)
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import DecryptionChoice, Keys, decryption_choice_of
from daypass.jose.key_use import encrypting_algorithm, prepared_receiver, prepared_sender
from daypass.limits import PBES2_COUNT_DEFAULT, PBES2_COUNT_MAX, RECIPIENTS_MAX, TOKEN_BYTES_MAX

__all__ = ["Recipient", "decrypt_json", "encrypt_json"]

_TEXTS: Final = ("protected", "encrypted_key", "iv", "ciphertext", "tag", "aad")
_OF_ONE: Final = ("header", "encrypted_key")
"""Members of one recipient: in flattened serialization they stand at the top.

Where they are empty they should be absent; a peer writes them for every recipient, and they say nothing, so they pass.
"""
_SIGNED: Final = frozenset({"payload", "signature", "signatures"})


# --------------------------------------------------------------------------------------------------- encrypt


class Recipient(msgspec.Struct, frozen=True):
    """Whom to encrypt for.

    Args:
        key: public or symmetric.
        alg: key management; None: the one that the key names.
        header: further parameters of this recipient, which are not protected; ``apu``, ``apv`` and ``p2c`` are passed
            to the key management.

    Raises:
        TypeError: no JWK, or no mapping.

    Source: RFC 7516 7.2.1.
    """

    key: JWK
    alg: str | None = None
    header: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        demand_recipient(self.key)
        demand_header(self.header)


def encrypt_json(
    plaintext: bytes,
    recipients: JWK | Recipient | Sequence[JWK | Recipient],
    *,
    enc: str,
    aad: bytes | None = None,
    header: Mapping[str, Any] | None = None,
    unprotected: Mapping[str, Any] | None = None,
    flattened: bool = False,
) -> dict[str, Any]:
    """Encrypt bytes for one recipient or several.

    Args:
        plaintext: any bytes; the JSON must not be longer than TOKEN_BYTES_MAX.
        recipients: at most RECIPIENTS_MAX. With one, its parameters are protected; with several, they are not.
        enc: content encryption, the same for all.
        aad: additional authenticated data: it travels in the clear and cannot be changed.
        header: further protected parameters.
        unprotected: further parameters that are not protected.
        flattened: the syntax for one recipient.

    Returns:
        The members of the JWE, ready for ``json.dumps``.

    Raises:
        TypeError: wrong types, or a header value that JSON cannot say.
        ValueError: keys, algorithms and headers do not go together, or the JWE would be too long.

    Source: RFC 7516 5.1, 7.2.
    """
    content, row, to = demand_plaintext(plaintext), enc_for(enc), _recipients_of(recipients)
    entries = [encrypting_algorithm(one.key, one.alg) for one in to]
    for one in to:
        enc_for(enc, one.key)
    if len(to) > 1 and (flattened or any(entry.is_direct for entry in entries)):
        raise ConfigurationError("flattened syntax, dir and ECDH-ES are for one recipient: with more, wrap the key")
    aad = None if aad is None else _demand_aad(aad)
    protected, shared = demand_header(header), copy_header(demand_header(unprotected))
    if len(to) == 1 and not to[0].header:
        protected = sender_header(to[0].key, entries[0], row, protected)
        parameters = sent_parameters({**protected, **shared}, entries[0], row)
        sent = _send(to[0].key, entries[0], row, parameters, os.urandom(row.cek_bytes))
        protected |= _added(sent, {**protected, **shared})
        made = [_recipient(sent, {})]
    else:
        demand_same(protected, {"enc": row.name})
        protected = {"enc": row.name, **protected}
        sent, made = _send_to_all(to, entries, row, {**protected, **shared})
    for members in made:
        check_sent_shape(protected, shared, members.get("header", {}))
    head = encode_members(protected).decode("ascii")
    token: dict[str, Any] = {"protected": head} | ({"unprotected": shared} if shared else {})
    if aad:
        token["aad"] = b64url_encode(aad)
    authenticated = f"{head}.{token['aad']}" if aad else head
    packed = deflate(content) if "zip" in protected else content
    parts = seal_content(row, row.encryptor(sent.cek), packed, authenticated.encode("ascii"))
    token |= {name: b64url_encode(part) for name, part in zip(("iv", "ciphertext", "tag"), parts, strict=True)}
    token |= made[0] if flattened else {"recipients": made}
    if len(encode_json(token)) > TOKEN_BYTES_MAX:
        raise ValueError(f"the JWE would be longer than {TOKEN_BYTES_MAX} bytes: nobody would take it")
    return token


def _recipients_of(recipients: JWK | Recipient | Sequence[JWK | Recipient]) -> list[Recipient]:
    several: object = [recipients] if isinstance(recipients, JWK | Recipient) else recipients
    if not isinstance(several, Sequence) or isinstance(several, str | bytes | bytearray):
        del recipients, several  # a secret, perhaps
        raise TypeError("recipients is a JWK, a Recipient, or a sequence of them")
    if not 0 < len(several) <= RECIPIENTS_MAX:
        raise ConfigurationError(f"a JWE has 1 to {RECIPIENTS_MAX} recipients")
    return [one if isinstance(one, Recipient) else Recipient(one) for one in several]


def _demand_aad(aad: object) -> bytes:
    if not isinstance(aad, bytes | bytearray | memoryview):
        raise TypeError("additional authenticated data is bytes")
    return bytes(aad)


def _send_to_all(
    to: Sequence[Recipient], entries: Sequence[KeyManagementAlgorithm], row: ContentEncryption, common: dict[str, Any]
) -> tuple[Sent, list[dict[str, Any]]]:
    """One CEK, handed over to everybody, each with an unprotected header of its own. Source: RFC 7516 7.2.1."""
    headers, parameters = [], []
    for one, entry in zip(to, entries, strict=True):
        own = {"alg": entry.name} | ({} if one.key.kid is None else {"kid": one.key.kid})
        given = one.header or {}
        demand_same(given, own)
        own = {name: value for name, value in own.items() if common.get(name) != value}
        headers.append(copy_header({**own, **given}))
        parameters.append(sent_parameters({**common, **headers[-1]}, entry, row))
    counts = [
        p.p2c or PBES2_COUNT_DEFAULT for p, entry in zip(parameters, entries, strict=True) if "p2c" in entry.needs
    ]
    if sum(counts) > PBES2_COUNT_MAX:
        raise ConfigurationError(
            f"all recipients together may ask for at most {PBES2_COUNT_MAX} iterations of PBES2, since one who has no"
            " kid tries them all: pass p2c in their headers"
        )
    cek, made = os.urandom(row.cek_bytes), []
    for one, entry, p, header in zip(to, entries, parameters, headers, strict=True):
        sent = _send(one.key, entry, row, p, cek)
        made.append(_recipient(sent, header | _added(sent, {**common, **header})))
    return sent, made


def _send(
    key: JWK, entry: KeyManagementAlgorithm, row: ContentEncryption, parameters: KeyParameters, cek: bytes
) -> Sent:
    """Hand a CEK over; where the algorithm brings one itself, that is the CEK from then on."""
    demand_key_size(key, entry, row)
    return prepared_sender(key, entry)(cek, parameters)


def _added(sent: Sent, header: dict[str, Any]) -> dict[str, Any]:
    """What the key management adds to a header; ``p2c`` may stand where the caller put it."""
    return {name: value for name, value in sent_members(sent).items() if name not in header}


def _recipient(sent: Sent, header: dict[str, Any]) -> dict[str, Any]:
    """The members of one recipient; an empty one is left out. Source: RFC 7516 7.2.1."""
    members: dict[str, Any] = {"header": header} if header else {}
    return members | ({"encrypted_key": b64url_encode(sent.encrypted_key)} if sent.encrypted_key else {})


# --------------------------------------------------------------------------------------------------- decrypt


class _Candidate(msgspec.Struct, frozen=True):
    """A recipient that a key of ours may be."""

    index: int
    header: JWEHeader
    encrypted_key: bytes
    key: JWK
    entry: KeyManagementAlgorithm
    enc: ContentEncryption
    parameters: KeyParameters


class _Parts(msgspec.Struct, frozen=True):
    """What all recipients share, decoded."""

    protected: dict[str, Any]
    authenticated: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes


def decrypt_json(
    token: dict[str, Any] | str,
    keys: Keys,
    *,
    algs: Collection[str] | None = None,
    encs: Collection[str] | None = None,
    allow_zip: bool = False,
    allow_pbes2: bool = False,
    allow_rsa1_5: bool = False,
) -> DecryptedJWE:
    """Decrypt a JWE in JSON serialization for the first recipient that one of the keys is.

    Args:
        token: JSON text of at most TOKEN_BYTES_MAX, or the dict that it says; flattened or general.
        keys: one JWK, a JWKSet or a sequence of JWK, private or symmetric.
        algs: key management that is allowed; None: that which the keys name.
        encs: content encryption that is allowed; None: all of RFC 7518.
        allow_zip: take compressed plaintexts: their length tells of their content (CRIME); at most PLAINTEXT_BYTES_MAX.
        allow_pbes2: take tokens that are encrypted to a password: each costs up to PBES2_COUNT_MAX iterations.
        allow_rsa1_5: take RSAES-PKCS1-v1_5, on which padding oracles are built.

    Raises:
        TokenTooLarge, MalformedToken: it is no JWE in JSON serialization.
        UnsupportedToken, UnknownKey: no recipient agrees with policy and keys.
        DecryptionFailed: it could not be decrypted; nothing tells why.
        TypeError, ValueError: ``algs``, ``encs`` or ``keys`` could never decrypt anything.

    Source: RFC 7516 5.2, 7.2; RFC 8725 3.1.
    """
    choice = decryption_choice_of(keys, algs)
    allowed = allow(encs, zip=allow_zip, pbes2=allow_pbes2, rsa1_5=allow_rsa1_5)
    members = read_json_token(token, compact="jwe.decrypt")
    if not _SIGNED.isdisjoint(members):
        raise UnsupportedToken("this is a signed token: jws.verify_json takes it", kind="jws")
    recipients = parts_in(members, "recipients", _OF_ONE, RECIPIENTS_MAX)
    check_size(members, recipients, _TEXTS)
    parts = _parts_of(members)
    shared = header_in(members, "unprotected")
    own = [header_in(it, "header") for it in recipients]
    encrypted_keys = [
        b64url_decode(encoded_in(it, "encrypted_key")) if "encrypted_key" in it else b"" for it in recipients
    ]
    headers = [check_jwe_shape(parts.protected, shared, it) for it in own]
    _check_agreement(headers)
    for it in _candidates(headers, encrypted_keys, choice, allowed):
        open_sealed = content_opener(it.enc, prepared_receiver(it.key, it.entry), it.encrypted_key, it.parameters)
        try:
            plaintext = open_content(
                it.enc, open_sealed, iv=parts.iv, ciphertext=parts.ciphertext, tag=parts.tag, aad=parts.authenticated
            )
        except DecryptionFailed:
            continue
        if it.header.is_zipped:
            plaintext = inflate(plaintext)
        unprotected = {**shared, **own[it.index]}
        return DecryptedJWE(plaintext, parts.protected, it.key, unprotected, parts.aad, it.index)
    raise DecryptionFailed


def _check_agreement(headers: Sequence[JWEHeader]) -> None:
    """All recipients share one content, under one key. Raises MalformedToken. Source: RFC 7516 7.2.1; RFC 7518 4.5."""
    if len({header.enc for header in headers}) > 1:
        raise MalformedToken("all recipients of a JWE have the same enc")
    entries = [KEY_MANAGEMENT_ALGORITHMS.get(header.alg) for header in headers]
    if len(entries) > 1 and any(entry is not None and entry.is_direct for entry in entries):
        raise MalformedToken("dir and ECDH-ES are for one recipient: several could not have the same key")


def _candidates(
    headers: Sequence[JWEHeader], encrypted_keys: Sequence[bytes], choice: DecryptionChoice, allowed: Allowed
) -> list[_Candidate]:
    """The recipients that keys of ours may be; those that name our kid alone where there are some.

    Raises:
        UnsupportedToken, UnknownKey, MalformedToken: there is none.

    Source: RFC 7516 5.2 steps 6 to 8.
    """
    found: list[_Candidate] = []
    reasons: list[TokenError] = []
    for index, header in enumerate(headers):
        try:
            check_policy(header, allowed)
            key, entry = choice.choose(header)
            enc = content_encryption(header.enc, key)
            parameters = key_parameters(header, key, entry, enc)
        except TokenError as refused:
            reasons.append(refused)
        else:
            found.append(_Candidate(index, header, encrypted_keys[index], key, entry, enc, parameters))
    if not found:
        # Who is asked to look for its key again (a ring, a remote set) has to hear of it, whatever came first.
        raise next((it for it in reasons if isinstance(it, UnknownKey)), reasons[0])
    named = [it for it in found if it.header.kid is not None and it.header.kid == it.key.kid] or found
    if sum(it.parameters.p2c for it in named) > PBES2_COUNT_MAX:
        raise MalformedToken(f"all recipients together may ask for at most {PBES2_COUNT_MAX} iterations of PBES2")
    return named


def _parts_of(members: dict[str, Any]) -> _Parts:
    """Decode what all recipients share. Raises MalformedToken. Source: RFC 7516 5.2 steps 1 to 4, 7.2.1."""
    authenticated, protected = protected_in(members)
    iv, ciphertext, tag = (b64url_decode(encoded_in(members, name)) for name in ("iv", "ciphertext", "tag"))
    aad = b""
    if "aad" in members:
        encoded = encoded_in(members, "aad")
        aad = b64url_decode(encoded)
        if not aad:
            raise MalformedToken("an empty 'aad' must be left out")
        authenticated += b"." + encoded
    return _Parts(protected, authenticated, iv, ciphertext, tag, aad)
