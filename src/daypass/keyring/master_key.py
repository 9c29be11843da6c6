"""The key that a ring is wrapped under where others keep its text. Enters: 32 bytes, a JWK, a variable. Leaves: keys.

It stays outside of the place: in the environment of each node, say. Several are taken while one follows another.
Source: RFC 7518 4.5 (``dir``), 5.3 (A256GCM); DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, NoReturn, final

from daypass.concealed import Concealed
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import ConfigurationError, DaypassError, MalformedToken, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.derive import RingSecret, master_kid
from daypass.keyring.secret_strength import HOW_TO_MAKE_ONE, refuse_weak_secret

__all__ = ["MASTER_KEY_BYTES", "MASTER_KEY_VARIABLE", "MasterKey", "MasterKeys", "master_key_from_env"]

MASTER_KEY_VARIABLE: Final = "DAYPASS_MASTER_KEY"
MASTER_KEY_BYTES: Final = 32
_ALGS: Final = frozenset({None, "dir", "A256GCM"})
_SEVERAL_MAX: Final = 8

MasterKey = JWK | bytes
"""An ``oct`` JWK of 256 bits for ``dir`` or A256GCM, or its 32 bytes."""


@final
class MasterKeys:
    """Master keys: the first wraps, every one unwraps. Shows itself redacted.

    Args:
        keys: one, or several.

    Raises:
        ConfigurationError: none, too many, or a key of another kind or length.
        WeakKey: one can be guessed.
        TypeError: something else.
    """

    __slots__ = ("keys",)

    def __init__(self, keys: MasterKey | Sequence[MasterKey]) -> None:
        given = Concealed([keys] if isinstance(keys, JWK | bytes) else keys)
        del keys  # a secret: no frame of ours shows it
        if not isinstance(given.value, list | tuple):
            raise TypeError("a master key is a JWK or 32 bytes, or a sequence of those, the one that wraps first")
        found = list(map(_master_key, map(Concealed, given.value)))  # no frame of a comprehension holds one
        self.keys: tuple[JWK, ...] = tuple({key.kid: key for key in found}.values())
        if not 1 <= len(self.keys) <= _SEVERAL_MAX:
            raise ConfigurationError(f"1 to {_SEVERAL_MAX} master keys are taken: the first wraps, the others unwrap")

    @property
    def kid(self) -> str:
        """The name of the one that wraps, derived from it: no secret."""
        return str(self.keys[0].kid)

    def __repr__(self) -> str:
        return f"<MasterKeys: {len(getattr(self, 'keys', ()))}, redacted>"  # a traceback shows half-made ones, too

    def __reduce__(self) -> NoReturn:
        raise TypeError("master keys are not pickled: read them in each process")


def master_key_from_env(name: str = MASTER_KEY_VARIABLE) -> MasterKeys:
    """Read master keys from an environment variable.

    Args:
        name: of the variable. Its value is the 32 bytes in base64url, as ``secrets.token_urlsafe(32)`` makes them; or
            several of those, separated by white space or commas, while a new one follows: the first wraps.

    Raises:
        ConfigurationError: it is not set, or holds something else.
        WeakKey: a key can be guessed.
    """
    if not os.environ.get(name, "").strip():
        raise ConfigurationError(f"environment variable {name} is not set: it holds the master key; {HOW_TO_MAKE_ONE}")
    words = Concealed(os.fsencode(os.environ[name]).replace(b",", b" ").split())
    try:
        return MasterKeys([_decoded(Concealed(word)) for word in words.value])
    except DaypassError as error:
        why, kind = str(error), type(error)
    # Outside of the handler, so that the new error brings no frame along that holds a secret.
    raise (WeakKey if kind is WeakKey else ConfigurationError)(f"environment variable {name}: {why}")


def _decoded(word: Concealed) -> bytes:
    """Take the text of a key. Raises DaypassError with frames that may hold it."""
    refuse_weak_secret(word.value, name="the master key")  # a phrase of 43 characters is base64url, too
    try:
        return b64url_decode(word.value)
    except MalformedToken:
        raise ConfigurationError(
            f"the master key is not {MASTER_KEY_BYTES} bytes in base64url without padding; {HOW_TO_MAKE_ONE}"
        ) from None


def _master_key(given: Concealed) -> JWK:
    """Check one, and name it by what is derived from it: bytes and JWKs of the same key have the same name."""
    if isinstance(given.value, JWK):
        if given.value.kty != "oct" or given.value.alg not in _ALGS:
            raise ConfigurationError("a master key is an oct JWK of 256 bits, for dir or A256GCM")
        octets = RingSecret(b64url_decode(given.value.to_dict(private=True)["k"].encode("ascii")))
    elif isinstance(given.value, bytes):
        octets = RingSecret(given.value)
    else:
        raise TypeError("a master key is a JWK or 32 bytes")
    if len(octets.reveal()) != MASTER_KEY_BYTES:
        raise ConfigurationError(f"a master key has exactly {MASTER_KEY_BYTES} bytes; {HOW_TO_MAKE_ONE}")
    refuse_weak_secret(octets.reveal(), name="the master key")
    members = Concealed({"kty": "oct", "k": b64url_encode(octets.reveal()), "alg": "dir", "kid": master_kid(octets)})
    return JWK.from_dict(members.value)
