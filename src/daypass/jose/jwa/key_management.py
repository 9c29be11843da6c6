"""The key management algorithms, one frozen table. Enters: a raw key. Leaves: functions that hand over a key.

A sender hands over a content encryption key (CEK) to the holder of a key; a receiver takes it. Raw keys are what RawKey
holds: ``bytes`` for oct, key objects of ``cryptography`` for RSA, EC, X25519 and X448. An ephemeral public key
(``epk``) arrives as such an object: jwe has resolved it. A receiver raises DecryptionFailed, for every reason alike;
whoever calls it goes on with a random CEK, so that a wrong key and a wrong tag take the same road.
Source: RFC 7518 4; RFC 8037 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from daypass.errors import DecryptionFailed
from daypass.jose.jwa.algorithm import Algorithm
from daypass.limits import PBES2_COUNT_DEFAULT, PBES2_SALT_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

__all__ = ["KEY_MANAGEMENT_ALGORITHMS", "KeyManagementAlgorithm", "KeyParameters", "Receive", "Send", "Sent"]

_AGREEMENT_CURVES: Final = ("P-256", "P-384", "P-521", "X25519", "X448")


class KeyParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What a header says for the key management.

    Args:
        enc: the name of the content encryption.
        cek_bytes: exactly so long is its key.
        epk: ephemeral public key, a key object; or None.
        apu: agreement PartyUInfo, bytes.
        apv: agreement PartyVInfo, bytes.
        iv: 12 bytes, of A*GCMKW.
        tag: 16 bytes, of A*GCMKW.
        p2s: salt input of PBES2, bytes.
        p2c: PBES2 iteration count; 0: the default, when sending.
    """

    enc: str
    cek_bytes: int
    epk: Any = None
    apu: bytes = b""
    apv: bytes = b""
    iv: bytes = b""
    tag: bytes = b""
    p2s: bytes = b""
    p2c: int = 0


class Sent(msgspec.Struct, frozen=True):
    """What a sender made.

    Args:
        cek: the content encryption key, ``cek_bytes`` long.
        encrypted_key: for the recipient; empty where the key itself, or an agreement, is the CEK.
        members: header parameters that the recipient needs: bytes, an int, or a public key object (``epk``).
    """

    cek: bytes
    encrypted_key: bytes = b""
    members: dict[str, Any] = {}

    def __repr__(self) -> str:  # with dir the CEK is the key itself
        return f"Sent(cek redacted, encrypted_key of {len(self.encrypted_key)} bytes)"


Send = Callable[[bytes, KeyParameters], Sent]
"""From a random CEK (unused where an algorithm brings its own) and parameters to what was made."""
Receive = Callable[[bytes, KeyParameters], bytes]
"""From an encrypted key and parameters to the CEK. Raises DecryptionFailed."""


class KeyManagementAlgorithm(Algorithm, frozen=True, kw_only=True):
    """One row of the table.

    Args:
        sender: raw public or symmetric key -> Send.
        receiver: raw private or symmetric key -> Receive.
        is_direct: it brings the CEK itself: the encrypted key is empty, and there is one recipient.
        operations: the ``key_ops`` of which the sender's key must allow one, and the receiver's.
        needs: header parameters that a receiver needs.
    """

    sender: Callable[[Any], Send]
    receiver: Callable[[Any], Receive]
    is_direct: bool = False
    operations: tuple[tuple[str, ...], tuple[str, ...]] = (("wrapKey", "encrypt"), ("unwrapKey", "decrypt"))
    needs: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------- symmetric


def _direct() -> KeyManagementAlgorithm:
    """The shared key is the CEK. Source: RFC 7518 4.5."""

    def receiver(key: bytes) -> Receive:
        def receive(encrypted_key: bytes, p: KeyParameters) -> bytes:
            if encrypted_key or len(key) != p.cek_bytes:
                raise DecryptionFailed
            return key

        return receive

    return KeyManagementAlgorithm(
        name="dir",
        kty="oct",
        key_bytes_min=16,
        key_bytes_max=64,
        is_direct=True,
        operations=(("encrypt",), ("decrypt",)),
        sender=lambda key: lambda _cek, _p: Sent(key),
        receiver=receiver,
    )


def _wrap(key: bytes) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    return lambda cek: aes_key_wrap(key, cek)


def _unwrapper() -> Callable[[bytes, bytes], bytes]:
    """From a key and what was wrapped with it to the CEK."""
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    def unwrap(key: bytes, encrypted_key: bytes) -> bytes:
        try:
            return aes_key_unwrap(key, encrypted_key)
        except (InvalidUnwrap, ValueError):
            pass
        raise DecryptionFailed

    return unwrap


