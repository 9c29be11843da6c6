"""The signature algorithms, one frozen table. Enters: a raw key. Leaves: functions that sign or check.

Raw keys: oct is ``bytes``; RSA, EC, Ed448 and ML-DSA are key objects of ``cryptography``; Ed25519 is ``bytes``, 32 of a
public key or 64 of a secret one (seed and public half), for libsodium: it is twice as fast there, and refuses the
small-order keys under which OpenSSL accepts forgeries. Whoever loads a key (raw_key) has checked length, curve, halves.

Preparation is staged, because most of the work is the same for many tokens: ``algorithm.signer(raw)`` per key,
header and dot per distinct header, the payload per token. Segments are ASCII bytes, as they stand in the token.
The asymmetric modules of ``cryptography`` are imported with the first key that needs them.
Source: RFC 7518 3; RFC 8037 3.1; RFC 8812 3.2; RFC 9864 2; RFC 9964 5.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from daypass.encoding import b64url_decode, b64url_encode, b64url_segment, encode_json
from daypass.jose.jwa.algorithm import Algorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

__all__ = ["SIGNATURE_ALGORITHMS", "Holds", "Seal", "SignatureAlgorithm"]

Seal = Callable[[bytes], str]
"""From the payload (or the rest of it, where the beginning was absorbed with the header) to the whole token.

