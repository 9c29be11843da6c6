"""Keys of PASETO, typed by version and purpose: a key of one cannot reach the protocol of another.

Enters: octets, PEM or DER of a key, and the version that its owner names. Leaves: a LocalKey, SecretKey or PublicKey,
frozen and redacted. Source: PASETO 02-Implementation-Guide/03-Algorithm-Lucidity; 01-Protocol-Versions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self

from daypass.concealed import Concealed
from daypass.errors import KeyFormatError
from daypass.paseto.key_material import (
    LOCAL_KEY_BYTES,
    generate_secret,
    point_of,
    public_octets,
    read_public_octets,
    read_public_pem,
    read_secret_octets,
    read_secret_pem,
    rsa_public_from_der,
    secret_octets,
)
from daypass.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Key", "LocalKey", "PublicKey", "SecretKey", "Version"]

Version = Literal[1, 2, 3, 4]
"""1 and 2 are for reading and migrating, 3 is of NIST's algorithms, 4 is the one to take."""


class Key:
    """What the three kinds of key share: a version, frozen, shown redacted, never pickled.

    Attributes:
        version: 1 to 4.
        is_private: whether it can sign or decrypt.
        prepared: functions that were prepared with this key.
    """

    __slots__ = ("_material", "prepared", "version")
    purpose: ClassVar[Literal["local", "public"]]
    is_private: ClassVar[bool] = True
    version: Version
    prepared: Prepared
    _material: Any

    def __init__(self, version: Version, material: Concealed) -> None:
        for name, value in (("version", version), ("_material", material.value), ("prepared", Prepared())):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a key of PASETO does not change: load it anew")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a key of PASETO does not change: load it anew")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(v{getattr(self, 'version', '?')}, redacted)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key of PASETO is not pickled, it would be written in the clear: see paserk.dump")


class LocalKey(Key):
    """A shared key, 32 bytes: encrypts and decrypts ``local`` tokens of one version.

    Source: PASETO 01-Protocol-Versions.
    """

    __slots__ = ()
    purpose = "local"

    @classmethod
    def generate(cls, version: Version) -> LocalKey:
        """Make a new key, for a version from 1 to 4. Source: PASETO 02-Implementation-Guide."""
        return cls(check_version(version), Concealed(os.urandom(LOCAL_KEY_BYTES)))

    @classmethod
    def from_bytes(cls, version: Version, raw: bytes) -> LocalKey:
        """Take a key of 32 bytes.

        Args:
            version: 1 to 4, the only one that it will be for.
            raw: 32 bytes.

        Raises:
            KeyFormatError: another length.
            TypeError: no bytes.

        Source: PASETO 02-Implementation-Guide/03-Algorithm-Lucidity.
        """
        wanted, octets = Concealed(version), Concealed(raw)
        del version, raw  # no frame of ours shows the key, should an error page show locals; nor where they are swapped
        demand_bytes(octets)
        if len(octets.value) != LOCAL_KEY_BYTES:
            raise KeyFormatError(f"a local key has exactly {LOCAL_KEY_BYTES} bytes")
        return cls(check_version(wanted.value), octets)

    def to_bytes(self) -> bytes:
        """The key itself, 32 bytes. Source: PASERK types/local."""
        return self._material  # type: ignore[no-any-return]