def _aes_kw(bits: int) -> KeyManagementAlgorithm:
    """AES Key Wrap with the default initial value. Source: RFC 7518 4.4; RFC 3394."""

    def sender(key: bytes) -> Send:
        wrap = _wrap(key)
        return lambda cek, _p: Sent(cek, wrap(cek))

    def receiver(key: bytes) -> Receive:
        unwrap = _unwrapper()
        return lambda encrypted_key, _p: unwrap(key, encrypted_key)

    return KeyManagementAlgorithm(
        name=f"A{bits}KW",
        kty="oct",
        key_bytes_min=bits // 8,
        key_bytes_max=bits // 8,
        sender=sender,
        receiver=receiver,
    )


def _aes_gcm_kw(bits: int) -> KeyManagementAlgorithm:
    """Key wrapping with AES GCM; iv and tag are header parameters. Source: RFC 7518 4.7."""

    def sender(key: bytes) -> Send:
        from os import urandom

        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        encrypt = AESGCM(key).encrypt

        def send(cek: bytes, _p: KeyParameters) -> Sent:
            iv = urandom(12)
            sealed = encrypt(iv, cek, None)
            return Sent(cek, sealed[:-16], {"iv": iv, "tag": sealed[-16:]})

        return send

    def receiver(key: bytes) -> Receive:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        decrypt = AESGCM(key).decrypt

        def receive(encrypted_key: bytes, p: KeyParameters) -> bytes:
            # Every CEK has its length: no other one reaches the cipher, and neither does a short iv or tag.
            if len(p.iv) == 12 and len(p.tag) == 16 and len(encrypted_key) == p.cek_bytes:
                try:
                    return decrypt(p.iv, encrypted_key + p.tag, None)
                except InvalidTag:
                    pass
            raise DecryptionFailed

        return receive

    return KeyManagementAlgorithm(
        name=f"A{bits}GCMKW",
        kty="oct",
        key_bytes_min=bits // 8,
        key_bytes_max=bits // 8,
        needs=("iv", "tag"),
        sender=sender,
        receiver=receiver,
    )


