"""Keys of PASETO for the commands: as PASERK, plain or protected, or as PEM of a version that is named.

Enters: what a file or a variable holds. Leaves: a LocalKey, SecretKey or PublicKey, of the kind that a task takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from daypass.cli.exit_codes import SET_UP, Stopped
from daypass.cli.key_sources import KeyPlace, KeyText, read_key
from daypass.concealed import Concealed

if TYPE_CHECKING:
    from daypass.paseto.keys import Key, LocalKey, PublicKey, SecretKey, Version

    PasetoKey = LocalKey | SecretKey | PublicKey

__all__ = ["demand_kind", "demand_public", "load_paseto_key", "paseto_algorithm", "spelt_key"]

K = TypeVar("K", bound="Key")

_VERSIONS: Final[dict[str, Version]] = {"v1": 1, "v2": 2, "v3": 3, "v4": 4}
_PEM_ALGS: Final = {1: "PS384", 2: "EdDSA", 3: "ES384", 4: "EdDSA"}
"""What the PEM of a version is for in JOSE, whose loader opens those that are encrypted."""
_NAMES: Final = {"LocalKey": "a local key", "SecretKey": "a secret key", "PublicKey": "a public key"}
_TASKS: Final = {"LocalKey": "encrypts and decrypts", "SecretKey": "signs", "PublicKey": "verifies"}


def load_paseto_key(text: KeyText) -> PasetoKey:
    """Load a key of PASETO.

    Raises:
        Stopped: a version that there is not, or neither PEM nor PASERK.
        typer.BadParameter, KeyFormatError, WeakKey, ConfigurationError: it cannot be had.
    """
    return _loaded(text, version=_version_of(text.place.paseto))


def demand_kind(key: PasetoKey, kind: type[K], task: str) -> K:
    """Refuse a key that cannot do a task. Raises Stopped, which says what it can do."""
    if isinstance(key, kind):
        return key
    found, wanted = type(key).__name__, _NAMES[kind.__name__]
    raise Stopped(SET_UP, f"to {task} takes {wanted} of PASETO, and this is {_NAMES[found]}, which {_TASKS[found]}")


def demand_public(key: PasetoKey) -> PublicKey:
    """Take a key that verifies: the public half, also of a secret key. Raises Stopped: a local key."""
    from daypass.paseto.keys import PublicKey, SecretKey

    return key.public() if isinstance(key, SecretKey) else demand_kind(key, PublicKey, "verify")


def _version_of(name: str | None) -> Version | None:
    if name is None or name in _VERSIONS:
        return None if name is None else _VERSIONS[name]
    raise Stopped(SET_UP, f"--paseto names a version: {', '.join(_VERSIONS)}")


def _loaded(text: KeyText, *, version: Version | None) -> PasetoKey:
    if text.paserk is not None:
        return _from_paserk(text, text.paserk, version)
    if version is None or b"-----BEGIN" not in text.octets.value:
        raise Stopped(SET_UP, f"{text.place.option} takes a key of PASETO here, a PASERK or PEM, and this is neither")
    return _from_pem(text, version)


def _from_pem(text: KeyText, version: Version) -> PasetoKey:
    from daypass.jose.jwk import JWK
    from daypass.paseto.keys import PublicKey, SecretKey

    pem, password = text.octets, Concealed(text.password)
    if b"PRIVATE KEY-----" not in pem.value:
        return PublicKey.from_pem(version, pem.value)
    if password.value is not None:
        opened = JWK.from_pem(pem.value, alg=_PEM_ALGS[version], password=password.value)
        pem = Concealed(opened.to_pem(private=True))
    return SecretKey.from_pem(version, pem.value)


def _from_paserk(text: KeyText, paserk_text: Concealed, version: Version | None) -> PasetoKey:
    from daypass.paseto import paserk
    from daypass.paseto.keys import LocalKey, SecretKey

    place = text.place
    if place.unwrap_with is None:
        return paserk.load(paserk_text.value, password=text.password, version=version)
    outer = read_key(KeyPlace(file=place.unwrap_with, password_env=place.password_env, option="--unwrap-with"))
    opener = _loaded(outer, version=_VERSIONS.get(f"v{paserk_text.value[1]}"))  # the PASERK says of which version
    if isinstance(opener, LocalKey):
        return paserk.load(paserk_text.value, wrapping_key=opener, version=version)
    secret = demand_kind(opener, SecretKey, "unseal")
    return paserk.load(paserk_text.value, unsealing_key=secret, version=version)


# ----------------------------------------------------------------------------------------------------- new keys


def paseto_algorithm(alg: str) -> tuple[Version, str] | None:
    """Version and purpose of ``v4.public``; None: something else, of JOSE perhaps."""
    name, _, purpose = alg.partition(".")
    return (_VERSIONS[name], purpose) if name in _VERSIONS and purpose in ("local", "public") else None


def spelt_key(version: Version, purpose: str, password: bytes | None) -> tuple[str, bytes, bytes | None]:
    """Make a key.

    Args:
        version: 1 to 4.
        purpose: local or public.
        password: wraps what is secret; None: it is written in the clear.

    Returns:
        The id that tokens name it by, what is secret as PASERK on a line, and the public half, where there is one.

    Raises:
        ConfigurationError: the password is empty.
    """
    from daypass.paseto import paserk
    from daypass.paseto.keys import LocalKey, SecretKey

    key = LocalKey.generate(version) if purpose == "local" else SecretKey.generate(version)
    private = f"{paserk.dump(key, password=password)}\n".encode("ascii")
    if isinstance(key, LocalKey):
        return paserk.key_id(key), private, None
    return paserk.key_id(key.public()), private, f"{paserk.dump(key.public())}\n".encode("ascii")