A token has one character for each octet, since an unencoded payload, absorbed with the header, may be any octets.
"""
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")

Holds = Callable[[bytes, bytes], bool]
"""From the encoded payload and signature to whether the signature holds. MalformedToken: it is not base64url."""


class SignatureAlgorithm(Algorithm, frozen=True, kw_only=True):
    """One row of the table: what a name means, which keys it takes, and how it is computed.

    Args:
        signer: raw private key -> beginning of the token -> Seal.
        verifier: raw public key -> header and dot -> Holds.
    """

    signer: Callable[[Any], Callable[[bytes], Seal]]
    verifier: Callable[[Any], Callable[[bytes], Holds]]


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, HashAlgorithm] = {
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }
    return kinds[name]


# ------------------------------------------------------------------------------------------------------ HMAC


def _hmac(name: str, digest: str, key_bytes_min: int) -> SignatureAlgorithm:
    """HMAC with SHA-2, from a state that has absorbed the header. Source: RFC 7518 3.2."""

    def start(key: bytes) -> Any:  # noqa: ANN401 - the class is imported late
        from cryptography.hazmat.primitives.hmac import HMAC

        return HMAC(key, _hash(digest))

    def signer(key: bytes) -> Callable[[bytes], Seal]:
        keyed = start(key)

        def absorb(begun: bytes) -> Seal:
            state, text = keyed.copy(), begun.decode("latin-1")
            state.update(begun)
            copy = state.copy

            def seal(payload: bytes) -> str:
                # encode_json of bytes is base64; the two lines stand here and not in a function for a tenth of the time
                segment = encode_json(payload).replace(b"+", b"-").replace(b"/", b"_").strip(b'"=')
                mac = copy()
                mac.update(segment)
                signature = b2a_base64(mac.finalize()).translate(_TO_URL, b"=\n")
                return f"{text}{segment.decode()}.{signature.decode()}"

            return seal

        return absorb

    def verifier(key: bytes) -> Callable[[bytes], Holds]:
        keyed = start(key)

        def absorb(header_dot: bytes) -> Holds:
            begun = keyed.copy()
            begun.update(header_dot)
            copy = begun.copy

            def holds(payload: bytes, signature: bytes) -> bool:
                mac = copy()
                mac.update(payload)
                # Comparing the encoded forms costs less than decoding, and only the canonical spelling is equal.
                # The right signature never gets a name here: a traceback that shows locals would show a forgery.
                return compare_digest(b2a_base64(mac.finalize()).translate(_TO_URL, b"=\n"), signature)

            return holds

        return absorb

    return SignatureAlgorithm(name=name, kty="oct", key_bytes_min=key_bytes_min, signer=signer, verifier=verifier)


# ------------------------------------------------------------------------- asymmetric: one shape, four kinds


def _asymmetric(
    name: str,
    kty: str,
    curves: tuple[str, ...],
    sign_raw: Callable[[Any], Callable[[bytes], bytes]],
    check_raw: Callable[[Any], Callable[[bytes, bytes], bool]],
) -> SignatureAlgorithm:
    """Lift functions over (signing input, raw signature) to encoded segments."""

    def signer(key: Any) -> Callable[[bytes], Seal]:  # noqa: ANN401
        sign_input = sign_raw(key)

        def absorb(begun: bytes) -> Seal:
            def seal(payload: bytes) -> str:
                signed = begun + b64url_segment(payload)
                return f"{signed.decode('latin-1')}.{b64url_encode(sign_input(signed))}"

            return seal

        return absorb

    def verifier(key: Any) -> Callable[[bytes], Holds]:  # noqa: ANN401
        check = check_raw(key)

        def absorb(header_dot: bytes) -> Holds:
            return lambda payload, signature: check(header_dot + payload, b64url_decode(signature))

        return absorb

    return SignatureAlgorithm(name=name, kty=kty, curves=curves, signer=signer, verifier=verifier)


def _rsa(name: str, digest: str, *, pss: bool) -> SignatureAlgorithm:
    """RSASSA-PKCS1-v1_5, or PSS with MGF1 and a salt as long as the hash. Source: RFC 7518 3.3, 3.5."""

    def padding_of() -> padding.AsymmetricPadding:
        from cryptography.hazmat.primitives.asymmetric import padding

        if not pss:
            return padding.PKCS1v15()
        return padding.PSS(mgf=padding.MGF1(_hash(digest)), salt_length=padding.PSS.DIGEST_LENGTH)

    def sign_raw(key: Any) -> Callable[[bytes], bytes]:  # noqa: ANN401
        how, kind = padding_of(), _hash(digest)
        return lambda data: key.sign(data, how, kind)

    def check_raw(key: Any) -> Callable[[bytes, bytes], bool]:  # noqa: ANN401
        from cryptography.exceptions import InvalidSignature

        how, kind, verify = padding_of(), _hash(digest), key.verify
        signature_bytes = (key.key_size + 7) // 8

        def check(data: bytes, signature: bytes) -> bool:
            if len(signature) != signature_bytes:
                return False
            try:
                verify(signature, data, how, kind)
            except InvalidSignature:
                return False
            return True

        return check

    return _asymmetric(name, "RSA", (), sign_raw, check_raw)


def _ecdsa(name: str, crv: str, digest: str, scalar_bytes: int) -> SignatureAlgorithm:
    """ECDSA, r and s as fixed-length octets. Source: RFC 7518 3.4; RFC 8812 3.2."""
    hashed = getattr(hashlib, digest)

    def scheme() -> Any:  # noqa: ANN401
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        return ec.ECDSA(utils.Prehashed(_hash(digest)))

    def sign_raw(key: Any) -> Callable[[bytes], bytes]:  # noqa: ANN401
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        how = scheme()

        def sign(data: bytes) -> bytes:
            r, s = decode_dss_signature(key.sign(hashed(data).digest(), how))
            return r.to_bytes(scalar_bytes, "big") + s.to_bytes(scalar_bytes, "big")

        return sign

    def check_raw(key: Any) -> Callable[[bytes, bytes], bool]:  # noqa: ANN401
        from cryptography.exceptions import InvalidSignature

        how, verify = scheme(), key.verify

        def check(data: bytes, signature: bytes) -> bool:
            if len(signature) != 2 * scalar_bytes:
                return False
            try:
                verify(_der(signature, scalar_bytes), hashed(data).digest(), how)
            except InvalidSignature:
                return False
            return True

        return check

    return _asymmetric(name, "EC", (crv,), sign_raw, check_raw)


def _der(signature: bytes, scalar_bytes: int) -> bytes:
    """Turn r and s into a DER SEQUENCE of two INTEGERs: half the cost of the detour over int."""
    r, s = signature[:scalar_bytes].lstrip(b"\0") or b"\0", signature[scalar_bytes:].lstrip(b"\0") or b"\0"
    if r[0] > 127:
        r = b"\0" + r
    if s[0] > 127:
        s = b"\0" + s
    body = b"\x02%c%b\x02%c%b" % (len(r), r, len(s), s)
    return (b"\x30%c" if len(body) < 128 else b"\x30\x81%c") % len(body) + body


def _eddsa(name: str, curves: tuple[str, ...]) -> SignatureAlgorithm:
    """EdDSA: Ed25519 by libsodium, Ed448 by OpenSSL. Source: RFC 8032; RFC 8037 3.1; RFC 9864 2.2."""

    def sign_raw(key: Any) -> Callable[[bytes], bytes]:  # noqa: ANN401
        if not isinstance(key, bytes):
            return key.sign  # type: ignore[no-any-return]
        from nacl.bindings import crypto_sign

        return lambda data: crypto_sign(data, key)[:64]

    def check_raw(key: Any) -> Callable[[bytes, bytes], bool]:  # noqa: ANN401
        return _check_ed25519(key) if isinstance(key, bytes) else _check_by_key(key)

    return _asymmetric(name, "OKP", curves, sign_raw, check_raw)


def _check_ed25519(key: bytes) -> Callable[[bytes, bytes], bool]:
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    def check(data: bytes, signature: bytes) -> bool:
        if len(signature) != 64:
            return False
        try:
            crypto_sign_open(signature + data, key)
        except BadSignatureError:
            return False
        return True

    return check


def _check_by_key(key: Any) -> Callable[[bytes, bytes], bool]:  # noqa: ANN401
    """Check with what the key itself offers: no choice of hash or padding is left."""
    from cryptography.exceptions import InvalidSignature

    def check(data: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return check


def _mldsa(name: str) -> SignatureAlgorithm:
    """ML-DSA, pure, with an empty context string. Source: RFC 9964 5; FIPS 204 5.2, 5.3."""
    return _asymmetric(name, "AKP", (name,), lambda key: key.sign, _check_by_key)


_ROWS: Final = (
    _hmac("HS256", "sha256", 32),
    _hmac("HS384", "sha384", 48),
    _hmac("HS512", "sha512", 64),
    _rsa("RS256", "sha256", pss=False),
    _rsa("RS384", "sha384", pss=False),
    _rsa("RS512", "sha512", pss=False),
    _rsa("PS256", "sha256", pss=True),
    _rsa("PS384", "sha384", pss=True),
    _rsa("PS512", "sha512", pss=True),
    _ecdsa("ES256", "P-256", "sha256", 32),
    _ecdsa("ES384", "P-384", "sha384", 48),
    _ecdsa("ES512", "P-521", "sha512", 66),
    _ecdsa("ES256K", "secp256k1", "sha256", 32),
    _eddsa("EdDSA", ("Ed25519", "Ed448")),
    _eddsa("Ed25519", ("Ed25519",)),
    _eddsa("Ed448", ("Ed448",)),
    _mldsa("ML-DSA-44"),
    _mldsa("ML-DSA-65"),
    _mldsa("ML-DSA-87"),
)

SIGNATURE_ALGORITHMS: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType({row.name: row for row in _ROWS})
"""``alg`` -> row. There is no ``none``, and no way to add one. Source: RFC 7518 3.1; RFC 8725 3.1."""
