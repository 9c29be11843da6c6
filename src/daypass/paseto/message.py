"""A PASETO that holds bytes. Enters: bytes and a key, or a token of a stranger. Leaves: a token, or what it holds.

Checks run in one order: size, shape, header, key, then what the version authenticates: payload, footer, implicit
assertion. The key decides the version, never the token.
Source: PASETO 01-Protocol-Versions; 02-Implementation-Guide/03-Algorithm-Lucidity.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Final

import msgspec

from daypass.errors import ConfigurationError, DecryptionFailed, InvalidSignature, MalformedToken
from daypass.limits import FOOTER_BYTES_MAX, TOKEN_BYTES_MAX
from daypass.paseto import v1, v2, v3, v4
from daypass.paseto.keys import Key, LocalKey, PublicKey, SecretKey
from daypass.paseto.protocol import LocalProtocol, Open, PublicProtocol, Seal, Sign, Verify
from daypass.paseto.token_text import decode_footer, join_token, split_token

__all__ = [
    "OpenedToken",
    "decrypt",
    "encrypt",
    "local_protocol",
    "opener_of",
    "public_protocol",
    "sealer_of",
    "sign",
    "signer_of",
    "verifier_of",
    "verify",
]

_LOCAL: Final[Mapping[int, LocalProtocol]] = {1: v1.LOCAL, 2: v2.LOCAL, 3: v3.LOCAL, 4: v4.LOCAL}
_PUBLIC: Final[Mapping[int, PublicProtocol]] = {1: v1.PUBLIC, 2: v2.PUBLIC, 3: v3.PUBLIC, 4: v4.PUBLIC}
_LEGACY: Final = (1, 2)
_SIGNING_RSA_BITS: Final = 2048


class OpenedToken(msgspec.Struct, frozen=True):
    """What a token held, once that was proven.

    Args:
        payload: the bytes that were signed or encrypted.
        footer: the bytes beside them, which everybody can read; authenticated too.
    """

    payload: bytes
    footer: bytes

    def __repr__(self) -> str:  # a payload holds claims
        return f"OpenedToken({len(self.payload)} bytes, footer of {len(self.footer)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("payload_bytes", len(self.payload)), ("footer_bytes", len(self.footer))]


# ----------------------------------------------------------------------------------------------------- local


def encrypt(
    payload: bytes, key: LocalKey, *, footer: bytes = b"", implicit: bytes = b"", allow_legacy: bool = False
) -> str:
    """Encrypt bytes under a shared key.

    Args:
        payload: any bytes; the token must not be longer than TOKEN_BYTES_MAX.
        key: of the version that the token will have.
        footer: bytes that travel beside the payload, readable and authenticated; at most FOOTER_BYTES_MAX.
        implicit: an assertion that both sides know and that does not travel; v3 and v4 alone.
        allow_legacy: issue v1 or v2, which are for migrating: their successors are v3 and v4.

    Returns:
        ASCII ``v4.local.payload`` or ``v4.local.payload.footer``.

    Raises:
        TypeError: payload, footer or assertion is no bytes, or the key no LocalKey.
        ValueError: a legacy version was not allowed, or something would be too long or not be authenticated.

    Source: PASETO 01-Protocol-Versions, Encrypt.
    """
    if not is_of(key, LocalKey):
        del key  # octets of a key, perhaps: no frame of ours shows them
        raise TypeError("encrypt takes a LocalKey; a SecretKey signs: paseto.sign")
    demand_issuable(key, allow_legacy)
    protocol = local_protocol(key)
    message, beside, assertion = demand_parts(payload, footer, implicit, protocol)
    return bounded(join_token(protocol.header, sealer_of(key)(message, beside, assertion), beside))


def decrypt(token: str, key: LocalKey, *, footer: bytes | None = None, implicit: bytes = b"") -> OpenedToken:
    """Decrypt a token.

    Args:
        token: ASCII, at most TOKEN_BYTES_MAX.
        key: of the one version that is accepted.
        footer: the exact footer; None: whatever stands there, it is authenticated in any case.
        implicit: the assertion that the token was made with.

    Raises:
        TokenTooLarge, MalformedToken: it is no PASETO.
        UnsupportedToken: another version or purpose than the key's.
        DecryptionFailed: key, payload, footer or assertion are not those that it was made with.
        TypeError, ValueError: the words could never decrypt anything.

    Source: PASETO 01-Protocol-Versions, Decrypt.
    """
    if not is_of(key, LocalKey):
        del key  # octets of a key, perhaps: no frame of ours shows them
        raise TypeError("decrypt takes a LocalKey; a PublicKey verifies: paseto.verify")
    protocol = local_protocol(key)
    _, expected, assertion = demand_parts(b"", b"" if footer is None else footer, implicit, protocol)
    sealed, segment = split_token(token, protocol.header, TOKEN_BYTES_MAX)
    found = decode_footer(segment)
    if footer is not None and not compare_digest(found, expected):
        raise DecryptionFailed
    return OpenedToken(opener_of(key)(sealed, found, assertion), found)


# ---------------------------------------------------------------------------------------------------- public


def sign(
    payload: bytes, key: SecretKey, *, footer: bytes = b"", implicit: bytes = b"", allow_legacy: bool = False
) -> str:
    """Sign bytes.

    Args:
        payload: any bytes, which everybody can read; the token must not be longer than TOKEN_BYTES_MAX.
        key: of the version that the token will have.
        footer: bytes that travel beside the payload; at most FOOTER_BYTES_MAX.
        implicit: an assertion that both sides know and that does not travel; v3 and v4 alone.
        allow_legacy: issue v1 or v2, which are for migrating: their successors are v3 and v4.

    Returns:
        ASCII ``v4.public.payload`` or ``v4.public.payload.footer``.

    Raises:
        TypeError: payload, footer or assertion is no bytes, or the key no SecretKey.
        ValueError: a legacy version was not allowed, or something would be too long or not be authenticated.

    Source: PASETO 01-Protocol-Versions, Sign.
    """
    if not is_of(key, SecretKey):
        del key  # octets of a key, perhaps: no frame of ours shows them
        raise TypeError("sign takes a SecretKey; a LocalKey encrypts: paseto.encrypt")
    demand_issuable(key, allow_legacy)
    protocol = public_protocol(key)
    message, beside, assertion = demand_parts(payload, footer, implicit, protocol)
    signature = signer_of(key)(message, beside, assertion)
    return bounded(join_token(protocol.header, message + signature, beside))


def verify(token: str, key: PublicKey, *, footer: bytes | None = None, implicit: bytes = b"") -> OpenedToken:
    """Verify a signed token.

    Args:
        token: ASCII, at most TOKEN_BYTES_MAX.
        key: of the one version that is accepted.
        footer: the exact footer; None: whatever stands there, it is authenticated in any case.
        implicit: the assertion that the token was made with.

    Raises:
        TokenTooLarge, MalformedToken: it is no PASETO.
        UnsupportedToken: another version or purpose than the key's.
        InvalidSignature: key, payload, footer or assertion are not those that it was made with.
        KeyFormatError: the key is no point of its curve.
        TypeError, ValueError: the words could never verify anything.

    Source: PASETO 01-Protocol-Versions, Verify.
    """
    if not is_of(key, PublicKey):
        del key  # octets of a key, perhaps: no frame of ours shows them
        raise TypeError("verify takes a PublicKey: that of a SecretKey is key.public()")
    protocol = public_protocol(key)
    holds = verifier_of(key)
    _, expected, assertion = demand_parts(b"", b"" if footer is None else footer, implicit, protocol)
    signed, segment = split_token(token, protocol.header, TOKEN_BYTES_MAX)
    found = decode_footer(segment)
    if footer is not None and not compare_digest(found, expected):
        raise InvalidSignature
    cut = len(signed) - protocol.signature_bytes
    if cut < 0:
        raise MalformedToken("the token is too short to hold a signature")
    if not holds(signed[:cut], signed[cut:], found, assertion):
        raise InvalidSignature
    return OpenedToken(signed[:cut], found)


# ----------------------------------------------------------------------------------------- prepared per key


def local_protocol(key: LocalKey) -> LocalProtocol:
    """The protocol of a shared key. Source: PASETO 01-Protocol-Versions."""
    return _LOCAL[key.version]


def public_protocol(key: SecretKey | PublicKey) -> PublicProtocol:
    """The protocol of one half of a key pair. Source: PASETO 01-Protocol-Versions."""
    return _PUBLIC[key.version]


def sealer_of(key: LocalKey) -> Seal:
    """What encrypts with a key, prepared once. Source: PASETO 01-Protocol-Versions, Encrypt."""
    make = local_protocol(key).sealer
    return key.prepared.once("sealer", lambda: make(key.to_bytes(), os.urandom))  # type: ignore[no-any-return]


def opener_of(key: LocalKey) -> Open:
    """What decrypts with a key, prepared once. Source: PASETO 01-Protocol-Versions, Decrypt."""
    make = local_protocol(key).opener
    return key.prepared.once("opener", lambda: make(key.to_bytes()))  # type: ignore[no-any-return]


def signer_of(key: SecretKey) -> Sign:
    """What signs with a key, prepared once. Raises ConfigurationError: RSA that only seals. Source: PASETO Sign."""
    make = public_protocol(key).signer
    return key.prepared.once("signer", lambda: make(_signing(key)))  # type: ignore[no-any-return]


def verifier_of(key: PublicKey) -> Verify:
    """What verifies with a key, prepared once.

    Raises:
        KeyFormatError: the key is no point of its curve.
        ConfigurationError: RSA that only seals.

    Source: PASETO 01-Protocol-Versions, Verify.
    """
    make = public_protocol(key).verifier
    return key.prepared.once("verifier", lambda: make(_signing(key)))  # type: ignore[no-any-return]


def _signing(key: SecretKey | PublicKey) -> Any:  # noqa: ANN401 - bytes, or a key object of ``cryptography``
    if key.version == 1 and key.material.key_size != _SIGNING_RSA_BITS:
        raise ConfigurationError(f"v1 signs with RSA of {_SIGNING_RSA_BITS} bits: a longer key is for k1.seal alone")
    return key.material


# ------------------------------------------------------------------------------------------ what is demanded


def is_of(key: object, kind: type[Key]) -> bool:
    """Tell whether a key is of a kind: what it is at run time, not what it should be. Source: 03-Algorithm-Lucidity."""
    return isinstance(key, kind)


def demand_issuable(key: Key, allow_legacy: bool) -> None:
    """Refuse to issue v1 and v2 without being told to. Raises ConfigurationError. Source: PASETO Versions."""
    if key.version in _LEGACY and allow_legacy is not True:
        raise ConfigurationError(
            f"v{key.version} is for reading and migrating: issue v{key.version + 2}, or say allow_legacy=True"
        )


def demand_parts(
    payload: bytes, footer: bytes, implicit: bytes, protocol: LocalProtocol | PublicProtocol
) -> tuple[bytes, bytes, bytes]:
    """Take what a caller wants protected. Raises TypeError, ConfigurationError. Source: PASETO Versions."""
    for name, part in (("payload", payload), ("footer", footer), ("implicit", implicit)):
        if not isinstance(part, bytes | bytearray | memoryview):
            raise TypeError(f"{name} is bytes; paseto.sign_claims and paseto.encrypt_claims take claims")
    message, beside, assertion = bytes(payload), bytes(footer), bytes(implicit)  # a memoryview may count by eights
    if len(beside) > FOOTER_BYTES_MAX:
        raise ConfigurationError(f"a footer has at most {FOOTER_BYTES_MAX} bytes")
    if assertion and not protocol.has_implicit:
        raise ConfigurationError("v1 and v2 know no implicit assertion: it would not be authenticated")
    return message, beside, assertion


def bounded(token: str, bytes_max: int = TOKEN_BYTES_MAX) -> str:
    """Refuse a token that nobody would take. Raises ValueError. Source: PASETO 02-Implementation-Guide."""
    if len(token) > bytes_max:
        raise ValueError(f"the token would have {len(token)} bytes, more than the {bytes_max} that are taken")
    return token