def _pbes2(digest: str, bits: int) -> KeyManagementAlgorithm:
    """A key from a password by PBKDF2, then AES Key Wrap. The caller has bounded p2c. Source: RFC 7518 4.8."""
    name = f"PBES2-HS{digest}+A{bits}KW"

    def derive(password: bytes, p2s: bytes, p2c: int) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

        kinds = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
        salt = name.encode("ascii") + b"\0" + p2s
        return PBKDF2HMAC(kinds[digest], bits // 8, salt, p2c).derive(password)

    def sender(password: bytes) -> Send:
        def send(cek: bytes, p: KeyParameters) -> Sent:
            from os import urandom

            p2s, p2c = urandom(PBES2_SALT_BYTES), p.p2c or PBES2_COUNT_DEFAULT
            return Sent(cek, _wrap(derive(password, p2s, p2c))(cek), {"p2s": p2s, "p2c": p2c})

        return send

    def receiver(password: bytes) -> Receive:
        unwrap = _unwrapper()
        return lambda encrypted_key, p: unwrap(derive(password, p.p2s, p.p2c), encrypted_key)

    return KeyManagementAlgorithm(
        name=name, kty="oct", key_bytes_min=1, needs=("p2s", "p2c"), sender=sender, receiver=receiver
    )


# ------------------------------------------------------------------------------------------------------- RSA


def _rsa(name: str, digest: str) -> KeyManagementAlgorithm:
    """RSAES-PKCS1-v1_5 (without a digest), or OAEP with MGF1 of the same hash. Source: RFC 7518 4.2, 4.3."""

    def padding_of() -> AsymmetricPadding:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        if not digest:
            return padding.PKCS1v15()
        kinds: dict[str, hashes.HashAlgorithm] = {
            "1": hashes.SHA1(),  # noqa: S303 - RSA-OAEP asks for it; OAEP needs no hash that resists collisions
            "256": hashes.SHA256(),
            "384": hashes.SHA384(),
            "512": hashes.SHA512(),
        }
        return padding.OAEP(padding.MGF1(kinds[digest]), kinds[digest], None)

    def sender(key: Any) -> Send:  # noqa: ANN401
        encrypt, how = key.encrypt, padding_of()
        return lambda cek, _p: Sent(cek, encrypt(cek, how))

    def receiver(key: Any) -> Receive:  # noqa: ANN401
        decrypt, how = key.decrypt, padding_of()

        def receive(encrypted_key: bytes, _p: KeyParameters) -> bytes:
            # A wrong PKCS1-v1_5 padding gives random bytes (implicit rejection), a wrong OAEP a ValueError.
            try:
                return decrypt(encrypted_key, how)  # type: ignore[no-any-return]
            except ValueError:
                pass
            raise DecryptionFailed

        return receive

    return KeyManagementAlgorithm(name=name, kty="RSA", sender=sender, receiver=receiver)


# ------------------------------------------------------------------------------------------------- agreement


def _ecdh(bits: int) -> KeyManagementAlgorithm:
    """Ephemeral-static Diffie-Hellman: of the CEK itself (bits 0), or of a key that wraps it. Source: RFC 7518 4.6."""
    name = f"ECDH-ES+A{bits}KW" if bits else "ECDH-ES"

    def sender(key: Any) -> Send:  # noqa: ANN401
        derive = _concat_kdf(name if bits else "", bits // 8)

        def send(cek: bytes, p: KeyParameters) -> Sent:
            ephemeral = _ephemeral(key)
            derived = derive(_exchange(ephemeral)(key), p)
            members = {"epk": ephemeral.public_key()}
            return Sent(cek, _wrap(derived)(cek), members) if bits else Sent(derived, b"", members)

        return send

    def receiver(key: Any) -> Receive:  # noqa: ANN401
        derive, exchange, unwrap = _concat_kdf(name if bits else "", bits // 8), _exchange(key), _unwrapper()

        def receive(encrypted_key: bytes, p: KeyParameters) -> bytes:
            if p.epk is None or (encrypted_key and not bits):
                raise DecryptionFailed
            try:
                derived = derive(exchange(p.epk), p)  # refuses another curve, and a point of small order
            except (ValueError, TypeError):
                derived = b""
            if not derived:
                raise DecryptionFailed
            return unwrap(derived, encrypted_key) if bits else derived

        return receive

    return KeyManagementAlgorithm(
        name=name,
        kty="EC",
        curves=_AGREEMENT_CURVES,
        is_direct=not bits,
        operations=(("deriveKey", "deriveBits"), ("deriveKey", "deriveBits")),
        needs=("epk",),
        sender=sender,
        receiver=receiver,
    )


def _concat_kdf(algorithm: str, length: int) -> Callable[[bytes, KeyParameters], bytes]:
    """From a shared secret to a key that is bound to the algorithm which uses it.

    Without an algorithm it is that of the content encryption, and its key has the length.
    Source: RFC 7518 4.6.2; NIST SP 800-56A 5.8.1.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

    sha256 = hashes.SHA256()

    def derive(z: bytes, p: KeyParameters) -> bytes:
        key_bytes = length or p.cek_bytes
        user = (algorithm or p.enc).encode("ascii")
        fields = (_sized(user), _sized(p.apu), _sized(p.apv), (key_bytes * 8).to_bytes(4, "big"))
        return ConcatKDFHash(sha256, key_bytes, b"".join(fields)).derive(z)

    return derive


def _sized(field: bytes) -> bytes:
    return len(field).to_bytes(4, "big") + field


def _ephemeral(public: Any) -> Any:  # noqa: ANN401
    """A new private key beside a public one."""
    from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519

    if isinstance(public, ec.EllipticCurvePublicKey):
        return ec.generate_private_key(public.curve)
    return (x25519.X25519PrivateKey if isinstance(public, x25519.X25519PublicKey) else x448.X448PrivateKey).generate()


def _exchange(private: Any) -> Callable[[Any], bytes]:  # noqa: ANN401
    """Diffie-Hellman with a private key: from a public key to the shared secret."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(private, ec.EllipticCurvePrivateKey):
        how = ec.ECDH()
        return lambda public: private.exchange(how, public)
    return private.exchange  # type: ignore[no-any-return]


_ROWS: Final = (
    _direct(),
    *(_aes_kw(bits) for bits in (128, 192, 256)),
    *(_aes_gcm_kw(bits) for bits in (128, 192, 256)),
    _rsa("RSA-OAEP", "1"),
    *(_rsa(f"RSA-OAEP-{digest}", digest) for digest in ("256", "384", "512")),
    _rsa("RSA1_5", ""),
    *(_ecdh(bits) for bits in (0, 128, 192, 256)),
    _pbes2("256", 128),
    _pbes2("384", 192),
    _pbes2("512", 256),
)

KEY_MANAGEMENT_ALGORITHMS: Final[Mapping[str, KeyManagementAlgorithm]] = MappingProxyType(
    {row.name: row for row in _ROWS}
)
"""``alg`` of a JWE -> row. Source: RFC 7518 4.1."""
