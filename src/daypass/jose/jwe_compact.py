"""JWE in compact serialization: bytes, encrypted for one recipient. Enters: a plaintext, or a stranger's token.

Leaves: a token, or what was decrypted. Checks run in one order: size, shape, header policy, key, tag, compression.
``compile_decrypter`` makes one function per (keys, policy); under a header that has decrypted before, and whose key is
the content encryption key itself, it takes a straight road that does the same, only faster.
Source: RFC 7516 3.1, 5, 7.1.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import MalformedToken
from daypass.jose.compact_serialization import JWE_SEGMENTS, split_compact
from daypass.jose.header import demand_header, encode_members, read_members
from daypass.jose.jwa.content_encryption import ContentEncryption, Decrypt
from daypass.jose.jwa.key_management import KeyParameters, Send
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
    demand_key_size,
    demand_plaintext,
    demand_recipient,
    enc_for,
    sender_header,
    sent_members,
)
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import DecryptionChoice, Keys, decryption_choice_of, remember
from daypass.jose.key_use import encrypting_algorithm, prepared_receiver, prepared_sender
from daypass.limits import HEADERS_REMEMBERED_MAX, TOKEN_BYTES_MAX

__all__ = ["Decrypter", "compile_decrypter", "compile_encrypter", "decrypt", "encrypt"]

Decrypter = Callable[[str], tuple[bytes, JWEHeader, JWK]]
"""From a token to its plaintext, its header (its members are not to be changed) and the key that decrypted it."""


# --------------------------------------------------------------------------------------------------- encrypt


def encrypt(
    plaintext: bytes, key: JWK, *, enc: str, alg: str | None = None, header: Mapping[str, Any] | None = None
) -> str:
    """Encrypt bytes for the holder of a key.

    Whoever has the public half of an asymmetric key can write such a token: it says nothing of its sender.

    Args:
        plaintext: any bytes; the token must not be longer than TOKEN_BYTES_MAX.
        key: public or symmetric. A symmetric one should encrypt fewer than 2^32 tokens directly (``dir``).
        enc: content encryption, A256GCM say.
        alg: key management; None: the one that the key names.
        header: further protected parameters. ``zip: DEF`` compresses, which tells of a plaintext by its length;
            ``p2c`` (PBES2), ``apu`` and ``apv`` (ECDH-ES) are passed to the key management.

    Returns:
        ASCII ``header.encrypted_key.iv.ciphertext.tag``.

    Raises:
        TypeError: the plaintext is no bytes, or a header value is nothing that JSON can say.
        ValueError: key, alg, enc and header do not go together, or the token would be too long.

    Source: RFC 7516 5.1, 7.1.
    """
    if plaintext.__class__ is not bytes:
        plaintext = demand_plaintext(plaintext)
    if header is not None:
        seal = compile_encrypter(demand_recipient(key), enc, alg, demand_header(header))
    else:
        try:
            seal = key.prepared["jwe", enc, alg]
        except (KeyError, AttributeError, TypeError):
            seal = compile_encrypter(demand_recipient(key), enc, alg, {})
            key.prepared.once(("jwe", enc, alg), lambda: seal)
    token: str = seal(plaintext)
    if len(token) > TOKEN_BYTES_MAX:
        raise ValueError(f"the token would be longer than {TOKEN_BYTES_MAX} bytes: nobody would take it")
    return token


def compile_encrypter(key: JWK, enc: str, alg: str | None, header: Mapping[str, Any]) -> Callable[[bytes], str]:
    """Compile a key and a header into the function that encrypts.

    Args:
        key: public or symmetric.
        enc: content encryption.
        alg: key management; None: the one that the key names.
        header: further protected parameters.

    Raises:
        TypeError, ValueError: they do not go together.

    Source: RFC 7516 5.1.
    """
    entry, row = encrypting_algorithm(key, alg), enc_for(enc, key)
    members = sender_header(key, entry, row, header)
    parameters = sent_parameters(members, entry, row)
    demand_key_size(key, entry, row)
    if entry.name == "dir":
        return _direct_sealer(key, row, members)
    return _wrapping_sealer(prepared_sender(key, entry), parameters, row, members)


def _direct_sealer(key: JWK, enc: ContentEncryption, members: dict[str, Any]) -> Callable[[bytes], str]:
    """The key is the CEK: header and cipher are prepared once."""
    head, is_zipped = encode_members(members), "zip" in members
    text, encrypt_content = head.decode("ascii"), enc.encryptor(key.raw.private)
    iv_bytes, tag_bytes, urandom = enc.iv_bytes, enc.tag_bytes, os.urandom

    def seal(plaintext: bytes) -> str:
        iv = urandom(iv_bytes)
        sealed = encrypt_content(iv, deflate(plaintext) if is_zipped else plaintext, head)
        if iv_bytes == 12:  # it ends with a character: one encoding does for iv and ciphertext
            both = b64url_encode(iv + sealed[:-tag_bytes])
            return f"{text}..{both[:16]}.{both[16:]}.{b64url_encode(sealed[-tag_bytes:])}"
        return f"{text}..{b64url_encode(iv)}.{b64url_encode(sealed[:-tag_bytes])}.{b64url_encode(sealed[-tag_bytes:])}"

    return seal


def _wrapping_sealer(
    send: Send, parameters: KeyParameters, enc: ContentEncryption, members: dict[str, Any]
) -> Callable[[bytes], str]:
    """Every token has a CEK of its own."""
    ready, is_zipped = encode_members(members), "zip" in members

    def seal(plaintext: bytes) -> str:
        sent = send(os.urandom(enc.cek_bytes), parameters)
        head = encode_members(members | sent_members(sent)) if sent.members else ready
        parts = seal_content(enc, enc.encryptor(sent.cek), deflate(plaintext) if is_zipped else plaintext, head)
        return ".".join((head.decode("ascii"), *map(b64url_encode, (sent.encrypted_key, *parts))))

    return seal


# --------------------------------------------------------------------------------------------------- decrypt


def decrypt(
    token: str,
    keys: Keys,
    *,
    algs: Collection[str] | None = None,
    encs: Collection[str] | None = None,
    allow_zip: bool = False,
    allow_pbes2: bool = False,
    allow_rsa1_5: bool = False,
) -> DecryptedJWE:
    """Decrypt a compact JWE.

    Args:
        token: ASCII, at most TOKEN_BYTES_MAX.
        keys: one JWK, a JWKSet or a sequence of JWK, private or symmetric.
        algs: key management that is allowed; None: that which the keys name.
        encs: content encryption that is allowed; None: all of RFC 7518.
        allow_zip: take compressed plaintexts: their length tells of their content (CRIME); at most PLAINTEXT_BYTES_MAX.
        allow_pbes2: take tokens that are encrypted to a password: each costs up to PBES2_COUNT_MAX iterations.
        allow_rsa1_5: take RSAES-PKCS1-v1_5, on which padding oracles are built.

    Raises:
        TokenTooLarge, MalformedToken: it is no compact JWE.
        UnsupportedToken, UnknownKey: header, policy and keys do not agree.
        DecryptionFailed: it could not be decrypted; nothing tells why.
        TypeError, ValueError: ``algs``, ``encs`` or ``keys`` could never decrypt anything.

    Source: RFC 7516 5.2; RFC 8725 3.1.
    """
    try:
        compiled = keys.prepared["jwe", algs, encs, allow_zip, allow_pbes2, allow_rsa1_5]  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError):
        allowed = allow(encs, zip=allow_zip, pbes2=allow_pbes2, rsa1_5=allow_rsa1_5)
        compiled = decrypter_of(keys, algs, encs, allowed)
    plaintext, header, key = compiled(token)
    return DecryptedJWE(plaintext, header.members.copy(), key)


def decrypter_of(keys: Keys, algs: Collection[str] | None, encs: Collection[str] | None, allowed: Allowed) -> Decrypter:
    """Compile, and let the key or set remember; what cannot be a name is compiled each time. Source: RFC 7516 5.2."""
    compiled = compile_decrypter(decryption_choice_of(keys, algs), allowed)
    remember(keys, ("jwe", algs, encs, allowed.zip, allowed.pbes2, allowed.rsa1_5), compiled)
    return compiled


def compile_decrypter(
    choice: DecryptionChoice,
    allowed: Allowed,
    *,
    bytes_max: int = TOKEN_BYTES_MAX,
    check_header: Callable[[JWEHeader], None] | None = None,
) -> Decrypter:
    """Compile keys and policy into the function that decrypts tokens.

    Args:
        choice: the keys; they do not change, a new set is compiled anew.
        allowed: what else is allowed.
        bytes_max: the longest token that is looked at.
        check_header: what else a header must satisfy, before a key is chosen.

    Source: RFC 7516 5.2.
    """
    admitted: dict[bytes, tuple[JWEHeader, JWK, Decrypt, int, int]] = {}  # headers of ``dir`` that have decrypted

    def decrypt(token: str) -> tuple[bytes, JWEHeader, JWK]:
        straight = None
        try:
            if len(token) <= bytes_max:
                head, encrypted_key, iv, ciphertext, tag = token.encode().split(b".", 5)
                header, key, open_sealed, iv_length, tag_length = admitted[head]
                if not encrypted_key and len(iv) == iv_length and len(tag) == tag_length:
                    if iv_length == 16:  # 12 bytes end with a character: one decoding does for iv and ciphertext
                        both = b64url_decode(iv + ciphertext)
                        straight = both[:12], both[12:] + b64url_decode(tag)
                    else:
                        straight = b64url_decode(iv), b64url_decode(ciphertext) + b64url_decode(tag)
        except (AttributeError, LookupError, TypeError, ValueError, MalformedToken):
            pass  # the complete road says what is wrong, if anything is
        if straight is None:
            return decrypt_completely(token)
        return open_sealed(*straight, head), header, key

    def decrypt_completely(token: str) -> tuple[bytes, JWEHeader, JWK]:
        head, *parts = split_compact(token, JWE_SEGMENTS, bytes_max)
        header = check_jwe_shape(read_members(head))
        check_policy(header, allowed)
        if check_header is not None:
            check_header(header)
        key, entry = choice.choose(header)
        enc = content_encryption(header.enc, key)
        parameters = key_parameters(header, key, entry, enc)
        encrypted_key, iv, ciphertext, tag = map(b64url_decode, parts)
        open_sealed = content_opener(enc, prepared_receiver(key, entry), encrypted_key, parameters)
        plaintext = open_content(enc, open_sealed, iv=iv, ciphertext=ciphertext, tag=tag, aad=head)
        if header.is_zipped:
            plaintext = inflate(plaintext)
        elif entry.name == "dir" and not any(map(_is_container, header.members.values())):
            if len(admitted) >= HEADERS_REMEMBERED_MAX:
                admitted.clear()
            admitted[head] = header, key, open_sealed, len(parts[1]), len(parts[3])
        return plaintext, header, key

    return decrypt


def _is_container(value: object) -> bool:
    return isinstance(value, dict | list)
