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

from daypass.encoding import b64url_decode, b64url_encode, is_json, parse_object
from daypass.errors import ConfigurationError, DecryptionFailed, MalformedToken, TokenError, TokenTooLarge
from daypass.jose.header import encode_members, read_members
from daypass.jose.jwa.content_encryption import ContentEncryption
from daypass.jose.jwa.key_management import KeyManagementAlgorithm, KeyParameters
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
from daypass.jose.jwe_message import DecryptedJWE, deflate, inflate, open_content, received_cek, seal_content
from daypass.jose.jwe_sender import (
    check_sent_shape,
    demand_key_size,
    demand_plaintext,
    demand_recipient,
    enc_for,
    sender_header,
    sent_members,
)
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import DecryptionChoice, Keys
from daypass.jose.key_use import encrypting_algorithm, prepared_receiver, prepared_sender
from daypass.limits import PBES2_COUNT_MAX, RECIPIENTS_MAX, TOKEN_BYTES_MAX

__all__ = ["Recipient", "decrypt_json", "encrypt_json"]

_TEXTS: Final = ("protected", "encrypted_key", "iv", "ciphertext", "tag", "aad")


# --------------------------------------------------------------------------------------------------- encrypt


class Recipient(msgspec.Struct, frozen=True):
    """Whom to encrypt for.

    Args:
        key: public or symmetric.
        alg: key management; None: the one that the key names.
        header: further parameters of this recipient, which are not protected; ``apu``, ``apv`` and ``p2c`` are passed
            to the key management.
    """

    key: JWK
    alg: str | None = None
    header: Mapping[str, Any] | None = None


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
    shared = dict(unprotected or {})
    if len(to) == 1 and not to[0].header:
        protected = sender_header(to[0].key, entries[0], row, header or {})
        cek, members = _send(to[0].key, entries[0], row, {**protected, **shared}, os.urandom(row.cek_bytes))
        protected |= members.pop("header", {})
        made = [members]
    else:
        protected = {"enc": row.name, **(header or {})}
        cek, made = _send_to_all(to, entries, row, {**protected, **shared})
    for members in made:
        check_sent_shape(protected, shared, members.get("header", {}))
    token = _content(content, row, cek, protected, shared, aad)
    token |= made[0] if flattened else {"recipients": made}
    if len(msgspec.json.encode(token)) > TOKEN_BYTES_MAX:
        raise ValueError(f"the JWE would be longer than {TOKEN_BYTES_MAX} bytes: nobody would take it")
    return token


def _recipients_of(recipients: JWK | Recipient | Sequence[JWK | Recipient]) -> list[Recipient]:
    several: object = [recipients] if isinstance(recipients, JWK | Recipient) else recipients
    if not isinstance(several, Sequence):
        raise TypeError("recipients is a JWK, a Recipient, or a sequence of them")
    if not 0 < len(several) <= RECIPIENTS_MAX:
        raise ConfigurationError(f"a JWE has 1 to {RECIPIENTS_MAX} recipients")
    found = [one if isinstance(one, Recipient) else Recipient(demand_recipient(one)) for one in several]
    for one in found:
        demand_recipient(one.key)
    return found


def _send_to_all(
    to: Sequence[Recipient], entries: Sequence[KeyManagementAlgorithm], row: ContentEncryption, common: dict[str, Any]
) -> tuple[bytes, list[dict[str, Any]]]:
    """One CEK, handed over to everybody, each with an unprotected header of its own. Source: RFC 7516 7.2.1."""
    cek, made = os.urandom(row.cek_bytes), []
    for one, entry in zip(to, entries, strict=True):
        own = {"alg": entry.name} | ({} if one.key.kid is None else {"kid": one.key.kid})
        own = {name: value for name, value in own.items() if common.get(name) != value}
        header = {**own, **(one.header or {})}
        if any(header[name] != value for name, value in own.items()):
            raise ConfigurationError("the header of a recipient names another alg or kid than its key: leave it out")
        cek, members = _send(one.key, entry, row, {**common, **header}, cek)
        members["header"] = header | members.get("header", {})
        made.append(members)
    return cek, made


