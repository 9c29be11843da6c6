"""Reading a PASETO without a key: v1 to v4, local or public, and its footer, which everybody can read.

Enters: text of a stranger, bounded. Leaves: its parts and findings, or a MalformedToken where it is none at all. No key
is used, nothing is decrypted; what is odd is told and shown as it stands.
Source: PASETO 01-Protocol-Versions/Common; 02-Implementation-Guide/01-Payload-Processing, 04-Claims; PASERK types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from daypass.encoding import encode_json
from daypass.errors import ClaimError, MalformedToken
from daypass.limits import FOOTER_BYTES_MAX
from daypass.paseto.payload import claims_of_payload, footer_members
from daypass.tokens.inspection.claims import DATES, inspect_personal
from daypass.tokens.inspection.findings import Findings, place_of, read_object, read_octets
from daypass.tokens.inspection.headers import inspect_kid
from daypass.tokens.inspection.parts import Parts
from daypass.tokens.inspection.paserk import PASERK_TYPE, has_key_in_clear
from daypass.tokens.inspection.unverified import UnverifiedHeader

__all__ = ["read_paseto"]

_HEADER: Final = re.compile(r"v(\d{1,2})\.(local|public)\.", re.ASCII)
_VERSIONS: Final = ("1", "2", "3", "4")
_LEGACY: Final = {"1": "v3", "2": "v4"}
"""Versions that are for migrating, and what takes their place. Source: PASETO 01-Protocol-Versions."""
_BYTES_MIN: Final[Mapping[str, int]] = {
    "v1.local": 32 + 48,
    "v2.local": 24 + 16,
    "v3.local": 32 + 48,
    "v4.local": 32 + 32,
    "v1.public": 256,
    "v2.public": 64,
    "v3.public": 96,
    "v4.public": 64,
}
"""Nonce and tag, or the signature: what stands in any token. Source: PASETO Version1 to Version4."""
_INTO_THE_PAYLOAD: Final = "a footer is readable even where the payload is encrypted: keep it out of the footer"


def read_paseto(text: str, found: Findings) -> Parts:
    """Read a PASETO.

    Args:
        text: bounded by the caller; it begins like one.
        found: collects what is wrong.

    Raises:
        MalformedToken: a version that there is not, or parts that none has.

    Source: PASETO Common.
    """
    header = _HEADER.match(text)
    if header is None or header[1] not in _VERSIONS:
        raise MalformedToken("this begins like a PASETO, and of another version than v1 to v4, the only ones there are")
    segment, dot, footer = text[header.end() :].partition(".")
    if "." in footer:
        raise MalformedToken("this is no PASETO: it has version, purpose, payload, perhaps a footer, and no more dots")
    version, purpose = header[1], header[2]
    parts = Parts(kind="paseto", form=f"v{version}.{purpose}")
    parts.headers = [UnverifiedHeader("header", {"version": f"v{version}", "purpose": purpose})]
    if version in _LEGACY:
        found.warning(
            "legacy_version",
            "header.version",
            f"v{version} is for reading and migrating: {_LEGACY[version]} takes its place; daypass issues it only with"
            " allow_legacy",
        )
    _take_payload(found, parts, _octets(found, segment, "payload"), purpose)
    if dot:
        _take_footer(found, parts, footer)
    return parts


def _octets(found: Findings, text: str, where: str) -> bytes | None:
    """Decode a part, and say how it is misspelt. Source: PASETO Common; RFC 4648 5."""
    raw, problem = read_octets(text)
    if problem:
        found.error("base64url", where, f"this is not canonical base64url, it has {problem}: verifiers refuse it")
    return raw


# --------------------------------------------------------------------------------------------------- payload


def _take_payload(found: Findings, parts: Parts, raw: bytes | None, purpose: str) -> None:
    if raw is None:
        return
    beside = _BYTES_MIN[parts.form]
    if len(raw) < beside:
        what = "a nonce and a tag" if purpose == "local" else "a signature"
        found.error("too_short", "payload", f"it is too short to hold {what}: nothing protects this token")
        return
    if purpose == "local":
        return
    payload = raw[:-beside]
    claims, problem = read_object(payload)
    if claims is None:
        parts.payload = payload
        found.error("json", "payload", f"a PASETO holds claims, and this payload does not: {problem}")
        return
    if problem:
        found.error("json", "payload", problem)
    parts.claims = claims
    _read_times(found, parts, claims)
    _inspect_own_claims(found, claims)


def _read_times(found: Findings, parts: Parts, claims: dict[str, Any]) -> None:
    """Turn times into epoch seconds where they are any. Source: PASETO 04-Claims; RFC 3339 5.6."""
    odd = []
    for name in DATES:
        if name not in claims:
            continue
        value = claims[name]
        if isinstance(value, str):
            with suppress(ClaimError, MalformedToken):
                claims[name] = claims_of_payload(encode_json({name: value}))[name]
                continue
        odd.append(name)
        hint = ": epoch seconds are for a JWT" if type(value) in (int, float) else ""
        found.error(
            "claim_type",
            f"claims.{name}",
            f"{name} of a PASETO must be an RFC 3339 time with an offset, in upper case{hint}",
        )
    parts.odd_times = frozenset(odd)


def _inspect_own_claims(found: Findings, claims: Mapping[str, Any]) -> None:
    """Claims that a PASETO has otherwise than a JWT. Source: PASETO 04-Claims; RFC 8725 3.11."""
    if isinstance(claims.get("aud"), list) and claims["aud"]:
        found.error("claim_type", "claims.aud", "a PASETO has one audience: aud must be a string")
    if "typ" not in claims:
        found.info("no_typ", "claims.typ", "it does not say what kind of token it is: kinds can be confused")
    elif not isinstance(claims["typ"], str):
        found.error("claim_type", "claims.typ", "typ must be a string")


# ---------------------------------------------------------------------------------------------------- footer


def _take_footer(found: Findings, parts: Parts, segment: str) -> None:
    """Source: PASETO 02-Implementation-Guide/01-Payload-Processing, Optional Footer."""
    if not segment:
        found.error("footer_empty", "footer", "a PASETO without a footer ends without a dot: verifiers refuse it")
        return
    footer = _octets(found, segment, "footer")
    if footer is None:
        return
    if len(footer) > FOOTER_BYTES_MAX:
        found.error("footer_too_long", "footer", f"longer than {FOOTER_BYTES_MAX} bytes: daypass refuses the token")
    try:
        members = footer_members(footer)
    except MalformedToken:
        parts.footer = footer
        _inspect_odd_footer(found, footer)
        return
    parts.headers = [*parts.headers, UnverifiedHeader("footer", members)]
    if "kid" in members and not isinstance(members["kid"], str):
        found.error("header_type", "footer.kid", "kid must be a string")
    inspect_kid(found, members.get("kid"), "footer.kid")
    inspect_personal(found, members, "footer", advice=_INTO_THE_PAYLOAD)
    for name, value in members.items():
        _inspect_key(found, name, value)


def _inspect_odd_footer(found: Findings, footer: bytes) -> None:
    """A footer that is no JSON, or not the JSON that a reader may take before it is proven."""
    text = footer.decode("utf-8", "replace")
    if footer.lstrip().startswith(b"{"):
        found.warning(
            "footer_json",
            "footer",
            "it begins like JSON, and is no flat object within bounds: daypass selects no key by it",
        )
    else:
        found.info(
            "footer_no_json", "footer", "it is no JSON object: a reader must know what it says, and of which key"
        )
    inspect_personal(found, text, "footer", advice=_INTO_THE_PAYLOAD)
    for paserk in PASERK_TYPE.finditer(text):
        _tell_key(found, "footer", paserk["type"])


def _inspect_key(found: Findings, name: str, value: object) -> None:
    """A key in a footer, in the clear or wrapped. Source: PASETO 01-Payload-Processing; PASERK types."""
    where = place_of("footer", [name])
    types = [paserk["type"] for paserk in PASERK_TYPE.finditer(value)] if isinstance(value, str) else []
    if name == "wpk" and not types:
        found.error("header_type", where, "wpk must be a wrapped key, as PASERK")
    for one in types:
        _tell_key(found, where, one)


def _tell_key(found: Findings, where: str, name: str) -> None:
    """Say what it means that a key stands in a footer; its id may."""
    if has_key_in_clear(name):
        found.error(
            "private_key",
            where,
            "it holds a secret key in the clear: this key is public now, and must not be used any longer",
        )
    elif name.endswith("-pw"):
        found.error(
            "password",
            where,
            "it holds a key under a password: whoever has the token can guess it for ever, and then has the key",
        )
    elif name not in ("lid", "pid", "sid"):
        found.warning(
            "embedded_key",
            where,
            "a key comes along: whoever made the token chose it, so it proves nothing; daypass ignores it",
        )
