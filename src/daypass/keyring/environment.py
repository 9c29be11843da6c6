"""A ring from an environment variable, read once, never changed. Enters: its name. Leaves: a ring as text.

The value is one of five: the text of a ring as its file holds it; a JWK Set, whose first private key of each kind
issues and whose other keys only verify; a private JWK; a PASERK (``k4.secret``, ``k4.local``, or those of k3); or a
secret text, which is the HMAC key itself. What has no secret for refresh tokens gets one derived from each private
key, the same in every process: put the new key in front of the old one and nobody is logged out.
Source: RFC 7517 4 and 5; RFC 5869.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, NoReturn, final

import msgspec

from daypass.encoding import parse_object
from daypass.errors import ConfigurationError, DaypassError, KeyFormatError, MalformedToken, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.content import (
    RingContent,
    SecretKey,
    SigningKey,
    dump_ring,
    parse_ring,
    read_signing_key,
)
from daypass.keyring.derive import RingSecret, derive_kid, ring_secret_of
from daypass.keyring.entry import RingEntry
from daypass.keyring.kinds import DERIVE_ALG, kind_of
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.secret_strength import HOW_TO_MAKE_ONE, refuse_weak_secret
from daypass.keyring.storage import RingText
from daypass.keyring.token_key import kid_of, paserk_key, private_octets, write_key

__all__ = ["EnvironmentStorage"]

_ALG_OF_TEXT: Final = "HS256"


@final
class EnvironmentStorage:
    """Hold the ring that an environment variable gives.

    Args:
        name: of the variable.
        alg: of a secret text (default HS256), and of a JWK that names none.
        schedule: of the keys; a whole ring has its own, which this one can only widen.

    Raises:
        ConfigurationError: there is no such variable, or its value is no key.
        WeakKey: the secret is empty, short or guessable.
    """

    __slots__ = ("_name", "_text")

    is_remote = False
    is_read_only = True

    def __init__(self, name: str, *, alg: str | None = None, schedule: RotationSchedule | None = None) -> None:
        self._name = name
        if name not in os.environ:
            raise ConfigurationError(f"{self.location} is not set: set it to a secret; {HOW_TO_MAKE_ONE}")
        given = RingText(os.fsencode(os.environ[name]))
        try:
            self._text = dump_ring(_read(given, alg, schedule))
            return
        except DaypassError as error:
            why, kind = str(error), type(error)
        # Outside of the handler, so that the new error brings no frame along that holds a secret.
        if kind is WeakKey:
            raise WeakKey(f"{self.location}: {why}")
        raise ConfigurationError(f"{self.location}: {why}") from (
            KeyFormatError(why) if kind is KeyFormatError else None
        )

    @property
    def location(self) -> str:
        """The name of the variable."""
        return f"environment variable {self._name}"

    def version(self) -> Hashable:
        """Never changes: a running process reads its environment once."""
        return 0

    def read(self) -> RingText | None:
        """Hand out the ring."""
        return self._text

    def lock(self) -> AbstractContextManager[None]:
        """Refuse: nothing can be changed.

        Raises:
            ConfigurationError: always; it says what to do instead.
        """
        raise ConfigurationError(
            f"the key ring comes from the {self.location} and cannot be changed from here: to rotate, set it"
            " to a JWK Set with the new private key in front of the old one, and restart all processes"
        )

    def write(self, text: RingText) -> None:  # noqa: ARG002
        """Refuse, as ``lock`` does."""
        self.lock()

    def __repr__(self) -> str:
        return f"<EnvironmentStorage: {self._name}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ring from the environment is not pickled: open it in each process")


def _read(given: RingText, alg: str | None, schedule: RotationSchedule | None) -> RingContent:
    """Tell the five kinds of value apart. Raises DaypassError with frames that may hold secrets."""
    wanted = schedule or RotationSchedule()
    if _PASERK.match(given.reveal()):
        return _with_secrets([_read_paserk(given, alg)], wanted)
    if not given.reveal().lstrip().startswith(b"{"):
        return _with_secrets([_secret_text(given, alg or _ALG_OF_TEXT)], wanted)
    try:
        document = parse_object(given.reveal().strip())
    except MalformedToken:
        raise KeyFormatError("it begins like JSON, and is no strict JSON object") from None
    if "daypass" in document:
        content = parse_ring(RingText(given.reveal().strip()), where="the ring in it", secrets_required=False)
        secrets = content.secrets or _derived_from(content.signing)
        return RingContent(content.signing, secrets, content.schedule.widened(schedule or content.schedule))
    keys = document.get("keys", [document])
    if not isinstance(keys, list):
        raise KeyFormatError("a JWK Set has a list of keys")
    signing: list[SigningKey] = []
    for members in keys:
        signing.append(_first_of_its_kind(_read_jwk(members, alg), signing))
    return _with_secrets(signing, wanted)


def _secret_text(given: RingText, alg: str) -> SigningKey:
    """Take the value itself as the HMAC key."""
    if given.reveal().strip() != given.reveal():
        raise ConfigurationError("the secret begins or ends with white space; take it away")
    refuse_weak_secret(given.reveal(), name="the value")
    kid = derive_kid(RingSecret(given.reveal()), "sign")
    key = JWK.from_secret(given.reveal(), alg=alg, kid=kid)
    return SigningKey(entry=_entry(kid, alg, is_first=True), key=key, verifying=key)


def _read_paserk(given: RingText, alg: str | None) -> SigningKey:
    """Take a PASERK that holds a secret or shared key in the clear."""
    if alg is not None:
        raise ConfigurationError("a PASERK says what its key is for: leave alg out")
    key = paserk_key({"paserk": given.reveal().strip().decode("ascii", "replace")})
    kid = kid_of(key) or ""
    return read_signing_key(write_key(key), _entry(kid, "", is_first=key.is_private))


_PASERK: Final = re.compile(rb"\s*k[1-4]\.[a-z]")


def _read_jwk(members: object, alg: str | None) -> SigningKey:
    """Read a key as other software writes it: without times, perhaps without kid."""
    if not isinstance(members, Mapping):
        raise KeyFormatError("a JWK is an object")
    bound = alg if "alg" not in members else None
    kid = members.get("kid")
    if kid is None and "paserk" in members:
        kid = kid_of(paserk_key(members))
    if kid is None:
        anonymous = JWK.from_dict(members, alg=bound)
        kid = derive_kid(RingSecret(private_octets(anonymous)), "sign") if anonymous.kty == "oct" else None
        kid = kid or anonymous.thumbprint()
    if not isinstance(kid, str):
        raise KeyFormatError("a kid is a string")
    return read_signing_key(members, _entry(kid, "", is_first=False), alg=bound)


def _first_of_its_kind(held: SigningKey, before: Iterable[SigningKey]) -> SigningKey:
    """Let a key issue where it is the first private one of its kind."""
    kind = kind_of(held.entry.alg)
    is_first = held.key.is_private and not any(
        other.key.is_private and kind_of(other.entry.alg) == kind for other in before
    )
    return msgspec.structs.replace(held, entry=_entry(held.entry.kid, held.entry.alg, is_first=is_first))


def _entry(kid: str, alg: str, *, is_first: bool) -> RingEntry:
    """Describe a key without times: the first private one of a kind issues, the others verify while they are given."""
    retire_at = None if is_first else 0
    return RingEntry(kid=kid, alg=alg, purpose="sign", publish_at=0, sign_from=0, retire_at=retire_at)


def _with_secrets(signing: list[SigningKey], schedule: RotationSchedule) -> RingContent:
    """Make a ring of keys that came without secrets."""
    if not any(held.entry.retire_at is None for held in signing):
        raise KeyFormatError("none of the keys is private: there is nothing to sign with")
    return RingContent(tuple(signing), _derived_from(signing), schedule)


def _derived_from(signing: Iterable[SigningKey]) -> tuple[SecretKey, ...]:
    """Derive a ring secret from each private key, accepted while the key is given; the first one is in use."""
    private = [held for held in signing if held.key.is_private]
    first = next((held for held in private if held.entry.retire_at is None), None)
    return tuple(_derived(held, is_first=held is first) for held in private)


def _derived(held: SigningKey, *, is_first: bool) -> SecretKey:
    parts = RingSecret(private_octets(held.key))
    entry = msgspec.structs.replace(held.entry, kid=derive_kid(parts, "derive"), alg=DERIVE_ALG, purpose="derive")
    retire_at = entry.retire_at if is_first or entry.retire_at is not None else entry.sign_from
    entry = msgspec.structs.replace(entry, retire_at=retire_at, remove_at=None)
    return SecretKey(entry=entry, secret=ring_secret_of(parts))