def _send(
    key: JWK, entry: KeyManagementAlgorithm, row: ContentEncryption, header: dict[str, Any], cek: bytes
) -> tuple[bytes, dict[str, Any]]:
    """Hand a CEK over: the CEK that it became, and the members of the recipient."""
    demand_key_size(key, entry, row)
    sent = prepared_sender(key, entry)(cek, sent_parameters(header, entry, row))
    members: dict[str, Any] = {"encrypted_key": b64url_encode(sent.encrypted_key)} if sent.encrypted_key else {}
    added = sent_members(sent)
    # p2c may stand where the caller put it
    added = {name: value for name, value in added.items() if name not in header}
    return sent.cek, members | ({"header": added} if added else {})


def _content(
    plaintext: bytes,
    row: ContentEncryption,
    cek: bytes,
    protected: dict[str, Any],
    shared: dict[str, Any],
    aad: bytes | None,
) -> dict[str, Any]:
    """The members that all recipients share. Source: RFC 7516 5.1 steps 13 to 19, 7.2.1."""
    token: dict[str, Any] = {"protected": encode_members(protected).decode("ascii")} if protected else {}
    if shared:
        token["unprotected"] = shared
    authenticated = token.get("protected", "")
    if aad:
        token["aad"] = b64url_encode(demand_plaintext(aad))
        authenticated += f".{token['aad']}"
    content = deflate(plaintext) if "zip" in protected else plaintext
    iv, ciphertext, tag = seal_content(row, cek, content, authenticated.encode("ascii"))
    for name, value in (("iv", iv), ("ciphertext", ciphertext), ("tag", tag)):
        token[name] = b64url_encode(value)
    return token


# --------------------------------------------------------------------------------------------------- decrypt


class _Candidate(msgspec.Struct, frozen=True):
    """A recipient that a key of ours may be."""

    index: int
    header: JWEHeader
    unprotected: dict[str, Any]
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
    token: Mapping[str, Any] | str,
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
    choice = DecryptionChoice(keys, algs)
    allowed = allow(encs, zip=allow_zip, pbes2=allow_pbes2, rsa1_5=allow_rsa1_5)
    members = _members_of(token)
    recipients = _recipients_in(members)
    parts = _parts_of(members)
    shared = _header_in(members, "unprotected")
    headers = [check_jwe_shape(parts.protected, shared, own) for own, _ in recipients]
    if len({header.enc for header in headers}) > 1:
        raise MalformedToken("all recipients of a JWE have the same enc")
    for candidate in _candidates(headers, [text for _, text in recipients], choice, allowed):
        cek = received_cek(
            prepared_receiver(candidate.key, candidate.entry), candidate.encrypted_key, candidate.parameters
        )
        try:
            plaintext = open_content(
                candidate.enc,
                candidate.enc.decryptor(cek),
                iv=parts.iv,
                ciphertext=parts.ciphertext,
                tag=parts.tag,
                aad=parts.authenticated,
            )
        except DecryptionFailed:
            continue
        if candidate.header.is_zipped:
            plaintext = inflate(plaintext)
        unprotected = {**shared, **recipients[candidate.index][0]}
        return DecryptedJWE(plaintext, parts.protected, candidate.key, unprotected, parts.aad, candidate.index)
    raise DecryptionFailed


