"""JWS in JSON serialization: bytes, signed by one or several.

Enters: a payload and who signs it, or a stranger's JSON. Leaves: a dict for JSON, or bytes and which signatures held.
What is malformed anywhere refuses the token as a whole; what this verifier has no key for, or does not understand,
refuses one signature. Members that the RFC does not name are ignored, as it asks: they are never read.
Source: RFC 7515 5, 7.2; RFC 7797.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from daypass.encoding import b64url_decode, b64url_segment, encode_json
from daypass.errors import (
    ConfigurationError,
    InvalidSignature,
    MalformedToken,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.header import JWSHeader, check_shape, check_understood, demand_header, encode_members
from daypass.jose.json_serialization import (
    check_size,
    copy_header,
    encoded_in,
    header_in,
    parts_in,
    protected_in,
    read_json_token,
    utf8,
)
from daypass.jose.jwa.signature import SignatureAlgorithm
from daypass.jose.jwk import JWK
from daypass.jose.jws_compact import (
    VerifiedJWS,
    VerifiedSignature,
    demand_key,
    payload_bytes,
    sealed,
    signing_members,
    understood_names,
)
from daypass.jose.key_choice import KeyChoice, Keys, choice_of
from daypass.jose.key_use import prepared_verifier, signing_algorithm
from daypass.limits import SIGNATURES_MAX, TOKEN_BYTES_MAX

__all__ = ["Signer", "sign_json", "verify_json"]

_OF_ONE: Final = ("protected", "header", "signature")
"""Members of one signature: in flattened serialization they stand at the top."""
_TEXTS: Final = ("payload", "protected", "signature")


class Signer(msgspec.Struct, frozen=True):
    """One who signs, and what is said beside the signature.

    Args:
        key: private or symmetric, with an ``alg``.
        header: further protected parameters; ``alg`` and ``kid`` come from the key.
        unprotected: parameters that nobody signs. An ``alg`` or ``kid`` in here, the same as the key has, is taken out
            of the protected header; verifiers take such an ``alg`` only where they are told to.

    Raises:
        TypeError: no JWK, or no mappings.
        ConfigurationError: the key may not, or cannot, sign.

    Source: RFC 7515 7.2.1.
    """

    key: JWK
    header: Mapping[str, Any] | None = None
    unprotected: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        demand_key(self.key)
        for given in (self.header, self.unprotected):
            demand_header(given)
        signing_algorithm(self.key)


Signers = JWK | Signer | Sequence[JWK | Signer]


# ------------------------------------------------------------------------------------------------------ sign


def sign_json(payload: bytes, signers: Signers, *, flattened: bool = False, detached: bool = False) -> dict[str, Any]:
    """Sign bytes with one key or several.

    Args:
        payload: any bytes; the token, as JSON, must not be longer than TOKEN_BYTES_MAX.
        signers: a JWK, a Signer, or 1 to SIGNATURES_MAX of them. With ``{"b64": False, "crit": ["b64"]}`` in the
            header of each, the payload is signed, and stands in the token, as it is: UTF-8, or any bytes where it is
            detached.
        flattened: one signature, written without a list.
        detached: leave the payload out of the token: it travels on its own.

    Returns:
        A dict that ``json.dumps`` writes: ``payload`` and ``signatures``, or ``payload``, ``protected``, ``header``
        and ``signature``.

    Raises:
        TypeError: the payload is no bytes, a signer is none, or a header value is nothing that JSON can say.
        ValueError: what every verifier would refuse: a key that cannot sign, a header that contradicts it, signers that
            disagree on ``b64``, a token that would be too long.

    Source: RFC 7515 5.1, 7.2; appendix F (detached); RFC 7797 3, 5.3.
    """
    raw = payload_bytes(payload)
    those = _list_of(signers)
    if flattened and len(those) != 1:
        raise ValueError("flattened serialization holds one signature: leave flattened out for several")
    headers = [_headers_of(signer) for signer in those]
    if len({protected.get("b64", True) for protected, _ in headers}) != 1:
        raise ValueError("the signers disagree on b64: it must be the same for all signatures")
    unencoded = headers[0][0].get("b64") is False
    token: dict[str, Any] = {}
    if not detached:
        token["payload"] = _as_text(raw) if unencoded else b64url_segment(raw).decode("ascii")
    signatures = []
    for signer, (protected, unprotected) in zip(those, headers, strict=True):
        head = encode_members(protected) if protected else b""
        signature = {"protected": head.decode("ascii")} if protected else {}
        signature |= {"header": unprotected} if unprotected else {}  # type: ignore[dict-item]
        signature["signature"] = sealed(signer.key, head, raw, unencoded=unencoded).rpartition(".")[2]
        signatures.append(signature)
    token |= signatures[0] if flattened else {"signatures": signatures}
    if len(encode_json(token)) > TOKEN_BYTES_MAX:
        raise ValueError(f"the token would be longer than {TOKEN_BYTES_MAX} bytes: no verifier would take it")
    return token


def _list_of(signers: Signers) -> list[Signer]:
    those: object = [signers] if isinstance(signers, JWK | Signer) else signers
    if not isinstance(those, Sequence) or isinstance(those, str | bytes | bytearray):
        del signers, those  # a secret, perhaps
        raise TypeError("signers is a JWK, a Signer, or a sequence of them")
    if not 0 < len(those) <= SIGNATURES_MAX:
        raise ValueError(f"a token has 1 to {SIGNATURES_MAX} signatures")
    return [signer if isinstance(signer, Signer) else Signer(signer) for signer in those]


def _headers_of(signer: Signer) -> tuple[dict[str, Any], dict[str, Any]]:
    """What one signature says of itself, protected and unprotected. Source: RFC 7515 4, 7.2.1."""
    protected = signing_members(signer.key, signer.header)
    unprotected = copy_header(signer.unprotected or {})
    for name, own in (("alg", signer.key.alg), ("kid", signer.key.kid)):
        if name in unprotected:
            if own is not None and unprotected[name] != own:
                raise ConfigurationError(f"the unprotected header names another {name} than the key has")
            if name not in (signer.header or {}):
                protected.pop(name, None)
    encode_members(protected)  # that JSON can say it comes first
    try:
        check_shape(protected, unprotected)
    except MalformedToken as refused:
        raise ValueError(refused.hint) from None
    return protected, unprotected


def _as_text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        pass  # its message would show the payload
    raise ValueError("with b64: false the payload of a token in JSON is UTF-8: pass detached=True for other bytes")


# ---------------------------------------------------------------------------------------------------- verify


class _Signature(msgspec.Struct, frozen=True):
    """One signature of a token, of checked shape: what was signed is ``head``, a dot and the payload."""

    index: int
    head: bytes
    protected: dict[str, Any]
    unprotected: dict[str, Any]
    header: JWSHeader
    signature: bytes


def verify_json(
    token: dict[str, Any] | str,
    keys: Keys,
    *,
    algs: Collection[str] | None = None,
    payload: bytes | None = None,
    require: Literal["any", "all"] = "any",
    allow_unprotected_alg: bool = False,
    crit: Collection[str] = (),
) -> VerifiedJWS:
    """Verify a JWS in JSON serialization, flattened or general.

    Several signatures are several statements over one payload; who made them is in ``signatures`` of the result.
    Anybody on the way can take a signature out, or add one of their own: neither word of ``require`` counts signers.
    Where the signatures of two certain parties are needed, look for both of their keys there.

    Args:
        token: JSON text, or a dict that was read from it; at most TOKEN_BYTES_MAX and SIGNATURES_MAX signatures.
        keys: one JWK, a JWKSet or a sequence of JWK.
        algs: algorithms that are allowed; None: those that the keys name.
        payload: of a detached token, not encoded; the token must not hold one.
        require: ``any``: one signature has to hold, those of unknown parties are passed over. ``all``: each has to.
        allow_unprotected_alg: take an ``alg`` that nobody signed. Key and ``algs`` still have to allow it, but of the
            several algorithms that they may allow, anybody on the way then says which.
        crit: critical header parameters that the caller understands and acts upon; ``b64`` is understood here.

    Raises:
        TokenTooLarge, MalformedToken: it is no JWS in JSON serialization.
        UnsupportedToken, UnknownKey: header, policy and keys do not agree; with ``any``, for no signature.
        InvalidSignature: a signature does not hold; with ``any``, none does.
        TypeError, ValueError: ``algs``, ``keys``, ``payload``, ``require`` or ``crit`` could never verify anything.

    Source: RFC 7515 5.2, 7.2; RFC 7797 3, 5.3; RFC 8725 3.1.
    """
    choice = choice_of(keys, algs)
    understood = understood_names(crit)
    apart = None if payload is None else payload_bytes(payload)
    if require not in ("any", "all"):
        raise ValueError("require is 'any' or 'all'")
    members = read_json_token(token, compact="jws.verify")
    if "ciphertext" in members:
        raise UnsupportedToken("this is an encrypted token: jwe.decrypt_json takes it", kind="jwe")
    parts = parts_in(members, "signatures", _OF_ONE, SIGNATURES_MAX)
    check_size(members, parts, _TEXTS)
    signatures = [_read_signature(index, it) for index, it in enumerate(parts)]
    if len({it.protected.get("b64", True) for it in signatures}) != 1:
        raise MalformedToken("the signatures disagree on b64: it must be the same for all")
    signed, body = _read_payload(members, apart, unencoded=signatures[0].protected.get("b64") is False)
    chosen, refused = [], []
    for it in signatures:
        try:
            chosen.append((it, *_choose(choice, it, understood, allow_unprotected_alg)))
        except (UnknownKey, UnsupportedToken) as error:
            if require == "all":
                raise
            refused.append(error)
    held = []
    for it, key, entry in chosen:
        if prepared_verifier(key, entry)(it.head + b".")(body, it.signature):
            held.append(VerifiedSignature(it.index, it.protected, it.unprotected, key))
        elif require == "all":
            raise InvalidSignature
    if not held:
        # Who is asked to look for its key again (a ring, a remote set) has to hear of it, whatever came first.
        unknown = [error for error in refused if isinstance(error, UnknownKey)]
        raise InvalidSignature if chosen else (unknown or refused)[0]
    first = held[0]
    return VerifiedJWS(signed, first.header, first.key, first.unprotected, tuple(held))


def _choose(
    choice: KeyChoice, it: _Signature, understood: frozenset[str], allow_unprotected_alg: bool
) -> tuple[JWK, SignatureAlgorithm]:
    """Hold one signature against the policy. Source: RFC 7515 4.1.11, 5.2; RFC 8725 3.1."""
    check_understood(it.protected, understood)
    if "alg" in it.unprotected and not allow_unprotected_alg:
        raise UnsupportedToken(
            "the alg is in the unprotected header, where nobody signed it: allow_unprotected_alg=True would take it",
            alg=it.header.alg,
        )
    return choice.choose(it.header)


def _read_signature(index: int, members: dict[str, Any]) -> _Signature:
    """Decode one signature and its headers. Source: RFC 7515 5.2 steps 2 to 4, 7.2.1."""
    signature = encoded_in(members, "signature")
    b64url_decode(signature)
    head, protected = protected_in(members)
    unprotected = header_in(members, "header")
    if "header" in members and not unprotected:
        raise MalformedToken("an empty 'header' must be left out")
    return _Signature(index, head, protected, unprotected, check_shape(protected, unprotected), signature)


def _read_payload(members: dict[str, Any], apart: bytes | None, *, unencoded: bool) -> tuple[bytes, bytes]:
    """The payload, and what of it was signed. Source: RFC 7515 7.2.1, appendix F; RFC 7797 3, 5.3."""
    if apart is not None:
        if "payload" in members:
            raise MalformedToken("a detached payload was passed, and the token holds one itself")
        return apart, apart if unencoded else b64url_segment(apart)
    if "payload" not in members:
        raise MalformedToken("the token holds no payload: a detached one is passed as payload=")
    if unencoded and isinstance(members["payload"], str):
        raw = utf8(members["payload"])
        if len(raw) > TOKEN_BYTES_MAX:
            raise TokenTooLarge(f"the payload is longer than {TOKEN_BYTES_MAX} bytes")
        return raw, raw
    body = encoded_in(members, "payload")
    return b64url_decode(body), body
