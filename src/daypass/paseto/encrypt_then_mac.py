"""What ``local`` is in v1, v3 and v4: a stream cipher, and a MAC over everything. Enters: a suite. Leaves: a protocol.

A nonce splits the key in two; what is authenticated is nonce, ciphertext and footer, and from v3 on an assertion that
does not travel. Nothing is decrypted before the tag has held.
Source: PASETO 01-Protocol-Versions/Version1, Version3, Version4, Encrypt and Decrypt.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

import msgspec

from daypass.errors import DecryptionFailed
from daypass.paseto.pae import pae
from daypass.paseto.protocol import Draw, LocalProtocol, Open, Seal

__all__ = ["Split", "Suite", "local_protocol"]

Split = Callable[[bytes], tuple[bytes, bytes, bytes]]
"""From the nonce of a token to encryption key, counter of the cipher and authentication key."""


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """What a version does in its own way.

    Args:
        header: with both dots, ASCII.
        nonce_bytes: of a token.
        tag_bytes: of a token.
        splitter: key of 32 bytes -> Split.
        cipher: key, counter, data -> data; encrypts and decrypts.
        mac: key, message -> tag.
        draw_nonce: where randomness comes from, message -> nonce.
        has_implicit: whether an implicit assertion is authenticated.
    """

    header: bytes
    nonce_bytes: int
    tag_bytes: int
    splitter: Callable[[bytes], Split]
    cipher: Callable[[bytes, bytes, bytes], bytes]
    mac: Callable[[bytes, bytes], bytes]
    draw_nonce: Callable[[Draw, bytes], bytes]
    has_implicit: bool


def local_protocol(suite: Suite) -> LocalProtocol:
    """The protocol of a suite. Source: PASETO 01-Protocol-Versions."""
    header, nonce_bytes, tag_bytes, has_implicit = suite.header, suite.nonce_bytes, suite.tag_bytes, suite.has_implicit
    cipher, mac = suite.cipher, suite.mac

    def sealer(key: bytes, draw: Draw) -> Seal:
        split = suite.splitter(key)

        def seal(message: bytes, footer: bytes, implicit: bytes) -> bytes:
            nonce = suite.draw_nonce(draw, message)
            encryption_key, counter, authentication_key = split(nonce)
            ciphertext = cipher(encryption_key, counter, message)
            assertion = (implicit,) if has_implicit else ()
            return nonce + ciphertext + mac(authentication_key, pae(header, nonce, ciphertext, footer, *assertion))

        return seal

    def opener(key: bytes) -> Open:
        split = suite.splitter(key)

        def open_token(sealed: bytes, footer: bytes, implicit: bytes) -> bytes:
            if len(sealed) < nonce_bytes + tag_bytes:
                raise DecryptionFailed
            nonce, ciphertext = sealed[:nonce_bytes], sealed[nonce_bytes:-tag_bytes]
            encryption_key, counter, authentication_key = split(nonce)
            assertion = (implicit,) if has_implicit else ()
            authenticated = pae(header, nonce, ciphertext, footer, *assertion)
            # The right tag never gets a name here: a traceback that shows locals would show a forgery.
            if not compare_digest(mac(authentication_key, authenticated), sealed[-tag_bytes:]):
                raise DecryptionFailed
            return cipher(encryption_key, counter, ciphertext)

        return open_token

    return LocalProtocol(header=header, sealer=sealer, opener=opener, has_implicit=has_implicit)