def _candidates(
    headers: Sequence[JWEHeader], encrypted_keys: Sequence[str], choice: DecryptionChoice, allowed: Allowed
) -> list[_Candidate]:
    """The recipients that keys of ours may be; those that name our kid alone where there are some.

    Raises:
        UnsupportedToken, UnknownKey, MalformedToken: there is none; the reason is that of the first recipient.

    Source: RFC 7516 5.2 steps 6 to 8.
    """
    found: list[_Candidate] = []
    first: TokenError | None = None
    for index, header in enumerate(headers):
        try:
            check_policy(header, allowed)
            key, entry = choice.choose(header)
            enc = content_encryption(header.enc, key)
            parameters = key_parameters(header, key, entry, enc)
            encrypted_key = b64url_decode(encrypted_keys[index].encode("ascii"))
        except TokenError as refused:
            first = first or refused
            continue
        found.append(_Candidate(index, header, {}, encrypted_key, key, entry, enc, parameters))
    if not found:
        raise first or DecryptionFailed()
    named = [one for one in found if one.header.kid is not None and one.header.kid == one.key.kid] or found
    if sum(one.parameters.p2c for one in named) > PBES2_COUNT_MAX:
        raise MalformedToken(f"all recipients together may ask for at most {PBES2_COUNT_MAX} iterations of PBES2")
    return named


def _members_of(token: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """The members of a JWE, bounded before anything is parsed or decoded. Source: RFC 7516 7.2."""
    if isinstance(token, str):
        if len(token) > TOKEN_BYTES_MAX:
            raise TokenTooLarge(f"the token is longer than {TOKEN_BYTES_MAX} bytes")
        try:
            data = token.encode("utf-8")
        except UnicodeEncodeError:
            data = b""
        return parse_object(data)
    if not isinstance(token, Mapping):
        raise MalformedToken("a JWE in JSON serialization is a text or a dict")
    texts = sum(len(token[name]) for name in _TEXTS if isinstance(token.get(name), str))
    if texts > TOKEN_BYTES_MAX:
        raise TokenTooLarge(f"the token is longer than {TOKEN_BYTES_MAX} bytes")
    return token


def _parts_of(members: Mapping[str, Any]) -> _Parts:
    """Decode what all recipients share. Raises MalformedToken. Source: RFC 7516 5.2 steps 1 to 4, 7.2.1."""
    texts = {name: _text_in(members, name) for name in _TEXTS}
    for name in ("iv", "ciphertext", "tag"):
        if name not in members:
            raise MalformedToken(f"the JWE has no {name!r}")
    if not texts["aad"] and "aad" in members:
        raise MalformedToken("an empty 'aad' must be left out")
    protected = read_members(texts["protected"]) if "protected" in members else {}
    authenticated = texts["protected"] + (b"." + texts["aad"] if texts["aad"] else b"")
    iv, ciphertext, tag, aad = (b64url_decode(texts[name]) for name in ("iv", "ciphertext", "tag", "aad"))
    return _Parts(protected, authenticated, iv, ciphertext, tag, aad)


def _recipients_in(members: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The header and encrypted key of each recipient. Raises MalformedToken. Source: RFC 7516 7.2.1, 7.2.2."""
    if "recipients" not in members:
        return [(_header_in(members, "header"), _text_in(members, "encrypted_key").decode("ascii"))]
    if "header" in members or "encrypted_key" in members:
        raise MalformedToken("a JWE is flattened or general: it has members of both")
    recipients = members["recipients"]
    if not isinstance(recipients, list) or not 0 < len(recipients) <= RECIPIENTS_MAX:
        raise MalformedToken(f"'recipients' is a list of 1 to {RECIPIENTS_MAX}")
    found = []
    for one in recipients:
        if not isinstance(one, dict):
            raise MalformedToken("a recipient is an object")
        found.append((_header_in(one, "header"), _text_in(one, "encrypted_key").decode("ascii")))
    return found


def _header_in(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    header = members.get(name, {})
    if header.__class__ is not dict or not is_json(header):
        raise MalformedToken(f"{name!r} must be an object of JSON values")
    return header


def _text_in(members: Mapping[str, Any], name: str) -> bytes:
    text = members.get(name, "")
    if text.__class__ is not str or not text.isascii():
        raise MalformedToken(f"{name!r} must be base64url text")
    return text.encode("ascii")
