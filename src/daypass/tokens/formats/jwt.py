"""Format ``jwt``: claims, signed. Enters: a JWK that signs, JWKs that verify. Leaves: functions.

Source: RFC 7519 7; RFC 9068; RFC 8725.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from daypass.claims import encode_claims
from daypass.encoding import b64url_segment, encode_json
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.jws_compact import signing_header
from daypass.jose.jwt_verifier import compile_verifier
from daypass.jose.key_choice import KeyChoice
from daypass.jose.key_use import prepared_signer, signing_algorithm
from daypass.tokens.format import Expected, Format, FormatName, Seal, Sealer, Shared, Verify, demand_keys

__all__ = ["FORMATS", "jose_format", "sign_sealer", "signs"]

_WANTED: Final = "format 'jwt' takes JWKs"


def signs(key: object) -> bool:
    """Whether it is a JWK that signs, or that names no algorithm."""
    return isinstance(key, JWK) and (key.alg is None or key.alg in SIGNATURE_ALGORITHMS)


def _begin(shared: Shared) -> bytes:
    """Spell what is shared, times as epoch seconds."""
    return encode_json(shared.claims())[:-1]


def sign_sealer(key: Any, shared: Shared, begun: bytes, _second: object = None) -> tuple[Seal, bytes]:  # noqa: ANN401
    """Sign: header and the beginning of the claims are encoded and absorbed, up to a multiple of three bytes."""
    demand_keys(key, JWK, _WANTED)
    entry = signing_algorithm(key)
    head = signing_header(key, None, typ=shared.typ) + b"."
    whole = len(begun) - len(begun) % 3
    return prepared_signer(key, entry)(head + b64url_segment(begun[:whole])), begun[whole:]


def _verifier(keys: Any, expected: Expected, _second: object) -> Verify:  # noqa: ANN401
    demand_keys(keys, (JWK, JWKSet), _WANTED)
    return compile_verifier(
        KeyChoice(keys, expected.algs), expected.policy, bytes_max=expected.bytes_max, clock=expected.clock
    )


def jose_format(
    name: FormatName,
    *,
    is_for: Callable[[object], bool],
    sealer: Sealer,
    verifier: Callable[..., Verify],
    is_nested: bool = False,
) -> Format:
    """A row of the family: claims as they are, several audiences, algorithms that a Verifier may narrow."""
    return Format(
        name=name,
        has_audiences=True,
        has_algs=True,
        is_nested=is_nested,
        is_for=is_for,
        encode=encode_claims,
        begin=_begin,
        sealer=sealer,
        verifier=verifier,
    )


FORMATS: Final = {"jwt": jose_format("jwt", is_for=signs, sealer=sign_sealer, verifier=_verifier)}
