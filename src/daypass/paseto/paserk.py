"""Keys of PASETO as text (PASERK), every type of it: in the clear, wrapped, under a password, sealed, and their ids.

Enters: a key, or text that may be one, and at most one word about how it is protected. Leaves: the other.
What is refused before any cryptography: text that is too long, another version than the one that is demanded, a type
that the given word does not open, data of a wrong length, and a password that would cost too much.
Source: PASERK README, types, operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b, sha384
from typing import Any, Final

from daypass.concealed import Concealed
from daypass.errors import ConfigurationError, KeyFormatError
from daypass.paseto.keys import Key, LocalKey, PublicKey, SecretKey, Version, check_version
from daypass.paseto.paserk_protection import Protection, protection_of
from daypass.paseto.paserk_text import Kind, Paserk, Word, demand_length, join_paserk, split_paserk

__all__ = ["dump", "key_id", "load"]

_KINDS: Final[Mapping[Kind, type[LocalKey | SecretKey | PublicKey]]] = {
    "local": LocalKey,
    "secret": SecretKey,
    "public": PublicKey,
}
_IDS: Final[Mapping[Kind, str]] = {"local": "lid", "secret": "sid", "public": "pid"}
_ID_BYTES: Final = 33
_SIGNING_RSA_BITS: Final = 2048
_PEM_OF_RSA: Final = b"-----BEGIN RSA PRIVATE KEY-----"
_REFUSED: Final = "the key cannot be unwrapped: it was made with another password or key, or it was changed since"
"""One message for all that cryptography can find wrong: nobody learns which it was."""
_NEEDS: Final[Mapping[Word, str]] = {
    "": "is protected by nothing: pass no {given} for it",
    "password": "is under a password: pass password=, bytes",
    "wrapping_key": "is wrapped under another key: pass wrapping_key=, a LocalKey of v{version}",
    "unsealing_key": "is sealed: pass unsealing_key=, a SecretKey of v{version}",
}


def dump(
    key: LocalKey | SecretKey | PublicKey,
    *,
    password: bytes | None = None,
    wrapping_key: LocalKey | None = None,
    sealing_key: PublicKey | None = None,
    allow_raw_rsa: bool = False,
) -> str:
    """Write a key as text; in the clear, unless one of the words protects it.

    Args:
        key: where nothing protects a LocalKey or SecretKey, its text is as secret as the key.
        password: wrap it under a password (``local-pw``, ``secret-pw``): with 64 MiB and 3 passes of Argon2id in v4
            and v2, with 600,000 rounds of PBKDF2 in v3 and v1.
        wrapping_key: wrap it under a key of its version (``local-wrap.pie``, ``secret-wrap.pie``).
        sealing_key: seal a LocalKey for the holder of a secret key of its version (``seal``).
        allow_raw_rsa: let ``k1.seal`` compute RSA in Python, which is blinded, and not in constant time.

    Returns:
        ASCII: ``k4.local.data``, say, or ``k4.secret-wrap.pie.data``.

    Raises:
        TypeError: key or word is of another type.
        ConfigurationError: two words, one that does not fit the key, an empty password, a key of another version, or
            v1 with RSA of another length: 4,096 bits seal, 2,048 do all the rest.
        KeyFormatError: the sealing key is no point of its curve, or memory is short.

    Source: PASERK types; operations.
    """
    given = Concealed(key)
    words: dict[Word, Concealed] = {
        "password": Concealed(password),
        "wrapping_key": Concealed(wrapping_key),
        "sealing_key": Concealed(sealing_key),
    }
    del key, password, wrapping_key, sealing_key  # no frame of ours shows them, should an error page show locals
    kind, version = _demand_key(given)
    protection = protection_of(words, allow_raw_rsa=allow_raw_rsa)
    if protection is None:
        return join_paserk(version, kind, given.value.to_bytes())
    name = _protected_name(kind, version, protection)
    octets = Concealed(given.value.to_bytes())
    if name == "secret-pw" and version == 1:
        octets = _pem_of_rsa(given)
    assert protection.row.wrap is not None
    header = f"k{version}.{name}.".encode("ascii")
    return join_paserk(version, name, protection.row.wrap(version, header, octets, protection.value))


def load(
    text: str,
    *,
    password: bytes | None = None,
    wrapping_key: LocalKey | None = None,
    unsealing_key: SecretKey | None = None,
    version: Version | None = None,
    allow_raw_rsa: bool = False,
) -> LocalKey | SecretKey | PublicKey:
    """Read a key from text. With a word, only a key that is protected that way is taken; without, only a plain one.

    Args:
        text: at most PASERK_BYTES_MAX.
        password: of a ``local-pw`` or ``secret-pw``.
        wrapping_key: of a ``local-wrap.pie`` or ``secret-wrap.pie``, of the same version.
        unsealing_key: of a ``seal``, of the same version.
        version: the only one that is taken; None: each from 1 to 4.
        allow_raw_rsa: let ``k1.seal`` compute RSA in Python, which is blinded, and not in constant time.

    Returns:
        A LocalKey, SecretKey or PublicKey: ask with isinstance which one.

    Raises:
        KeyFormatError: no PASERK, another version or type than demanded, one that names a key and holds none, or one
            that costs too much; of what was encrypted: one message, whatever was wrong.
        WeakKey: RSA under which anybody could sign.
        TypeError: text or word is of another type.
        ConfigurationError: two words, or RSA that cannot or may not unseal.
        ValueError: ``version`` is none.

    Source: PASERK types; operations.
    """
    given = Concealed(text)
    words: dict[Word, Concealed] = {
        "password": Concealed(password),
        "wrapping_key": Concealed(wrapping_key),
        "unsealing_key": Concealed(unsealing_key),
    }
    del text, password, wrapping_key, unsealing_key
    protection = protection_of(words, allow_raw_rsa=allow_raw_rsa)
    if version is not None:
        check_version(version)
    if not isinstance(given.value, str):
        raise TypeError("a PASERK is a str")
    paserk = split_paserk(given)
    if version is not None and paserk.version != version:
        raise KeyFormatError(f"a key of version {version} is demanded, and this is a {paserk.name}")
    _demand_word(paserk, protection)
    data = paserk.data()
    demand_length(paserk, data, protection.row.overhead_bytes(paserk.version) if protection else 0)
    if protection is None:
        return _read_key(paserk, data)
    assert protection.row.unwrap is not None
    opened = protection.row.unwrap(paserk.version, paserk.header, data, protection.value)
    if opened is None:
        raise KeyFormatError(_REFUSED)
    return _read_key(paserk, opened)


def key_id(key: Key) -> str:
    """Name a key by a digest of it: safe to show, and the same everywhere.

    The footer of a token may name its key so. The two halves of a key pair have two ids: what signs and what verifies
    agree on that of the public one, ``key_id(secret.public())``.

    Args:
        key: a LocalKey gives a ``lid``, a SecretKey a ``sid``, a PublicKey a ``pid``.

    Returns:
        ASCII: ``k4.pid.`` and 44 characters.

    Raises:
        TypeError: no key of PASETO.
        ConfigurationError: RSA that only seals: there is no PASERK of it.

    Source: PASERK operations/ID; types/lid, sid, pid.
    """
    given = Concealed(key)
    del key
    kind, version = _demand_key(given)
    return given.value.prepared.once("id", lambda: _id_of(given, kind, version))  # type: ignore[no-any-return]


def _id_of(key: Concealed, kind: Kind, version: Version) -> str:
    header = f"k{version}.{_IDS[kind]}."
    named = Concealed((header + join_paserk(version, kind, key.value.to_bytes())).encode("ascii"))
    if version in (1, 3):
        digest = sha384(named.value).digest()[:_ID_BYTES]
    else:
        digest = blake2b(named.value, digest_size=_ID_BYTES).digest()
    return join_paserk(version, _IDS[kind], digest)


# ------------------------------------------------------------------------------------------ what is demanded


def _demand_key(given: Concealed) -> tuple[Kind, Version]:
    """Kind and version of a key that there is a PASERK of."""
    kind = next((kind for kind, type_ in _KINDS.items() if isinstance(given.value, type_)), None)
    if kind is None:
        raise TypeError("a key is a LocalKey, SecretKey or PublicKey of daypass.paseto")
    if not _is_for_tokens(given, kind):
        raise ConfigurationError(f"there is no PASERK of RSA that is not of {_SIGNING_RSA_BITS} bits: write it as PEM")
    return kind, given.value.version


def _is_for_tokens(key: Concealed, kind: Kind) -> bool:
    """Whether it signs or encrypts tokens, as each PASERK does: RSA of 4,096 bits only seals."""
    return kind == "local" or key.value.version != 1 or key.value.material.key_size == _SIGNING_RSA_BITS


def _protected_name(kind: Kind, version: Version, protection: Protection) -> str:
    """The type of a key that gets this protection. Raises ConfigurationError: it cannot have it."""
    if kind == "public":
        raise ConfigurationError(f"a public key is no secret: dump it without {protection.word}")
    if protection.key_version not in (None, version):
        raise ConfigurationError(
            f"a key of v{version} is protected by one of its version: {protection.word} is of v{protection.key_version}"
        )
    if protection.word == "sealing_key":
        if kind != "local":
            raise ConfigurationError("a seal holds local keys alone: pass wrapping_key or password")
        return "seal"
    if protection.word == "password":
        if not protection.value.value:
            raise ConfigurationError("the password is empty: it would protect nothing")
        return f"{kind}-pw"
    return f"{kind}-wrap.pie"


def _demand_word(paserk: Paserk, protection: Protection | None) -> None:
    """Refuse a PASERK that the given word does not open."""
    if paserk.type.is_id:
        raise KeyFormatError(f"a {paserk.name} is the name of a key, and no key: look the key up that has it")
    word: Word = protection.word if protection else ""
    if paserk.type.word != word:
        needs = _NEEDS[paserk.type.word].format(given=word, version=paserk.version)
        raise KeyFormatError(f"a {paserk.name} {needs}")
    if protection and protection.key_version not in (None, paserk.version):
        raise KeyFormatError(f"a {paserk.name} is not opened by a key of v{protection.key_version}")


# --------------------------------------------------------------------------------------------- what is wrapped


def _read_key(paserk: Paserk, octets: Concealed) -> LocalKey | SecretKey | PublicKey:
    key: Any
    if paserk.type.name == "secret-pw" and octets.value.startswith(_PEM_OF_RSA) and paserk.version == 1:
        key = SecretKey.from_pem(1, octets.value)
    else:
        key = _KINDS[paserk.type.kind].from_bytes(paserk.version, octets.value)
    if not _is_for_tokens(Concealed(key), paserk.type.kind):
        raise KeyFormatError(f"a {paserk.name} is RSA of {_SIGNING_RSA_BITS} bits: longer keys, which seal, go as PEM")
    return key  # type: ignore[no-any-return]


def _pem_of_rsa(key: Concealed) -> Concealed:
    """PKCS #1 as PEM without the last line break, which k1.secret-pw wraps. Source: PASERK types/secret-pw.

    Some peers wrap DER there, as in every other type: that is read, too.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = key.value.material.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return Concealed(pem.rstrip(b"\n"))
