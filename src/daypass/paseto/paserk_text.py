"""A PASERK as text: version, type, data. Enters: text that may be a key. Leaves: its parts, bounded, still wrapped.

The text of an unprotected key is as secret as the key, so it travels concealed, and no message repeats any of it.
Source: PASERK README; types/README; RFC 4648 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

import msgspec

from daypass.concealed import Concealed
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import KeyFormatError, MalformedToken
from daypass.limits import PASERK_BYTES_MAX
from daypass.paseto.keys import Version, check_version

__all__ = ["TYPES", "Kind", "Paserk", "PaserkType", "Word", "demand_length", "join_paserk", "split_paserk"]

Kind = Literal["local", "secret", "public"]
Word = Literal["", "password", "wrapping_key", "sealing_key", "unsealing_key"]


class PaserkType(msgspec.Struct, frozen=True):
    """What a type of PASERK is.

    Args:
        name: as it stands in the text.
        kind: of the key.
        word: what ``load`` needs to get the key out; empty: nothing.
        is_id: it names a key, and holds none.
    """

    name: str
    kind: Kind
    word: Word = ""
    is_id: bool = False


TYPES: Final[Mapping[str, PaserkType]] = {
    it.name: it
    for it in (
        PaserkType("local", "local"),
        PaserkType("secret", "secret"),
        PaserkType("public", "public"),
        PaserkType("lid", "local", is_id=True),
        PaserkType("sid", "secret", is_id=True),
        PaserkType("pid", "public", is_id=True),
        PaserkType("local-wrap.pie", "local", "wrapping_key"),
        PaserkType("secret-wrap.pie", "secret", "wrapping_key"),
        PaserkType("local-pw", "local", "password"),
        PaserkType("secret-pw", "secret", "password"),
        PaserkType("seal", "local", "unsealing_key"),
    )
}
"""Every type there is. Source: PASERK types/README."""

_HEADER: Final = re.compile(rf"k([1-4])\.({'|'.join(map(re.escape, TYPES))})\.", re.ASCII)
_TOKEN: Final = re.compile(r"v\d\.(?:local|public)\.", re.ASCII)
_OTHER_WRAP: Final = re.compile(r"k\d\.(?:local|secret)-wrap\.(?!pie\.)", re.ASCII)
_OTHER_VERSION: Final = re.compile(r"k(?![1-4]\.)\d+\.", re.ASCII)
_KEY_BYTES: Final[Mapping[str, Mapping[int, int]]] = {
    "local": {1: 32, 2: 32, 3: 32, 4: 32},
    "secret": {2: 64, 3: 48, 4: 64},
    "public": {2: 32, 3: 49, 4: 32},
}
"""How long a key is; one of RSA varies. Source: PASERK types/local, types/secret, types/public."""


class Paserk(msgspec.Struct, frozen=True):
    """The parts of a PASERK.

    Args:
        version: of the key.
        type: what is known of its type.
        header: version and type with all dots, ASCII: what is authenticated of them.
        segment: what stands behind the header, concealed and not yet decoded.
    """

    version: Version
    type: PaserkType
    header: bytes
    segment: Concealed

    @property
    def name(self) -> str:
        """Version and type, to be shown."""
        return self.header.decode("ascii").rstrip(".")

    def data(self) -> Concealed:
        """What stands behind the header. Raises KeyFormatError: not its one spelling. Source: PASERK README."""
        decoded = None
        with suppress(MalformedToken):
            decoded = Concealed(b64url_decode(self.segment.value))
        if decoded is None:
            raise KeyFormatError(f"the data of this {self.name} is no canonical base64url without padding")
        return decoded


def split_paserk(text: Concealed) -> Paserk:
    """Split a PASERK at its header.

    Args:
        text: a str of at most PASERK_BYTES_MAX characters, concealed.

    Raises:
        KeyFormatError: too long, or no PASERK of a version and type that are known.

    Source: PASERK README, types/README.
    """
    if len(text.value) > PASERK_BYTES_MAX:
        raise KeyFormatError(f"a PASERK has at most {PASERK_BYTES_MAX} bytes")
    header = _HEADER.match(text.value)
    if header is None or not text.value.isascii():
        raise KeyFormatError(_diagnosed(text))
    version = check_version(int(header[1]))
    segment = Concealed(text.value[header.end() :].encode("ascii"))
    return Paserk(version, TYPES[header[2]], header[0].encode("ascii"), segment)


def _diagnosed(text: Concealed) -> str:
    """Say what a text is that is no PASERK, without repeating any of it."""
    if _TOKEN.match(text.value):
        return "this is a PASETO token, and no key: paseto.decrypt and paseto.verify take it"
    if text.value.lstrip()[:11] == "-----BEGIN ":
        return "this is PEM, and no PASERK: SecretKey.from_pem and PublicKey.from_pem read it"
    if _OTHER_WRAP.match(text.value):
        return "this key is wrapped by another protocol than pie, the only one that is supported"
    if _OTHER_VERSION.match(text.value):
        return "this is a PASERK of another version than k1 to k4, the only ones there are"
    return "this is no PASERK: version, type and data with dots between, as in k4.local.data, in ASCII"


def join_paserk(version: Version, name: str, data: bytes) -> str:
    """Write a PASERK. Source: PASERK README."""
    return f"k{version}.{name}.{b64url_encode(data)}"


def demand_length(paserk: Paserk, data: Concealed, overhead_bytes: int = 0) -> None:
    """Refuse data that is too short or too long for its type. Raises KeyFormatError.

    Args:
        paserk: version and type.
        data: decoded.
        overhead_bytes: what stands beside the key: nonce, tag, costs.

    Source: PASERK types.
    """
    key_bytes = _KEY_BYTES[paserk.type.kind].get(paserk.version)
    if key_bytes is None:
        if len(data.value) <= overhead_bytes:
            raise KeyFormatError(f"the data of a {paserk.name} has more than {overhead_bytes} bytes")
    elif len(data.value) != key_bytes + overhead_bytes:
        raise KeyFormatError(f"the data of a {paserk.name} has exactly {key_bytes + overhead_bytes} bytes")
