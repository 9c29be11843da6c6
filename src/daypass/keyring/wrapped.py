"""A ring that others keep: wrapped under a master key, so that its place holds nothing that they could use.

Enters: a place, master keys. Leaves: a place that takes and gives the text of a ring. There stands a compact JWE,
``dir`` and A256GCM. Its header names the ring and is authenticated: the ring of another service that is wrapped under
the same key does not stand for this one. Whoever can write to the place can still put an old text of the ring there:
running processes refuse that by its serial number (``reading``), a process that starts cannot know.
Source: RFC 7516 3.1, 5; RFC 7518 4.5, 5.3; DESIGN.md 5 (key ring).
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, NoReturn, final

from daypass.errors import ConfigurationError, TokenError, UnknownKey
from daypass.jose.jwe_compact import compile_decrypter, compile_encrypter
from daypass.jose.jwe_header import allow
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_choice import decryption_choice_of
from daypass.keyring.master_key import MasterKeys
from daypass.keyring.storage import RingStorage, RingText
from daypass.limits import RING_BYTES_MAX

if TYPE_CHECKING:
    from daypass.jose.jwe_header import JWEHeader
    from daypass.jose.jwk import JWK

__all__ = ["WRAPPED_BYTES_MAX", "WrappedStorage"]

WRAPPED_BYTES_MAX: Final = RING_BYTES_MAX * 4 // 3 + 4096
_TYP: Final = "daypass-ring"
_NAME_CHARACTERS_MAX: Final = 255


@final
class WrappedStorage:
    """Keep a ring in another place, wrapped.

    Args:
        inner: the place.
        keys: the first wraps, every one unwraps.
        name: of the ring, the same for all its processes.

    Raises:
        ConfigurationError: a name that is none.
    """

    __slots__ = ("_decrypt", "_encrypt", "_inner", "_keys", "_name", "wrapped_under")

    def __init__(self, inner: RingStorage, keys: MasterKeys, *, name: str) -> None:
        given: object = name
        if not isinstance(given, str) or not 1 <= len(name) <= _NAME_CHARACTERS_MAX:
            raise ConfigurationError(f"the name of a ring is a text of 1 to {_NAME_CHARACTERS_MAX} characters")
        self._inner, self._keys, self._name = inner, keys, name
        self.wrapped_under: str | None = None
        """The name of the master key under which the text stood that was read or written last."""
        header = {"typ": _TYP, "kid": keys.kid, "ring": name}
        self._encrypt = compile_encrypter(keys.keys[0], "A256GCM", "dir", header)
        allowed = allow(("A256GCM",), zip=False, pbes2=False, rsa1_5=False)
        choice = decryption_choice_of(JWKSet(keys.keys), ("dir",))
        self._decrypt = compile_decrypter(choice, allowed, bytes_max=WRAPPED_BYTES_MAX)

    @property
    def location(self) -> str:
        """That of the place."""
        return self._inner.location

    @property
    def is_remote(self) -> bool:
        """That of the place."""
        return self._inner.is_remote

    @property
    def master_kid(self) -> str:
        """The name of the master key that wraps."""
        return self._keys.kid

    def version(self) -> Hashable:
        """That of the place."""
        return self._inner.version()

    def read(self) -> RingText | None:
        """Read and unwrap the text; None where there is none yet.

        Raises:
            ConfigurationError: it is wrapped under another master key, was changed, or is no ring of this name.
            StoreUnavailable: the place cannot be read now.
        """
        sealed = self._inner.read()
        if sealed is None:
            return None
        try:
            text, header, key = self._unwrap(sealed)
        except UnknownKey:
            why = (
                "it is wrapped under another master key than those given here: is DAYPASS_MASTER_KEY that of all nodes?"
            )
        except (TokenError, UnicodeDecodeError):
            why = "it cannot be unwrapped: it was changed, cut off, or never wrapped by daypass; put the backup back"
        else:
            if (header.typ, header.members.get("ring")) == (_TYP, self._name):
                self.wrapped_under = key.kid
                return text
            why = "it is the ring of another name: is this the right place?"
        raise ConfigurationError(f"{self.location}: the key ring cannot be used: {why}")

    def lock(self) -> AbstractContextManager[None]:
        """That of the place."""
        return self._inner.lock()

    def write(self, text: RingText) -> None:
        """Wrap and write the text. Raises what the place raises."""
        self._inner.write(RingText(self._encrypt(text.reveal()).encode("ascii")))
        self.wrapped_under = self._keys.kid

    def _unwrap(self, sealed: RingText) -> tuple[RingText, JWEHeader, JWK]:
        plaintext, header, key = self._decrypt(sealed.reveal().decode("ascii"))
        return RingText(plaintext), header, key

    def __repr__(self) -> str:
        inner = getattr(self, "_inner", None)  # a traceback shows half-made ones, too
        return f"<WrappedStorage: {'no place' if inner is None else inner.location}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ring is not pickled: open it in each process")
