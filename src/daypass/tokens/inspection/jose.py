"""Reading a JOSE token without a key: compact, or JSON serialization as text, signed or encrypted.

Enters: text of a stranger, bounded. Leaves: its parts and findings, or a MalformedToken where it is none at all. No key
is used, nothing is decrypted, inflated or fetched.
Source: RFC 7515 3, 7; RFC 7516 3, 7; RFC 7797 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daypass.errors import MalformedToken
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.limits import HEADER_BYTES_MAX, INSPECTED_PARTS_MAX
from daypass.tokens.inspection.findings import Findings, read_object, read_octets
from daypass.tokens.inspection.headers import inspect_encryption, inspect_header, inspect_signature, typ_of
from daypass.tokens.inspection.parts import Parts
from daypass.tokens.inspection.unverified import UnverifiedHeader

__all__ = ["read_compact", "read_json"]

_Members = Mapping[str, Any]


def read_compact(text: str, found: Findings) -> Parts:
    """Read a compact JWS or JWE.

    Args:
        text: bounded by the caller.
        found: collects what is wrong.

    Raises:
        MalformedToken: neither three nor five segments, or the first one is no header.

    Source: RFC 7515 7.1; RFC 7516 7.1, 9.
    """
    segments = text.split(".", 5)
    if len(segments) not in (3, 5):
        raise MalformedToken("this is no compact token: a JWS has three segments, a JWE five, separated by dots")
    parts = Parts(kind="jws" if len(segments) == 3 else "jwe", form="compact")
    if len(segments[0]) > HEADER_BYTES_MAX:
        found.error(
            "header_too_long", "header", f"the header is longer than {HEADER_BYTES_MAX} bytes: verifiers refuse it"
        )
    members = _header(found, parts, segments[0], "header")
    if members is None:
        raise MalformedToken("this is no compact token: its first segment is no JSON object in base64url")
    if parts.kind == "jws":
        signature = _octets(found, segments[2], "signature")
        inspect_signature(found, members, signature, where="header", signature_place="signature")
        _take_payload(found, parts, segments[1], is_encoded=members.get("b64") is not False)
    else:
        key = _octets(found, segments[1], "encrypted_key")
        inspect_encryption(found, members, key, where="header", key_place="encrypted_key")
        _inspect_sealed(found, members, {"iv": segments[2], "ciphertext": segments[3], "tag": segments[4]})
    _inspect_kind(found, parts)
    return parts


def read_json(text: str, found: Findings) -> Parts:
    """Read a JWS or JWE in JSON serialization, general or flattened.

    Args:
        text: bounded by the caller.
        found: collects what is wrong.

    Raises:
        MalformedToken: no JSON object, or one that is no token; the message says what else it may be.

    Source: RFC 7515 7.2; RFC 7516 7.2, 9.
    """
    raw = text.encode("utf-8", "replace")
    token, problem = read_object(raw)
    if token is None:
        raise MalformedToken(f"this is no token: it begins like JSON, and {problem}")
    if raw.decode("utf-8") != text:
        found.error("json", "token", "it holds a lone surrogate, or comes from bytes that are no UTF-8")
    if problem:
        found.error("json", "token", problem)
    is_jwe = "ciphertext" in token
    list_name = "recipients" if is_jwe else "signatures"
    if not is_jwe and not {"payload", "signature", "signatures"} & token.keys():
        raise MalformedToken(f"this JSON is no token: {_what_else(token)}")
    alone = {"header", "encrypted_key"} if is_jwe else {"protected", "header", "signature"}
    parts = Parts(kind="jwe" if is_jwe else "jws", form="general" if list_name in token else "flattened")
    if parts.form == "general" and alone & token.keys():
        found.error(
            "ambiguous", "token", f"members of the flattened form beside {list_name}: readers differ in what counts"
        )
    if is_jwe and {"payload", "signature", "signatures"} & token.keys():
        found.error("ambiguous", "token", "members of a signed token in an encrypted one")
    entries: list[tuple[str, _Members]] = [("", token)]
    if parts.form == "general":
        entries = _list_of(found, token, list_name)
    if is_jwe:
        _read_recipients(found, parts, token, entries)
    else:
        _read_signatures(found, parts, token, entries)
    if not parts.headers:
        raise MalformedToken("this JSON is no token: no header of it can be read")
    _inspect_kind(found, parts)
    return parts


def _what_else(token: _Members) -> str:
    """Say what a JSON object is that is no token."""
    if "kty" in token or "keys" in token:
        return "it is a key, or a set of keys"
    if "access_token" in token:
        return "it is the answer to a login, and its access_token is one"
    return "it has neither 'signatures' nor 'signature', 'payload' or 'ciphertext'"


def _list_of(found: Findings, token: _Members, name: str) -> list[tuple[str, _Members]]:
    """The members of ``signatures`` or ``recipients``, each with its place."""
    entries = token[name]
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        found.error(f"no_{name}", name, f"{name} must be a non-empty list of objects")
        entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    if len(entries) > INSPECTED_PARTS_MAX:
        found.error("too_many", name, f"more than {INSPECTED_PARTS_MAX}: the others were not looked at")
    return [(f"{name}[{at}].", entry) for at, entry in enumerate(entries[:INSPECTED_PARTS_MAX])]


def _read_signatures(found: Findings, parts: Parts, token: _Members, entries: list[tuple[str, _Members]]) -> None:
    is_encoded = True
    for place, entry in entries:
        merged = _merged(found, parts, entry, place, free_name="header")
        is_encoded = is_encoded and merged.get("b64") is not False
        signature = _octets(found, entry.get("signature", ""), f"{place}signature")
        where = f"{place}protected" if "protected" in entry else f"{place}header"
        inspect_signature(found, merged, signature, where=where, signature_place=f"{place}signature")
    if "payload" not in token:
        found.info("detached", "payload", "the payload is not in the token: it travels on its own")
    else:
        _take_payload(found, parts, token["payload"], is_encoded=is_encoded)


def _read_recipients(found: Findings, parts: Parts, token: _Members, entries: list[tuple[str, _Members]]) -> None:
    shared = _merged(found, parts, token, "", free_name="unprotected")
    for place, entry in entries:
        own = entry.get("header")
        if isinstance(own, dict):
            _add_header(found, parts, own, f"{place}header", is_protected=False)
            _inspect_overlap(found, shared, own, f"{place}header")
        merged = {**shared, **(own if isinstance(own, dict) else {})}
        key = _octets(found, entry.get("encrypted_key", ""), f"{place}encrypted_key")
        where = f"{place}header" if isinstance(own, dict) and "alg" in own else "protected"
        inspect_encryption(found, merged, key, where=where, key_place=f"{place}encrypted_key")
    _inspect_sealed(found, shared, token)


def _merged(found: Findings, parts: Parts, entry: _Members, place: str, *, free_name: str) -> dict[str, Any]:
    """Read a protected and an unprotected header, and put them together; the protected one wins."""
    protected: dict[str, Any] = {}
    if entry.get("protected") not in (None, ""):
        text = entry["protected"]
        read = _header(found, parts, text, f"{place}protected") if isinstance(text, str) else None
        if read is None:
            found.error("header", f"{place}protected", "the protected header is no JSON object in base64url")
        protected = read or {}
    free, where = entry.get(free_name), f"{place}{free_name}"
    if free is None:
        return protected
    if not isinstance(free, dict):
        found.error("header", where, "an unprotected header is a JSON object")
        return protected
    _add_header(found, parts, free, where, is_protected=False)
    _inspect_overlap(found, protected, free, where)
    if parts.kind == "jws" and "alg" in free and "alg" not in protected:
        found.warning("alg_unprotected", f"{where}.alg", "no signature covers the alg: daypass wants it protected")
    return {**free, **protected}


def _inspect_overlap(found: Findings, one: _Members, other: _Members, where: str) -> None:
    """Source: RFC 7515 4; RFC 7516 4: the names in all headers of one token differ."""
    if one.keys() & other.keys():
        found.error("header_overlap", where, "a parameter stands in two headers: readers differ in which one counts")


def _header(found: Findings, parts: Parts, text: str, where: str) -> dict[str, Any] | None:
    raw = _octets(found, text, where)
    members, problem = (None, "") if raw is None else read_object(raw)
    if members is None:
        return None
    if problem:
        found.error("json", where, problem)
    _add_header(found, parts, members, where, is_protected=True)
    return members


def _add_header(found: Findings, parts: Parts, members: dict[str, Any], where: str, *, is_protected: bool) -> None:
    parts.headers = [*parts.headers, UnverifiedHeader(where, members)]
    inspect_header(found, members, where, is_protected=is_protected)


def _octets(found: Findings, text: object, where: str) -> bytes | None:
    """Decode a part, and say how it is misspelt."""
    if not isinstance(text, str):
        found.error("base64url", where, "it must be a string of base64url")
        return None
    raw, problem = read_octets(text)
    if problem:
        found.error("base64url", where, f"this is not canonical base64url, it has {problem}: verifiers refuse it")
    return raw


def _take_payload(found: Findings, parts: Parts, text: object, *, is_encoded: bool) -> None:
    """Decode the payload, and take it as claims where it is a JSON object. Source: RFC 7519 7.2; RFC 7797 5."""
    if not is_encoded:
        found.info("b64", "payload", "the payload is not encoded (b64 is false)")
        parts.payload = text.encode("utf-8", "replace") if isinstance(text, str) else None
    else:
        parts.payload = _octets(found, text, "payload")
    if not text:
        found.info("detached", "payload", "the payload is empty, or travels on its own")
    if not parts.payload:
        return
    claims, problem = read_object(parts.payload)
    if claims is not None:
        parts.claims, parts.payload = claims, None
        if problem:
            found.error("json", "payload", problem)
    elif parts.typ == "jwt" or parts.typ.endswith("+jwt"):
        found.error("json", "payload", f"a JWT holds claims, and this payload does not: {problem}")


def _inspect_sealed(found: Findings, members: _Members, token: _Members) -> None:
    """Look at the lengths of what is encrypted. Source: RFC 7518 5.2, 5.3; RFC 7516 5.2 step 2."""
    enc = members.get("enc")
    row = CONTENT_ENCRYPTIONS.get(enc) if isinstance(enc, str) else None
    raw = {name: _octets(found, token.get(name, ""), name) for name in ("iv", "ciphertext", "tag")}
    if "aad" in token and _octets(found, token["aad"], "aad") == b"":
        found.error("aad", "aad", "an empty aad must be left out")
    for name, length in () if row is None else (("iv", row.iv_bytes), ("tag", row.tag_bytes)):
        part = raw[name]
        if part is not None and len(part) != length:
            found.error(f"{name}_length", name, f"with this enc it has {length} bytes, and this one has not")


def _inspect_kind(found: Findings, parts: Parts) -> None:
    """Look at what the headers say of the whole: ``typ`` and ``cty``. Source: RFC 8725 3.11; RFC 7519 5.2."""
    is_jwt = parts.form == "compact" and (parts.kind == "jwe" or parts.claims is not None)
    if is_jwt and "typ" not in parts.headers[0].members:
        found.info("no_typ", "header.typ", "it does not say what kind of token it is: kinds can be confused")
    if any(typ_of(header.members.get("cty")) == "jwt" for header in parts.headers):
        found.info("nested", "payload", "it holds another token (cty JWT)")