class SecretKey(Key):
    """A secret key: signs ``public`` tokens of one version, and unseals what was sealed with its public half.

    Source: PASETO 01-Protocol-Versions.
    """

    __slots__ = ()
    purpose = "public"

    @classmethod
    def generate(cls, version: Version) -> SecretKey:
        """Make a new key pair: Ed25519 (v4, v2), P-384 (v3), RSA of 2,048 bits (v1). Source: PASETO Versions."""
        return cls(check_version(version), generate_secret(version))

    @classmethod
    def from_bytes(cls, version: Version, raw: bytes) -> SecretKey:
        """Take the octets of a secret key.

        Args:
            version: 1 to 4, the only one that it will be for.
            raw: v4 and v2: 64 bytes, seed and public half; v3: 48 bytes; v1: PKCS #1 as DER.

        Raises:
            KeyFormatError: another length, a scalar out of range, or halves that do not belong together.
            TypeError: no bytes.

        Source: PASERK types/secret.
        """
        wanted, octets = Concealed(version), Concealed(raw)
        del version, raw
        demand_bytes(octets)
        version = check_version(wanted.value)
        return cls(version, read_secret_octets(version, octets))

    @classmethod
    def from_pem(cls, version: Version, data: bytes | str) -> SecretKey:
        """Load a secret key from PEM, PKCS #8 or its elders, not encrypted.

        Raises:
            KeyFormatError: it cannot be read, is encrypted, or is no secret key of this version.
            WeakKey: RSA under which anybody could sign.

        Source: RFC 7468; PASETO Version1, Version3.
        """
        wanted, pem = Concealed(version), Concealed(data)
        del version, data
        version = check_version(wanted.value)
        return cls(version, read_secret_pem(version, pem))

    def public(self) -> PublicKey:
        """The public half. Source: PASETO 01-Protocol-Versions."""
        return PublicKey(self.version, Concealed(public_octets(self.version, Concealed(self._material))))

    def to_bytes(self) -> bytes:
        """The octets that ``from_bytes`` takes. Source: PASERK types/secret."""
        return secret_octets(self.version, Concealed(self._material))

    @property
    def material(self) -> Any:  # noqa: ANN401 - bytes, or a key object of ``cryptography``
        """What signs: 64 bytes for Ed25519, a key object for P-384 and RSA."""
        return self._material


class PublicKey(Key):
    """A public key: verifies ``public`` tokens of one version, and seals local keys for the holder of its secret half.

    PASERK demands that any octets of the right length can be carried. Whether they are a point of the curve is asked
    when the key is first used: then one that is none is a KeyFormatError, before any token is looked at.

    Source: PASETO 01-Protocol-Versions; PASERK types/public.
    """

    __slots__ = ()
    purpose = "public"
    is_private = False

    @classmethod
    def from_bytes(cls, version: Version, raw: bytes) -> PublicKey:
        """Take the octets of a public key.

        Args:
            version: 1 to 4, the only one that it will be for.
            raw: v4 and v2: 32 bytes; v3: 49 bytes, a compressed point; v1: SubjectPublicKeyInfo as DER.

        Raises:
            KeyFormatError: another length or form.
            WeakKey: RSA under which anybody could sign.
            TypeError: no bytes.

        Source: PASERK types/public.
        """
        wanted, octets = Concealed(version), Concealed(raw)
        del version, raw  # a secret key, passed by mistake, is as secret as anywhere
        demand_bytes(octets)
        version = check_version(wanted.value)
        return cls(version, read_public_octets(version, octets))

    @classmethod
    def from_pem(cls, version: Version, data: bytes | str) -> PublicKey:
        """Load a public key from PEM: SubjectPublicKeyInfo.

        Raises:
            KeyFormatError: it cannot be read, or is no public key of this version.
            WeakKey: RSA under which anybody could sign.

        Source: RFC 7468; PASETO Version1, Version3.
        """
        wanted, pem = Concealed(version), Concealed(data)
        del version, data
        version = check_version(wanted.value)
        return cls(version, Concealed(read_public_pem(version, pem)))

    def to_bytes(self) -> bytes:
        """The octets that ``from_bytes`` takes. Source: PASERK types/public."""
        return self._material  # type: ignore[no-any-return]

    @property
    def material(self) -> Any:  # noqa: ANN401 - bytes, or a key object of ``cryptography``
        """What verifies: 32 bytes for Ed25519, a key object for P-384 and RSA. Raises KeyFormatError: no point."""
        make: Callable[[], Any] = lambda: (  # noqa: E731
            rsa_public_from_der(Concealed(self._material))
            if self.version == 1
            else point_of(self.version, Concealed(self._material))
        )
        return self.prepared.once("material", make)


def check_version(version: object) -> Version:
    """Refuse what is no version. Raises ValueError. Source: PASETO 01-Protocol-Versions."""
    if version.__class__ is int and version in (1, 2, 3, 4):
        return version  # type: ignore[return-value]
    del version  # a key, should somebody have swapped the arguments
    raise ValueError("version is 1, 2, 3 or 4, as an int: 4 unless a standard demands NIST's algorithms (3)")


def demand_bytes(octets: Concealed) -> None:
    """Refuse what is no bytes, and take a copy: a memoryview may count by eights. Raises TypeError. Source: PASERK."""
    if not isinstance(octets.value, bytes | bytearray | memoryview):
        raise TypeError("a key is bytes here: from_pem reads PEM, paserk.load reads PASERK")
    octets.value = bytes(octets.value)
