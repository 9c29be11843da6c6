"""Formats ``paseto-v4-public`` and ``paseto-v3-public``: claims, signed. Enters: keys. Leaves: functions.

Source: PASETO 01-Protocol-Versions/Version3, Version4.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from daypass.claims import Claims
from daypass.errors import InvalidSignature, MalformedToken
from daypass.paseto import v3, v4
from daypass.paseto.keys import PublicKey, SecretKey
from daypass.paseto.message import signer_of, verifier_of
from daypass.paseto.token_text import join_token, split_token
from daypass.tokens.format import Expected, Format, Seal, Shared, Verify, demand_keys
from daypass.tokens.formats.paseto_claims import (
    KeysByFooter,
    claims_reader,
    demand_version,
    footer_of,
    paseto_format,
)

__all__ = ["FORMATS"]

_PROTOCOLS: Final = {3: v3.PUBLIC, 4: v4.PUBLIC}
_NO_ASSERTION: Final = b""


def _format(name: Literal["paseto-v3-public", "paseto-v4-public"], version: Literal[3, 4]) -> Format:
    protocol = _PROTOCOLS[version]
    wanted = f"format '{name}' issues with a SecretKey of version {version} and verifies with PublicKeys of it"

    def sealer(key: Any, _shared: Shared, begun: bytes, _second: object) -> tuple[Seal, bytes]:  # noqa: ANN401
        demand_keys(key, SecretKey, wanted)
        demand_version(key, version, wanted)
        sign, footer = signer_of(key), footer_of(key)

        def seal(payload: bytes) -> str:
            return join_token(protocol.header, payload + sign(payload, footer, _NO_ASSERTION), footer)

        return seal, begun

    def verifier(keys: Any, expected: Expected, _second: object) -> Verify:  # noqa: ANN401
        demand_keys(keys, (PublicKey, SecretKey), wanted)
        demand_version(keys, version, wanted)
        by_footer = KeysByFooter(keys, lambda key: verifier_of(key.public() if isinstance(key, SecretKey) else key))
        header, signature_bytes, bytes_max = protocol.header, protocol.signature_bytes, expected.bytes_max
        known, read = by_footer.known, claims_reader(expected)

        def verify(token: str) -> Claims:
            signed, segment = split_token(token, header, bytes_max)
            footer, holds = known.get(segment) or by_footer.choose(segment)
            cut = len(signed) - signature_bytes
            if cut < 0:
                raise MalformedToken("the token is too short to hold a signature")
            payload = signed[:cut]
            if not holds(payload, signed[cut:], footer, _NO_ASSERTION):
                raise InvalidSignature
            if segment not in known:
                by_footer.remember(segment, footer, holds)
            return read(payload)

        return verify

    def is_for(key: object) -> bool:
        return isinstance(key, PublicKey | SecretKey) and key.version == version

    return paseto_format(name, is_for=is_for, sealer=sealer, verifier=verifier)


FORMATS: Final = {
    "paseto-v3-public": _format("paseto-v3-public", 3),
    "paseto-v4-public": _format("paseto-v4-public", 4),
}
