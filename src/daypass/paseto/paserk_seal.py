"""Local keys, sealed for the holder of a secret key.

Enters: a concealed key and a PublicKey, or data and a SecretKey. Leaves: the data, or the key.
Each version agrees on a secret in its own way: X25519 (k2, k4, by way of the Ed25519 key), ECDH over P-384 (k3),
RSA-KEM (k1). Source: PASERK operations/PKE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b, sha384
from typing import Final

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError
from daypass.paseto.aes_ctr import hmac_sha384
from daypass.paseto.key_material import compressed_point
from daypass.paseto.keys import PublicKey, SecretKey
from daypass.paseto.paserk_rsa_kem import CAPSULE_BYTES, RSA_BITS, decapsulate, encapsulate
from daypass.paseto.paserk_suite import SUITES, DerivedKeys

__all__ = ["demand_sealing", "overhead_bytes", "seal", "unseal"]

_CAPSULE_BYTES: Final[Mapping[int, int]] = {1: CAPSULE_BYTES, 2: 32, 3: 49, 4: 32}
"""What the receiver needs to agree on the same secret: an ephemeral public key; of k1, an encrypted number."""


def overhead_bytes(version: int) -> int:
    """How much longer the data is than the key in it. Source: PASERK types/seal."""
    return SUITES[version].tag_bytes + _CAPSULE_BYTES[version]


def demand_sealing(key: PublicKey | SecretKey, *, allow_raw_rsa: bool) -> None:
    """Refuse RSA without being told to, and RSA that signs. Raises ConfigurationError, KeyFormatError.

    Source: PASERK operations/PKE, Version 1.
    """
    if key.version != 1:
        return
    if allow_raw_rsa is not True:
        raise ConfigurationError(
            "k1.seal takes RSA without padding, which no library offers: here it is computed in Python, blinded and "
            "checked, but not in constant time. Seal with v4, or say allow_raw_rsa=True"
        )
    if key.material.key_size != RSA_BITS:
        raise ConfigurationError(f"k1.seal takes RSA of {RSA_BITS} bits: a shorter key is for signing alone")


def seal(header: bytes, secret: Concealed, sealing_key: PublicKey) -> bytes:
    """Seal a local key.

    Args:
        header: version and type with all dots; it is authenticated.
        secret: the octets of the key.
        sealing_key: of the version that the header says.

    Raises:
        KeyFormatError: the sealing key is no point of its curve.

    Source: PASERK operations/PKE, Encryption.
    """
    capsule, keys = _SENDERS[sealing_key.version](header, sealing_key)
    ciphertext, tag = SUITES[sealing_key.version].lock(keys, header + capsule, secret)
    return tag + (ciphertext + capsule if sealing_key.version == 1 else capsule + ciphertext)


def unseal(header: bytes, data: Concealed, unsealing_key: SecretKey) -> Concealed | None:
    """Unseal a local key; None: it was not sealed for this key. Its length was checked.

    Source: PASERK operations/PKE, Decryption.
    """
    version = unsealing_key.version
    tag, rest = data.value[: SUITES[version].tag_bytes], data.value[SUITES[version].tag_bytes :]
    size = _CAPSULE_BYTES[version]
    capsule, ciphertext = (rest[-size:], rest[:-size]) if version == 1 else (rest[:size], rest[size:])
    keys = _RECEIVERS[version](header, capsule, unsealing_key)
    return keys and SUITES[version].unlock(keys, header + capsule, ciphertext, tag)


# ------------------------------------------------------------------------------------------ X25519: k2 and k4


def _send_x25519(header: bytes, sealing_key: PublicKey) -> tuple[bytes, Concealed]:
    from nacl.bindings import crypto_box_keypair, crypto_scalarmult, crypto_sign_ed25519_pk_to_curve25519

    theirs = crypto_sign_ed25519_pk_to_curve25519(sealing_key.material)
    pair = Concealed(crypto_box_keypair())
    ours = pair.value[0]
    shared = Concealed(crypto_scalarmult(pair.value[1], theirs))
    return ours, _derived_x25519(header, shared, ours, theirs)


def _receive_x25519(header: bytes, capsule: bytes, unsealing_key: SecretKey) -> Concealed | None:
    from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base, crypto_sign_ed25519_sk_to_curve25519
    from nacl.exceptions import CryptoError

    scalar = Concealed(crypto_sign_ed25519_sk_to_curve25519(unsealing_key.material))
    try:
        shared = Concealed(crypto_scalarmult(scalar.value, capsule))
    except CryptoError:  # a point of small order: everybody knows what is agreed upon
        return None
    return _derived_x25519(header, shared, capsule, crypto_scalarmult_base(scalar.value))


def _derived_x25519(header: bytes, shared: Concealed, ephemeral: bytes, receiver: bytes) -> Concealed:
    def digest(prefix: bytes) -> Concealed:
        return Concealed(blake2b(prefix + header + shared.value + ephemeral + receiver, digest_size=32).digest())

    nonce = blake2b(ephemeral + receiver, digest_size=24).digest()
    return Concealed(DerivedKeys(digest(b"\x01").value, nonce, digest(b"\x02").value))


# -------------------------------------------------------------------------------------- ECDH over P-384: k3


def _send_p384(header: bytes, sealing_key: PublicKey) -> tuple[bytes, Concealed]:
    from cryptography.hazmat.primitives.asymmetric import ec

    ephemeral = ec.generate_private_key(ec.SECP384R1())
    shared = Concealed(ephemeral.exchange(ec.ECDH(), sealing_key.material))
    capsule = compressed_point(ephemeral.public_key())
    return capsule, _derived_p384(header, shared, capsule, sealing_key.to_bytes())


def _receive_p384(header: bytes, capsule: bytes, unsealing_key: SecretKey) -> Concealed | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), capsule)
    except ValueError:  # no point of the curve
        return None
    shared = Concealed(unsealing_key.material.exchange(ec.ECDH(), ephemeral))
    return _derived_p384(header, shared, capsule, compressed_point(unsealing_key.material.public_key()))


def _derived_p384(header: bytes, shared: Concealed, ephemeral: bytes, receiver: bytes) -> Concealed:
    def digest(prefix: bytes) -> Concealed:
        return Concealed(sha384(prefix + header + shared.value + ephemeral + receiver).digest())

    first = digest(b"\x01")
    return Concealed(DerivedKeys(first.value[:32], first.value[32:], digest(b"\x02").value))


# --------------------------------------------------------------------------------------------- RSA-KEM: k1


def _send_rsa(header: bytes, sealing_key: PublicKey) -> tuple[bytes, Concealed]:
    number, capsule = encapsulate(sealing_key.material)
    return capsule, _derived_rsa(header, number, capsule)


def _receive_rsa(header: bytes, capsule: bytes, unsealing_key: SecretKey) -> Concealed | None:
    number = decapsulate(Concealed(unsealing_key.material), capsule)
    return number and _derived_rsa(header, number, capsule)


def _derived_rsa(header: bytes, number: Concealed, capsule: bytes) -> Concealed:
    key = sha384(capsule).digest()
    first = Concealed(hmac_sha384(key, b"\x01" + header + number.value))
    authentication = Concealed(hmac_sha384(key, b"\x02" + header + number.value))
    return Concealed(DerivedKeys(first.value[:32], first.value[32:], authentication.value))


_SENDERS: Final[Mapping[int, Callable[[bytes, PublicKey], tuple[bytes, Concealed]]]] = {
    1: _send_rsa,
    2: _send_x25519,
    3: _send_p384,
    4: _send_x25519,
}
_RECEIVERS: Final[Mapping[int, Callable[[bytes, bytes, SecretKey], Concealed | None]]] = {
    1: _receive_rsa,
    2: _receive_x25519,
    3: _receive_p384,
    4: _receive_x25519,
}
