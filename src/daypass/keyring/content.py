"""What a ring holds, and how a file spells it. Enters: the text of a ring. Leaves: checked keys or an error.

A ring is a JWK Set. Each key has a member ``daypass`` with its purpose and times, the set one with the format
and the schedule. A secret that others are derived from stands as an ``oct`` key without ``alg`` whose
``key_ops`` allow ``deriveBits`` only: whoever reads the file as a plain JWK Set verifies no token with it.
Source: RFC 7517 4 and 5; DESIGN.md 5 (key ring).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from daypass.encoding import b64url_decode, b64url_encode, encode_json, parse_object
from daypass.errors import ConfigurationError, DaypassError, KeyFormatError, MalformedToken, WeakKey
from daypass.keyring.derive import RingSecret
from daypass.keyring.entry import RingEntry
from daypass.keyring.kinds import DERIVE_ALG
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.secret_strength import HOW_TO_MAKE_ONE, weakness_of
from daypass.keyring.storage import RingText
from daypass.keyring.token_key import alg_of, private_octets, read_key, signs_tokens, verifying_half, write_key
from daypass.limits import NUMERIC_DATE_MAX, RING_BYTES_MAX, SECRET_BYTES_MIN

__all__ = [
    "RingContent",
    "SecretKey",
    "SigningKey",
    "dump_ring",
    "parse_ring",
    "read_signing_key",
]

FORMAT: Final = 1
_SERIAL_MAX: Final = 2**53
_TIMES: Final = ("publish_at", "sign_from", "retire_at", "remove_at")
_SECRET_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # it stands between the dots of a refresh token


class SigningKey(msgspec.Struct, frozen=True, eq=False):
    """A key that signs.

    Args:
        entry: its times.
        key: private, but for a key that is only kept to verify with.
        verifying: what verifiers get: the public half, or the key itself where it is symmetric.
    """

    entry: RingEntry
    key: Any  # a TokenKey: a JWK, or a key of PASETO, whose room a ring of JWKs does not enter
    verifying: Any


class SecretKey(msgspec.Struct, frozen=True, eq=False):
    """A secret that other secrets are derived from."""

    entry: RingEntry
    secret: RingSecret


class RingContent(msgspec.Struct, frozen=True, eq=False):
    """All keys of a ring, the oldest first, and the schedule that they follow.

    Args:
        signing: keys that issue tokens.
        secrets: what refresh tokens and sealed cookies hang on.
        schedule: their times.
        ring_id: random, made with the ring; empty in one that an older daypass has written.
        serial: grows with each change: a text with a lower one is an old copy.
    """

    signing: tuple[SigningKey, ...]
    secrets: tuple[SecretKey, ...]
    schedule: RotationSchedule
    ring_id: str = ""
    serial: int = 0

    def entries(self) -> tuple[RingEntry, ...]:
        """Describe all keys, without the keys."""
        return (*(key.entry for key in self.signing), *(secret.entry for secret in self.secrets))


class _Refused(Exception):
    """Why a text is no ring; raised among secrets, so that it is caught and its frames are dropped."""

    def __init__(self, why: str, error: type[DaypassError] = ConfigurationError) -> None:
        super().__init__(why)
        self.error = error


def parse_ring(text: RingText, *, where: str, secrets_required: bool = True) -> RingContent:
    """Read the text of a ring and check all of it.

    Args:
        text: JSON, at most RING_BYTES_MAX bytes.
        where: where it was found, for messages.
        secrets_required: False where the caller derives the secret of a ring that has none.

    Raises:
        ConfigurationError: it is no whole ring: not strict JSON, another format, a key that cannot be read
            (then from a KeyFormatError), a duplicate kid, nothing that signs.
        WeakKey: a secret in it is too short or can be guessed.
    """
    try:
        return _read_ring(text.reveal(), secrets_required)
    except _Refused as refused:
        why, error = str(refused), refused.error
    # Outside of the handler, so that the new error brings no frame along that holds a secret.
    if error is KeyFormatError:
        raise ConfigurationError(f"{where}: {why}") from KeyFormatError(why)
    raise error(f"{where}: {why}")


def dump_ring(content: RingContent) -> RingText:
    """Spell a ring as its text, and read that again: what cannot be read must not take the place of what can.

    Raises:
        ConfigurationError: it would be too large, or hold a time that is none (of a clock that is far off).
    """
    text = RingText(encode_json({"keys": [*_members(content)], "daypass": _set_member(content)}))
    if len(text) > RING_BYTES_MAX:
        raise ConfigurationError(
            f"the key ring would have more than {RING_BYTES_MAX} bytes: rotate less often, or retire old keys"
        )
    parse_ring(text, where="the key ring that was to be written")
    return text


def read_signing_key(members: Mapping[str, Any], entry: RingEntry, *, alg: str | None = None) -> SigningKey:
    """Build a signing key from its members.

    Args:
        members: of a JWK, or ``paserk``; its ``kid`` is that of the entry.
        entry: its times; its ``alg`` is replaced by what the key says.
        alg: binds a key that names no ``alg``.

    Raises:
        DaypassError: it is no signing key, or too weak. The frames of this error may hold the key: catch it,
            and raise another one outside of the handler.
    """
    key = read_key(members, entry.kid, alg=alg)
    verifying = verifying_half(key)
    if verifying is key and key.is_private:  # it is shared
        octets = RingSecret(private_octets(key))
        # A128GCM, say, fixes its length by itself.
        if signs_tokens(key) or len(octets.reveal()) >= SECRET_BYTES_MIN:
            _check_strength(octets.reveal())
    return SigningKey(entry=msgspec.structs.replace(entry, alg=alg_of(key) or ""), key=key, verifying=verifying)


def _read_ring(raw: bytes, secrets_required: bool) -> RingContent:
    """Read a ring among secrets. Raises _Refused."""
    if len(raw) > RING_BYTES_MAX:
        raise _Refused(f"a key ring has at most {RING_BYTES_MAX} bytes")
    try:
        document = parse_object(raw)
    except MalformedToken:
        raise _Refused("not a JSON object, or cut off: put the backup back") from None
    about, keys = document.get("daypass"), document.get("keys")
    if not isinstance(about, dict) or not isinstance(keys, list):
        raise _Refused("a JSON object, but no key ring of daypass")
    if type(about.get("format")) is not int or about["format"] != FORMAT:
        raise _Refused(f"the ring has another format than {FORMAT}: a newer daypass wrote it")
    signing: list[SigningKey] = []
    secrets: list[SecretKey] = []
    for number, members in enumerate(keys, 1):
        try:
            _read_key(members, signing, secrets)
        except DaypassError as error:
            kind = WeakKey if isinstance(error, WeakKey) else KeyFormatError
            raise _Refused(f"key {number} of {len(keys)}: {error}", kind) from None
    ring_id, serial = about.get("ring", ""), about.get("serial", 0)  # absent where an older daypass wrote it
    if not isinstance(ring_id, str) or type(serial) is not int or not 0 <= serial < _SERIAL_MAX:
        raise _Refused("its name or its serial number cannot be read")
    schedule = _read_schedule(about.get("schedule"))
    content = RingContent(tuple(signing), tuple(secrets), schedule, ring_id, serial)
    _check_whole(content, secrets_required)
    return content


def _read_schedule(words: object) -> RotationSchedule:
    try:
        return msgspec.convert(words, RotationSchedule, strict=True)
    except ValueError:  # a ValidationError of msgspec is one, a ConfigurationError too
        raise _Refused("its schedule cannot be read") from None


def _read_key(members: object, signing: list[SigningKey], secrets: list[SecretKey]) -> None:
    """Read one key and put it where it belongs. Raises DaypassError."""
    if not isinstance(members, dict) or not isinstance(members.get("daypass"), dict):
        raise KeyFormatError("it has no member 'daypass' with its purpose and times")
    entry = _read_entry(members.get("kid"), members["daypass"])
    if entry.purpose == "sign":
        held = read_signing_key(members, entry)
        if not held.key.is_private and (entry.retire_at is None or entry.retire_at > entry.sign_from):
            raise KeyFormatError("it has no private parts, and is due to sign")
        signing.append(held)
    else:
        secrets.append(SecretKey(entry=entry, secret=_read_secret(members, entry.kid)))


def _read_entry(kid: object, about: dict[str, Any]) -> RingEntry:
    if not isinstance(kid, str) or not kid:
        raise KeyFormatError("it has no kid")
    purpose, times = about.get("purpose"), {name: about.get(name) for name in _TIMES}
    if purpose not in ("sign", "derive"):  # no set: that would hash whatever stands there
        raise KeyFormatError("its purpose is neither sign nor derive")
    for name, time in times.items():
        if time is None and name in {"retire_at", "remove_at"}:
            continue
        if (type(time) is not int and type(time) is not float) or not 0 <= time < NUMERIC_DATE_MAX:
            raise KeyFormatError(f"its {name} is no time in epoch seconds")
    if times["retire_at"] is None and times["remove_at"] is not None:
        raise KeyFormatError("it is removed without being retired")
    return msgspec.convert({"kid": kid, "alg": DERIVE_ALG, "purpose": purpose, **times}, RingEntry)


def _read_secret(members: dict[str, Any], kid: str) -> RingSecret:
    text = members.get("k")
    if members.get("kty") != "oct" or not isinstance(text, str) or not _SECRET_KID.fullmatch(kid):
        raise KeyFormatError("a ring secret is an oct key whose kid is 1 to 64 of A-Z a-z 0-9 - _")
    secret = RingSecret(b64url_decode(text.encode("ascii", "replace")))
    _check_strength(secret.reveal())
    return secret


def _check_strength(secret: bytes) -> None:
    if weakness := weakness_of(secret):
        raise WeakKey(f"{weakness}; {HOW_TO_MAKE_ONE}")


def _check_whole(content: RingContent, secrets_required: bool) -> None:
    """Check that a ring can be used now and later: the newest key of each purpose has no successor."""
    kids = [entry.kid for entry in content.entries()]
    if len(set(kids)) < len(kids):
        raise _Refused("two of its keys have the same kid")
    newest = {entry.purpose for entry in content.entries() if entry.retire_at is None}
    if "sign" not in newest:
        raise _Refused("none of its keys signs: put the backup back")
    if "derive" not in newest and (content.secrets or secrets_required):
        raise _Refused("it has no secret for refresh tokens: put the backup back")


def _members(content: RingContent) -> Iterator[dict[str, Any]]:
    for held in content.signing:
        yield {**write_key(held.key), "daypass": _key_member(held.entry)}
    for secret in content.secrets:
        members = {"kty": "oct", "k": b64url_encode(secret.secret.reveal()), "key_ops": ["deriveBits"]}
        yield {**members, "kid": secret.entry.kid, "daypass": _key_member(secret.entry)}


def _key_member(entry: RingEntry) -> dict[str, Any]:
    return {"purpose": entry.purpose, **{name: _spelt_time(getattr(entry, name)) for name in _TIMES}}


def _spelt_time(at_s: float | None) -> float | None:
    """Whole seconds as an int, as every daypass has written and read them."""
    return int(at_s) if at_s is not None and at_s == int(at_s) else at_s


def _set_member(content: RingContent) -> dict[str, Any]:
    times = {name: _spelt_time(value) for name, value in msgspec.structs.asdict(content.schedule).items()}
    schedule = {name: value for name, value in times.items() if value is not None}
    return {"format": FORMAT, "schedule": schedule, "ring": content.ring_id, "serial": content.serial}
